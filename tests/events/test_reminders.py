"""E-mails sent at set times: reminders and notices of recordings."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.queries import reminders_token
from aspen.models import Mail, MailState
from events import actions, reminders, tasks
from events.enums import EventState
from events.models import Event, Registration
from tests import factories
from tests.emails import delivered, is_dropped, sent

pytestmark = pytest.mark.django_db
PORTAL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


def place(begins_at: dt.datetime, **fields: Any) -> Registration:
    """Register a new person for a two-hour event that starts at this time."""
    event = factories.event(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=2), **fields
    )
    return actions.register(event_id=event.pk, by=factories.person())


def in_montana(month: int, day: int, hour: int, *, year: int = 2026) -> dt.datetime:
    return timezone.make_aware(dt.datetime(year, month, day, hour))


def reminded() -> set[int]:
    mails = Mail.objects.filter(kind="events.reminder").order_by("id")
    return {mail.facts["registration"] for mail in mails}


def announced() -> list[tuple[int, int]]:
    mails = Mail.objects.filter(kind="events.recording").order_by("to")
    return [(mail.to_id, mail.facts["event"]) for mail in mails]


# ---------- Reminders ----------


def test_reminders_for_the_next_day_are_queued_from_nine_am(now: time_machine.Traveller) -> None:
    today = place(in_montana(12, 2, 23))
    first, last = place(in_montana(12, 3, 0)), place(in_montana(12, 3, 23))
    place(in_montana(12, 4, 0))

    now.move_to("2026-12-02 08:59 -0700")
    assert actions.queue_reminder_emails() == 1
    assert reminded() == {today.pk}

    now.move_to("2026-12-02 09:00 -0700")
    assert actions.queue_reminder_emails() == 2
    assert reminded() == {today.pk, first.pk, last.pk}
    assert actions.queue_reminder_emails() == 0


def test_a_confirmation_takes_the_place_of_a_reminder_a_day_later(
    now: time_machine.Traveller,
) -> None:
    early, promoted = place(in_montana(12, 3, 10)), place(in_montana(12, 3, 11))
    now.move_to("2026-12-01 23:59 -0700")
    late = place(in_montana(12, 3, 12))
    now.move_to("2026-12-02 08:55 -0700")
    place(in_montana(12, 3, 13))
    Registration.objects.filter(pk=promoted.pk).update(promoted_at=timezone.now())
    now.move_to("2026-12-02 09:00 -0700")
    actions.queue_reminder_emails()
    assert reminded() == {early.pk, late.pk}
    now.move_to("2026-12-03 09:30 -0700")
    place(in_montana(12, 3, 14))
    actions.queue_reminder_emails()
    assert reminded() == {early.pk, late.pk}


@pytest.mark.parametrize(("year", "month", "day", "hours"), [(2027, 3, 14, 23), (2026, 11, 1, 25)])
def test_reminders_for_days_when_the_clocks_change(
    now: time_machine.Traveller, year: int, month: int, day: int, hours: int
) -> None:
    midnight = in_montana(month, day, 0, year=year)
    now.move_to(midnight - dt.timedelta(days=3))
    evening, next_day = (
        place(midnight.astimezone(dt.UTC) + dt.timedelta(hours=hours, minutes=-minutes))
        for minutes in (1, 0)
    )

    now.move_to(in_montana(month, day, 9, year=year) - dt.timedelta(days=1))
    actions.queue_reminder_emails()
    assert reminded() == {evening.pk}

    now.move_to(in_montana(month, day, 9, year=year))
    actions.queue_reminder_emails()
    assert reminded() == {evening.pk, next_day.pk}


def test_a_late_worker_skips_events_that_have_started(
    now: time_machine.Traveller,
) -> None:
    place(in_montana(12, 3, 7))
    later = place(in_montana(12, 3, 14))
    now.move_to("2026-12-03 07:30 -0700")
    assert actions.queue_reminder_emails() == 1
    assert reminded() == {later.pk}


def test_a_moved_event_gets_another_reminder(now: time_machine.Traveller) -> None:
    registration = place(in_montana(12, 3, 9))
    now.move_to("2026-12-02 10:00 -0700")
    actions.queue_reminder_emails()
    Event.objects.filter(pk=registration.event_id).update(
        begins_at=in_montana(12, 10, 9), ends_at=in_montana(12, 10, 11)
    )
    now.move_to("2026-12-09 10:00 -0700")
    assert actions.queue_reminder_emails() == 1
    assert Mail.objects.filter(kind="events.reminder").count() == 2


def test_only_people_with_a_place_who_want_reminders_get_one(now: time_machine.Traveller) -> None:
    begins_at = in_montana(12, 3, 9)
    registered = place(begins_at, capacity=1)
    actions.register(event_id=registered.event_id, by=factories.person())  # joins the waitlist
    left = place(begins_at)
    actions.cancel_registration(event_id=left.event_id, by=left.person)
    off = place(begins_at)
    Event.objects.filter(pk=off.event_id).update(state=EventState.CANCELLED)
    quiet, gone = place(begins_at), place(begins_at)
    User.objects.filter(pk=quiet.person_id).update(wants_reminders=False)
    User.objects.filter(pk=gone.person_id).update(is_active=False)
    now.move_to("2026-12-02 10:00 -0700")
    assert actions.queue_reminder_emails() == 1
    assert reminded() == {registered.pk}


@pytest.mark.parametrize("number", [1, 3])
def test_a_batch_takes_a_fixed_number_of_queries(
    now: time_machine.Traveller, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        place(in_montana(12, 3, 9))
    now.move_to("2026-12-02 10:00 -0700")
    # Queries: today's registrations (none), then tomorrow's, savepoint, existing keys, insert,
    # release, no more registrations.
    with django_assert_num_queries(7):
        assert actions.queue_reminder_emails() == number


def test_everyone_is_reminded_in_several_batches(
    now: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "BATCH", 2)
    places = {place(in_montana(12, 3, 9)).pk for _ in range(5)}
    now.move_to("2026-12-02 10:00 -0700")
    assert actions.queue_reminder_emails() == 5
    assert reminded() == places


def test_a_reminder_can_be_turned_off_by_the_mail_program(now: time_machine.Traveller) -> None:
    person = place(in_montana(12, 3, 9)).person
    sent()
    now.move_to("2026-12-02 09:00 -0700")
    actions.queue_reminder_emails()

    message = delivered()

    address = f"{PORTAL}/accounts/reminders/{reminders_token(person)}/"
    assert address in str(message.body).splitlines()
    assert message.extra_headers["List-Unsubscribe"] == f"<{address}>"
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # A mail program sends this request without a session or a form.
    answer = Client(enforce_csrf_checks=True).post(
        address.removeprefix(PORTAL), {"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200
    person.refresh_from_db()
    assert not person.wants_reminders


def test_a_late_reminder_says_today(now: time_machine.Traveller) -> None:
    event = place(in_montana(12, 3, 9)).event
    sent()
    now.move_to("2026-12-03 05:00 -0700")
    assert actions.queue_reminder_emails() == 1
    message = delivered()
    assert message.subject == f"Today: {event.title}"
    assert f"This is a reminder that “{event.title}” is today." in message.body


@pytest.mark.parametrize("why", ["unsubscribed", "left", "begun", "moved", "called off"])
def test_outdated_reminders_are_not_sent(now: time_machine.Traveller, why: str) -> None:
    registration = place(in_montana(12, 3, 9))
    event, person = registration.event, registration.person
    sent()
    now.move_to("2026-12-02 09:00 -0700")
    assert actions.queue_reminder_emails() == 1
    events = Event.objects.filter(pk=event.pk)
    if why == "unsubscribed":
        User.objects.filter(pk=person.pk).update(wants_reminders=False)
    elif why == "left":
        actions.cancel_registration(event_id=event.pk, by=person)
        Mail.objects.filter(kind="events.registration_cancelled").delete()
    elif why == "begun":
        now.move_to(event.begins_at)
    elif why == "moved":
        events.update(begins_at=event.begins_at + dt.timedelta(hours=1))
    else:
        events.update(state=EventState.CANCELLED)
    assert is_dropped()
    assert Mail.objects.filter(kind="events.reminder", state=MailState.DROPPED).count() == 1


# ---------- Recordings ----------


def recorded(registration: Registration, available_at: dt.datetime, **fields: Any) -> None:
    Event.objects.filter(pk=registration.event_id).update(
        recording_available_at=available_at, **fields
    )


def test_a_recording_is_announced_once_within_a_week(
    now: time_machine.Traveller,
) -> None:
    registration = place(in_montana(12, 3, 9), capacity=1)
    actions.register(event_id=registration.event_id, by=factories.person())  # stays on the waitlist
    recorded(registration, in_montana(12, 5, 12))
    expected = [(registration.person_id, registration.event_id)]

    now.move_to(in_montana(12, 5, 11))
    assert actions.queue_recording_emails() == 0
    now.move_to(in_montana(12, 12, 11))
    assert actions.queue_recording_emails() == 1
    assert actions.queue_recording_emails() == 0
    assert announced() == expected


def test_old_and_expired_recordings_are_not_announced(
    now: time_machine.Traveller,
) -> None:
    old, gone, off = (place(in_montana(12, 3, 9)) for _ in range(3))
    recorded(old, in_montana(12, 5, 12))
    recorded(gone, in_montana(12, 12, 9), recording_until_at=in_montana(12, 12, 11))
    recorded(off, in_montana(12, 12, 9), state=EventState.CANCELLED)
    now.move_to(in_montana(12, 12, 12))
    assert actions.queue_recording_emails() == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"recording_available_at": None, "recording_until_at": None},
        {"recording_until_at": dt.datetime(2026, 12, 5, 16, tzinfo=dt.UTC)},
        {"state": EventState.CANCELLED},
    ],
)
def test_a_recording_removed_before_sending_is_not_announced(
    now: time_machine.Traveller, fields: dict[str, Any]
) -> None:
    registration = place(in_montana(12, 3, 9))
    sent()
    now.move_to("2026-12-05 08:00 -0700")
    recorded(registration, timezone.now())
    assert actions.queue_recording_emails() == 1
    Event.objects.filter(pk=registration.event_id).update(**fields)
    now.shift(dt.timedelta(hours=2))
    assert is_dropped()


def test_the_job_queues_reminders_and_recordings(now: time_machine.Traveller) -> None:
    upcoming, past = place(in_montana(12, 6, 9)), place(in_montana(12, 3, 9))
    recorded(past, in_montana(12, 5, 9))
    now.move_to(in_montana(12, 5, 10))
    for _ in range(2):
        tasks.tell_in_time(timestamp=0)
    assert reminded() == {upcoming.pk}
    assert announced() == [(past.person_id, past.event_id)]
