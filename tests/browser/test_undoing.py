"""A librarian corrects their own training before staff look, and both undo wrong presses."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import Role
from credits.actions import claim_custom_event
from credits.models import Claim
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import opens_the_credit, sees_the_credit

pytestmark = pytest.mark.django_db(transaction=True)
PUPPETS = "Puppet theater for toddlers"


def test_a_wrong_category_and_wrong_presses_are_put_right(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        june = make.person(display_name="June Alvarez")
        coordinator = make.person(Role.CE_COORDINATOR)
        claim = claim_custom_event(facts=make.facts(title=PUPPETS), by=june)
    librarian, staff = open_browser(june), open_browser(coordinator)
    staff.visit(f"/admin/events/customevent/{claim.event_id}/change/")

    corrects_the_category(librarian)
    withdraws_by_mistake(librarian)
    must_review_the_new_version(staff)
    declines_by_mistake(staff)
    librarian.visit("/continuing-education/credits/")
    sees_the_credit(librarian, PUPPETS, "Library Services to the Public", "Pending")
    claim = Claim.objects.get()
    assert (claim.state, claim.event.state) == ("pending", "pending")
    is_asked_before_replacing_a_code(librarian)


def corrects_the_category(librarian: Visitor) -> None:
    librarian.visit("/continuing-education/credits/")
    line = opens_the_credit(librarian, PUPPETS)
    librarian.click(line.get_by_role("link", name=re.compile("^Edit")))
    librarian.sees("Staff have not decided on this training yet, so you can still change it.")
    expect(librarian.field("Event title")).to_have_value(PUPPETS)
    librarian.page.get_by_label(re.compile("Library Services to the Public")).check()
    librarian.press("Save")
    librarian.sees(f"“{PUPPETS}” was saved and is waiting for approval.")
    sees_the_credit(librarian, PUPPETS, "Library Services to the Public", "Pending")


def withdraws_by_mistake(librarian: Visitor) -> None:
    line = opens_the_credit(librarian, PUPPETS)
    librarian.click(line.get_by_role("button", name="Withdraw"))
    librarian.sees(f"“{PUPPETS}” was withdrawn.")
    presses_undo(librarian)
    librarian.sees(f"“{PUPPETS}” is listed in your credits again.", "Pending")


def must_review_the_new_version(staff: Visitor) -> None:
    staff.press("Approve")
    expect(staff.page.locator(".decide")).to_contain_text("has changed since you opened this page")


def declines_by_mistake(staff: Visitor) -> None:
    staff.page.get_by_label("Question or reason").fill("A vendor demonstration.")
    staff.press("Decline")
    expect(staff.page.locator(".messagelist")).to_contain_text("is declined")
    presses_undo(staff)
    expect(staff.page.locator(".messagelist")).to_contain_text("is waiting for approval again")


def is_asked_before_replacing_a_code(librarian: Visitor) -> None:
    librarian.visit("/events/mine/")
    librarian.press("Show my check-in code")
    librarian.press("Create new code")
    librarian.sees("Replace your check-in code?")
    librarian.press("Replace")
    librarian.sees("You have a new check-in code.")


def presses_undo(visitor: Visitor) -> None:
    visitor.click(visitor.page.get_by_role("button", name=re.compile("^Undo")))
