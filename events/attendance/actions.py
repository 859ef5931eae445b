"""Mark attendance, check people in, and turn attendance into credits."""

import datetime as dt
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from accounts.actions import portal_user
from accounts.models import User
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from events import queries, rules, signals
from events.attendance import emails
from events.attendance import queries as attendance_queries
from events.enums import (
    ATTENDED,
    Attendance,
    AttendanceMode,
    Delivery,
    EventState,
    RegistrationState,
)
from events.models import Event, Presenter, Registration

# Without I and O, which look like 1 and 0.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 6
MARK_FIELDS = ("attendance", "marked_at", "marked_by", "settled_at", "before_lists")


# ---------- Settling ----------


def settle_due(*, person: User | None = None, event_id: int | None = None) -> int:
    """Turn attendance at events that are over into credits.

    Returns the number of registrations and presentations settled. Attendees and presenters get
    credit, and people marked absent lose it. Can be limited to one person or one event. Each person
    is settled in a separate transaction, so an interrupted run keeps its results. Safe to run
    again, late, or concurrently.
    """
    event_ids: dict[int, set[int]] = {}
    for person_id, over_id in queries.due_attendance(person, event_id):
        event_ids.setdefault(person_id, set()).add(over_id)
    return sum(_settle(person_id, events) for person_id, events in event_ids.items())


@transaction.atomic
def _settle(person_id: int, event_ids: Iterable[int]) -> int:
    """Settle one person's attendance at these events, in a fixed number of queries."""
    queries.lock_events(event_ids)
    mine = {"person": person_id, "event__in": list(event_ids)}
    # Presenters first, because a presenter earns nothing as an attendee of the same event.
    presentations = list(
        queries.due_presentations().filter(**mine).select_related("event", "person")
    )
    registrations = list(
        queries.due_registrations()
        .select_for_update(of=("self",), no_key=True)
        .filter(**mine)
        .select_related("event", "person")
    )
    if presentations:
        _stamp_settled(presentations)
        signals.presenting_settled.send(
            Presenter, presentations=presentations, by=presentations[0].person
        )
    if registrations:
        _stamp_settled(registrations)
        _send_attendance_signals(registrations)
    return len(registrations) + len(presentations)


def _stamp_settled(rows: Sequence[Registration] | Sequence[Presenter]) -> None:
    model = type(rows[0])
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(settled_at=timezone.now())


def _send_attendance_signals(registrations: list[Registration]) -> None:
    """Send the signals for one person's attendance."""
    absent = [each for each in registrations if each.attendance == Attendance.ABSENT]
    attended = [each for each in registrations if each.attendance != Attendance.ABSENT]
    if absent:
        signals.attendance_settled.send(
            Registration, registrations=absent, earned=False, by=portal_user()
        )
    if attended:
        signals.attendance_settled.send(
            Registration, registrations=attended, earned=True, by=attended[0].person
        )


def queue_settling() -> None:
    """Wake the worker after the commit, so that attendance is settled soon.

    Failures are ignored because the worker also settles attendance every five minutes.
    """
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    with suppress(AlreadyEnqueued), transaction.atomic():
        app.tasks["events.tasks.settle_due"].defer(timestamp=0)


# ---------- Marking ----------


@audited
def mark_attendance(*, registration_id: int, attendance: Attendance, by: User) -> None:
    """Mark a person's attendance. Late counts as present. Idempotent. Locks the event.

    After the event, this corrects the credit immediately. Before then, the mark is only stored.
    Raises Registration.DoesNotExist, or Refused if the registration is not confirmed.
    """
    event_id = Registration.objects.values_list("event_id", flat=True).get(pk=registration_id)
    event = queries.lock_event(event_id)
    registration = (
        Registration.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event", "person")
        .get(pk=registration_id)
    )
    if registration.state != RegistrationState.CONFIRMED:
        state = registration.get_state_display().lower()
        raise Refused(
            f"You cannot mark attendance because {registration.person}’s registration is {state}."
        )
    _mark(registration, attendance, event=event, by=by)


def _mark(registration: Registration, attendance: Attendance, *, event: Event, by: User) -> None:
    if registration.attendance == attendance and registration.before_lists is None:
        return
    unknown = attendance == Attendance.UNKNOWN
    registration.attendance = attendance
    registration.marked_at = None if unknown else timezone.now()
    registration.marked_by = None if unknown else by
    registration.before_lists = None  # From now on, the mark is one made by hand.
    earns = rules.is_over(event) and event.state == EventState.PUBLISHED and event.offers.exists()
    if earns:
        registration.settled_at = registration.settled_at or timezone.now()
    registration.save(update_fields=MARK_FIELDS)
    emails.queue_absent_emails([registration])
    if earns:
        signals.attendance_settled.send(
            Registration,
            registrations=[registration],
            earned=attendance != Attendance.ABSENT,
            by=by,
        )
    signals.attendance_marked.send(Event, event=event)


