"""Two places at the same time: people are told when they register, and staff see a remark."""

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Organization, User
from events import actions, rules
from events.enums import Attendance, Delivery, EventState, RegistrationState
from events.models import Event, Question, Registration
from events.overlapping_places import other_places_of
from tests import factories as make
from tests.web import signed_in

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
BEGIN = (timezone.now() + dt.timedelta(days=9)).replace(hour=17, minute=0, second=0, microsecond=0)


def event_at(first: int, last: int, **fields: Any) -> Event:
    """Create an event from minute `first` to minute `last` after 17:00 UTC, in nine days."""
    return make.event(begins_at=BEGIN + first * MINUTE, ends_at=BEGIN + last * MINUTE, **fields)


def register(client: Client, event: Event, data: dict[str, Any] | None = None) -> Any:
    return client.post(f"/events/{event.pk}/register/", data or {}, follow=True)


def told_in(page: Any) -> dict[str, list[str]]:
    """Return the hidden fields of the page that tells of other places."""
    return {"told": re.findall(r'name="told" value="(\d+)"', page.content.decode())}


def is_registered(person: User, event: Event) -> bool:
    return Registration.objects.filter(
        person=person, event=event, state=RegistrationState.CONFIRMED
    ).exists()


# ---------- Registering ----------


def test_the_button_tells_of_the_other_event_and_registers_on_the_second_press(
    client: Client, person: User
) -> None:
    first = event_at(0, 60, title="Weeding")
    second = event_at(30, 90, title="Budgets")
    actions.register(event_id=first.pk, by=person)
    page = register(client, second)
    text = page.content.decode()
    for event in (first, second):
        assert event.title in text
        assert event.when.partition(", ")[2].split(", ")[-1] in text
    assert "You are not registered yet." in text
    assert "Register anyway" in text
    assert not is_registered(person, second)
    done = register(client, second, told_in(page))
    assert "You are registered." in done.content.decode()
    assert is_registered(person, first)
    assert is_registered(person, second)


def test_typed_answers_are_kept(client: Client, person: User) -> None:
    event = event_at(0, 60)
    question = Question.objects.create(event=event, position=1, kind="text", label="Why?")
    name = f"question_{question.pk}"
    # The other place is taken in another tab while the form is open.
    other = event_at(0, 60, title="Budgets")
    actions.register(event_id=other.pk, by=person)
    page = register(client, event, {name: "Because of the bears"})
    assert "Because of the bears</textarea>" in page.content.decode()
    assert "Budgets" in page.content.decode()
    assert not is_registered(person, event)
    register(client, event, told_in(page) | {name: ["Because of the bears"]})
    assert is_registered(person, event)
    assert Registration.objects.get(event=event).answers.get().text == "Because of the bears"


def test_the_form_with_questions_tells_before_anything_is_typed(
    client: Client, person: User
) -> None:
    event, other = event_at(0, 60), event_at(0, 60, title="Budgets")
    question = Question.objects.create(event=event, position=1, kind="text", label="Why?")
    actions.register(event_id=other.pk, by=person)
    page = client.get(f"/events/{event.pk}/register/")
    assert told_in(page) == {"told": [str(other.pk)]}
    register(client, event, told_in(page) | {f"question_{question.pk}": ["No reason"]})
    assert is_registered(person, event)
    # Changing the answers does not ask again.
    page = client.get(f"/events/{event.pk}/register/")
    assert told_in(page) == {"told": []}


def test_a_place_that_the_page_did_not_show_is_told_as_well(client: Client, person: User) -> None:
    event, first, second = (event_at(0, 60) for _ in range(3))
    actions.register(event_id=first.pk, by=person)
    page = register(client, event)
    actions.register(event_id=second.pk, by=person)
    again = register(client, event, told_in(page))
    assert told_in(again) == {"told": [str(first.pk), str(second.pk)]}
    register(client, event, told_in(again))
    assert is_registered(person, event)


def test_a_waitlist_entry_is_told(client: Client, person: User) -> None:
    full, event = event_at(0, 60, capacity=1), event_at(0, 60)
    for each in (make.person(), person):
        actions.register(event_id=full.pk, by=each)
    page = register(client, event)
    assert "You are on its waitlist." in page.content.decode()


def test_joining_a_waitlist_tells_of_the_other_place(client: Client, person: User) -> None:
    other, full = event_at(0, 60), event_at(0, 60, capacity=1)
    actions.register(event_id=other.pk, by=person)
    actions.register(event_id=full.pk, by=make.person())
    page = register(client, full)
    assert "Join the waitlist anyway" in page.content.decode()
    register(client, full, told_in(page))
    assert Registration.objects.get(person=person, event=full).state == RegistrationState.WAITLISTED


def test_a_refusal_comes_before_the_question(client: Client, person: User) -> None:
    other, full = event_at(0, 60), event_at(0, 60, capacity=1, has_waitlist=False)
    actions.register(event_id=other.pk, by=person)
    actions.register(event_id=full.pk, by=make.person())
    page = register(client, full)
    assert "All places are taken." in page.content.decode()
    assert told_in(page) == {"told": []}


