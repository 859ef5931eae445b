"""Submitting and verifying a record in real browsers, by keyboard or without scripts."""

import re
from collections.abc import Callable

import pytest
from zeal import zeal_ignore

from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.test_keyboard import all_stops, press_enter, tab_to
from tracks.certification.supervisors import token_of
from tracks.enums import ParticipationState
from tracks.models import Certificate, Submission

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_record_is_submitted_and_verified(
    open_browser: Callable[..., Visitor], scripts: bool
) -> None:
    with zeal_ignore():
        june = make.person(display_name="June Librarian")
        participation = make.following(june)
    person = open_browser(june, scripts=scripts)
    person.visit(participation.get_absolute_url())
    person.sees("Ready to submit")
    person.follow("Send my record")
    person.field("Who will verify your record?").fill("Dana Chair")
    person.field("Their e-mail address").fill(june.email)
    person.page.locator("[name=listing][value=not]").check()
    person.press("Send my record")
    person.sees("No one can verify their own record")
    person.field("Their e-mail address").fill("dana.chair@board.example")
    person.press("Send my record")
    person.sees("With the CE Coordinator", "since today")
    with zeal_ignore():
        verification = make.verification(Submission.objects.get())
    dana = open_browser(scripts=scripts)
    dana.visit(f"/verify/{token_of(verification)}/")
    dana.sees("Is this record correct?", "June Librarian", "15 credits")
    # Without a referrer, Chromium sends "Origin: null", which must not block the answer.
    dana.press("I verify this record")
    number = Certificate.objects.get().number
    dana.sees(f"Certificate {number} was issued.")
    person.visit(participation.get_absolute_url())
    person.sees(f"Certificate {number} was issued.")


def test_submitting_and_withdrawing_by_keyboard(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        june = make.person(display_name="June Librarian")
        participation = make.following(june)
    visitor = open_browser(june)
    visitor.visit(participation.get_absolute_url())
    tab_to(visitor, "Send my record")
    press_enter(visitor)
    tab_to(visitor, "Who will verify your record?")
    visitor.page.keyboard.type("Dana Chair")
    tab_to(visitor, "Their e-mail address")
    visitor.page.keyboard.type("dana.chair@board.example")
    tab_to(visitor, "Yes")
    visitor.page.keyboard.press("Space")
    tab_to(visitor, "Send my record")
    press_enter(visitor)
    visitor.sees("With the CE Coordinator")
    tab_to(visitor, re.compile("^Withdraw$"))
    press_enter(visitor)
    tab_to(visitor, re.compile("^Withdraw$"))
    press_enter(visitor)
    visitor.sees("You withdrew your record")
    participation.refresh_from_db()
    assert participation.state == ParticipationState.OPEN


@pytest.mark.parametrize("width", [1280, 320])
def test_every_element_that_gets_the_focus_is_visible(
    open_browser: Callable[..., Visitor], width: int
) -> None:
    with zeal_ignore():
        june = make.person(display_name="June Librarian")
        ready = make.following(june)
        verification = make.verification(make.submission(make.following()))
    visitor = open_browser(june, width=width)
    for path in (
        f"/tracks/{ready.pk}/submit/",
        f"/tracks/{ready.pk}/years/",
        f"/verify/{token_of(verification)}/",
    ):
        visitor.open(path)
        stops = all_stops(visitor)
        assert stops[0] == "Skip to the main content"
        assert stops[-2] == "Accessibility statement"
