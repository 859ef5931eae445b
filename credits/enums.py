from django.db import models


class ClaimRole(models.TextChoices):
    ATTENDEE = "attendee", "Attendee"
    PRESENTER = "presenter", "Presenter"


class ClaimSource(models.TextChoices):
    """How the claim came about: the three ways of the calendar, and Create New…"""

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


# A live claim stands: its credits are archived or posted. The others count nowhere.
LIVE = frozenset({ClaimState.PENDING, ClaimState.APPROVED, ClaimState.RETURNED})
ENDED = frozenset({ClaimState.DECLINED, ClaimState.WITHDRAWN})

# Who may follow whom; a state that is missing on the left is final.
MOVES: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.PENDING: frozenset(
        {ClaimState.APPROVED, ClaimState.RETURNED, ClaimState.DECLINED, ClaimState.WITHDRAWN}
    ),
    ClaimState.RETURNED: frozenset({ClaimState.PENDING, ClaimState.DECLINED, ClaimState.WITHDRAWN}),
    ClaimState.APPROVED: frozenset({ClaimState.DECLINED, ClaimState.WITHDRAWN}),
    ClaimState.DECLINED: frozenset(),
    ClaimState.WITHDRAWN: frozenset(),
}