def test_undoing_a_cancellation_tells_of_a_place_taken_since(client: Client, person: User) -> None:
    first, second = event_at(0, 60), event_at(0, 60, title="Budgets")
    actions.register(event_id=first.pk, by=person)
    actions.cancel_registration(event_id=first.pk, by=person)
    actions.register(event_id=second.pk, by=person)
    page = client.post(f"/events/{first.pk}/cancel/undo/", follow=True)
    messages = [str(each) for each in page.context["messages"]]
    assert f"You have a place at “Budgets”, {second.when}. It is at the same time." in messages
    assert is_registered(person, first)


# ---------- What is at the same time ----------


@pytest.mark.parametrize(
    ("times", "fields", "is_told"),
    [
        ((30, 90), {}, True),
        ((-30, 90), {}, True),
        ((54, 90), {}, True),
        ((55, 90), {}, False),  # five minutes to change rooms
        ((60, 90), {}, False),
        ((0, 60), {"all_day": True}, False),
        ((0, 60), {"delivery": Delivery.RECORDED}, False),
        ((-60, 25 * 60), {}, False),
        ((0, 60), {"state": EventState.CANCELLED}, False),
    ],
)
def test_what_is_at_the_same_time(
    person: User, times: tuple[int, int], fields: dict[str, Any], is_told: bool
) -> None:
    event, other = event_at(0, 60), event_at(*times, title="Budgets")
    actions.register(event_id=other.pk, by=person)
    Event.objects.filter(pk=other.pk).update(**fields)
    assert [each.title for each in other_places_of(person, event)] == ["Budgets"] * is_told


def test_a_conference_and_its_sessions_are_not_at_the_same_time(person: User) -> None:
    conference = event_at(0, 400)
    session, parallel = (event_at(0, 60, parent=conference) for _ in range(2))
    assert not rules.places_overlap(conference, session)
    assert not rules.places_overlap(session, conference)
    assert rules.places_overlap(session, parallel)


@pytest.mark.parametrize("end", ["cancel", "absent"])
def test_a_place_that_was_given_up_is_not_told(person: User, end: str) -> None:
    event, other = event_at(0, 60), event_at(0, 60)
    actions.register(event_id=other.pk, by=person)
    if end == "cancel":
        actions.cancel_registration(event_id=other.pk, by=person)
    else:
        Registration.objects.update(attendance=Attendance.ABSENT, marked_at=timezone.now())
    assert other_places_of(person, event) == []


# ---------- My registrations, roster and admin ----------


@pytest.mark.parametrize("number", [1, 3])
def test_my_registrations_marks_both(
    client: Client, person: User, number: int, django_assert_num_queries: Any
) -> None:
    for each in range(number):
        for _ in range(2):
            actions.register(event_id=event_at(each * 120, each * 120 + 60).pk, by=person)
    with django_assert_num_queries(11):
        page = client.get("/events/mine/")
    assert page.content.decode().count("Two places at the same time") == 2 * number
    assert all(len(coming.other_places) == 1 for coming in page.context["coming"])


def test_my_registrations_has_no_label_on_a_single_place(client: Client, person: User) -> None:
    actions.register(event_id=event_at(0, 60).pk, by=person)
    assert "Two places" not in client.get("/events/mine/").content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_the_roster_remarks_on_the_other_place(
    client: Client,
    editor: User,
    library: Organization,
    number: int,
    django_assert_num_queries: Any,
) -> None:
    event = event_at(0, 60, organization=library, capacity=number)
    # An event of another organization, on the public calendar.
    other = event_at(0, 60, title="Budgets", organization=make.organization())
    for _ in range(2 * number):
        person = make.person()
        for each in (event, other):
            actions.register(event_id=each.pk, by=person)
    remark = f"Also has a place at “Budgets”, {other.when}."
    with django_assert_num_queries(11):
        page = client.get(f"/events/{event.pk}/roster/")
    rows = [*page.context["rows"], *page.context["waiting"]]
    assert [row.remarks for row in rows] == [[remark]] * 2 * number
    assert page.content.decode().count(remark) == 2 * number


@pytest.mark.parametrize("number", [1, 3])
def test_the_admin_remarks_on_the_other_place(number: int, django_assert_num_queries: Any) -> None:
    client = signed_in(make.person(Role.CE_COORDINATOR))
    first, full = event_at(0, 60, title="Weeding"), event_at(0, 60, title="Budgets", capacity=1)
    actions.register(event_id=full.pk, by=make.person())
    for _ in range(number):
        person = make.person()
        for event in (first, full):
            actions.register(event_id=event.pk, by=person)
    with django_assert_num_queries(8):
        page = client.get("/admin/events/registration/").content.decode()
    assert page.count(f"Also has a place at “Weeding”, {first.when}.") == number
    assert page.count(f"Also is on the waitlist of “Budgets”, {full.when}.") == number
