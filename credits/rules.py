"""Small predicates about claims."""

from django.utils import timezone

from credits.enums import MOVES, ClaimState
from credits.models import Claim
from events.enums import Attendance, EventState
from events.models import Event, Registration
from events.rules import has_recording


def may_move(claim: Claim, target: ClaimState) -> bool:
    """Whether the table of moves (enums.MOVES) leads from the claim's state to `target`."""
    return target in MOVES[ClaimState(claim.state)]


def why_not_claim(
    event: Event, *, has_credit: bool, registration: Registration | None, earlier: Claim | None
) -> str | None:
    """Why a calendar event cannot be claimed by somebody, or None.

    `registration` and `earlier` (a declined claim) are the person's own for this event. Who was
    absent may still watch the recording.
    """
    if event.state == EventState.CANCELLED:
        return "This event was cancelled, so it earns no credit."
    if not has_credit:
        return "This event carries no CE credit."
    now = timezone.now()
    if event.claimable_at > now:
        return "This event is not over yet. Credit can be claimed once it has ended."
    absent = registration is not None and registration.attendance == Attendance.ABSENT
    if absent and not has_recording(event, now):
        return "The organizer marked you as absent. If that is a mistake, open a help ticket."
    if earlier:
        return (
            f"Your claim was declined: {earlier.reason} If that is a mistake, open a help ticket."
        )
    return None
