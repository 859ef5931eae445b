from django.db import models

from aspen.transitions import Actor, Transition
from aspen.web.labels import Label, label_table


class RuleSetKind(models.TextChoices):
    """Whether a rule set is for people without a certificate for the track, with one, or both."""

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


PARTICIPATION_LABELS = label_table(
    {
        ParticipationState.OPEN: ("neutral", "○"),
        ParticipationState.SUBMITTED: ("info", "◷"),
        ParticipationState.REVIEWED: ("info", "◷"),
        ParticipationState.CERTIFIED: ("good", "✓"),
        ParticipationState.REVOKED: ("bad", "✕"),
        ParticipationState.LEFT: ("neutral", "–"),
    }
)
READY = Label("Ready to submit", "good", "✓")
# Labels for library directors, who do not see who has a record: the coordinator or supervisor.
RECORD_SENT = Label("Record sent", "info", "◷")
IN_PROGRESS = Label("In progress", "neutral", "○")


# Changes to credits are posted to active participations.
ACTIVE = frozenset(
    {ParticipationState.OPEN, ParticipationState.SUBMITTED, ParticipationState.REVIEWED}
)
# Submitted and not yet decided on. A change to the record reopens it.
SUBMITTED_OR_REVIEWED = frozenset({ParticipationState.SUBMITTED, ParticipationState.REVIEWED})


class ParticipationStep(models.TextChoices):
    SUBMIT = "submit", "Submit"
    TAKE_BACK = "take_back", "Withdraw"
    RETURN = "return", "Return for changes"
    REVIEW = "review", "Review"
    VERIFY = "verify", "Verify"
    REFUSE = "refuse", "Refuse"
    REOPEN = "reopen", "Reopen"
    REVOKE = "revoke", "Revoke"
    REVOKE_AND_REOPEN = "restore", "Revoke and reopen"
    LEAVE = "leave", "Leave"
    RESUME = "resume", "Resume"


State = ParticipationState
# Submission, review, verification and certificate, in the State Library's order.
PARTICIPATION_TRANSITIONS: dict[ParticipationStep, Transition[State]] = {
    # The portal submits and reviews a record again as it was when what reopened it is undone.
    ParticipationStep.SUBMIT: Transition(
        {Actor.PERSON: {State.OPEN}, Actor.PORTAL: {State.OPEN}}, State.SUBMITTED
    ),
    ParticipationStep.TAKE_BACK: Transition({Actor.PERSON: SUBMITTED_OR_REVIEWED}, State.OPEN),
    ParticipationStep.RETURN: Transition({Actor.COORDINATOR: SUBMITTED_OR_REVIEWED}, State.OPEN),
    ParticipationStep.REVIEW: Transition(
        {Actor.COORDINATOR: {State.SUBMITTED}, Actor.PORTAL: {State.SUBMITTED}}, State.REVIEWED
    ),
    ParticipationStep.VERIFY: Transition({Actor.SUPERVISOR: {State.REVIEWED}}, State.CERTIFIED),
    ParticipationStep.REFUSE: Transition({Actor.SUPERVISOR: {State.REVIEWED}}, State.OPEN),
    ParticipationStep.REOPEN: Transition({Actor.PORTAL: SUBMITTED_OR_REVIEWED}, State.OPEN),
    ParticipationStep.REVOKE: Transition({Actor.COORDINATOR: {State.CERTIFIED}}, State.REVOKED),
    ParticipationStep.REVOKE_AND_REOPEN: Transition(
        {Actor.COORDINATOR: {State.CERTIFIED}}, State.OPEN
    ),
    # When a certified period is reopened, the portal leaves the next one.
    ParticipationStep.LEAVE: Transition(
        {Actor.PERSON: {State.OPEN}, Actor.PORTAL: {State.OPEN}}, State.LEFT
    ),
    ParticipationStep.RESUME: Transition({Actor.PERSON: {State.LEFT}}, State.OPEN),
}


class Ending(models.TextChoices):
    """How a submission ended."""

    TAKEN_BACK = "taken_back", "Withdrawn"
    RETURNED = "returned", "Returned for changes"
    REFUSED = "refused", "Refused by the supervisor"
    REOPENED = "reopened", "Reopened by a correction"
    CERTIFIED = "certified", "Certified"


ENDING_LABELS = label_table(
    {
        Ending.TAKEN_BACK: ("neutral", "–"),
        Ending.RETURNED: ("warn", "!"),
        Ending.REFUSED: ("warn", "!"),
        Ending.REOPENED: ("warn", "!"),
        Ending.CERTIFIED: ("good", "✓"),
    }
)


class VerificationAnswer(models.TextChoices):
    """A supervisor's answer, or WITHDRAWN if the answer is no longer needed."""

    VERIFIED = "verified", "Verified"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


ANSWER_LABELS = label_table(
    {
        VerificationAnswer.VERIFIED: ("good", "✓"),
        VerificationAnswer.REFUSED: ("warn", "!"),
        VerificationAnswer.WITHDRAWN: ("neutral", "–"),
    }
)
ASKED = Label("Asked", "info", "◷")
NOT_ANSWERED = Label("Not answered", "warn", "!")


class CertificateValidity(models.TextChoices):
    """The validity of a certificate on a given day. Not stored."""

    VALID = "valid", "Valid"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


CERTIFICATE_LABELS = label_table(
    {
        CertificateValidity.VALID: ("good", "✓"),
        CertificateValidity.EXPIRED: ("warn", "!"),
        CertificateValidity.REVOKED: ("bad", "✕"),
    }
)


class RuleSetState(models.TextChoices):
    """The state of a rule set on a given day. Not stored."""

    IN_FORCE = "in_force", "In force"
    COMING = "coming", "Upcoming"
    PAST = "past", "Past"


RULE_SET_LABELS = label_table(
    {
        RuleSetState.IN_FORCE: ("good", "✓"),
        RuleSetState.COMING: ("info", "◷"),
        RuleSetState.PAST: ("neutral", "–"),
    }
)

# Labels for a credit in a track.
POSTED = Label("Posted", "good", "✓")
NOT_COUNTED = Label("Not counted", "neutral", "–")
ARCHIVED = Label("Archived", "neutral", "▣")
# Label for a recommended track.
FITS = Label("Recommended for you", "good", "✓")
