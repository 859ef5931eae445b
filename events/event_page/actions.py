"""Actions of the event page: open the meeting or the recording, answer a question, star a session.

They write only hints and stars, which earn nothing, so they lock nothing. Unique constraints make
them idempotent.
"""

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited
from aspen.errors import Refused
from events import permissions, queries, rules
from events.enums import HintKind, RegistrationState
from events.models import Event, Hint, Star


@audited
def join_meeting(*, event_id: int, by: User) -> str:
    """Return the joining address of an event at which `by` has a place, and record a hint.

    Organizers get the address too, without a hint. Raises Event.DoesNotExist, or Refused if `by`
    has no place, or no one can join now.
    """
    event = queries.events_visible_to(by).get(pk=event_id)
    registration = queries.registration_of(by, event)
    has_place = registration is not None and registration.state == RegistrationState.CONFIRMED
    if not has_place and not permissions.managed_by(by).filter(pk=event.pk).exists():
        raise Refused("Only people who have a place at this event can join it. Register first.")
    if reason := rules.why_not_join(event):
        raise Refused(reason)
    if has_place:
        _record(event, by, HintKind.JOINED)
    return event.joining_url


@audited
def watch_recording(*, event_id: int, by: User | None) -> str:
    """Return the address of an event's recording, and record a hint for a signed-in person.

    Raises Event.DoesNotExist, or Refused if the recording cannot be watched now.
    """
    event = queries.events_visible_to(by).get(pk=event_id)
    if not rules.can_watch(event, timezone.now()):
        raise Refused(f"This recording cannot be watched now. Ask {rules.contact_of(event)}.")
    if by:
        _record(event, by, HintKind.WATCHED)
    return event.recording_url


@audited
def dismiss(*, event_id: int, by: User) -> None:
    """Remember that `by` did not take part in the event, so that no page asks again. Idempotent.

    Raises Event.DoesNotExist.
    """
    _record(queries.events_visible_to(by).get(pk=event_id), by, HintKind.DISMISSED)


@audited
def undo_dismissal(*, event_id: int, by: User) -> None:
    """Ask `by` again whether they took part in the event. Idempotent."""
    Hint.objects.filter(event=event_id, person=by, kind=HintKind.DISMISSED).delete()


@audited
def star_session(*, event_id: int, by: User) -> None:
    """Mark a conference session that `by` plans to attend. Idempotent.

    Raises Event.DoesNotExist, or Refused if the event is not a session, is canceled or is over.
    """
    event = queries.on_calendar().get(pk=event_id)
    if reason := rules.why_not_star(event):
        raise Refused(reason)
    Star.objects.bulk_create([Star(event=event, person=by)], ignore_conflicts=True)


@audited
def unstar_session(*, event_id: int, by: User) -> None:
    """Remove the mark that `star_session` made. Idempotent."""
    Star.objects.filter(event=event_id, person=by).delete()


def _record(event: Event, person: User, kind: HintKind) -> None:
    Hint.objects.bulk_create([Hint(event=event, person=person, kind=kind)], ignore_conflicts=True)
