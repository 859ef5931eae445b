from django.db import models

from aspen.transitions import Actor, Transition
from aspen.web.labels import Label, label_table


class ClaimRole(models.TextChoices):
    ATTENDEE = "attendee", "Attendee"
    PRESENTER = "presenter", "Presenter"


class ClaimSource(models.TextChoices):
    """How a claim was made."""

    REGISTRATION = "registration", "Registration"
    CALENDAR = "calendar", "Add CE credit"
    LIST = "list", "Continuing Education list"
    CUSTOM = "custom", "Create New…"
    PRESENTING = "presenting", "Presenting"
    AWARD = "award", "Awarded by staff"


class ClaimState(models.TextChoices):
    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    RETURNED = "returned", "Returned for changes"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


CLAIM_LABELS = label_table(
    {
        ClaimState.PENDING: ("info", "◷"),
        ClaimState.APPROVED: ("good", "✓"),
        ClaimState.RETURNED: ("warn", "!"),
        ClaimState.DECLINED: ("bad", "✕"),
        ClaimState.WITHDRAWN: ("neutral", "–"),
    }
)
# A credit that was withdrawn while its claim remained live.
WITHDRAWN_CREDIT = Label("Credit withdrawn", "neutral", "–")
LISTED = Label("Listed in your credits", "good", "✓")


# Credits of live claims are archived or posted; credits of ended claims do not count anywhere.
LIVE = frozenset({ClaimState.PENDING, ClaimState.APPROVED, ClaimState.RETURNED})
ENDED = frozenset({ClaimState.DECLINED, ClaimState.WITHDRAWN})

# A certificate of attendance is issued for claims in these states.
CERTIFIED = frozenset({ClaimState.PENDING, ClaimState.APPROVED})

# Staff have not decided yet, so the person can still change the note and the evidence.
PENDING_OR_RETURNED = frozenset({ClaimState.PENDING, ClaimState.RETURNED})


class CheckKind(models.TextChoices):
    """Kinds of check results (see checks.py)."""

    SAME = "same", "Possible duplicate"
    AGAIN = "again", "Same training again"
    OVERLAP = "overlap", "Overlapping times"
    MANY = "many", "Many credits in one day"


# All allowed transitions, by target state.
CLAIM_TRANSITIONS: dict[ClaimState, Transition[ClaimState]] = {
    ClaimState.PENDING: Transition(
        {
            # Resubmitting, and undoing one's own withdrawal.
            Actor.PERSON: {ClaimState.RETURNED, ClaimState.WITHDRAWN},
            # Undoing a merge or a decision restores each claim's earlier state.
            Actor.PORTAL: {
                ClaimState.RETURNED,
                ClaimState.APPROVED,
                ClaimState.DECLINED,
                ClaimState.WITHDRAWN,
            },
        },
        ClaimState.PENDING,
    ),
    ClaimState.APPROVED: Transition(
        {
            Actor.STAFF: {ClaimState.PENDING},
            Actor.PORTAL: {ClaimState.WITHDRAWN, ClaimState.DECLINED},
        },
        ClaimState.APPROVED,
    ),
    ClaimState.RETURNED: Transition(
        {
            Actor.STAFF: {ClaimState.PENDING},
            Actor.PORTAL: {
                ClaimState.PENDING,
                ClaimState.APPROVED,
                ClaimState.DECLINED,
                ClaimState.WITHDRAWN,
            },
        },
        ClaimState.RETURNED,
    ),
    ClaimState.DECLINED: Transition({Actor.STAFF: LIVE}, ClaimState.DECLINED),
    ClaimState.WITHDRAWN: Transition(
        {Actor.PERSON: PENDING_OR_RETURNED, Actor.PORTAL: LIVE}, ClaimState.WITHDRAWN
    ),
}
