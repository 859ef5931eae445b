"""Store calendar events and their credit lines. Signals update credits and tracks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from aspen.db.audit import audited
from events import queries, rules, signals
from events.enums import AttendanceMode, Delivery, EventState
from events.models import CreditOffer, Event
from events.registration.actions import promote_waiting


@audited
def save_event(*, event: Event, by: User) -> Event:
    """Store a new or changed calendar event and update credits and tracks. Locks an existing one.

    New places go to people on the waitlists. Raises ValidationError if a value is invalid, the
    event was merged, or a new capacity is below the number of people with a place.
    """
    is_new = event.pk is None
    if not is_new:
        if queries.lock_event(event.pk).state == EventState.MERGED:
            # Its claims have moved, so a form opened before the merge must not bring it back.
            raise ValidationError(
                "This event was merged into another event. Change that one instead."
            )
        if reasons := why_capacity_too_small(event):
            raise ValidationError(reasons)
    event.full_clean()
    event.save()
    if not is_new:
        send_event_revised(event, by=by)
        promote_waiting(event=event, by=by)
    return event


def why_capacity_too_small(event: Event) -> dict[str, str]:
    """Return why the changed event has too few places for the people who have one, by field.

    Empty if it has enough. If the format changes too, the people are counted as they will take
    part then (ATTENDANCE_MODES_FOLLOW_FORMAT). Three queries.
    """
    taken = queries.places_taken(event, "")
    online = queries.places_taken(event, AttendanceMode.ONLINE)
    [delivery] = Event.objects.filter(pk=event.pk).values_list("delivery", flat=True)
    if event.delivery != Delivery.HYBRID:
        taken, online = taken + online, 0
    elif delivery in (Delivery.ONLINE, Delivery.RECORDED):
        taken, online = 0, taken
    return {
        field: (
            f"{number} people already have {a_place}, so capacity cannot be less than {number}. "
            f"Enter {number} or more, or ask some of them to cancel first."
        )
        for field, a_place, number, capacity in (
            ("capacity", "a place", taken, event.capacity),
            ("online_capacity", "an online place", online, event.online_capacity),
        )
        if capacity is not None and number > capacity
    }


def send_event_revised(event: Event, *, by: User | None) -> None:
    """Send the event_revised signal. If the event has not taken place, undo its settling first."""
    event.refresh_from_db()
    if not rules.is_claimable(event):
        event.registrations.exclude(settled_at=None).update(settled_at=None)
        event.presenters.exclude(settled_at=None).update(settled_at=None)
    signals.event_revised.send(Event, event=event, by=by)


@audited
def import_event(
    *, event_id: int | None, values: Mapping[str, Any], offers: Mapping[int, Decimal] | None
) -> Event:
    """Create an event from a file, or change the one with `event_id`, and set its credit lines.

    `offers` maps category ids to amounts; None keeps the current lines. Locks an existing event.
    Existing claims keep their credits. A file can have thousands of events, so this validates only
    fields and leaves the rules to database constraints. Raises ValidationError by field, also if
    there are too few places for a new format, or IntegrityError.
    """
    event = Event() if event_id is None else queries.lock_event(event_id)
    format_before = event.delivery
    for name, value in values.items():
        setattr(event, name, value)
    if event.delivery != Delivery.HYBRID:
        event.online_capacity = None  # Files do not have it.
    event.clean_fields(exclude={"parent"})
    if event_id and event.delivery != format_before and (reasons := why_capacity_too_small(event)):
        raise ValidationError({"delivery": list(reasons.values())})
    event.save()
    if offers is not None:
        replace_offers(event, offers, is_new=event_id is None)
    if event_id is not None:
        send_event_revised(event, by=None)
    return event


@audited
def set_offers(*, event: Event, offers: Mapping[int, Decimal]) -> None:
    """Set an event's credit lines: amounts by category id. Idempotent. Locks the event.

    Existing claims keep their credits.
    """
    queries.lock_events([event.pk])
    replace_offers(event, offers, is_new=False)


def replace_offers(event: Event, offers: Mapping[int, Decimal], *, is_new: bool) -> None:
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
