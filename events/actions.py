"""Everything that writes events and registrations.

Functions that change something are atomic and lock first, always in this order: event,
registration, person. `by` is the person who acts; imports and the periodic job have none.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.errors import Refused
from aspen.words import credits as in_words
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
    earns = rules.is_over(event) and event.state == EventState.PUBLISHED and event.offers.exists()
    if earns:
        registration.settled_at = registration.settled_at or timezone.now()
    registration.save(update_fields=["attendance", "settled_at"])
    if earns:
        signals.attendance_settled.send(
            Registration,
            registrations=[registration],
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
    _refuse_too_many(facts.begins_at, facts.ends_at, facts.amount)


def _refuse_too_many(begins_at: dt.datetime, ends_at: dt.datetime, amount: Decimal) -> None:
    most = rules.most_credits(begins_at, ends_at)
    if amount > most:
        raise Refused(
            f"A training of this length can carry at most {in_words(most)}. "
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
    if same := queries.same_custom_events(by, facts.title, facts.begins_at).first():
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
    """Change a returned custom event and send it again. Locks the event and its author.

    Raises Refused when it is not waiting for its author, the facts do not fit, or they are those
    of another custom event of the same person.
    """
    event = queries.lock_event(event_id)
    lock_people([by.pk])
    if event.created_by_id != by.pk or event.state != EventState.DRAFT:
        raise Refused("This event is not waiting for your changes.")
    _refuse_unfit(facts)
    if queries.same_custom_events(by, facts.title, facts.begins_at).exclude(pk=event_id).exists():
        raise Refused(
            "You have saved another training with this title and beginning.", field="title"
        )
    _apply(event, facts)
    event.state = EventState.PENDING
    event.save()
    event.offers.all().delete()
    CreditOffer.objects.create(event=event, category=facts.category, amount=facts.amount)
    signals.custom_event_changed.send(Event, event=event, by=by, reason="")
    return event


@transaction.atomic
def cancel_custom_event(*, event: Event) -> None:
    """Take a custom event out of the queue for good. The caller holds its lock."""
    event.state = EventState.CANCELLED
    event.save(update_fields=["state"])


@transaction.atomic
def decide_custom_event(
    *, event_id: int, decision: Decision, reason: str, by: User, seen: str = ""
) -> Event:
    """Approve, return or decline a custom event (enums.DECISIONS). Locks the event.

    The person sees `reason`, so returning and declining need one. `seen` is the version
    (queries.version) the one who decides was looking at, where known: what a colleague decided or
    the author changed in between is not decided unseen. Raises Refused.
    """
    event = queries.lock_event(event_id)
    sources, target = DECISIONS[decision]
    if seen and queries.version(event) != seen:
        raise Refused(
            f"“{event.title}” was changed since you opened this page; it is "
            f"{event.get_state_display().lower()} now. Look at it again before you decide."
        )
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
def save_event(*, event: Event, by: User) -> Event:
    """Store a new or changed calendar event. Locks a changed one; credits and tracks follow.

    Raises django's ValidationError when a rule is broken.
    """
    is_new = event.pk is None
    if not is_new:
        queries.lock_event(event.pk)
    event.full_clean()
    event.save()
    if not is_new:
        _tell_revised(event, by=by)
    return event


def _tell_revised(event: Event, *, by: User | None) -> None:
    """An event that is cancelled or in the future again has settled nothing."""
    event.refresh_from_db()
    if not rules.has_taken_place(event):
        event.registrations.exclude(settled_at=None).update(settled_at=None)
    signals.event_revised.send(Event, event=event, by=by)


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
    event = Event() if event_id is None else queries.lock_event(event_id)
    for name, value in values.items():
        setattr(event, name, value)
    event.clean_fields(exclude={"parent"})
    event.save()
    if offers is not None:
        _set_offers(event, offers, is_new=event_id is None)
    if event_id is not None:
        _tell_revised(event, by=None)
    return event


@transaction.atomic
def set_offers(*, event: Event, offers: Mapping[int, Decimal]) -> None:
    """Give a calendar event exactly these credit lines: amounts by category id. Locks the event.

    Idempotent. Claims keep the credits they were made with; a wrong one is a help ticket's matter.
    """
    queries.lock_events([event.pk])
    _set_offers(event, offers, is_new=False)


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
    """Make a custom event's credit line say what its author's corrected credit says.

    The caller holds the event's lock. Raises Refused when it is more than the event's length.
    """
    event = Event.objects.get(pk=event_id)
    if event.origin != Origin.CUSTOM:
        return
    _refuse_too_many(event.begins_at, event.ends_at or event.over_at, amount)
    event.offers.filter(category__in=[before, after]).delete()
    CreditOffer.objects.create(event=event, category=after, amount=amount)
