from django.db import models


class RuleSetKind(models.TextChoices):
    """Initial: no earlier certificate of the track. Renewal: holds one. Both: no difference."""

    BOTH = "both", "Initial and renewal"
    INITIAL = "initial", "Initial"
    RENEWAL = "renewal", "Renewal"


class ParticipationState(models.TextChoices):
    OPEN = "open", "Open"
    SUBMITTED = "submitted", "With the CE Coordinator"
    REVIEWED = "reviewed", "With the supervisor"
    CERTIFIED = "certified", "Certified"
    REVOKED = "revoked", "Certificate revoked"
    LEFT = "left", "Left"


# Credits follow an active participation: what is claimed, corrected or declined shows there.
ACTIVE = frozenset(
    {ParticipationState.OPEN, ParticipationState.SUBMITTED, ParticipationState.REVIEWED}
)
# Sent, and not decided yet: what was sent must stay as it is, or it is sent again.
SENT = frozenset({ParticipationState.SUBMITTED, ParticipationState.REVIEWED})


class Actor(models.TextChoices):
    """Who takes a step with a participation."""

    PERSON = "person", "The person"
    COORDINATOR = "coordinator", "The CE Coordinator"
    SUPERVISOR = "supervisor", "The supervisor"
    # What follows by itself: something that was sent is corrected, say.
    PORTAL = "portal", "The portal"


class Step(models.TextChoices):
    SUBMIT = "submit", "Submit"
    TAKE_BACK = "take_back", "Take back"
    RETURN = "return", "Return for changes"
    REVIEW = "review", "Review"
    VERIFY = "verify", "Verify"
    REFUSE = "refuse", "Refuse"
    REOPEN = "reopen", "Reopen"
    REVOKE = "revoke", "Revoke"
    RESTORE = "restore", "Revoke and reopen"
    LEAVE = "leave", "Leave"
    RESUME = "resume", "Take up again"


State = ParticipationState
# Every step there is: from which state, to which, and who may take it. What is not here cannot
# happen. Submitting, review, verification and certificate come in the State Library's order.
STEPS: dict[tuple[State, Step], tuple[State, frozenset[Actor]]] = {
    (State.OPEN, Step.SUBMIT): (State.SUBMITTED, frozenset({Actor.PERSON})),
    (State.SUBMITTED, Step.TAKE_BACK): (State.OPEN, frozenset({Actor.PERSON})),
    (State.REVIEWED, Step.TAKE_BACK): (State.OPEN, frozenset({Actor.PERSON})),
    (State.SUBMITTED, Step.RETURN): (State.OPEN, frozenset({Actor.COORDINATOR})),
    (State.REVIEWED, Step.RETURN): (State.OPEN, frozenset({Actor.COORDINATOR})),
    (State.SUBMITTED, Step.REVIEW): (State.REVIEWED, frozenset({Actor.COORDINATOR})),
    (State.REVIEWED, Step.VERIFY): (State.CERTIFIED, frozenset({Actor.SUPERVISOR})),
    (State.REVIEWED, Step.REFUSE): (State.OPEN, frozenset({Actor.SUPERVISOR})),
    (State.SUBMITTED, Step.REOPEN): (State.OPEN, frozenset({Actor.PORTAL})),
    (State.REVIEWED, Step.REOPEN): (State.OPEN, frozenset({Actor.PORTAL})),
    (State.CERTIFIED, Step.REVOKE): (State.REVOKED, frozenset({Actor.COORDINATOR})),
    (State.CERTIFIED, Step.RESTORE): (State.OPEN, frozenset({Actor.COORDINATOR})),
    # The portal leaves a period that had begun where the one before it is reopened.
    (State.OPEN, Step.LEAVE): (State.LEFT, frozenset({Actor.PERSON, Actor.PORTAL})),
    (State.LEFT, Step.RESUME): (State.OPEN, frozenset({Actor.PERSON})),
}


class Ending(models.TextChoices):
    """What became of a submission."""

    TAKEN_BACK = "taken_back", "Taken back"
    RETURNED = "returned", "Returned for changes"
    REFUSED = "refused", "Refused by the supervisor"
    REOPENED = "reopened", "Reopened by a correction"
    CERTIFIED = "certified", "Certified"


class Answer(models.TextChoices):
    """What became of the question to a supervisor. Withdrawn: nobody needs an answer any more."""

    VERIFIED = "verified", "Verified"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"
