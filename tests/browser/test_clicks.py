"""How many clicks things take, and how long the pages of a person with many credits are."""

import datetime as dt
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect
from zeal import zeal_ignore

from accounts.actions import assign_position
from accounts.enums import PositionKind
from accounts.models import Position
from aspen.clock import today
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import sees_the_credit
from tests.factories import ADMINISTRATION
from tests.tracks.transcript.test_transcript import many_claims
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db(transaction=True)


class Clicks:
    """Counts the clicks of a visitor."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.number = 0

    def follow(self, link: str, *, within: Locator | None = None) -> None:
        self.number += 1
        self.visitor.follow(link, within=within)

    def press(self, button: str) -> None:
        self.number += 1
        self.visitor.press(button)

    def click(self, target: Locator) -> None:
        self.number += 1
        self.visitor.click(target)

    def open(self, line: Locator) -> None:
        self.number += 1
        line.locator("> summary").click()

    def picks_and_saves(self, title: str) -> None:
        field = self.visitor.field("Which training did you take part in?")
        field.press_sequentially(title)
        self.click(self.visitor.page.get_by_role("option", name=title))
        self.press("Save")


def test_claiming_takes_two_clicks(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        person = make.person()
        make.event(title="Weeding without tears")
        make.event(title="Board basics", days=-9)
    visitor = open_browser(person)
    visitor.visit("/events/?q=weeding")
    calendar = Clicks(visitor)
    calendar.follow("Weeding without tears")
    calendar.press("Add CE credit")
    sees_the_credit(visitor, "Weeding without tears", "Pending")
    assert calendar.number <= 2

    visitor.visit("/continuing-education/")
    listed = Clicks(visitor)
    listed.picks_and_saves("Board basics")
    sees_the_credit(visitor, "Board basics", "Pending")
    assert listed.number == 2


def test_what_is_missing_takes_no_click_and_a_wrong_category_two(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        person = make.person()
        credit = make.claim(person, credits={ADMINISTRATION: "1.0"}).credits.get()
        select_track(track=make.track("Library Trustee"), by=person)
    visitor = open_browser(person)
    visitor.visit("/")
    visitor.sees("1 of 15 credits", "9 needed")
    visitor.visit("/continuing-education/credits/")
    clicks = Clicks(visitor)
    line = sees_the_credit(visitor, credit.claim.event.title)
    clicks.open(line)
    clicks.click(line.get_by_role("link", name="Something wrong?"))
    assert visitor.page.url.endswith(f"?credit={credit.pk}")
    visitor.sees(credit.claim.event.title)
    assert clicks.number == 2


def test_changing_the_library_takes_one_form(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        person = make.person()
        assign_position(
            person=person,
            organization=make.organization(name="Bozeman Public Library"),
            kind=PositionKind.STAFF,
            supervisor=None,
        )
        Position.objects.update(since_on=today() - dt.timedelta(days=400))
        other = make.organization(name="Lewis & Clark Library")
    visitor = open_browser(person)
    visitor.visit("/accounts/profile/")
    visitor.sees("I have moved to …")
    visitor.field("Library or organization").select_option(str(other.pk))
    visitor.field("Your position there").select_option(PositionKind.STAFF.value)
    visitor.press("Save position")
    [position] = Position.objects.present().filter(person=person)
    assert position.organization == other


def test_the_first_counted_credit_takes_six_clicks(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        person = make.person()
        make.event(title="Board basics", credits={ADMINISTRATION: "1.0"})
        make.track()
    visitor = open_browser(person)
    visitor.visit("/")
    clicks = Clicks(visitor)
    clicks.follow("Choose a track", within=visitor.page.get_by_role("main"))
    clicks.press("Choose Library Staff")
    clicks.follow("Continuing Education", within=visitor.menu)
    clicks.picks_and_saves("Board basics")
    assert Posting.objects.filter(credit__person=person).count() == 1
    assert clicks.number <= 6


@pytest.mark.parametrize(("width", "height", "top"), [(1280, 1170, 420), (360, 2400, 640)])
def test_pages_of_a_person_with_200_credits_are_short(
    open_browser: Callable[..., Visitor], width: int, height: int, top: int
) -> None:
    with zeal_ignore():
        person = make.person()
        many_claims(person, number=200, lines=1)
        select_track(track=make.track(), by=person)
        event = make.event(title="Weeding without tears")
    visitor = open_browser(person, width=width)
    visitor.visit("/continuing-education/")
    assert visitor.page.evaluate("document.documentElement.scrollHeight") <= height
    visitor.visit(event.get_absolute_url())
    visitor.press("Add CE credit")
    visitor.sees("Your credit is listed")
    first = visitor.page.locator("details.line").first
    expect(first).to_be_visible()
    box = first.bounding_box()
    assert box
    assert box["y"] <= top
