"""The coordinator clears a morning's queue: fifty custom events, six of them doubtful."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import Role
from credits.actions import claim_custom_event
from events.enums import EventState, Origin
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
QUEUE = "/admin/events/customevent/"
TOPICS = ["Weeding", "Grants", "Story time", "Budgets", "Privacy", "Outreach", "Genealogy"]
PLACES = ["Alzada", "Belt", "Chinook", "Dillon", "Ekalaka", "Fairfield", "Glasgow"]


def fifty_wait() -> list[str]:
    """44 with nothing to remark, and six that look odd; the titles of the six."""
    begins_at = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=200)
    titles = [f"{topic} in {place}" for topic in TOPICS for place in PLACES][:47]
    doubtful = []
    for number, title in enumerate(titles):
        at = begins_at + dt.timedelta(days=2 * number)
        facts = {"title": title, "begins_at": at, "ends_at": at + dt.timedelta(hours=1)}
        person = make.person(display_name=f"Person {number}")
        claim_custom_event(facts=make.facts(**facts), by=person)
        if number >= 44:  # the same hour twice: both are doubtful
            facts["title"] = f"Elsewhere at once {number}"
            claim_custom_event(facts=make.facts(**facts), by=person)
            doubtful += [title, facts["title"]]
    return doubtful


def test_fifty_are_cleared_and_only_the_doubtful_ones_opened(
    open_browser: Callable[..., Visitor], settings: Any
) -> None:
    # Each of the fifty is approved in an act of its own.
    settings.ZEAL_ALLOWLIST = [{"model": "*", "field": "*"}]
    with zeal_ignore():
        doubtful = fifty_wait()
        coordinator = make.person(Role.CE_COORDINATOR)
    staff = open_browser(coordinator)
    staff.visit("/admin/")
    staff.follow("50 custom events to approve, the oldest came today")
    staff.sees("44 of 50 on this page have nothing to remark.")
    fits_on_a_phone(staff)
    staff.follow("Select those without remarks")
    expect(staff.page.get_by_role("checkbox", checked=True)).to_have_count(44)
    staff.click(staff.page.get_by_role("button", name="Approve selected").first)
    expect(staff.page.get_by_text("Approved: 44 of 44.")).to_be_visible()
    staff.sees("0 of 6 on this page have nothing to remark.")
    decides_about_the_doubtful(staff, doubtful)
    staff.sees("Nothing waits here.")
    assert Event.objects.filter(origin=Origin.CUSTOM, state=EventState.PENDING).count() == 0
    assert Event.objects.filter(state=EventState.DECLINED).count() == 3


def decides_about_the_doubtful(staff: Visitor, titles: list[str]) -> None:
    """Opening the first one leads through all six."""
    staff.follow(titles[0])
    fits_on_a_phone(staff)
    for number in range(6):
        staff.sees("took place at the same time" if number % 2 == 0 else "Nothing to remark")
        if number % 2 == 0:
            staff.page.get_by_label("Question or reason").fill("You were elsewhere then.")
            staff.press("Decline")
        else:
            staff.press("Approve and next" if number < 5 else "Approve")


def fits_on_a_phone(staff: Visitor) -> None:
    staff.page.set_viewport_size({"width": 360, "height": 900})
    staff.check()
    staff.page.set_viewport_size({"width": 1280, "height": 900})
