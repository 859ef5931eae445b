"""Automatic checks of claims: duplicates, the same training again, overlaps, many credits in a day.

People see the results before they save, and staff see them before they decide. Checks only warn;
they never refuse anything. The number of queries does not depend on the number of claims.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from aspen.clock import years_after
from aspen.formats import counted, format_amount, format_day, format_time_range
from credits.enums import LIVE, CheckKind, ClaimRole
from credits.models import Claim
from credits.same_training import ONE_DAY, is_same_title, may_be_same, normalized_url
from events.enums import EventState, Origin
from events.models import CreditOffer, Event, RecordingPage
from events.rules import is_claimable, is_longer_than_a_day, last_day_of, overlaps
from events.signals import EarlierClaim

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _CreditSum(TypedDict):
        credit_sum: Decimal

    ClaimWithCreditSum = WithAnnotations[Claim, _CreditSum]

# The same training within this many years is "the same training again".
AGAIN_YEARS = 4
MAX_CREDITS_PER_DAY = 12
# PostgreSQL computes similarity slightly differently, so it finds candidates with a lower limit and
# Python rechecks them.
CANDIDATE_SIMILARITY = 0.4


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckResult:
    """A warning for the person and for staff.

    `event` is the other event, or None if the warning is about a whole day. `claim_id` is the
    person's own claim on that event, if any. `can_claim` is True if that event can be claimed
    instead.
    """

    kind: CheckKind
    text: str
    event: Event | None = None
    claim_id: int | None = None
    can_claim: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckSubject:
    """A claim to check: an event and the credits that a person claimed or wants to claim for it.

    The event can be unsaved. `claim_id` is None if the event has not been claimed yet. Presenting a
    training again is not checked, because credit for it has a rule of its own.
    """

    person_id: int
    event: Event
    credits: Decimal
    claim_id: int | None = None
    claimed_at: dt.datetime | None = None
    is_attendee: bool = True

    @property
    def last_day(self) -> dt.date:
        return _span(self.event).last


def check_claims(claims: Iterable[Claim]) -> dict[int, list[CheckResult]]:
    """Return the check results for these live claims, by claim id. Takes three queries."""
    subjects = _subjects(Claim.objects.filter(pk__in=[claim.pk for claim in claims]))
    results = check_subjects(subjects)
    return {
        subject.claim_id: own
        for subject, own in zip(subjects, results, strict=True)
        if subject.claim_id
    }


def check_proposed_claims(
    proposed: Sequence[tuple[Event, Decimal]],
    *,
    person: User,
    claim_id: int | None = None,
    role: ClaimRole = ClaimRole.ATTENDEE,
) -> list[list[CheckResult]]:
    """Return the check results for each (event, credits), as if the person claimed all of them.

    The events can be unsaved and are also compared with each other. `claim_id` is the claim being
    edited, which is not compared with itself. Takes two queries.
    """
    subjects = [
        CheckSubject(
            person_id=person.pk,
            event=event,
            credits=credits,
            claim_id=claim_id,
            is_attendee=role == ClaimRole.ATTENDEE,
        )
        for event, credits in proposed
    ]
    return check_subjects(subjects)


def earlier_claim(person: User, event: Event) -> EarlierClaim | None:
    """Return the person's live claim on the event, or else the latest on the same training.

    The same training is what the checks ask about: a possible duplicate, or the same training
    again. Takes one query.
    """
    subject = CheckSubject(person_id=person.pk, event=event, credits=Decimal())
    nearby = Claim.objects.filter(pk__in=_nearby_claims([subject]), state__in=sorted(LIVE))
    claimed = [
        each
        for each in _subjects(nearby)
        if _is_same(subject, each) or may_be_same(event, each.event) or _is_again(subject, each)
    ]
    if not claimed:
        return None
    latest = max(claimed, key=lambda each: (_is_same(subject, each), each.last_day, each.claim_id))
    assert latest.claimed_at is not None
    return EarlierClaim(
        timezone.localdate(latest.claimed_at), reverse("credits:detail", args=[latest.claim_id])
    )


def check_fingerprint(results: Iterable[CheckResult]) -> str:
    """Return a string that a form sends back to confirm which results the person saw."""
    return " ".join(
        f"{each.kind}:{each.event.pk or each.event.title if each.event else ''}" for each in results
    )


# ---------- The checks ----------


def check_subjects(subjects: Sequence[CheckSubject]) -> list[list[CheckResult]]:
    """Return each subject's check results, in the given order. Takes two queries."""
    if not subjects:
        return []
    given = {each.claim_id: each for each in subjects if each.claim_id is not None}
    nearby = Claim.objects.filter(pk__in=_nearby_claims(subjects), state__in=sorted(LIVE))
    claimed = [*given.values(), *_subjects(nearby.exclude(pk__in=given))]
    claimed.sort(key=lambda each: (each.event.begins_at, each.claim_id))
    similar = list(_similar_published_events(subjects))
    new = [each for each in subjects if each.claim_id is None]
    repeated = [each for each in new if any(_is_repeat(each, other) for other in claimed)]
    new = [each for each in new if each not in repeated]
    results: list[list[CheckResult]] = []
    for subject in subjects:
        if subject in repeated:
            results.append([])
            continue
        others = [
            each
            for each in [*claimed, *new]
            if each.person_id == subject.person_id and not _is_same(each, subject)
        ]
        results.append(
            [
                *_check_duplicates(subject, others, similar),
                *_check_again(subject, others),
                *_check_overlaps(subject, others),
                *_check_daily_total(subject, others),
            ]
        )
    return results


