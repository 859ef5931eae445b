"""Everything that writes events and registrations. Each function is atomic and takes `by=`."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from events import queries, rules, signals
from events.enums import (
    DECISIONS,
    Attendance,
    Decision,
    EventState,
    EventType,
    Origin,
    RegistrationState,
)
from events.models import Category, CreditOffer, Event, Registration


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomEventFacts:
    """What Create New… asks. Moments are aware; `amount` is in credits."""

    title: str
    begins_at: dt.datetime
    ends_at: dt.datetime
    sponsor: str
    presenter: str
    description: str
    category: Category
    amount: Decimal


def _lock_event(event_id: int) -> Event:
    return Event.objects.select_for_update(of=("self",), no_key=True).get(pk=event_id)


@transaction.atomic
def register(*, event_id: int, by: User) -> Registration:
    """Give `by` a place at the event. Locks the event, so its capacity holds.

    Idempotent: somebody registered keeps the place. Raises Refused (full, over, not here).
    """
    event = _lock_event(event_id)
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
    registration.save()
    return registration


@transaction.atomic
def cancel_registration(*, event_id: int, by: User) -> None:
    """Give the place of `by` back. Locks the event. Idempotent. Raises Refused once it is over."""
    event = _lock_event(event_id)
    if rules.is_over(event):
        raise Refused("This event is over; the registration can no longer be cancelled.")
    Registration.objects.filter(event=event, person=by, state=RegistrationState.CONFIRMED).update(
        state=RegistrationState.CANCELLED, cancelled_at=timezone.now()
    )


@transaction.atomic
def settle_registration(*, registration_id: int) -> bool:
    """Let a place at an event that is over lead to its credit; True when this call did it.

    Safe to run twice, late, and at once: the row is locked and settled a single time.
    """
    registration = (
        queries.due_registrations()
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=registration_id)
        .select_related("event", "person")
        .first()
    )
    if registration is None:
        return False
    registration.settled_at = timezone.now()
    registration.save(update_fields=["settled_at"])
    signals.attendance_settled.send(
        Registration,
        registration=registration,
        earned=registration.attendance != Attendance.ABSENT,
        by=registration.person,
    )
    return True


def settle_due(*, person: User | None = None) -> int:
    """Settle every due registration, or only this person's; return how many.

    Each in a transaction of its own: what is settled stays settled when the process is killed.
    """
    due = queries.due_registrations()
    if person is not None:
        due = due.filter(person=person)
    ids = list(due.values_list("pk", flat=True))
    return sum(settle_registration(registration_id=pk) for pk in ids)


@transaction.atomic
def mark_attendance(*, registration_id: int, attendance: Attendance, by: User) -> None:
    """Record whether somebody was there. Idempotent; locks the registration.

    After the end this corrects the credit at once; before it, settling looks at the mark.
    """
    registration = (
        Registration.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event", "person")
        .get(pk=registration_id)
    )
    if registration.attendance == attendance:
        return
    registration.attendance = attendance
    registration.save(update_fields=["attendance"])
    if registration.settled_at is not None:
        signals.attendance_settled.send(
            Registration,
            registration=registration,
            earned=attendance != Attendance.ABSENT,
            by=by,
        )


def _refuse_unfit(facts: CustomEventFacts) -> None:
    if facts.ends_at <= facts.begins_at:
        raise Refused("The end must be after the beginning.", field="ends_at")
    if facts.ends_at > timezone.now():
        raise Refused(
            "This training is not over yet. Credits can be claimed once it has ended.",
            field="ends_at",
        )
    most = rules.most_credits(facts.begins_at, facts.ends_at)
    if facts.amount > most:
        raise Refused(
            f"The training lasted for {most} credits at the most. "
            "Lower the credit value or correct the times.",
            field="amount",
        )


def _apply(event: Event, facts: CustomEventFacts) -> None:
    for name in ("title", "begins_at", "ends_at", "sponsor", "presenter", "description"):
        setattr(event, name, getattr(facts, name))


@transaction.atomic
def create_custom_event(*, facts: CustomEventFacts, by: User) -> tuple[Event, bool]:
    """Record a training that is not on the calendar; it waits for approval.

    Returns the event and whether it is new: the same title and beginning by the same person is
    the same event. The caller holds the person's lock. Raises Refused.
    """
    _refuse_unfit(facts)
    same = (
        Event.objects.filter(
            origin=Origin.CUSTOM,
            created_by=by,
            title=facts.title,
            begins_at=facts.begins_at,
        )
        .exclude(state__in=[EventState.DECLINED, EventState.CANCELLED])
        .first()
    )
    if same:
        return same, False
    event = Event(
        origin=Origin.CUSTOM,
        state=EventState.PENDING,
        type=EventType.CONTINUING_EDUCATION,
        created_by=by,
        is_demonstration=by.is_demonstration,
    )
    _apply(event, facts)
    event.save()
    CreditOffer.objects.create(event=event, category=facts.category, amount=facts.amount)
    return event, True


@transaction.atomic
def resubmit_custom_event(*, event_id: int, facts: CustomEventFacts, by: User) -> Event:
    """Change a returned custom event and send it again. Locks the event.

    Raises Refused when it is not waiting for its author, or the facts do not fit.
    """
    event = _lock_event(event_id)
    if event.created_by_id != by.pk or event.state != EventState.DRAFT:
        raise Refused("This event is not waiting for your changes.")
    _refuse_unfit(facts)
    _apply(event, facts)
    event.state = EventState.PENDING
    event.save()
    event.offers.all().delete()
    CreditOffer.objects.create(event=event, category=facts.category, amount=facts.amount)
    signals.custom_event_changed.send(Event, event=event, by=by, reason="")
    return event


@transaction.atomic
def decide_custom_event(*, event_id: int, decision: Decision, reason: str, by: User) -> Event:
    """Approve, return or decline a custom event (enums.DECISIONS). Locks the event.

    The person sees `reason`, so returning and declining need one. Raises Refused.
    """
    event = _lock_event(event_id)
    sources, target = DECISIONS[decision]
    if event.origin != Origin.CUSTOM or event.state not in sources:
        raise Refused(
            f"“{event.title}” is {event.get_state_display().lower()}; "
            f"{decision.label.lower()} is not possible any more."
        )
    if event.created_by_id == by.pk:
        raise Refused(f"Somebody else has to decide about your own event “{event.title}”.")
    if decision != Decision.APPROVE and not reason.strip():
        raise Refused("Give a reason; the person will read it.", field="reason")
    event.state = target
    event.decided_by = by
    event.decided_at = timezone.now()
    event.decision_reason = reason.strip()
    event.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    signals.custom_event_changed.send(Event, event=event, by=by, reason=event.decision_reason)
    return event


@transaction.atomic
def save_event(*, event: Event, by: User | None) -> Event:
    """Store a new or changed calendar event; the tracks follow if its days changed.

    `by` is None for an import. Raises django's ValidationError when a rule is broken.
    """
    event.full_clean()
    is_new = event.pk is None
    event.save()
    if not is_new:
        signals.event_revised.send(Event, event=event, by=by)
    return event


@transaction.atomic
def import_event(
    *, event_id: int | None, values: Mapping[str, Any], offers: Mapping[int, Decimal] | None
) -> Event:
    """Store an event of a file, new or (with an id) changed, with exactly these credit lines.

    `values` are fields of the event, `offers` amounts by category id; None leaves them alone.
    Locks a changed event; claims keep the credits they were made with. Checks the fields only
    and leaves the rules to the database's constraints, because a file has thousands of events:
    raises ValidationError by field, or IntegrityError.
    """
    event = Event() if event_id is None else _lock_event(event_id)
    for name, value in values.items():
        setattr(event, name, value)
    event.clean_fields(exclude={"parent"})
    event.save()
    if offers is not None:
        _set_offers(event, offers, is_new=event_id is None)
    if event_id is not None:
        signals.event_revised.send(Event, event=event, by=None)
    return event


@transaction.atomic
def set_offers(*, event_id: int, offers: Mapping[int, Decimal], by: User) -> None:
    """Give a calendar event exactly these credit lines: amounts by category id. Locks the event.

    Idempotent. Claims keep the credits they were made with; a wrong one is a help ticket's matter.
    """
    _set_offers(_lock_event(event_id), offers, is_new=False)


def _set_offers(event: Event, offers: Mapping[int, Decimal], *, is_new: bool) -> None:
    if not is_new:
        event.offers.exclude(category__in=offers).delete()
    CreditOffer.objects.bulk_create(
        (
            CreditOffer(event=event, category_id=category_id, amount=amount)
            for category_id, amount in offers.items()
        ),
        update_conflicts=True,
        unique_fields=["event", "category"],
        update_fields=["amount"],
    )


@transaction.atomic
def correct_offer(*, event_id: int, before: Category, after: Category, amount: Decimal) -> None:
    """Make a custom event's credit line say what its author's corrected credit says."""
    event = _lock_event(event_id)
    if event.origin != Origin.CUSTOM:
        return
    event.offers.filter(category__in=[before, after]).delete()
    CreditOffer.objects.create(event=event, category=after, amount=amount)
