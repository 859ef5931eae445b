"""News that the calendar sends upwards. Receivers act in the sender's transaction."""

from collections.abc import Callable

from django.dispatch import Signal

from accounts.models import User
from events.models import Event

# An event is over and a registration stands, or attendance was marked or taken back.
# Arguments: registrations (list of one person's, with .event and .person), earned, by (User).
attendance_settled = Signal()

# An event is over that somebody presented.
# Arguments: presentations (list of one person's, with .event and .person), by (User).
presenting_settled = Signal()

# Staff decided about a custom event, or its author sent it again.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# The facts of an event changed that its credits depend on: its state, its days. Arguments: event,
# by (User, or None for an import).
event_revised = Signal()

# Events came into the catalog of a fiscal year, or out of it. The sender holds the events' locks.
# Arguments: event_ids (list of int), by (User).
catalog_changed = Signal()


EventIdsHook = Callable[[User, list[Event]], set[int]]

claimed_event_hooks: list[EventIdsHook] = []
# The same of what is in somebody's list of credits at all, declined and withdrawn included.
recorded_event_hooks: list[EventIdsHook] = []


def claimed_event_ids_for(person: User | None, events: list[Event]) -> set[int]:
    """The ids of those events that are listed in the person's credits; nobody has claimed none."""
    if person is None:
        return set()
    return set().union(*(marks(person, events) for marks in claimed_event_hooks))


def recorded_event_ids_for(person: User, events: list[Event]) -> set[int]:
    """The ids of those events that somebody's list of credits leads to."""
    return set().union(*(marks(person, events) for marks in recorded_event_hooks))