@audited_as("events.mark_the_rest_present")
def mark_remaining_present(*, event_id: int, by: User) -> int:
    """Mark everyone with a place but no mark as present. Locks the event.

    Returns the number of people marked. Does not change credits, because unmarked people earn
    credits too. Raises Refused more than two hours before the event, or if it is not published.
    """
    event = queries.lock_event(event_id)
    if reason := rules.why_not_mark(event):
        raise Refused(reason)
    unmarked = Registration.objects.filter(
        event=event_id, state=RegistrationState.CONFIRMED, attendance=Attendance.UNKNOWN
    )
    return unmarked.update(attendance=Attendance.PRESENT, marked_at=timezone.now(), marked_by=by)


# ---------- Checking in ----------


@audited
def check_in(*, event_id: int, code: str, by: User) -> Registration:
    """Mark `by` present if `code` is the one shown in the room. Idempotent. Locks the event.

    People without a place can check in only if the event allows walk-ins, or if it is a session and
    they have a place at its conference. They are in person, and do not use up capacity. Raises
    Event.DoesNotExist, or Refused if the code is wrong, check-in is closed, or the person is not
    registered or was marked absent.
    """
    event = queries.lock_event(event_id)
    if event.check_in_code is None or event.check_in_code != code.replace(" ", "").upper():
        raise Refused("This code does not belong to this event. Check the screen.")
    if reason := attendance_queries.why_person_cannot_check_in(by, event):
        raise Refused(reason)
    return _mark_present(event, by, by=by)


@audited_as("events.check_in_person")
def check_in_by_organizer(*, event_id: int, person: User, by: User) -> Registration:
    """Mark a person present after `by` has scanned their personal check-in code.

    Idempotent. Locks the event. Adds an unregistered person as a walk-in. Raises Refused more than
    two hours before the event, after it is over, or if it is not published.
    """
    event = queries.lock_event(event_id)
    if reason := rules.why_not_scan(event):
        raise Refused(reason)
    return _mark_present(event, person, by=by)


@audited
def add_walk_in(*, event_id: int, person: User, by: User) -> Registration:
    """Add an unregistered person to the roster as present. Idempotent. Locks the event.

    Does not use up capacity. Raises Refused more than two hours before the event, or if it is not
    published.
    """
    event = queries.lock_event(event_id)
    if reason := rules.why_not_mark(event):
        raise Refused(reason)
    return _mark_present(event, person, by=by)


def _mark_present(event: Event, person: User, *, by: User) -> Registration:
    """Mark the person present, adding a walk-in if needed. The caller holds the event's lock."""
    registration = (
        Registration.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event", "person")
        .filter(event=event, person=person)
        .first()
    )
    if registration is None or registration.state != RegistrationState.CONFIRMED:
        registration = registration or Registration(event=event, person=person)
        registration.state = RegistrationState.CONFIRMED
        registration.walk_in = True
        if event.delivery == Delivery.HYBRID:
            registration.attendance_mode = AttendanceMode.IN_PERSON
        registration.registered_at = next_registration_time(event)
        registration.cancelled_at = registration.settled_at = None
        registration.save()
    if registration.attendance not in ATTENDED:
        _mark(registration, Attendance.PRESENT, event=event, by=by)
    return registration


def next_registration_time(event: Event) -> dt.datetime:
    """Return the current time, but at least a microsecond after the event's last registration.

    The caller holds the event's lock, so registration times within an event strictly increase.
    """
    last = event.registrations.aggregate(last=Max("registered_at"))["last"]
    now = timezone.now()
    return max(now, last + dt.timedelta(microseconds=1)) if last else now


@audited_as("events.new_check_in_code")
def new_event_check_in_code(*, event_id: int, by: User) -> str:
    """Give the event a new check-in code that replaces any earlier one. Locks the event."""
    event = queries.lock_event(event_id)
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        try:
            with transaction.atomic():
                Event.objects.filter(pk=event.pk).update(check_in_code=code)
        except IntegrityError:  # another event has this code
            continue
        return code


@audited_as("events.remove_check_in_code")
def remove_event_check_in_code(*, event_id: int, by: User) -> None:
    """Turn off check-in by code. Idempotent. Locks the event."""
    event = queries.lock_event(event_id)
    Event.objects.filter(pk=event.pk).update(check_in_code=None)
