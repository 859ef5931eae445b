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


# Nobody has decided about it yet, so the person may still change what belongs to it.
UNDECIDED = frozenset({ClaimState.PENDING, ClaimState.RETURNED})


class RemarkKind(models.TextChoices):
    """What the portal remarks about a claim by itself (care.py)."""

    SAME = "same", "Possible duplicate"
    OVERLAP = "overlap", "At the same time"
    MANY = "many", "Many credits in one day"


class Mover(models.TextChoices):
    """Who moves a claim from one state to another."""

    PERSON = "person", "The person"
    STAFF = "staff", "Staff"
    # What follows by itself: an event is cancelled or merged, or an absence is marked.
    PORTAL = "portal", "The portal"


# Every move there is, and who may make it. What is not here cannot happen.
MOVES: dict[tuple[ClaimState, ClaimState], frozenset[Mover]] = {
    (ClaimState.PENDING, ClaimState.APPROVED): frozenset({Mover.STAFF}),
    (ClaimState.PENDING, ClaimState.RETURNED): frozenset({Mover.STAFF, Mover.PORTAL}),
    (ClaimState.PENDING, ClaimState.DECLINED): frozenset({Mover.STAFF}),
    (ClaimState.PENDING, ClaimState.WITHDRAWN): frozenset({Mover.PERSON, Mover.PORTAL}),
    (ClaimState.RETURNED, ClaimState.PENDING): frozenset({Mover.PERSON, Mover.PORTAL}),
    (ClaimState.RETURNED, ClaimState.DECLINED): frozenset({Mover.STAFF}),
    (ClaimState.RETURNED, ClaimState.WITHDRAWN): frozenset({Mover.PERSON, Mover.PORTAL}),
    (ClaimState.APPROVED, ClaimState.DECLINED): frozenset({Mover.STAFF}),
    (ClaimState.APPROVED, ClaimState.WITHDRAWN): frozenset({Mover.PORTAL}),
    # A merge that is undone gives each claim the state back that it had.
    (ClaimState.APPROVED, ClaimState.PENDING): frozenset({Mover.PORTAL}),
    (ClaimState.APPROVED, ClaimState.RETURNED): frozenset({Mover.PORTAL}),
    (ClaimState.WITHDRAWN, ClaimState.PENDING): frozenset({Mover.PORTAL}),
    (ClaimState.WITHDRAWN, ClaimState.RETURNED): frozenset({Mover.PORTAL}),
    (ClaimState.WITHDRAWN, ClaimState.APPROVED): frozenset({Mover.PORTAL}),
}
