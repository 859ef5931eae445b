"""Actions to register for an event and to cancel. Each locks the event first.

The lock ensures that no place is given twice and that people move up from the waitlist in order of
`registered_at`, which strictly increases within an event. A hybrid event has places and a waitlist
for each attendance mode.
"""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited, audited_as
from aspen.db.last_change import UNDO_WINDOW
from aspen.errors import Refused
from events import queries, rules
from events.attendance.actions import next_registration_time
from events.enums import Attendance, AttendanceMode, RegistrationState
from events.models import Answer, Event, Question, Registration
from events.registration import emails

NO_ANSWERS: Mapping[int, str] = MappingProxyType({})


@audited
def register(
    *,
    event_id: int,
    by: User,
    answers: Mapping[int, str] = NO_ANSWERS,
    mode: AttendanceMode | None = None,
) -> Registration:
    """Give `by` a place at the event, or the last place on its waitlist. Locks the event.

    `answers` maps question ids to text. `mode` is how `by` takes part in a hybrid event; other
    events ignore it. Does nothing if `by` is already registered or waitlisted. Raises
    Event.DoesNotExist, or Refused if registration is closed or on another site, the event is over
    or full without a waitlist, or the mode or a required answer is missing.
    """
    event = queries.lock_event(event_id)
    registration = Registration.objects.filter(event=event, person=by).first()
    if registration and registration.state != RegistrationState.CANCELLED:
        return registration
    _promote(event)
    counts = queries.registration_counts(None, [event]).get(event.pk, queries.NO_REGISTRATIONS)
    if reason := rules.why_registration_closed(event):
        raise Refused(reason)
    chosen = _mode_at(event, mode)
    if reason := rules.why_not_register(event, chosen, *counts.of(chosen)):
        raise Refused(reason, field="attendance_mode" if chosen else None)
    full = rules.has_to_wait(event, chosen, *counts.of(chosen))
    registration = registration or Registration(event=event, person=by)
    registration.attendance_mode = chosen
    registration.state = RegistrationState.WAITLISTED if full else RegistrationState.CONFIRMED
    registration.registered_at = next_registration_time(event)
    registration.cancelled_at = registration.promoted_at = registration.settled_at = None
    registration.attendance = Attendance.UNKNOWN
    registration.minutes = registration.marked_at = registration.marked_by = None
    registration.walk_in = False
    registration.save()
    _store_answers(registration, answers)
    if full:
        emails.queue_waitlisted_email(registration)
    else:
        emails.queue_registered_email(registration)
    return registration


def _mode_at(event: Event, mode: AttendanceMode | None) -> str:
    """Return the attendance mode to store: none unless the event is hybrid. Raises Refused."""
    if rules.attendance_modes(event) == ("",):
        return ""
    if mode is None:
        raise Refused("Choose how you will take part.", field="attendance_mode")
    return mode


@audited
def cancel_registration(*, event_id: int, by: User) -> None:
    """Cancel the registration of `by`. Before the start, the first person waiting moves up.

    Locks the event. Idempotent. Raises Refused if the event is over or attendance has been marked.
    """
    event = queries.lock_event(event_id)
    if rules.is_over(event):
        raise Refused("This event is over, so you can no longer cancel your registration.")
    registration = queries.registration_of(by, event)
    if registration is None:
        return
    if registration.attendance != Attendance.UNKNOWN:
        raise Refused(
            "Your attendance has been marked, so you can no longer cancel your registration."
        )
    had_place = registration.state == RegistrationState.CONFIRMED
    registration.state = RegistrationState.CANCELLED
    registration.cancelled_at = timezone.now()
    registration.save(update_fields=["state", "cancelled_at"])
    emails.queue_cancelled_email(registration, had_place=had_place)
    _promote(event)


@audited
def undo_cancellation(*, event_id: int, by: User) -> Registration:
    """Register `by` again who canceled, or left the waitlist, within the last day. Locks the event.

    The answers to the organizer's questions are kept. If all places are taken, the person gets
    back the place in line from before. At a hybrid event, the attendance mode is the same as
    before. Registration need not be open. Idempotent. Raises
    Event.DoesNotExist, or Refused if `by` did not cancel within a day, the event is over or
    canceled, or all places are taken and there is no waitlist.
    """
    event = queries.lock_event(event_id)
    registration = Registration.objects.filter(event=event, person=by).first()
    if registration and registration.state != RegistrationState.CANCELLED:
        return registration
    now = timezone.now()
    if registration is None or not registration.cancelled_at:
        raise Refused("You have not canceled a registration for this event.")
    if now >= registration.cancelled_at + UNDO_WINDOW:
        raise Refused("A cancellation can only be undone within one day. Register again.")
    if reason := rules.why_registration_closed(event):
        raise Refused(reason)
    _promote(event)
    counts = queries.registration_counts(None, [event]).get(event.pk, queries.NO_REGISTRATIONS)
    mode = registration.attendance_mode
    taken, waiting = counts.of(mode)
    is_full = bool(rules.is_full(event, mode, taken) or waiting)
    if is_full and not event.has_waitlist:
        raise Refused("Someone else has your place now, and all places are taken.")
    registration.cancelled_at = None
    if is_full:
        registration.state = RegistrationState.WAITLISTED
    else:
        registration.state = RegistrationState.CONFIRMED
        # A new confirmation, because the cancellation may have been e-mailed.
        registration.registered_at = next_registration_time(event)
    registration.save(update_fields=["state", "cancelled_at", "registered_at"])
    if is_full:
        emails.queue_waitlisted_email(registration)
    else:
        emails.queue_registered_email(registration)
    return registration


