"""Who was there, and what that leads to once the event is over."""

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
from aspen.db.audit import audited
from aspen.errors import Refused
from events import queries, rules, signals
from events.attendance import emails
from events.attendance import queries as attendance_queries
from events.enums import ATTENDED, Attendance, EventState, RegistrationState
from events.models import Event, Presenter, Registration

# No I and no O: read from a wall, they are mistaken for 1 and 0.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 6
MARK_FIELDS = ("attendance", "marked_at", "marked_by", "settled_at")


# ---------- Settling ----------


def settle_due(*, person: User | None = None, event_id: int | None = None) -> int:
    """Let what happened at events that are over lead to credits; return how much was settled.

    Places lead to the attendee's credit, or to its withdrawal where someone was absent;
    presentations to the presenter's. For one person, one event, or all, person by person in a
    transaction of its own: what is settled stays settled when the process is killed. Safe to run
    twice, late, and at once.
    """
    event_ids: dict[int, set[int]] = {}
    for person_id, over_id in queries.due_attendance(person, event_id):
        event_ids.setdefault(person_id, set()).add(over_id)
    return sum(_settle(person_id, events) for person_id, events in event_ids.items())


@transaction.atomic
def _settle(person_id: int, event_ids: Iterable[int]) -> int:
    """Settle what one person did at these events, in a fixed number of queries."""
    queries.lock_events(event_ids)
    mine = {"person": person_id, "event__in": list(event_ids)}
    # Presenters first: who presents earns nothing as an attendee of the same event.
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
        _announce_attendance(registrations)
    return len(registrations) + len(presentations)


def _stamp_settled(rows: Sequence[Registration] | Sequence[Presenter]) -> None:
    model = type(rows[0])
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(settled_at=timezone.now())


def _announce_attendance(registrations: list[Registration]) -> None:
    """Send the news of one person's attendance upwards."""
    absent = [each for each in registrations if each.attendance == Attendance.ABSENT]
    there = [each for each in registrations if each.attendance != Attendance.ABSENT]
    if absent:
        signals.attendance_settled.send(
            Registration, registrations=absent, earned=False, by=portal_user()
        )
    if there:
        signals.attendance_settled.send(
            Registration, registrations=there, earned=True, by=there[0].person
        )


def queue_settling() -> None:
    """Wake the worker once the caller's transaction is committed, for what many people wait for.

    A worker that cannot be woken looks by itself every five minutes, so no failure here matters.
    """
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    with suppress(AlreadyEnqueued), transaction.atomic():
        app.tasks["events.tasks.settle_due"].defer(timestamp=0)


# ---------- Marking ----------


@audited
def mark_attendance(*, registration_id: int, attendance: Attendance, by: User) -> None:
    """Record whether someone was there; late counts as present. Idempotent; locks.

    After the end this corrects the credit at once; before it, settling looks at the mark.
    Raises Registration.DoesNotExist, or Refused when there is no place to mark.
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
            f"There is no attendance to mark: the registration of {registration.person} is {state}."
        )
    _mark(registration, attendance, event=event, by=by)


def _mark(registration: Registration, attendance: Attendance, *, event: Event, by: User) -> None:
    if registration.attendance == attendance:
        return
    unknown = attendance == Attendance.UNKNOWN
    registration.attendance = attendance
    registration.marked_at = None if unknown else timezone.now()
    registration.marked_by = None if unknown else by
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


@audited
def mark_the_rest_present(*, event_id: int, by: User) -> int:
    """Mark everyone with a place whom nobody has marked as present; return how many. Locks.

    Credits are what they were: whoever is not marked earns them too. Raises Refused too early,
    or when the event does not stand.
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
    """Mark `by` as present by the letters shown in the room. Idempotent; locks the event.

    Takes registered people; others only where walk-ins are allowed. A place at the conference is
    a place at its sessions: whoever has one gets a place at the session that takes nobody's.
    Raises Event.DoesNotExist, or Refused: wrong letters, not now, not registered, marked absent
    by the organizer.
    """
    event = queries.lock_event(event_id)
    if event.check_in_code is None or event.check_in_code != code.replace(" ", "").upper():
        raise Refused("These letters do not belong to this event. Look again at the screen.")
    if reason := attendance_queries.why_person_cannot_check_in(by, event):
        raise Refused(reason)
    return _present(event, by, by=by)


@audited
def check_in_person(*, event_id: int, person: User, by: User) -> Registration:
    """Mark someone as present whose own code the organizer `by` scanned. Idempotent; locks.

    Possible from two hours before the event until it is over. Whoever is not registered is added
    as a walk-in. Raises Refused at other times, or when the event does not stand.
    """
    event = queries.lock_event(event_id)
    if reason := rules.why_not_scan(event):
        raise Refused(reason)
    return _present(event, person, by=by)


@audited
def add_walk_in(*, event_id: int, person: User, by: User) -> Registration:
    """Put someone who came without registering on the roster, present. Idempotent; locks.

    Takes no place from anyone. Possible from two hours before the event on, also long after the
    end. Raises Refused before that, or when the event does not stand.
    """
    event = queries.lock_event(event_id)
    if reason := rules.why_not_mark(event):
        raise Refused(reason)
    return _present(event, person, by=by)


def _present(event: Event, person: User, *, by: User) -> Registration:
    """Mark the person's place, or make one that takes no place away. Holds the event's lock."""
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
        registration.registered_at = next_registration_time(event)
        registration.cancelled_at = registration.settled_at = None
        registration.save()
    if registration.attendance not in ATTENDED:
        _mark(registration, Attendance.PRESENT, event=event, by=by)
    return registration


def next_registration_time(event: Event) -> dt.datetime:
    """Now, or a tick after the last registration where the clock stood still or went back.

    The caller holds the event's lock; so the moments of an event's registrations grow strictly.
    """
    last = event.registrations.aggregate(last=Max("registered_at"))["last"]
    now = timezone.now()
    return max(now, last + dt.timedelta(microseconds=1)) if last else now


@audited
def new_check_in_code(*, event_id: int, by: User) -> str:
    """Give the event six new letters to check in with; the former ones are void. Locks it."""
    event = queries.lock_event(event_id)
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        try:
            with transaction.atomic():
                Event.objects.filter(pk=event.pk).update(check_in_code=code)
        except IntegrityError:  # another event has these letters
            continue
        return code


@audited
def remove_check_in_code(*, event_id: int, by: User) -> None:
    """Let nobody check in by themselves any more. Idempotent; locks the event."""
    event = queries.lock_event(event_id)
    Event.objects.filter(pk=event.pk).update(check_in_code=None)
