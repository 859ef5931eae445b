"""Undoing staff decisions on custom events, and what all decisions on events have in common."""

from accounts.models import User
from aspen.db.audit import audited
from aspen.db.last_change import LastChange, last_change
from aspen.errors import Refused
from events import queries, rules, signals
from events.enums import ListingState, Origin, RegistrationState
from events.models import Event

# The names in the history of the decisions that can be undone.
CUSTOM_EVENT_DECISIONS = frozenset({"events.decide_custom_event", "events.publish_custom_event"})
STEPS = frozenset({"events.take_step"})
# What a decision on an event changes.
_DECIDED = ("state", "origin", "submitted_at", "decided_by_id", "decided_at", "decision_reason")
LISTED = (ListingState.PROPOSED, ListingState.APPROVED)


def last_decision(event: Event) -> LastChange | None:
    """Return the last change to the event's state or origin. Takes one query."""
    return last_change(event, "state", "origin")


def is_undoable(change: LastChange | None, decisions: frozenset[str]) -> bool:
    """Return True if one of these decisions made the change within the last day. No query."""
    return change is not None and change.action in decisions and change.is_recent


@audited
def undo_custom_event_decision(*, event_id: int, by: User, seen: str = "") -> Event:
    """Undo the last decision on a custom event, or its publishing, within a day. Locks the event.

    The claims that the decision changed get their earlier status back, and people who were e-mailed
    the decision are e-mailed again. `seen` is the version of the decision (LastChange.version) that
    staff saw. Raises Refused if someone has decided again since then, the last change was no
    decision or is too old, a certificate counts the event's credits, the event is in the course
    catalog or has registrations, its author has reported the training again, or `by` is the author.
    """
    event = queries.lock_event(event_id)
    change = undoable_decision(event, CUSTOM_EVENT_DECISIONS, seen=seen)
    if event.created_by_id == by.pk:
        raise Refused(
            f"You cannot decide on your own event, “{event.title}”. Ask a colleague to do it."
        )
    refuse_if_certified([event])
    if event.origin == Origin.CALENDAR:
        refuse_if_in_use(event)
    restore_event(event, change)
    if event.origin == Origin.CUSTOM:
        queries.refuse_reported_again(event, "the decision")
    save_restored(event)
    signals.custom_event_decision_undone.send(Event, event=event, action_id=change.action_id, by=by)
    return event


def undoable_decision(event: Event, decisions: frozenset[str], *, seen: str) -> LastChange:
    """Return the decision to undo. The caller holds the event's lock.

    Raises Refused if the last change to the event's state is none of these decisions, is not the
    one that was `seen`, or was made more than a day ago.
    """
    change = last_decision(event)
    now = f"“{event.title}” is now {rules.state_for_editors(event)}."
    if change is None or change.action not in decisions or (seen and seen != change.version):
        raise Refused(
            f"{now} Someone has changed it since that decision, so the decision cannot be undone. "
            "Review the event again."
        )
    if not change.is_recent:
        raise Refused(f"{now} A decision can only be undone within one day.")
    return change


def refuse_if_certified(events: list[Event]) -> None:
    """Raise Refused if a certificate counts credits of one of these events. Takes two queries."""
    certified = signals.certified_event_ids([event.pk for event in events])
    for event in events:
        if event.pk in certified:
            raise Refused(
                f"A certificate counts the credit for “{event.title}”, so the decision cannot be "
                "undone."
            )


def refuse_if_in_use(event: Event) -> None:
    """Raise Refused if people are registered for a calendar event or it is in the catalog."""
    if event.registrations.exclude(state=RegistrationState.CANCELLED).exists():
        raise Refused(
            f"People have registered for “{event.title}”, so it cannot be taken off the calendar. "
            "Cancel the event instead, and they will be e-mailed."
        )
    if event.listings.filter(state__in=LISTED).exists():
        raise Refused(
            f"“{event.title}” is in the course catalog or proposed for it, so it cannot be taken "
            "off the calendar. Decline the listing first."
        )


def restore_event(event: Event, change: LastChange) -> None:
    """Set the fields that the decision changed to their earlier values."""
    change.restore(event, *_DECIDED)


def save_restored(event: Event) -> None:
    """Save the fields that restore_event set."""
    event.save(update_fields=[name.removesuffix("_id") for name in _DECIDED])
