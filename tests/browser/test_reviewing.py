"""The CE Coordinator reviews submitted records by keyboard alone."""

from collections.abc import Callable

import pytest
from zeal import zeal_ignore

from accounts.enums import Role
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.test_keyboard import all_stops, press_enter, tab_to
from tracks.enums import ParticipationState
from tracks.models import Verification

pytestmark = pytest.mark.django_db(transaction=True)


def test_records_are_returned_and_approved_by_keyboard(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        people = [make.person(display_name=f"Person {name}") for name in ("One", "Two")]
        first, second = (make.submission(make.following(person)) for person in people)
        coordinator = make.person(Role.CE_COORDINATOR)
    staff = open_browser(coordinator)
    staff.visit("/admin/")
    tab_to(staff, "2 records to review, the oldest received today")
    press_enter(staff)
    tab_to(staff, "Person One")
    press_enter(staff)
    all_stops(staff)
    returns_with_a_prepared_reason(staff)
    staff.sees("Person Two, Library Trustee")
    tab_to(staff, "Approve and send to the supervisor")
    press_enter(staff)
    staff.sees("Person Two's record: Reviewed. We asked Dana Chair to verify it.")
    for submission, state in (
        (first, ParticipationState.OPEN),
        (second, ParticipationState.REVIEWED),
    ):
        submission.participation.refresh_from_db()
        assert submission.participation.state == state
    first.refresh_from_db()
    reason = " ".join(first.reason.split())
    assert reason.startswith(
        "Please correct this: “…”: the same training seems to be listed twice."
    )
    assert Verification.objects.get().submission == second


def returns_with_a_prepared_reason(staff: Visitor) -> None:
    tab_to(staff, "What needs to change")
    staff.page.keyboard.type("Please correct this:")
    tab_to(staff, "Fill in: Duplicate")
    press_enter(staff)
    tab_to(staff, "Return for changes")
    press_enter(staff)
