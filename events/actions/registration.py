"""Taking a place at an event and giving it back. Each function locks the event first."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from events import queries, rules
from events.enums import Attendance, RegistrationState
from events.models import Registration


@transaction.atomic
def register(*, event_id: int, by: User) -> Registration:
    """Give `by` a place at the event. Locks the event, so its capacity holds.

    Idempotent: somebody registered keeps the place. Raises Refused (full, over, not here).
    """
    event = queries.lock_event(event_id)
    registration = Registration.objects.filter(event=event, person=by).first()
    if registration and registration.state == RegistrationState.CONFIRMED:
        return registration
    taken = event.registrations.filter(state=RegistrationState.CONFIRMED).count()
    if reason := rules.why_not_register(event, taken):
        raise Refused(reason)
    registration = registration or Registration(event=event, person=by)
    registration.state = RegistrationState.CONFIRMED
    registration.registered_at = timezone.now()
    registration.cancelled_at = None
    registration.attendance = Attendance.UNKNOWN
    registration.settled_at = None
    registration.save()
    return registration


@transaction.atomic
def cancel_registration(*, event_id: int, by: User) -> None:
    """Give the place of `by` back. Locks the event. Idempotent. Raises Refused once it is over."""
    event = queries.lock_event(event_id)
    if rules.is_over(event):
        raise Refused("This event is over; the registration can no longer be cancelled.")
    Registration.objects.filter(event=event, person=by, state=RegistrationState.CONFIRMED).update(
        state=RegistrationState.CANCELLED, cancelled_at=timezone.now()
    )
