"""Information that helps staff decide on custom events, queried for a whole list at a time."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import User
from aspen.web.paging import Key, Order, next_after
from credits import checks
from credits.checks import CheckResult, CheckSubject
from credits.enums import LIVE, ClaimRole
from credits.models import Claim
from events.enums import EventState, Origin
from events.models import WAITING_SINCE, CustomEvent, Event
from events.similar_titles import SimilarEvent, most_similar_by_event, similar_events

if TYPE_CHECKING:
    from credits.checks import ClaimWithCreditSum

UNANSWERED_AFTER = dt.timedelta(days=30)


class EarlierDecisions(NamedTuple):
    """How many of a person's custom events with the same sponsor were approved and declined."""

    approved: int
    declined: int


NO_EARLIER_DECISIONS = EarlierDecisions(0, 0)


class QueueItem(NamedTuple):
    """A custom event with its author's claim and information to consider before deciding."""

    event: Event
    claim: Claim | None
    check_results: Sequence[CheckResult]
    similar: SimilarEvent | None
    earlier: EarlierDecisions


def custom_events_waiting() -> QuerySet[Event]:
    """Return the custom events waiting for a decision, longest waiting first."""
    pending = Event.objects.filter(origin=Origin.CUSTOM, state=EventState.PENDING)
    return pending.order_by(WAITING_SINCE, "pk")


def waiting_since(event: Event) -> dt.datetime:
    return event.submitted_at or event.created_at


def next_custom_event(event: Event, *, by: User) -> Event | None:
    """Return the next custom event to decide on, starting over after the last one.

    Skip events that `by` created. Takes at most two queries.
    """
    others = (
        custom_events_waiting()
        .exclude(created_by=by)
        .only("title")
        .annotate(waits_since=WAITING_SINCE)
    )
    return next_after(others, Order("waits_since"), Key(waiting_since(event), event.pk))


def queue_items(events: Sequence[Event]) -> list[QueueItem]:
    """Return a QueueItem for each of these custom events. Takes a fixed number of queries."""
    claims = claims_of_authors(events)
    results = check_results_by_event(events, claims)
    similar = most_similar_by_event(events)
    earlier = decided_before(events)
    return [
        QueueItem(
            event,
            claims.get(event.pk),
            results.get(event.pk, ()),
            similar.get(event.pk),
            earlier.get(event.pk, NO_EARLIER_DECISIONS),
        )
        for event in events
    ]


def check_results_by_event(
    events: Iterable[Event], claims: "Mapping[int, ClaimWithCreditSum]"
) -> dict[int, Sequence[CheckResult]]:
    """Return the live claims' check results, by event id."""
    subjects = [
        CheckSubject(
            person_id=claim.person_id,
            event=event,
            credits=claim.credit_sum,
            claim_id=claim.pk,
            is_attendee=claim.role == ClaimRole.ATTENDEE,
        )
        for event in events
        if (claim := claims.get(event.pk)) and claim.state in LIVE
    ]
    results = checks.check_subjects(subjects)
    return {subject.event.pk: own for subject, own in zip(subjects, results, strict=True)}


def claims_of_authors(events: Iterable[Event]) -> "dict[int, ClaimWithCreditSum]":
    """Return the authors' claims on these custom events, with evidence, by event id.

    Takes two queries.
    """
    authors = {event.pk: event.created_by_id for event in events}
    claims = checks.with_credit_sum(Claim.objects.filter(event__in=authors)).prefetch_related(
        "evidence"
    )
    return {
        claim.event_id: claim
        for claim in claims.order_by("pk")
        if claim.person_id == authors[claim.event_id]
    }


def decided_before(events: Sequence[Event]) -> dict[int, EarlierDecisions]:
    """Return, by event id, the decisions on the author's earlier events with the same sponsor."""
    sponsor = Lower("sponsor")
    decided = Event.objects.filter(
        origin=Origin.CUSTOM,
        state__in=[EventState.PUBLISHED, EventState.DECLINED],
        created_by__in={event.created_by_id for event in events},
    )
    rows = (
        decided.order_by("created_by", sponsor)
        .values_list("created_by", sponsor)
        .annotate(
            approved=Count("pk", filter=Q(state=EventState.PUBLISHED)),
            declined=Count("pk", filter=Q(state=EventState.DECLINED)),
        )
    )
    counts = {(person, name): EarlierDecisions(*numbers) for person, name, *numbers in rows}
    keys = {event.pk: (event.created_by_id, event.sponsor.lower()) for event in events}
    return {pk: counts.get(key, NO_EARLIER_DECISIONS) for pk, key in keys.items()}


# ---------- One event in detail ----------


class SimilarWithClaims(NamedTuple):
    """A similar event, its similarity in percent, and the number of people who claimed it."""

    event: Event
    percent: int
    people: int


def similar_with_claims(event: Event, *, limit: int = 3) -> list[SimilarWithClaims]:
    """Return the most similar events, with the number of people who claimed each."""
    similar = similar_events(event, limit=limit)
    people = dict(
        Claim.objects.filter(event__in=[each.event for each in similar], state__in=sorted(LIVE))
        .order_by("event")
        .values_list("event")
        .annotate(people=Count("pk"))
    )
    return [SimilarWithClaims(*each, people.get(each.event.pk, 0)) for each in similar]


def decided_lately(event: Event, *, limit: int = 5) -> QuerySet[CustomEvent]:
    """Return decided custom events by the same author and sponsor, latest decision first."""
    return (
        CustomEvent.objects.filter(
            origin=Origin.CUSTOM,
            state__in=[EventState.PUBLISHED, EventState.DECLINED],
            created_by=event.created_by_id,
            sponsor__iexact=event.sponsor,
        )
        .exclude(pk=event.pk)
        .defer("search", "description")
        .order_by("-decided_at", "-pk")[:limit]
    )


def overlapping_claims(event: Event, *, limit: int = 10) -> QuerySet[Claim]:
    """Return the author's live claims on overlapping events, by start time."""
    ends_at = event.ends_at or event.begins_at
    return (
        Claim.objects.filter(
            person=event.created_by_id,
            state__in=sorted(LIVE),
            event__begins_at__lt=ends_at,
            event__over_at__gt=event.begins_at,
        )
        .exclude(event=event.pk)
        .select_related("event")
        .defer("event__search", "event__description")
        .order_by("event__begins_at", "pk")[:limit]
    )


def unanswered_returns() -> Q:
    """Return the condition for custom events returned over 30 days ago and not resubmitted."""
    since = timezone.now() - UNANSWERED_AFTER
    return Q(origin=Origin.CUSTOM, state=EventState.DRAFT, decided_at__lt=since)
