"""What is told at a time of its own: reminders and recordings."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from aspen.models import Mail
from events import actions, tasks
from events.emails import queue
from events.enums import EventState
from events.models import Event, Registration
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


def place(begins_at: dt.datetime, **fields: Any) -> Registration:
    """Somebody's place at an event that begins then and lasts two hours."""
    event = factories.event(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=2), **fields
    )
    return actions.register(event_id=event.pk, by=factories.person())


def in_montana(month: int, day: int, hour: int, *, year: int = 2026) -> dt.datetime:
    return timezone.make_aware(dt.datetime(year, month, day, hour))


def reminded() -> set[int]:
    mails = Mail.objects.filter(kind="events.reminder").order_by("id")
    return {mail.facts["registration"] for mail in mails}


def told() -> list[tuple[int, int]]:
    mails = Mail.objects.filter(kind="events.recording").order_by("to")
    return [(mail.to_id, mail.facts["event"]) for mail in mails]


# ---------- Reminders ----------


def test_the_whole_next_day_in_montana_is_near_from_nine_on(now: time_machine.Traveller) -> None:
    today = place(in_montana(12, 2, 23))
    first, last = place(in_montana(12, 3, 0)), place(in_montana(12, 3, 23))
    place(in_montana(12, 4, 0))

    now.move_to("2026-12-02 08:59 -0700")
    assert actions.remind() == 1
    assert reminded() == {today.pk}

    now.move_to("2026-12-02 09:00 -0700")
    assert actions.remind() == 2
    assert reminded() == {today.pk, first.pk, last.pk}
    assert actions.remind() == 0


@pytest.mark.parametrize(("year", "month", "day", "hours"), [(2027, 3, 14, 23), (2026, 11, 1, 25)])
def test_the_day_on_which_the_clocks_change_is_a_day_like_any(
    now: time_machine.Traveller, year: int, month: int, day: int, hours: int
) -> None:
    midnight = in_montana(month, day, 0, year=year)
    now.move_to(midnight - dt.timedelta(days=3))
    evening, next_day = (
        place(midnight.astimezone(dt.UTC) + dt.timedelta(hours=hours, minutes=-minutes))
        for minutes in (1, 0)
    )

    now.move_to(in_montana(month, day, 9, year=year) - dt.timedelta(days=1))
    actions.remind()
    assert reminded() == {evening.pk}

    now.move_to(in_montana(month, day, 9, year=year))
    actions.remind()
    assert reminded() == {evening.pk, next_day.pk}


def test_a_worker_that_stood_for_a_day_reminds_of_what_has_not_begun(
    now: time_machine.Traveller,
) -> None:
    place(in_montana(12, 3, 7))
    later = place(in_montana(12, 3, 14))
    now.move_to("2026-12-03 07:30 -0700")
    assert actions.remind() == 1
    assert reminded() == {later.pk}


def test_an_event_that_was_moved_is_reminded_of_anew(now: time_machine.Traveller) -> None:
    registration = place(in_montana(12, 3, 9))
    now.move_to("2026-12-02 10:00 -0700")
    actions.remind()
    Event.objects.filter(pk=registration.event_id).update(
        begins_at=in_montana(12, 10, 9), ends_at=in_montana(12, 10, 11)
    )
    now.move_to("2026-12-09 10:00 -0700")
    assert actions.remind() == 1
    assert Mail.objects.filter(kind="events.reminder").count() == 2


def test_only_people_with_a_place_who_want_it_are_reminded(now: time_machine.Traveller) -> None:
    begins_at = in_montana(12, 3, 9)
    kept = place(begins_at, capacity=1)
    actions.register(event_id=kept.event_id, by=factories.person())  # waits
    left = place(begins_at)
    actions.cancel_registration(event_id=left.event_id, by=left.person)
    off = place(begins_at)
    Event.objects.filter(pk=off.event_id).update(state=EventState.CANCELLED)
    quiet, gone = place(begins_at), place(begins_at)
    User.objects.filter(pk=quiet.person_id).update(wants_reminders=False)
    User.objects.filter(pk=gone.person_id).update(is_active=False)
    now.move_to("2026-12-02 10:00 -0700")
    assert actions.remind() == 1
    assert reminded() == {kept.pk}


@pytest.mark.parametrize("number", [1, 3])
def test_a_batch_needs_a_fixed_number_of_queries(
    now: time_machine.Traveller, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        place(in_montana(12, 3, 9))
    now.move_to("2026-12-02 10:00 -0700")
    # Places, savepoint, what was told, what is promised, end, no more places.
    with django_assert_num_queries(6):
        assert actions.remind() == number


def test_more_people_than_a_batch_holds_are_all_reminded(
    now: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "BATCH", 2)
    places = {place(in_montana(12, 3, 9)).pk for _ in range(5)}
    now.move_to("2026-12-02 10:00 -0700")
    assert actions.remind() == 5
    assert reminded() == places


# ---------- Recordings ----------


def recorded(registration: Registration, available_at: dt.datetime, **fields: Any) -> None:
    Event.objects.filter(pk=registration.event_id).update(
        recording_available_at=available_at, **fields
    )


def test_a_recording_is_told_once_within_a_week_to_all_who_had_a_place(
    now: time_machine.Traveller,
) -> None:
    registration = place(in_montana(12, 3, 9), capacity=1)
    actions.register(event_id=registration.event_id, by=factories.person())  # waited in vain
    recorded(registration, in_montana(12, 5, 12))
    expected = [(registration.person_id, registration.event_id)]

    now.move_to(in_montana(12, 5, 11))
    assert actions.tell_recordings() == 0
    now.move_to(in_montana(12, 12, 11))
    assert [actions.tell_recordings(), actions.tell_recordings()] == [1, 0]
    assert told() == expected


def test_neither_an_old_recording_nor_one_that_is_gone_is_told(
    now: time_machine.Traveller,
) -> None:
    old, gone, off = (place(in_montana(12, 3, 9)) for _ in range(3))
    recorded(old, in_montana(12, 5, 12))
    recorded(gone, in_montana(12, 12, 9), recording_until_at=in_montana(12, 12, 11))
    recorded(off, in_montana(12, 12, 9), state=EventState.CANCELLED)
    now.move_to(in_montana(12, 12, 12))
    assert actions.tell_recordings() == 0


def test_the_job_does_both(now: time_machine.Traveller) -> None:
    near, seen = place(in_montana(12, 6, 9)), place(in_montana(12, 3, 9))
    recorded(seen, in_montana(12, 5, 9))
    now.move_to(in_montana(12, 5, 10))
    for _ in range(2):
        tasks.tell_in_time(timestamp=0)
    assert reminded() == {near.pk}
    assert told() == [(seen.person_id, seen.event_id)]