def _is_repeat(subject: CheckSubject, claimed: CheckSubject) -> bool:
    """Return whether the person has pressed Save twice for the same new training.

    No warning is needed, because saving reports that the training is already listed.
    """
    return (
        subject.event.pk is None
        and subject.person_id == claimed.person_id == claimed.event.created_by_id
        and claimed.event.origin == Origin.CUSTOM
        and subject.event.title == claimed.event.title
        and subject.event.begins_at == claimed.event.begins_at
    )


def _is_same(one: CheckSubject, other: CheckSubject) -> bool:
    if one is other:
        return True
    if one.claim_id is not None and one.claim_id == other.claim_id:
        return True
    return one.event.pk is not None and one.event.pk == other.event.pk


def _check_duplicates(
    subject: CheckSubject, others: Sequence[CheckSubject], similar: Sequence[Event]
) -> Iterable[CheckResult]:
    for other in others:
        if may_be_same(subject.event, other.event):
            status = "has already been claimed" if other.claim_id else "is also entered here"
            yield CheckResult(
                kind=CheckKind.SAME,
                text=f"{_title_and_time(other.event)} {status}. Is it the same training?",
                event=other.event,
                claim_id=other.claim_id,
            )
    if subject.event.origin != Origin.CUSTOM:
        return
    compared = {subject.event.pk, *(each.event.pk for each in others)}
    for event in similar:
        if event.pk in compared or not may_be_same(subject.event, event):
            continue
        where = "on the calendar" if event.origin == Origin.CALENDAR else "an approved training"
        yield CheckResult(
            kind=CheckKind.SAME,
            text=f"{_title_and_time(event)} is {where}. Is it the same training?",
            event=event,
            can_claim=event.has_credit and is_claimable(event),  # type: ignore[attr-defined]
        )


def _check_again(subject: CheckSubject, others: Sequence[CheckSubject]) -> Iterable[CheckResult]:
    """Ask about the latest claim on a training with this title, on another day within four years.

    Of two claims, only the later training has the warning. A new claim is compared with both
    earlier and later ones.
    """
    again = [
        other
        for other in others
        if other.claim_id
        and (subject.claim_id is None or other.last_day < subject.last_day)
        and not may_be_same(subject.event, other.event)
        and _is_again(subject, other)
    ]
    if not again:
        return
    latest = max(again, key=lambda other: (other.last_day, other.claim_id))
    yield CheckResult(
        kind=CheckKind.AGAIN,
        text=f"{_title_and_time(latest.event)} has already been claimed. Is it the same training "
        "again?",
        event=latest.event,
        claim_id=latest.claim_id,
    )


