"""How the apps above tell the calendar which events somebody has claimed.

The calendar knows nothing of credits (imports point downwards), yet its pages show "Listed in your
credits". So an app that knows appends a function to `claim_marks` when it is ready. Such a function
asks at most one query for all events together.
"""

from collections.abc import Callable

from accounts.models import User
from events.models import Event

ClaimMarks = Callable[[User, list[Event]], set[int]]

claim_marks: list[ClaimMarks] = []
# The same of what is in somebody's list of credits at all, declined and withdrawn included.
record_marks: list[ClaimMarks] = []


def claimed_ids(person: User | None, events: list[Event]) -> set[int]:
    """The ids of those events that are listed in the person's credits; nobody has claimed none."""
    if person is None:
        return set()
    return set().union(*(marks(person, events) for marks in claim_marks))


def recorded_ids(person: User, events: list[Event]) -> set[int]:
    """The ids of those events that somebody's list of credits leads to."""
    return set().union(*(marks(person, events) for marks in record_marks))
