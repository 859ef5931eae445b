"""Taking a step with a participation, as the table of steps allows it (tracks/enums.py)."""

from aspen.errors import Refused
from tracks import rules
from tracks.enums import Actor, ParticipationState, Step
from tracks.models import Participation

WHY_NOT = {
    ParticipationState.OPEN: "it is open and has not been sent",
    ParticipationState.SUBMITTED: "it is with the CE Coordinator",
    ParticipationState.REVIEWED: "it is with the supervisor",
    ParticipationState.CERTIFIED: "its certificate has been issued",
    ParticipationState.REVOKED: "its certificate was revoked",
    ParticipationState.LEFT: "this track was left",
}


def take_step(participation: Participation, step: Step, *, actor: Actor) -> None:
    """Move the participation and store it. The caller holds the person's lock. Raises Refused."""
    state = rules.after(participation, step, actor)
    if state is None:
        because = WHY_NOT[ParticipationState(participation.state)]
        raise Refused(
            f"{participation.track}: nothing was changed, because {because}. "
            "Look at the page again."
        )
    participation.state = state
    participation.save(update_fields=["state"])
