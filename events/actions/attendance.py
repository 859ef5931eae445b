"""Who was there, and what that leads to once the event is over."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from events import queries, rules, signals
from events.enums import Attendance, EventState, RegistrationState
from events.models import Registration


def settle_due(*, person: User | None = None) -> int:
    """Let places at events that are over lead to their credits; return how many were settled.

    For one person, or for everybody, person by person in a transaction of its own: what is
    settled stays settled when the process is killed. Safe to run twice, late, and at once.
    """
    due = queries.due_registrations()
    if person is not None:
        due = due.filter(person=person)
    pairs = list(due.values_list("person_id", "event_id"))
    event_ids: dict[int, list[int]] = {}
    for person_id, event_id in pairs:
        event_ids.setdefault(person_id, []).append(event_id)
    return sum(_settle(person_id, events) for person_id, events in event_ids.items())


@transaction.atomic
def _settle(person_id: int, event_ids: list[int]) -> int:
    """Settle one person's places at these events, in a fixed number of queries."""
    queries.lock_events(event_ids)
    registrations = list(
        queries.due_registrations()
        .select_for_update(of=("self",), no_key=True)
        .filter(person=person_id, event__in=event_ids)
        .select_related("event", "person")
    )
    ids = [registration.pk for registration in registrations]
    Registration.objects.filter(pk__in=ids).update(settled_at=timezone.now())
    present = [one for one in registrations if one.attendance != Attendance.ABSENT]
    if present:
        signals.attendance_settled.send(
            Registration, registrations=present, earned=True, by=present[0].person
        )
    return len(registrations)


@transaction.atomic
def mark_attendance(*, registration_id: int, attendance: Attendance, by: User) -> None:
    """Record whether somebody was there. Idempotent; locks event and registration.

    After the end this corrects the credit at once; before it, settling looks at the mark.
    Raises Refused when the registration was cancelled.
    """
    event_id = Registration.objects.values_list("event_id", flat=True).get(pk=registration_id)
    event = queries.lock_event(event_id)
    registration = (
        Registration.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event", "person")
        .get(pk=registration_id)
    )
    if registration.state != RegistrationState.CONFIRMED:
        raise Refused(f"{registration.person} has cancelled; there is no attendance to mark.")
    if registration.attendance == attendance:
        return
    registration.attendance = attendance
    unknown = attendance == Attendance.UNKNOWN
    registration.marked_at = None if unknown else timezone.now()
    registration.marked_by = None if unknown else by
    earns = rules.is_over(event) and event.state == EventState.PUBLISHED and event.offers.exists()
    if earns:
        registration.settled_at = registration.settled_at or timezone.now()
    registration.save(update_fields=["attendance", "marked_at", "marked_by", "settled_at"])
    if earns:
        signals.attendance_settled.send(
            Registration,
            registrations=[registration],
            earned=attendance != Attendance.ABSENT,
            by=by,
        )