def _is_again(one: CheckSubject, other: CheckSubject) -> bool:
    """Return whether both are attendance at a training with this title, within four years."""
    return (
        one.is_attendee
        and other.is_attendee
        and _within_years(one.last_day, other.last_day)
        and is_same_title(one.event, other.event)
    )


def _within_years(one: dt.date, other: dt.date) -> bool:
    first, last = sorted((one, other))
    return last < years_after(first, AGAIN_YEARS)


def _check_overlaps(subject: CheckSubject, others: Sequence[CheckSubject]) -> Iterable[CheckResult]:
    for other in others:
        if may_be_same(subject.event, other.event) or not _overlap(subject.event, other.event):
            continue
        yield CheckResult(
            kind=CheckKind.OVERLAP,
            text=f"{_title_and_time(other.event)} took place at the same time and "
            + ("has also been claimed." if other.claim_id else "is also entered here."),
            event=other.event,
            claim_id=other.claim_id,
        )


def _check_daily_total(
    subject: CheckSubject, others: Sequence[CheckSubject]
) -> Iterable[CheckResult]:
    """Warn about the event's busiest day if its credits exceed the daily maximum.

    A multi-day event's credits are spread evenly over its days. A single event can exceed the
    maximum on its own.
    """
    spans = [(each.credits, _span(each.event)) for each in [subject, *others]]
    own = spans[0][1]
    busiest, total, number = None, Decimal(MAX_CREDITS_PER_DAY), 0
    # The total can only rise on a day on which an event starts.
    for day in sorted({span.first for _, span in spans if own.first <= span.first <= own.last}):
        shares = [credits / span.days for credits, span in spans if span.first <= day <= span.last]
        if sum(shares, Decimal()) > total:
            busiest, total, number = day, sum(shares, Decimal()), len(shares)
    if busiest:
        yield CheckResult(
            kind=CheckKind.MANY,
            text=f"Credits on {format_day(busiest)} add up to {format_amount(round(total, 1))} "
            f"in {counted(number, 'training')}. More than {MAX_CREDITS_PER_DAY} in one day is "
            "unusual.",
        )


# ---------- Times ----------


def _overlap(one: Event, other: Event) -> bool:
    """Return whether two events overlap. Recordings and courses longer than a day never do."""
    for event in (one, other):
        if is_longer_than_a_day(event) or event.recording_available_at:
            return False
    return overlaps(one, other)


class _Span(NamedTuple):
    """The first and last days of an event in Mountain time."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def _span(event: Event) -> _Span:
    first = timezone.localdate(event.begins_at)
    return _Span(first, last_day_of(event.begins_at, event.ends_at, all_day=event.all_day))


def _title_and_time(event: Event) -> str:
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    return f"“{event.title}” ({when})"


# ---------- Reading ----------


def with_credit_sum(claims: QuerySet[Claim]) -> "QuerySet[ClaimWithCreditSum]":
    """Annotate claims with `credit_sum`, the total of their credits that were not withdrawn."""
    counting = Q(credits__withdrawn_at=None)
    return claims.annotate(
        credit_sum=Coalesce(Sum("credits__amount", filter=counting), Value(Decimal()))
    )


def _subjects(claims: QuerySet[Claim]) -> list[CheckSubject]:
    rows = with_credit_sum(claims).select_related("event")
    rows = rows.only("person", "role", "claimed_at", *(f"event__{name}" for name in COMPARED))
    return [
        CheckSubject(
            person_id=claim.person_id,
            event=claim.event,
            credits=claim.credit_sum,
            claim_id=claim.pk,
            claimed_at=claim.claimed_at,
            is_attendee=claim.role == ClaimRole.ATTENDEE,
        )
        for claim in rows.order_by("event__begins_at", "pk")
    ]


# The fields needed to compare events and to show the other event in a result.
COMPARED = (
    *("title", "begins_at", "ends_at", "all_day", "origin", "state", "parent", "created_by"),
    *("recording_url", "recording_available_at", "claimable_at"),
)
# Joins a table of the subjects, because a condition for each would make the statement too long.
NEARBY_CLAIMS_SQL = """
    SELECT claim.id
      FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
           AS subject (person_id, since, until, recording, title)
      JOIN credits_claim AS claim USING (person_id)
      JOIN events_event AS event ON event.id = claim.event_id
     -- Redundant, but makes PostgreSQL use the index on person.
     WHERE claim.person_id = ANY (%s) AND (
           event.begins_at <= subject.until AND event.over_at >= subject.since
        OR subject.recording <> '' AND strpos(lower(event.recording_url), subject.recording) > 0
        OR claim.role = 'attendee'
           AND event.begins_at BETWEEN subject.since - make_interval(years => %s)
                                   AND subject.until + make_interval(years => %s)
           AND similarity(event.title, subject.title) >= %s)
