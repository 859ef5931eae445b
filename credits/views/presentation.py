"""Typed rows and pages for the claim templates."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from accounts.models import User
from aspen.formats import counted, format_credits, format_time_range
from aspen.web.labels import Label
from credits import queries
from credits.checks import CheckResult, check_fingerprint
from credits.enums import (
    LISTED,
    LIVE,
    PENDING_OR_RETURNED,
    CheckKind,
)
from credits.links import claim_address
from credits.models import Claim
from events import queries as event_queries
from events.calendar import presentation as calendar_presentation
from events.enums import Origin
from events.models import Category, Event
from events.rules import is_claimable


class WarningRow(NamedTuple):
    """A check result and what the person can do about it.

    `title` is the other event's title. `instead_id` is its id if the person can claim that event
    instead.
    """

    label: str
    text: str
    claim_id: int | None
    title: str
    instead_id: int | None


def warning_rows(results: Iterable[CheckResult]) -> list[WarningRow]:
    return [
        WarningRow(
            CheckKind(result.kind).label,
            result.text,
            result.claim_id,
            title=result.event.title if result.event else "",
            instead_id=result.event.pk if result.event and result.can_claim else None,
        )
        for result in results
    ]


class CategoryCredits(NamedTuple):
    category: Category
    amount: str


class ClaimPage(NamedTuple):
    """A claim whose note or files could not be saved, and what its owner can still change."""

    claim: Claim
    title: str
    address: str
    is_live: bool
    is_undecided: bool


def claim_page(claim: Claim) -> ClaimPage:
    """Return a claim's page. Takes one query if its event is loaded."""
    return ClaimPage(
        claim=claim,
        title=claim.event.title,
        address=claim_address(claim),
        is_live=claim.state in LIVE,
        is_undecided=claim.state in PENDING_OR_RETURNED,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClaimReviewPage:
    """An event to claim, with the person's existing `claim` or the reason they cannot claim it."""

    event: Event
    url: str
    when: str
    credits: list[CategoryCredits]
    claim: Claim | None
    why_not: str
    warnings: list[WarningRow]
    # Identifies the warnings, so that saving confirms that the person saw them.
    confirmed: str


def claim_review_page(
    event: Event,
    person: User,
    *,
    claim: Claim | None,
    why_not: str,
    results: Sequence[CheckResult],
) -> ClaimReviewPage:
    """Return an event's review page. Takes no queries if its offers are prefetched."""
    return ClaimReviewPage(
        event=event,
        url=_event_url(event, person),
        when=_when(event),
        credits=[
            CategoryCredits(offer.category, format_credits(offer.amount))
            for offer in event.offers.all()
        ],
        claim=claim,
        why_not=why_not,
        warnings=warning_rows(results),
        confirmed=check_fingerprint(results),
    )


class SessionRow(NamedTuple):
    """A conference session that is already claimed, cannot be claimed or has a checkbox.

    `about` is its room, and why it cannot be claimed.
    """

    pk: int
    title: str
    starts: str
    about: str
    credits: list[calendar_presentation.Credits]
    claimed: Label | None
    why_not: str
    is_checked: bool


def session_row(
    event: Event,
    claimed_or_why_not: queries.ClaimedOrWhyNot,
    lines: Iterable[event_queries.CategoryAmount],
    *,
    is_checked: bool,
) -> SessionRow:
    why_not = "" if claimed_or_why_not.is_claimed else claimed_or_why_not.why_not
    return SessionRow(
        pk=event.pk,
        title=event.title,
        starts=calendar_presentation.start_time(event),
        about=" · ".join(filter(None, [event.room, why_not])),
        credits=calendar_presentation.credit_chips(lines),
        claimed=LISTED if claimed_or_why_not.is_claimed else None,
        why_not=why_not,
        is_checked=is_checked,
    )


class SimilarRow(NamedTuple):
    """An event with a similar title. `claim_id` is the event's id if it can be claimed."""

    title: str
    url: str
    about: str
    credits: list[CategoryCredits]
    is_claimed: bool
    claim_id: int | None


def similar_rows(person: User, events: list[Event]) -> list[SimilarRow]:
    """Return a row for each event, with the number of people who claimed it but no names.

    Takes two queries if the events' offers are prefetched.
    """
    counts = queries.claim_counts(events)
    claimed = queries.claimed_event_ids(person, events)
    return [
        SimilarRow(
            title=event.title,
            url=event.get_absolute_url() if event.origin == Origin.CALENDAR else "",
            about=" · ".join(
                filter(None, [_when(event), event.sponsor, _claimed_by(counts.get(event.pk, 0))])
            ),
            credits=[
                CategoryCredits(offer.category, format_credits(offer.amount))
                for offer in event.offers.all()
            ],
            is_claimed=event.pk in claimed,
            claim_id=event.pk if is_claimable(event) and event.offers.all() else None,
        )
        for event in events
    ]


def _claimed_by(number: int) -> str:
    return f"{counted(number, 'person', 'people')} claimed this" if number else ""


def _event_url(event: Event, person: User) -> str:
    """Return the URL of a calendar event or the person's own custom event, or ""."""
    is_open = event.origin == Origin.CALENDAR or event.created_by_id == person.pk
    return event.get_absolute_url() if is_open else ""


def _when(event: Event) -> str:
    return format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
