"""Signals to the apps above. Receivers run in the sender's transaction."""

import datetime as dt
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q
from django.dispatch import Signal

from accounts.models import User
from events.models import Event

# A registered person's event is over, or their attendance was marked or unmarked.
# Arguments: registrations (list for one person, with .event and .person), earned, by (User).
attendance_settled = Signal()

# Walk-ins that only an attendance list added lose their place, because it was undone.
# Arguments: registrations (list for one person, with .event and .person), by (User).
place_removed = Signal()

# Marks on an event's roster changed, or its attendance lists.
# Arguments: event. The sender holds the event's lock.
attendance_marked = Signal()

# A presenter's event is over.
# Arguments: presentations (list for one person, with .event and .person), by (User).
presenting_settled = Signal()

# Staff decided on a custom event, or its author changed it.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# A staff decision on a custom event was undone, so the claims that it changed are restored.
# Arguments: event, action_id (UUID of the decision's run, see aspen.db.last_change), by (User).
custom_event_decision_undone = Signal()

# An event's state or days changed, so its credits may need to be updated.
# Arguments: event, by (User, or None for an import).
event_revised = Signal()

# Events were added to or removed from a year's catalog. The sender holds the events' locks.
# Arguments: event_ids (list of int), by (User).
catalog_changed = Signal()


# Hooks: apps above append functions in AppConfig.ready(), because this app cannot import them.
# Each function returns the ids of the events that the person has claims for.
EventIdsHook = Callable[[User, list[Event]], set[int]]

# Live claims only.
claimed_event_hooks: list[EventIdsHook] = []
# Claims in any state, including declined and withdrawn.
ever_claimed_event_hooks: list[EventIdsHook] = []


class TrackFit(NamedTuple):
    """Conditions on events, for a person who has chosen a track.

    `counts`: its credit counts toward what is missing. `fills_gap`: it counts toward what is
    missing first.
    """

    counts: Q
    fills_gap: Q


# Each function returns which events fit the person's tracks, or None without a track.
track_fit_hooks: list[Callable[[User], TrackFit | None]] = []


def track_fit_of(person: User | None) -> TrackFit | None:
    """Return which events fit the person's tracks. None without a track, and for the public."""
    if person is None:
        return None
    return next(filter(None, (hook(person) for hook in track_fit_hooks)), None)


CertifiedEventsHook = Callable[[Collection[int]], set[int]]
# The events with credits that a certificate counts, unless it was revoked.
certified_event_hooks: list[CertifiedEventsHook] = []


def certified_event_ids(event_ids: Collection[int]) -> set[int]:
    """Return those of these events whose credits a certificate counts. Takes two queries."""
    return set().union(*(hook(event_ids) for hook in certified_event_hooks))


def claimed_event_ids_for(person: User | None, events: list[Event]) -> set[int]:
    """Return the ids of the events that the person has live claims for. Empty for the public."""
    if person is None:
        return set()
    return set().union(*(hook(person, events) for hook in claimed_event_hooks))


def ever_claimed_event_ids_for(person: User, events: list[Event]) -> set[int]:
    """Return the ids of the events that the person has claims for, in any state."""
    return set().union(*(hook(person, events) for hook in ever_claimed_event_hooks))


class EarlierClaim(NamedTuple):
    """A person's live claim on an event, or on the same training at another time."""

    claimed_on: dt.date
    url: str


# Each function returns the person's claim on the event, or else on the same training.
earlier_claim_hooks: list[Callable[[User, Event], EarlierClaim | None]] = []


def earlier_claim_for(person: User | None, event: Event) -> EarlierClaim | None:
    """Return the person's claim on the event, or else on the same training. None for the public."""
    if person is None:
        return None
    return next(filter(None, (hook(person, event) for hook in earlier_claim_hooks)), None)


# Each function returns the credits by person id that these people would lose if they were absent.
lost_credits_hooks: list[Callable[[Event, list[int]], dict[int, Decimal]]] = []


def credits_lost_if_absent(event: Event, person_ids: list[int]) -> dict[int, Decimal]:
    """Return the credits by person id that these people would lose if they were absent."""
    lost: dict[int, Decimal] = {}
    for hook in lost_credits_hooks:
        for person_id, amount in hook(event, person_ids).items():
            lost[person_id] = lost.get(person_id, Decimal(0)) + amount
    return lost