"""
# OFFSET 0 makes PostgreSQL use the index on begins_at for each subject, so it compares few titles.
SIMILAR_EVENTS_SQL = """
    SELECT near.id
      FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])
           AS subject (title, since, until),
           LATERAL (SELECT id, title FROM events_event
                     WHERE begins_at BETWEEN subject.since AND subject.until AND state = 'published'
                    OFFSET 0) AS near
     WHERE similarity(near.title, subject.title) >= %s
"""
SAME_RECORDING_SQL = rf"""
    UNION
    SELECT id
      FROM events_event
     WHERE {RecordingPage.template % {"expressions": "recording_url"}} = ANY (%s)
       AND state = 'published' AND recording_url <> ''
"""


def _nearby_claims(subjects: Sequence[CheckSubject]) -> RawSQL:
    """Select the same people's claims that these events are compared with.

    They are within a day of the event, on the same recording, or on a training with a similar title
    within four years.
    """
    people = [each.person_id for each in subjects]
    windows = [_comparison_window(each.event) for each in subjects]
    return RawSQL(
        NEARBY_CLAIMS_SQL,
        (
            people,
            [begins_at for begins_at, _ in windows],
            [ends_at for _, ends_at in windows],
            [normalized_url(each.event.recording_url) for each in subjects],
            [each.event.title for each in subjects],
            people,
            AGAIN_YEARS,
            AGAIN_YEARS,
            CANDIDATE_SIMILARITY,
        ),
    )


def _comparison_window(event: Event) -> tuple[dt.datetime, dt.datetime]:
    """Return the period from a day before the event to a day after it."""
    ends_at = max(event.begins_at, event.ends_at or event.begins_at)
    return event.begins_at - ONE_DAY, ends_at + ONE_DAY


def _similar_published_events(subjects: Sequence[CheckSubject]) -> QuerySet[Event]:
    """Return published events similar to the subjects' custom events, except college courses."""
    events = [each.event for each in subjects if each.event.origin == Origin.CUSTOM]
    recordings = [url for event in events if (url := normalized_url(event.recording_url))]
    begins = [event.begins_at for event in events]
    similar = RawSQL(
        SIMILAR_EVENTS_SQL + SAME_RECORDING_SQL * bool(recordings),
        (
            [event.title for event in events],
            [begins_at - ONE_DAY for begins_at in begins],
            [begins_at + ONE_DAY for begins_at in begins],
            CANDIDATE_SIMILARITY,
            *([recordings] if recordings else []),
        ),
    )
    credit = CreditOffer.objects.filter(event=OuterRef("pk"))
    return (
        Event.objects.filter(pk__in=similar, state=EventState.PUBLISHED, college_work=None)
        .annotate(has_credit=Exists(credit))
        .only(*COMPARED)
        .order_by("-origin", "begins_at", "pk")
    )
