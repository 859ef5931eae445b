from django.db import models

from aspen.transitions import Actor, Transition
from aspen.web.labels import Label, label_table


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
# What the director of a library reads: not with whom a record is.
RECORD_SENT = Label("Record sent", "info", "◷")
IN_PROGRESS = Label("In progress", "neutral", "○")


# Credits follow an active participation: what is claimed, corrected or declined shows there.
ACTIVE = frozenset(
    {ParticipationState.OPEN, ParticipationState.SUBMITTED, ParticipationState.REVIEWED}
)
# Sent, and not decided yet: what was sent must stay as it is, or it is sent again.
SENT = frozenset({ParticipationState.SUBMITTED, ParticipationState.REVIEWED})


class ParticipationStep(models.TextChoices):
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
# Every step there is. Submitting, review, verification and certificate come in the State Library's
# order.
PARTICIPATION_TRANSITIONS: dict[ParticipationStep, Transition[State]] = {
    ParticipationStep.SUBMIT: Transition({Actor.PERSON: {State.OPEN}}, State.SUBMITTED),
    ParticipationStep.TAKE_BACK: Transition({Actor.PERSON: SENT}, State.OPEN),
    ParticipationStep.RETURN: Transition({Actor.COORDINATOR: SENT}, State.OPEN),
    ParticipationStep.REVIEW: Transition({Actor.COORDINATOR: {State.SUBMITTED}}, State.REVIEWED),
    ParticipationStep.VERIFY: Transition({Actor.SUPERVISOR: {State.REVIEWED}}, State.CERTIFIED),
    ParticipationStep.REFUSE: Transition({Actor.SUPERVISOR: {State.REVIEWED}}, State.OPEN),
    ParticipationStep.REOPEN: Transition({Actor.PORTAL: SENT}, State.OPEN),
    ParticipationStep.REVOKE: Transition({Actor.COORDINATOR: {State.CERTIFIED}}, State.REVOKED),
    ParticipationStep.RESTORE: Transition({Actor.COORDINATOR: {State.CERTIFIED}}, State.OPEN),
    # The portal leaves a period that had begun where the one before it is reopened.
    ParticipationStep.LEAVE: Transition(
        {Actor.PERSON: {State.OPEN}, Actor.PORTAL: {State.OPEN}}, State.LEFT
    ),
    ParticipationStep.RESUME: Transition({Actor.PERSON: {State.LEFT}}, State.OPEN),
}


class Ending(models.TextChoices):
    """What became of a submission."""

    TAKEN_BACK = "taken_back", "Taken back"
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
    """What became of the question to a supervisor. Withdrawn: nobody needs an answer any more."""

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
    """Whether a certificate holds on a day; not stored."""

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
UNKNOWN_CERTIFICATE = Label("Unknown", "neutral", "?")


class RuleSetState(models.TextChoices):
    """Whether a rule set can be chosen on a day; not stored."""

    IN_FORCE = "in_force", "In force"
    COMING = "coming", "To come"
    PAST = "past", "Past"


RULE_SET_LABELS = label_table(
    {
        RuleSetState.IN_FORCE: ("good", "✓"),
        RuleSetState.COMING: ("info", "◷"),
        RuleSetState.PAST: ("neutral", "–"),
    }
)

# What becomes of a credit in a track.
POSTED = Label("Posted", "good", "✓")
NOT_COUNTED = Label("Not counted", "neutral", "–")
ARCHIVED = Label("Archived", "neutral", "▣")
# A track that is recommended.
FITS = Label("Fits you", "good", "✓")
