"""What several pages of the calendar share."""

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from events import presentation, queries
from events.marks import claimed_ids
from events.models import Event

MONTH_FIELDS = ("title", "begins_at", "ends_at", "all_day", "state")
# Everything but the long texts: the description and the words prepared for searching.
ROW_FIELDS = (
    *MONTH_FIELDS,
    "origin",
    "delivery",
    "location",
    "city",
    "room",
    "sponsor",
    "registration_mode",
    "registration_opens_at",
    "registration_closes_at",
    "capacity",
    "has_waitlist",
    "recording_available_at",
    "recording_until_at",
    "over_at",
    "claimable_at",
    "parent__title",
)


def visitor(request: HttpRequest) -> User | None:
    """The signed-in person, or None for the public."""
    return request.user if request.user.is_authenticated else None


def known_about(person: User | None, events: list[Event]) -> presentation.Known:
    """What lists and pages tell about these events. A fixed number of queries."""
    return presentation.Known(
        now=timezone.now(),
        is_signed_in=person is not None,
        credits=queries.credit_lines(events),
        standings=queries.standings(person, events),
        claimed=claimed_ids(person, events),
    )
