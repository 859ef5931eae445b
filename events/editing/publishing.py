"""Storing calendar events and their credit lines. Credits and tracks follow what changes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from aspen.db.audit import audited
from events import queries, rules, signals
from events.enums import EventState, RegistrationState
from events.models import CreditOffer, Event
from events.registration.actions import promote_waiting


@audited
def save_event(*, event: Event, by: User) -> Event:
    """Store a new or changed calendar event. Locks a changed one; credits and tracks follow.

    More places go to those who wait. Raises django's ValidationError when a rule is broken: fewer
    places than people who hold one, say.
    """
    is_new = event.pk is None
    if not is_new:
        if queries.lock_event(event.pk).state == EventState.MERGED:
            # Whoever had its form open would bring it back, and its claims are elsewhere.
            raise ValidationError("This event was merged into another one. Change that instead.")
        if reason := why_capacity_too_small(event):
            raise ValidationError({"capacity": reason})
    event.full_clean()
    event.save()
    if not is_new:
        announce_revised(event, by=by)
        promote_waiting(event=event, by=by)
    return event


def why_capacity_too_small(event: Event) -> str | None:
    """Why the event cannot have so few places: more people hold one. Asks one query."""
    taken = event.registrations.filter(state=RegistrationState.CONFIRMED, walk_in=False).count()
    if event.capacity is None or taken <= event.capacity:
        return None
    return (
        f"{taken} people hold a place, so there cannot be fewer places than that. "
        f"Enter {taken} or more, or ask some of them to cancel first."
    )


def announce_revised(event: Event, *, by: User | None) -> None:
    """An event that is cancelled or in the future again has settled nothing."""
    event.refresh_from_db()
    if not rules.has_taken_place(event):
        event.registrations.exclude(settled_at=None).update(settled_at=None)
        event.presenters.exclude(settled_at=None).update(settled_at=None)
    signals.event_revised.send(Event, event=event, by=by)


@audited
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
        replace_offers(event, offers, is_new=event_id is None)
    if event_id is not None:
        announce_revised(event, by=None)
    return event


@audited
def set_offers(*, event: Event, offers: Mapping[int, Decimal]) -> None:
    """Give an event exactly these credit lines: amounts by category id. Locks the event.

    Idempotent. Claims keep the credits they were made with; a wrong one is a help ticket's matter.
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
