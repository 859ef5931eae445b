"""What pages know about events and the person who looks at them."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from events import queries, rules
from events.enums import (
    Attendance,
    EventState,
    Origin,
)
from events.models import Event
from events.queries import NO_REGISTRATIONS, CategoryAmount, RegistrationCounts
from events.signals import claimed_event_ids_for


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventFacts:
    """The data that pages show about some events, by event id, for one person at one time."""

    now: dt.datetime
    is_signed_in: bool
    credits: Mapping[int, Sequence[CategoryAmount]]
    counts_by_event: Mapping[int, RegistrationCounts]
    claimed: set[int]


def credit_button(event: Event, facts: EventFacts) -> str:
    """Return the Add CE credit button to show: claimed, claim, sign_in, or "" for none."""
    if event.pk in facts.claimed:
        return "claimed"
    was_absent = (
        facts.counts_by_event.get(event.pk, NO_REGISTRATIONS).attendance == Attendance.ABSENT
    )
    claimable = (
        event.origin == Origin.CALENDAR
        and event.state == EventState.PUBLISHED
        and event.pk in facts.credits
        and event.claimable_at <= facts.now
        and not rules.is_past_recording(event, facts.now)
        and (not was_absent or rules.has_recording(event, facts.now))
    )
    if not claimable:
        return ""
    return "claim" if facts.is_signed_in else "sign_in"


def signed_in_person(request: HttpRequest) -> User | None:
    """Return the signed-in person, or None for the public."""
    return request.user if request.user.is_authenticated else None


def facts_about(person: User | None, events: list[Event]) -> EventFacts:
    """Load the data that pages show about these events. Takes a fixed number of queries."""
    return EventFacts(
        now=timezone.now(),
        is_signed_in=person is not None,
        credits=queries.credit_lines(events),
        counts_by_event=queries.registration_counts(person, events),
        claimed=claimed_event_ids_for(person, events),
    )
