"""That an event was the same as another, from the calendar's side. What people claimed moves in
credits/actions/merging.py."""

from aspen.db.audit import act
from aspen.errors import Refused
from events import queries
from events.enums import EventState, Origin
from events.models import Event


@act
def mark_merged(*, source: Event, target: Event) -> None:
    """Let an event lead to another from now on. The caller holds both events' locks.

    Its registrations stay where they are; a merged event settles nothing.
    """
    source.state, source.merged_into = EventState.MERGED, target
    source.save(update_fields=["state", "merged_into"])


@act
def mark_separate(*, event: Event, state: EventState) -> None:
    """Let a merged event stand for itself again, in the state it had. The caller holds its lock.

    Raises Refused when its author has recorded the same training anew.
    """
    if event.origin == Origin.CUSTOM:
        assert event.created_by is not None  # events_custom_has_author
        same = queries.same_custom_events(event.created_by, event.title, event.begins_at)
        if same.exclude(pk=event.pk).exists():
            raise Refused(
                f"{event.created_by} has created “{event.title}” anew since, so the merge cannot "
                "be undone. Decide about the new one instead."
            )
    event.state, event.merged_into = state, None
    event.save(update_fields=["state", "merged_into"])
