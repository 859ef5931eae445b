"""Suggested training on the progress page."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from events.actions import cancel_registration, register
from events.enums import Attendance, AttendanceMode, Delivery, EventState, Origin
from events.models import Event, Registration
from tests import factories as make
from tests.web import signed_in
from tracks.actions import select_track
from tracks.counting.suggestions import SuggestionRow
from tracks.models import Participation, RuleSet

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def participation(person: User) -> Participation:
    """A Library Staff participation whose only unmet minimum is Technology, by 4.5 credits."""
    full = dict.fromkeys((make.ADMINISTRATION, make.PUBLIC, make.COLLECTION), "5.0")
    make.claim(person, credits=full | {make.TECHNOLOGY: "0.5"}, title="Claimed")
    return select_track(track=make.track(), by=person)[0]


def rows_shown(person: User) -> list[SuggestionRow]:
    participation = Participation.objects.get(person=person, state="open")
    page = signed_in(person).get(participation.get_absolute_url())
    return list(page.context["suggestions"])


def suggested(person: User) -> list[tuple[str, str]]:
    return [(row.title, row.fills) for row in rows_shown(person)]


def recording(**fields: Any) -> Event:
    available = NOW - dt.timedelta(days=2)
    values = {"delivery": Delivery.RECORDED, "recording_url": "https://videos.example/1"}
    return make.event(days=-3, recording_available_at=available, **values | fields)


def test_events_that_fill_a_minimum_come_first_by_date(
    person: User, participation: Participation
) -> None:
    make.event(days=1, credits={make.PUBLIC: "2.0"}, title="Elective soon")
    make.event(days=9, credits={make.TECHNOLOGY: "1.0"}, title="Technology later")
    make.event(
        days=5, credits={make.TECHNOLOGY: "6.0", make.PUBLIC: "1.0"}, title="Technology sooner"
    )
    recording(title="Recorded")
    assert suggested(person) == [
        (
            "Technology sooner",
            "Fills 4.5 of 4.5 still needed in Technology "
            "and 2.5 of 40 elective credits still needed.",
        ),
        ("Technology later", "Fills 1 of 4.5 still needed in Technology."),
        ("Recorded", "Fills 1 of 4.5 still needed in Technology."),
        ("Elective soon", "Fills 2 of 40 elective credits still needed."),
    ]


def test_a_row_says_when_in_few_words(person: User, participation: Participation) -> None:
    """The year is shown only if it is not the present one, as in other lists."""
    morning = dt.datetime(2026, 12, 1, 16, tzinfo=dt.UTC)
    for title, begins_at in (("Soon", morning), ("Next year", morning + dt.timedelta(days=60))):
        make.event(title=title, begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=2))
    recording(title="Recorded")
    until = dt.datetime(2027, 3, 31, 6, tzinfo=dt.UTC)
    recording(title="Recorded until March", recording_until_at=until)
    assert {(row.title, row.day, row.times) for row in rows_shown(person)} == {
        ("Soon", "Tue, Dec 1", "9–11 AM"),
        ("Next year", "Jan 30, 2027", "9–11 AM"),
        ("Recorded", "Recording", "any time"),
        ("Recorded until March", "Recording", "until Mar 30, 2027"),
    }


def test_up_to_five_suggestions_alternate_between_missing_categories(person: User) -> None:
    select_track(track=make.track(), by=person)
    for number in range(7):
        make.event(days=number + 1, title=f"Technology {number}")
    make.event(days=50, credits={make.COLLECTION: "1.0"}, title="Weeding")
    recording(title="Recorded")
    assert [title for title, _ in suggested(person)] == [
        "Technology 0",
        "Technology 1",
        "Technology 2",
        "Weeding",
        "Recorded",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"days": -1},  # an event that is over and has no recording
        {"days": -1, "recording_available_at": NOW + dt.timedelta(days=1)},
        {
            "days": -9,
            "recording_available_at": NOW - dt.timedelta(days=5),
            "recording_until_at": NOW - dt.timedelta(hours=1),
        },
        {"days": 3, "state": EventState.CANCELLED},
        {"days": 3, "state": EventState.PENDING},
        {"days": 3, "origin": Origin.CUSTOM, "state": EventState.PENDING},
        {"days": 3, "credits": {}},
        {"days": 4 * 365 + 2},  # after the period
        {"days": -4 * 365 - 2, "recording_available_at": NOW - dt.timedelta(days=1000)},
        {"days": 3, "registration_closes_at": NOW - dt.timedelta(hours=1)},
        {"days": 3, "capacity": 1, "has_waitlist": False, "taken": True},
    ],
)
def test_events_never_suggested(
    person: User, participation: Participation, fields: dict[str, Any]
) -> None:
    fields = dict(fields)
    is_full = fields.pop("taken", False)
    event = make.event(**fields)
    if is_full:
        register(event_id=event.pk, by=make.person())
    assert suggested(person) == []
    make.event(days=3, title="Suggested")
    assert [title for title, _ in suggested(person)] == ["Suggested"]


def test_a_hybrid_event_is_suggested_until_both_modes_are_full(
    person: User, participation: Participation
) -> None:
    event = make.event(
        days=3, delivery="hybrid", capacity=1, online_capacity=1, has_waitlist=False, title="Both"
    )
    register(event_id=event.pk, by=make.person(), mode=AttendanceMode.IN_PERSON)
    assert [title for title, _ in suggested(person)] == ["Both"]
    register(event_id=event.pk, by=make.person(), mode=AttendanceMode.ONLINE)
    assert suggested(person) == []


def test_events_with_a_waitlist_or_without_registration_are_suggested(
    person: User, participation: Participation
) -> None:
    waiting = make.event(days=3, capacity=1, has_waitlist=True, title="Waitlist")
    make.event(days=4, registration_mode="none", title="Just come")
    register(event_id=waiting.pk, by=make.person())
    assert [title for title, _ in suggested(person)] == ["Waitlist", "Just come"]


def test_registered_or_claimed_events_are_not_suggested_until_canceled(
    person: User, participation: Participation
) -> None:
    event = make.event(days=3, title="Registered")
    register(event_id=event.pk, by=person)
    make.claim(person, recording(title="Watched"))
    assert suggested(person) == []
    assert [title for title, _ in suggested(another_person())] == ["Registered", "Watched"]
    cancel_registration(event_id=event.pk, by=person)
    assert [title for title, _ in suggested(person)] == ["Registered"]


def another_person() -> User:
    other = make.person()
    select_track(track=make.track(), by=other)
    return other


def test_absent_people_can_watch_the_recording(person: User, participation: Participation) -> None:
    event = make.event(days=3, title="Missed")
    register(event_id=event.pk, by=person)
    Registration.objects.update(
        attendance=Attendance.ABSENT,
        settled_at=timezone.now(),
        marked_at=timezone.now(),
        marked_by=make.person(),
    )
    past = NOW - dt.timedelta(days=2)
    Event.objects.filter(pk=event.pk).update(
        begins_at=past, ends_at=past, recording_available_at=NOW - dt.timedelta(days=1)
    )
    assert [title for title, _ in suggested(person)] == ["Missed"]


def test_only_catalog_events_if_only_those_count(
    person: User, participation: Participation
) -> None:
    RuleSet.objects.filter(pk=participation.rule_set_id).update(catalog_only=True)
    make.event(days=3, title="Elsewhere")
    make.listing(make.event(days=4, title="From the catalog"))
    make.listing(make.event(days=5, title="From last year"), fiscal_year=2026)
    make.listing(recording(title="Recorded"))
    assert [title for title, _ in suggested(person)] == ["From the catalog", "Recorded"]


def test_empty_list_is_explained_and_hidden_when_complete(person: User) -> None:
    client = signed_in(person)
    participation, _ = select_track(track=make.track("Library Trustee"), by=person)
    text = client.get(participation.get_absolute_url()).content.decode()
    assert "No matching training on the calendar right now" in text
    make.claim(person, credits={make.ADMINISTRATION: "15.0"})
    make.event(days=3)
    text = client.get(participation.get_absolute_url()).content.decode()
    assert "Ready to submit." in text
    assert "Suggested training" not in text


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    person: User, participation: Participation, number: int, django_assert_num_queries: Any
) -> None:
    client = signed_in(person)
    for _ in range(number):
        make.event(days=3)
        recording()
    with django_assert_num_queries(12):
        client.get(participation.get_absolute_url())