@audited
def switch_attendance_mode(
    *, event_id: int, mode: AttendanceMode, by: User, joins_waitlist: bool = False
) -> Registration:
    """Let `by` take part in a hybrid event in the other way. Locks the event. Idempotent.

    If a place for the mode is free, the person gets it and gives up the one from before. If none
    is free, nothing changes and Refused is raised, unless `joins_waitlist`: then the person gives
    up their place and is last on the other waitlist. Raises Event.DoesNotExist, or Refused if `by`
    is not registered, the event is not hybrid, no one can register with this mode now, or
    attendance has been marked.
    """
    event = queries.lock_event(event_id)
    registration = queries.registration_of(by, event)
    if registration is None:
        raise Refused("You are not registered for this event.")
    if mode not in rules.attendance_modes(event):
        raise Refused("This event is no longer both in person and online.")
    if registration.attendance_mode == mode:
        return registration
    if registration.attendance != Attendance.UNKNOWN:
        raise Refused("Your attendance has been marked, so you can no longer switch.")
    if mode == AttendanceMode.IN_PERSON and not registration.attendance_mode:
        return _confirm_in_person(registration)
    _promote(event)
    counts = queries.registration_counts(None, [event])[event.pk].of(mode)
    if reason := rules.why_not_register(event, mode, *counts):
        raise Refused(f"{reason} Nothing has changed.")
    full = rules.has_to_wait(event, mode, *counts)
    if full and not joins_waitlist:
        raise Refused(f"{rules.ALL_TAKEN[mode]} Nothing has changed.")
    had_place = registration.state == RegistrationState.CONFIRMED
    registration.attendance_mode = mode
    registration.state = RegistrationState.WAITLISTED if full else RegistrationState.CONFIRMED
    registration.registered_at = next_registration_time(event)
    registration.promoted_at = None
    registration.walk_in = False
    registration.save(
        update_fields=["attendance_mode", "state", "registered_at", "promoted_at", "walk_in"]
    )
    if full:
        emails.queue_waitlisted_email(registration, gave_up_place=had_place)
    else:
        emails.queue_registered_email(registration)
    _promote(event)
    return registration


def _confirm_in_person(registration: Registration) -> Registration:
    """Note that a person whose mode was not known is in person. They were counted so already."""
    registration.attendance_mode = AttendanceMode.IN_PERSON
    registration.save(update_fields=["attendance_mode"])
    return registration


@audited
def promote_waiting(*, event: Event, by: User | None) -> list[Registration]:
    """Give free places to the first people on each waitlist, and queue their e-mails.

    The caller holds the event's lock. Does nothing if the event has started or is canceled, or if
    registration moved to another site.
    """
    return _promote(event)


def _promote(event: Event) -> list[Registration]:
    if rules.why_registration_closed(event) or rules.has_started(event):
        return []
    promoted = [each for mode in rules.attendance_modes(event) for each in _next(event, mode)]
    if not promoted:
        return []
    now = timezone.now()
    for registration in promoted:
        registration.state = RegistrationState.CONFIRMED
        registration.promoted_at = now
    Registration.objects.bulk_update(promoted, ["state", "promoted_at"])
    emails.queue_promoted_emails(promoted)
    return promoted


def _next(event: Event, mode: str) -> list[Registration]:
    """Return the people who get the free places for this attendance mode, in order."""
    waiting = event.registrations.filter(state=RegistrationState.WAITLISTED)
    line = queries.sharing_places(waiting, mode).select_related("person")
    capacity = rules.capacity_of(event, mode)
    free = None if capacity is None else max(0, capacity - queries.places_taken(event, mode))
    return list(line.order_by("registered_at", "id")[:free])


@audited_as("events.answer_questions")
def answer_registration_questions(*, event_id: int, answers: Mapping[int, str], by: User) -> None:
    """Replace the answers of `by`. Locks the event. Idempotent.

    Raises Refused if `by` is not registered, the event is over, or a required answer is missing.
    """
    event = queries.lock_event(event_id)
    registration = queries.registration_of(by, event)
    if registration is None:
        raise Refused("You are not registered for this event.")
    if rules.is_over(event):
        raise Refused("This event is over, so you can no longer change your answers.")
    _store_answers(registration, answers)


def _store_answers(registration: Registration, answers: Mapping[int, str]) -> None:
    """Replace all answers. Ignores empty answers and unknown questions."""
    questions = list(Question.objects.filter(event=registration.event_id).order_by("position"))
    given = {question.pk: answers.get(question.pk, "").strip() for question in questions}
    for question in questions:
        if question.is_required and not given[question.pk]:
            raise Refused(f"Please answer: {question.label}", field=f"question_{question.pk}")
    registration.answers.all().delete()
    Answer.objects.bulk_create(
        Answer(
            registration=registration,
            question=question,
            event_id=registration.event_id,
            text=given[question.pk],
        )
        for question in questions
        if given[question.pk]
    )
