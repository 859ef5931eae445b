"""The CE Coordinator clears a queue of fifty custom events, six of them with warnings."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
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
from tests.browser.test_keyboard import all_stops, press_enter, tab_to

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/events/customevent/"
TOPICS = ["Weeding", "Grants", "Story time", "Budgets", "Privacy", "Outreach", "Genealogy"]
PLACES = ["Alzada", "Belt", "Chinook", "Dillon", "Ekalaka", "Fairfield", "Glasgow"]


@pytest.fixture
def allow_many_approvals(settings: Any, allow_slow_pages: None) -> None:
    """Allow a request to repeat queries, because it approves each event separately."""
    settings.ZEAL_ALLOWLIST = [{"model": "*", "field": "*"}]


def add_fifty_custom_events() -> list[str]:
    """Add 44 custom events without warnings and six with one; return the titles of the six."""
    begins_at = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=200)
    titles = [f"{topic} in {place}" for topic in TOPICS for place in PLACES][:47]
    with_warnings = []
    for number, title in enumerate(titles):
        at = begins_at + dt.timedelta(days=2 * number)
        facts = {"title": title, "begins_at": at, "ends_at": at + dt.timedelta(hours=1)}
        person = make.person(display_name=f"Person {number}")
        claim_custom_event(facts=make.facts(**facts), by=person)
        if number >= 44:  # two at the same time, so both have a warning
            facts["title"] = f"Elsewhere at once {number}"
            claim_custom_event(facts=make.facts(**facts), by=person)
            with_warnings += [title, facts["title"]]
    return with_warnings


def test_only_events_with_warnings_need_opening(
    open_browser: Callable[..., Visitor], allow_many_approvals: None
) -> None:
    with zeal_ignore():
        with_warnings = add_fifty_custom_events()
        coordinator = make.person(Role.CE_COORDINATOR)
    staff = open_browser(coordinator)
    staff.visit("/admin/")
    staff.follow("50 custom events to approve, the oldest received today")
    staff.sees("44 of 50 on this page have no warnings.")
    fits_on_a_phone(staff)
    staff.follow("Select events without warnings")
    expect(staff.page.get_by_role("checkbox", checked=True)).to_have_count(44)
    staff.click(staff.page.get_by_role("button", name="Approve selected").first)
    expect(staff.page.get_by_text("Approved: 44 of 44.")).to_be_visible()
    staff.sees("0 of 6 on this page have no warnings.")
    decides_on_events_with_warnings(staff, with_warnings)
    staff.sees("Nothing is waiting here.")
    assert Event.objects.filter(origin=Origin.CUSTOM, state=EventState.PENDING).count() == 0
    assert Event.objects.filter(state=EventState.DECLINED).count() == 3


def decides_on_events_with_warnings(staff: Visitor, titles: list[str]) -> None:
    """Decide on the six events with warnings. Each decision opens the next event."""
    staff.follow(titles[0])
    fits_on_a_phone(staff)
    for number in range(6):
        staff.sees("took place at the same time" if number % 2 == 0 else "No warnings")
        if number % 2 == 0:
            staff.page.get_by_label("Question or reason").fill("You were elsewhere then.")
            staff.press("Decline")
        else:
            staff.press("Approve and next" if number < 5 else "Approve")


def test_the_queue_is_cleared_by_keyboard(
    open_browser: Callable[..., Visitor], allow_many_approvals: None
) -> None:
    with zeal_ignore():
        with_warnings = add_fifty_custom_events()
        target = make.event(title=f"{with_warnings[4]} online", days=-7)
        coordinator = make.person(Role.CE_COORDINATOR)
    staff = open_browser(coordinator)
    staff.visit("/admin/")
    tab_to(staff, "50 custom events to approve")
    press_enter(staff)
    approves_one_and_those_without_warnings(staff)
    tab_to(staff, with_warnings[0])
    press_enter(staff)
    for number, (button, state) in enumerate([("Return", "draft"), ("Decline", "declined")]):
        all_stops(staff)
        tab_to(staff, "Question or reason")
        staff.page.keyboard.type("Where were you at that hour?")
        tab_to(staff, button)
        press_enter(staff)
        assert Event.objects.get(title=with_warnings[number]).state == state
    for _ in range(2):
        tab_to(staff, "Approve and next")
        press_enter(staff)
    corrects_merges_and_undoes_the_merge(staff, with_warnings[4], target)
    staff.open(QUEUE)
    for number in (4, 5):
        tab_to(staff, with_warnings[number] if number == 4 else "Question or reason")
        if number == 4:
            press_enter(staff)
        tab_to(staff, "Approve")
        press_enter(staff)
    staff.sees("Nothing is waiting here.")
    states = (
        Event.objects.filter(title__in=with_warnings).order_by("pk").values_list("state", flat=True)
    )
    assert list(states) == ["draft", "declined", *["published"] * 4]


def approves_one_and_those_without_warnings(staff: Visitor) -> None:
    tab_to(staff, "Approve “Weeding in Alzada”")
    staff.page.keyboard.press("Space")
    expect(staff.page.get_by_role("checkbox", checked=True)).to_have_count(1)
    tab_to(staff, "Approve selected")
    press_enter(staff)
    expect(staff.page.get_by_text("Approved: 1 of 1.")).to_be_visible()
    tab_to(staff, "Select events without warnings")
    press_enter(staff)
    tab_to(staff, "Approve selected")
    press_enter(staff)
    expect(staff.page.get_by_text("Approved: 43 of 43.")).to_be_visible()


def corrects_merges_and_undoes_the_merge(staff: Visitor, title: str, target: Event) -> None:
    """Correct the waiting event, merge it and undo the merge, all from the event's page."""
    source = Event.objects.get(title=title)
    tab_to(staff, "Correct category or credits")
    press_enter(staff)
    all_stops(staff)
    tab_to(staff, "Technology")
    staff.page.keyboard.press("Control+A")
    staff.page.keyboard.type("0.5")
    tab_to(staff, "Reason")
    staff.page.keyboard.type("Half an hour.")
    for button in ("Preview changes", "Save for everyone"):
        tab_to(staff, button)
        press_enter(staff)
    assert source.offers.get().amount == Decimal("0.5")
    staff.open(f"{QUEUE}{source.pk}/change/")
    tab_to(staff, "Merge into another event")
    press_enter(staff)
    tab_to(staff, target.title)
    press_enter(staff)
    all_stops(staff)
    tab_to(staff, "Reason")
    staff.page.keyboard.type("The same webinar.")
    tab_to(staff, "Merge")
    press_enter(staff)
    source.refresh_from_db()
    assert (source.state, source.merged_into) == (EventState.MERGED, target)
    tab_to(staff, "undo the merge")
    press_enter(staff)
    tab_to(staff, "Undo merge")
    press_enter(staff)
    source.refresh_from_db()
    assert source.state == EventState.PENDING


def fits_on_a_phone(staff: Visitor) -> None:
    staff.page.set_viewport_size({"width": 360, "height": 900})
    staff.check()
    staff.page.set_viewport_size({"width": 1280, "height": 900})
