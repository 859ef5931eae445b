"""E-mails sent at set times: event reminders, and notices of new recordings.

The functions that queue these e-mails check which ones are due, and each e-mail's key prevents
duplicates, so the functions can run late, repeatedly or concurrently. Each batch of people is its
own transaction.
"""

import datetime as dt
from collections.abc import Callable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils import timezone

from accounts.queries import reminders_token
from aspen.clock import day_after, today
from aspen.formats import format_day, format_time
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import dated_key, email, enqueue_many, is_current
from aspen.models import Mail
from events.calendar.next_step import web_link
from events.email_parts import (
    attendance_fact,
    event_facts,
    event_page,
    has_place,
    how_to_cancel,
    how_to_join,
    how_to_switch,
    how_to_watch,
    joining_facts,
    registration_of,
)
from events.enums import EventState, Origin, RegistrationState
from events.models import Event, Registration
from events.queries import midnight
from events.rules import can_watch, has_recording

# Early in the workday, not in the middle of the night.
REMIND_FROM = dt.time(9)
ANNOUNCE_RECORDING_FOR = dt.timedelta(days=7)
BATCH = 1_000
# Returns the key and the facts for a message about a registration.
MessageFor = Callable[[Registration], tuple[str, dict[str, object]]]


# ---------- Reminders ----------


def queue_reminder_emails() -> int:
    """Queue reminders for the next day's events, starting at 9 AM Mountain time.

    If it runs late, it still queues reminders for events that have not started. People whose place
    was confirmed on the day before the event or later get none, because the confirmation has the
    same details. Returns the number of messages queued. Idempotent.
    """
    days = [today()]
    if timezone.localtime().time() >= REMIND_FROM:
        days.append(day_after(today()))
    return sum(_queue_reminders_of(day) for day in days)


def _queue_reminders_of(day: dt.date) -> int:
    """Queue reminders for events that start on `day` and have not started yet."""
    due = _registrations().filter(
        event__begins_at__gt=timezone.now(),
        event__begins_at__gte=midnight(day),
        event__begins_at__lt=midnight(day_after(day)),
        person__wants_reminders=True,
    )
    confirmed_at = Coalesce("promoted_at", "registered_at")
    due = due.filter(LessThan(confirmed_at, midnight(day - dt.timedelta(days=1))))

    def message(registration: Registration) -> tuple[str, dict[str, object]]:
        # If the event is moved, people get another reminder.
        key = dated_key("reminder", registration.pk, registration.event.begins_at)
        return key, {"registration": registration.pk}

    return _queue("events.reminder", due, message)


@email("events.reminder")
def reminder_email(mail: Mail) -> Email | None:
    """Remind a person of an event that has not started, unless they turned off reminders."""
    registration = registration_of(mail)
    event, person = registration.event, registration.person
    if not person.wants_reminders or not is_current(mail, event.begins_at):
        return None
    # An all-day event starts when its first day starts.
    if not has_place(registration) or event.begins_at <= timezone.now():
        return None
    soon = _soon(event)
    turn_off = page_url("accounts:reminders", reminders_token(person))
    return Email(
        subject=f"{soon[0].upper()}{soon[1:]}: {event.title}",
        paragraphs=[f"This is a reminder that “{event.title}” is {soon}. You are registered."],
        facts=[
            *event_facts(event)[0],
            *attendance_fact(registration),
            *joining_facts(registration),
        ],
        button=event_page(event),
        closing=[
            *how_to_join(event),
            *how_to_switch(registration),
            how_to_cancel(event),
            f"If you do not want reminders, turn them off: {turn_off}",
        ],
        unsubscribe=turn_off,
    )


def _soon(event: Event) -> str:
    day = timezone.localdate(event.begins_at)
    days = (day - timezone.localdate()).days
    return {0: "today", 1: "tomorrow"}.get(days, f"on {format_day(day)}")


# ---------- Recordings ----------


def queue_recording_emails() -> int:
    """Announce the last week's new recordings to everyone who had a place.

    Returns the number of messages queued. Idempotent.
    """
    now = timezone.now()
    due = _registrations().filter(
        Q(event__recording_until_at=None) | Q(event__recording_until_at__gt=now),
        event__recording_available_at__gt=now - ANNOUNCE_RECORDING_FOR,
        event__recording_available_at__lte=now,
    )

    def message(registration: Registration) -> tuple[str, dict[str, object]]:
        event_id = registration.event_id
        return f"recording:{event_id}:{registration.person_id}", {"event": event_id}

    return _queue("events.recording", due, message)


@email("events.recording")
def recording_email(mail: Mail) -> Email | None:
    """Announce a recording to a person who registered, whether or not they attended."""
    event = Event.objects.get(pk=mail.facts["event"])
    until = event.recording_until_at
    now = timezone.now()
    if event.state != EventState.PUBLISHED or not has_recording(event, now):
        return None
    if event.recording_last_day and event.recording_last_day < timezone.localdate(now):
        return None
    facts, earns = event_facts(event)
    if earns and until:
        last = f"{format_day(timezone.localdate(until))}, {format_time(until)} (Mountain time)"
        facts.append(("Earns credit until", last))
    return Email(
        subject=f"The recording is available: {event.title}",
        paragraphs=[f"You can now watch the recording of “{event.title}”."],
        facts=facts,
        button=(
            ("Watch the recording", page_url("events:watch", event.pk))
            if web_link(event.recording_url) and can_watch(event, now)
            else event_page(event)
        ),
        closing=(
            [f"If your credit is not listed yet, you can still earn it. {how_to_watch(event)}"]
            if earns
            else []
        ),
    )


# ---------- Both ----------


def _registrations() -> QuerySet[Registration]:
    return (
        Registration.objects.filter(
            state=RegistrationState.CONFIRMED,
            event__origin=Origin.CALENDAR,
            event__state=EventState.PUBLISHED,
            person__is_active=True,
        )
        .select_related("event", "person")
        .only("event__begins_at", "person__email")
        .order_by("pk")
    )


def _queue(kind: str, due: QuerySet[Registration], message: MessageFor) -> int:
    queued = last = 0
    while batch := list(due.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        queued += _queue_batch(kind, batch, message)
    return queued


@transaction.atomic
def _queue_batch(kind: str, batch: list[Registration], message: MessageFor) -> int:
    by_key = {}
    for registration in batch:
        key, facts = message(registration)
        by_key[key] = (key, registration.person, facts)
    for key in Mail.objects.filter(key__in=list(by_key)).values_list("key", flat=True):
        del by_key[key]
    enqueue_many(kind=kind, messages=by_key.values())
    return len(by_key)
