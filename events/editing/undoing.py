"""Undoing steps of calendar events, such as publishing a proposal, within a day."""

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited
from aspen.db.last_change import LastChange, last_changes
from aspen.errors import Refused
from events import permissions, queries, undoing
from events.editing import emails
from events.editing.publishing import send_event_revised
from events.enums import EventState
from events.models import Event
from events.undoing import STEPS


def _why_not_undo(event: Event, change: LastChange) -> str | None:
    """Return why a step of this kind is not undone, or None."""
    if event.state == EventState.PENDING:
        return "To change an event that was sent to staff, withdraw it."
    if event.state == EventState.CANCELLED:
        return (
            "People were told that this event is canceled, so this cannot be undone here. State "
            "Library staff can put it back on the calendar."
        )
    if change.before.state == EventState.CANCELLED:
        return "People were told that this event takes place. To change that, cancel it again."
    return None


def can_undo(event: Event, change: LastChange | None, *, by: User) -> bool:
    """Return True if `by` can undo this last step of the event now. Takes at most two queries."""
    if change is None or _why_not_undo(event, change):
        return False
    return undoing.is_undoable(change, STEPS) and _is_allowed(change, by)


def _is_allowed(change: LastChange, by: User) -> bool:
    return change.by_id == by.pk or permissions.may_publish(by)


@audited
def undo_step(*, event_id: int, by: User, seen: str = "") -> list[Event]:
    """Undo the last step of a calendar event within a day, and of the series if it took it too.

    All or nothing. Claims of an event that leaves the calendar are withdrawn, and its author is
    e-mailed if they were told. `seen` is the version of the step (LastChange.version) that the
    person saw. Locks the events and returns them. Raises Refused if `by` does not manage the event,
    the step is a colleague's and `by` is no staff, someone has changed the status since, the step
    is too old, it canceled the event, put it back or sent it to staff, people have registered, the
    event is in the course catalog, or a certificate counts its credits.
    """
    events = _lock_with_series(event_id)
    event = events[event_id]
    if not permissions.managed_by(by).filter(pk=event_id).exists():
        raise Refused("You no longer manage this event.")
    change = undoing.undoable_decision(event, STEPS, seen=seen)
    if reason := _why_not_undo(event, change):
        raise Refused(reason)
    if not _is_allowed(change, by):
        raise Refused("A colleague took this step. Ask them or State Library staff to undo it.")
    changes = last_changes(events.values(), "state", "origin")
    undone = [
        each
        for pk, each in events.items()
        if pk in changes and changes[pk].action_id == change.action_id
    ]
    for each in undone:
        _undo(each, changes[each.pk], by=by)
    return undone


def _lock_with_series(event_id: int) -> dict[int, Event]:
    """Lock the event and the other events of its series. Return them by id.

    Raises Event.DoesNotExist.
    """
    event = Event.objects.only("series_key").get(pk=event_id)
    ids = {event_id}
    if event.series_key:
        series = Event.objects.filter(series_key=event.series_key)
        ids.update(series.order_by("pk").values_list("pk", flat=True))
    queries.lock_events(ids)
    return {each.pk: each for each in Event.objects.filter(pk__in=ids).order_by("pk")}


def _undo(event: Event, change: LastChange, *, by: User) -> None:
    was_published = event.state == EventState.PUBLISHED
    if was_published:
        undoing.refuse_if_certified([event])
        undoing.refuse_if_in_use(event)
    told = emails.decision_key(event)
    undoing.restore_event(event, change)
    undoing.save_restored(event)
    emails.queue_decision_undone_email(event, told, was_published=was_published, at=timezone.now())
    if was_published:
        send_event_revised(event, by=by)
