"""Signals to the apps above. Receivers run in the sender's transaction."""

from collections.abc import Callable

from django.dispatch import Signal

from accounts.models import User
from events.models import Event

# An event with a registration is over, or attendance was marked or unmarked.
# Arguments: registrations (list of one person's, with .event and .person), earned, by (User).
attendance_settled = Signal()

# An event with a presenter is over.
# Arguments: presentations (list of one person's, with .event and .person), by (User).
presenting_settled = Signal()

# Staff decided about a custom event, or its author resubmitted it.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# The state or days of an event changed, which its credits depend on.
# Arguments: event, by (User, or None for an import).
event_revised = Signal()

# Events were added to or removed from a year's catalog. The sender holds the events' locks.
# Arguments: event_ids (list of int), by (User).
catalog_changed = Signal()


EventIdsHook = Callable[[User, list[Event]], set[int]]

claimed_event_hooks: list[EventIdsHook] = []
# The same, for claims in any state, including declined and withdrawn.
recorded_event_hooks: list[EventIdsHook] = []


def claimed_event_ids_for(person: User | None, events: list[Event]) -> set[int]:
    """The ids of the events that the person has live claims for; empty without a person."""
    if person is None:
        return set()
    return set().union(*(hook(person, events) for hook in claimed_event_hooks))


def recorded_event_ids_for(person: User, events: list[Event]) -> set[int]:
    """The ids of the events that the person has claims for, in any state."""
    return set().union(*(hook(person, events) for hook in recorded_event_hooks))
