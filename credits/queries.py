"""Queries on claims and credits."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, QuerySet, When
from django.db.models.functions import Least
from django.utils import timezone

from accounts.models import User
from aspen.clock import today, years_before
from credits import rules
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit, CreditHistory  # type: ignore[attr-defined]
from credits.signals import claims_in_certificates
from events import queries as event_queries
from events.enums import Attendance, Delivery, ListingState, Origin
from events.models import (  # type: ignore[attr-defined]
    CatalogListing,
    CreditOfferHistory,
    Event,
    FiscalYear,
    MountainDay,
    Registration,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Earned(TypedDict):
        earned_on: dt.date

    EarnedCredit = WithAnnotations[Credit, _Earned]


# A credit counts while its claim is live and its line has not been withdrawn.
LIVE_CREDIT = Q(claim__state__in=sorted(LIVE), withdrawn_at=None)


def claims_visible_to(person: User) -> QuerySet[Claim]:
    """Return the person's own claims, latest first."""
    return Claim.objects.filter(person=person).order_by("-claimed_at", "-id")


def credits_visible_to(person: User) -> QuerySet[Credit]:
    """Return the person's own credits."""
    return Credit.objects.filter(person=person).order_by("claim_id", "line")


def live_credits() -> "QuerySet[EarnedCredit]":
    """Return the credits that count, with the day they were earned as `earned_on`."""
    return with_earned_on(Credit.objects.filter(LIVE_CREDIT))


def with_earned_on(credits: QuerySet[Credit]) -> "QuerySet[EarnedCredit]":
    """Annotate credits with `earned_on`, the event's last day in Mountain time.

    If a recording was claimed before that day, `earned_on` is the day of the claim.
    """
    last_day = F("claim__event__last_day")
    return credits.annotate(
        earned_on=Case(
            When(
                claim__event__recording_available_at__isnull=False,
                then=Least(last_day, MountainDay("claim__claimed_at")),
            ),
            default=last_day,
        )
    )


def from_catalog() -> Exists:
    """Return the condition that a credit's event is in the course catalog.

    The credits must be annotated with `earned_on`. The catalog is for the fiscal year in which the
    credit was earned or, if a recording was claimed while it was available, the fiscal year of the
    claim. rules.counted_catalog_years is the same rule without a query.
    """
    claimed_at = OuterRef("claim__claimed_at")
    earned = Q(fiscal_year=FiscalYear(OuterRef("earned_on")))
    watched = Q(
        Q(event__recording_until_at=None) | Q(event__recording_until_at__gt=claimed_at),
        event__recording_available_at__lte=claimed_at,
        fiscal_year=FiscalYear(MountainDay(claimed_at)),
    )
    approved = CatalogListing.objects.filter(state=ListingState.APPROVED)
    return Exists(approved.filter(earned | watched, event=OuterRef("claim__event")))


def live_claim(person: User, event: Event) -> Claim | None:
    return Claim.objects.filter(person=person, event=event, state__in=sorted(LIVE)).first()


def why_person_cannot_claim(person: User, event: Event) -> str | None:
    """Return why the person cannot claim an event now, or None. Takes three queries.

    Ignores live claims.
    """
    conditions = {"event": event, "person": person}
    return rules.why_not_claim(
        event,
        has_credit=event.offers.exists(),
        registration=Registration.objects.filter(**conditions).first(),
        earlier=Claim.objects.filter(**conditions, state=ClaimState.DECLINED).first(),
    )


class ClaimedOrWhyNot(NamedTuple):
    """Whether a person has claimed an event, and why they cannot claim it, or ""."""

    is_claimed: bool
    why_not: str


def claimed_or_why_not(person: User, events: Sequence[Event]) -> dict[int, ClaimedOrWhyNot]:
    """Return the person's ClaimedOrWhyNot for each of these events, by id. Takes three queries."""
    own_claims = Claim.objects.filter(person=person, event__in=events)
    claims = list(own_claims.filter(state__in=[*sorted(LIVE), ClaimState.DECLINED]).order_by("pk"))
    live = {claim.event_id for claim in claims if claim.state in LIVE}
    declined = {claim.event_id: claim for claim in claims if claim.state not in LIVE}
    registrations = {
        registration.event_id: registration
        for registration in Registration.objects.filter(person=person, event__in=events).order_by(
            "pk"
        )
    }
    offered = event_queries.credit_lines(events)
    return {
        event.pk: ClaimedOrWhyNot(
            event.pk in live,
            rules.why_not_claim(
                event,
                has_credit=event.pk in offered,
                registration=registrations.get(event.pk),
                earlier=declined.get(event.pk),
            )
            or "",
        )
        for event in events
    }


def claimed_sessions_of_same_conference(person: User, events: Sequence[Event]) -> list[Event]:
    """Return the sessions at these events' conferences that the person claimed, by start time."""
    parents = {event.parent_id for event in events if event.parent_id}
    claims = Claim.objects.filter(person=person, state__in=sorted(LIVE))
    sessions = Event.objects.filter(parent__in=parents, pk__in=claims.values("event"))
    return list(sessions.defer("search", "description").order_by("begins_at", "pk"))


def events_due_presenter_credit(person: User, events: Sequence[Event]) -> list[Event]:
    """Return the events for which the person is now due presenter credit, by date.

    Skip an event if it carries no credit, if it has already earned the person presenter credit, if
    its topic has earned it often enough (rules.may_present_again), if the person's claim was
    declined, or if the person withdrew it. Include events whose claim was withdrawn because the
    event was canceled or moved to a later date. Takes three queries.
    """
    by_date = sorted(events, key=lambda event: (event.last_day, event.pk))
    offered = event_queries.credit_lines(by_date)
    presented = Q(role=ClaimRole.PRESENTER)
    live = presented & Q(state__in=sorted(LIVE))
    withdrawn = presented & Q(state=ClaimState.WITHDRAWN, decided_by=person)
    preventing_claims = Claim.objects.filter(
        live | withdrawn | Q(state=ClaimState.DECLINED), person=person, event__in=by_date
    )
    not_due = set(preventing_claims.order_by("pk").values_list("event_id", flat=True))
    titles = {event.title.casefold() for event in by_date}
    days_by_topic: dict[str, list[dt.date]] = {}
    claims = Claim.objects.filter(live, person=person).order_by("pk")
    for title, day in claims.values_list("event__title", "event__last_day"):
        if title.casefold() in titles:
            days_by_topic.setdefault(title.casefold(), []).append(day)
    due = []
    for event in by_date:
        if event.pk in not_due or event.pk not in offered:
            continue
        presented_days = days_by_topic.setdefault(event.title.casefold(), [])
        if rules.may_present_again(event.last_day, presented_days):
            presented_days.append(event.last_day)
            due.append(event)
    return due


def presented_on(person: User, title: str, *, excluding: Claim | None = None) -> list[dt.date]:
    """Return the last days of events with this title that earned the person presenter credit.

    Ignore case and the claim `excluding`.
    """
    claims = Claim.objects.filter(
        person=person, role=ClaimRole.PRESENTER, state__in=sorted(LIVE), event__title__iexact=title
    )
    if excluding:
        claims = claims.exclude(pk=excluding.pk)
    return list(claims.order_by("event__last_day").values_list("event__last_day", flat=True))


def claim_counts(events: Iterable[Event]) -> dict[int, int]:
    """Return the number of live claims on each of these events, by id. Takes one query."""
    claims = Claim.objects.filter(event__in=[each.pk for each in events], state__in=sorted(LIVE))
    rows = claims.order_by("event").values_list("event").annotate(Count("pk"))
    return dict(rows)


def own_trainings(person: User) -> QuerySet[Claim]:
    """Return the person's claims from Create New…, latest first."""
    return claims_visible_to(person).filter(source=ClaimSource.CUSTOM).select_related("event")


def offers_as_text(offers: Mapping[int, Decimal]) -> str:
    """Return an event's credit lines as a string, so that a form can detect changes."""
    return " ".join(f"{category}:{amount:.1f}" for category, amount in offers.items()) or "nothing"


def corrections_of(event: Event) -> list[tuple[dt.datetime, str, str]]:
    """Return (time, person, reason) for each correction to an event's credits, latest first.

    Takes three queries.
    """
    corrections: dict[UUID, tuple[dt.datetime, int, str]] = {}
    credit_history = CreditHistory.objects.filter(claim__event=event)
    offer_history = CreditOfferHistory.objects.filter(event=event)
    for history in (credit_history, offer_history):
        rows = (
            history.filter(pgh_context__corrected=event.pk)
            .order_by()
            .values_list("pgh_context_id", "pgh_context")
            .annotate(at=Min("pgh_created_at"))
        )
        for key, context, at in rows.order_by("at"):
            correction = (at, context["by"], context["reason"])
            corrections[key] = min(corrections.get(key, correction), correction)
    latest_first = sorted(corrections.values(), reverse=True)
    people = User.objects.in_bulk([by for _, by, _ in latest_first])
    return [(at, str(people[by]), reason) for at, by, reason in latest_first]


def why_not_decide(claim: Claim, *, by: User) -> str | None:
    """Return why `by` cannot decide on this claim, whatever its state, or None.

    Takes no query if the event and the person are loaded.
    """
    event = claim.event
    if claim.person_id == by.pk:
        return f"You cannot review your own claim for “{event.title}”. Ask a colleague to do it."
    if event.origin == Origin.CUSTOM and event.created_by_id == claim.person_id:
        return (
            f"{claim.person}'s claim for “{event.title}” is decided together with the custom "
            "event. Decide on the event in the queue."
        )
    return None


def claim_version(claim: Claim) -> str:
    """Return a string that changes whenever the claim changes state."""
    return f"{claim.state} {claim.decided_at.isoformat() if claim.decided_at else ''}".strip()


def claims_on_event(event: Event) -> QuerySet[Claim]:
    """Return the live claims on an event, oldest first."""
    return Claim.objects.filter(event=event, state__in=sorted(LIVE)).order_by("pk")


def credits_lost_if_absent(event: Event, person_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return the credits by person id that these people would lose if they were absent. One query.

    People without such credits are omitted.
    """
    lines = (
        Credit.objects.filter(
            claim__event=event,
            claim__state__in=sorted(LIVE),
            person__in=person_ids,
            withdrawn_at=None,
        )
        .select_related("claim")
        .order_by("pk")
    )
    now = timezone.now()
    lost: dict[int, Decimal] = {}
    for line in lines:
        if rules.is_lost_by_absence(line.claim, event, now):
            lost[line.person_id] = lost.get(line.person_id, Decimal(0)) + line.amount
    return lost


def claimed_event_ids(person: User, events: list[Event]) -> set[int]:
    """Return the ids of the events on which the person has a live claim. Takes one query."""
    return set(
        Claim.objects.filter(person=person, event__in=events, state__in=sorted(LIVE)).values_list(
            "event_id", flat=True
        )
    )


def ever_claimed_event_ids(person: User, events: list[Event]) -> set[int]:
    """Return the ids of the events on which the person has any claim. Takes one query."""
    claims = Claim.objects.filter(person=person, event__in=events)
    return set(claims.order_by("pk").values_list("event_id", flat=True))


def certified_event_ids(event_ids: Collection[int]) -> set[int]:
    """Return the events with a claim that a certificate counts. Takes two queries."""
    claims = dict(
        Claim.objects.filter(event__in=event_ids).order_by().values_list("pk", "event_id")
    )
    return {claims[pk] for pk in claims_in_certificates(claims)}


def asked_since() -> dt.datetime:
    """Return when an event must have ended for pages to ask whether the person took part."""
    return timezone.now() - dt.timedelta(days=60)


def probably_attended(person: User) -> QuerySet[Event]:
    """Return claimable events of the past 60 days that the person may have attended, newest first.

    See events.queries.probably_took_part. Fetches credit lines in a second query.
    """
    return (
        event_queries.probably_took_part(person)
        .filter(pk__in=claimable_by(person).values("pk"), over_at__gte=asked_since())
        .prefetch_related(event_queries.OFFERS)
    )


def claimable_by(person: User) -> QuerySet[Event]:
    """Return the events that the person can claim from the list, newest first.

    These are events with credit that ended in the past year. Skip events that the person has
    claimed, events with a declined claim, and events without a recording that the person missed.
    The one-year limit applies only to this list, not to Add CE credit on the calendar (State
    Library's help pages).
    """
    claimed_or_declined = Claim.objects.filter(person=person, event=OuterRef("pk")).filter(
        Q(state__in=sorted(LIVE)) | Q(state=ClaimState.DECLINED)
    )
    absent = Registration.objects.filter(
        person=person, event=OuterRef("pk"), attendance=Attendance.ABSENT
    )
    now = timezone.now()
    not_expired = Q(recording_until_at=None) | Q(recording_until_at__gt=now)
    has_recording = Q(recording_available_at__lte=now) & not_expired
    return (
        event_queries.claimable()
        .filter(
            ~Exists(claimed_or_declined),
            has_recording | ~Exists(absent),
            over_at__gte=_one_year_ago(),
        )
        .exclude(Q(delivery=Delivery.RECORDED) & ~not_expired)
        .order_by("-begins_at", "-id")
    )


def _one_year_ago() -> dt.datetime:
    day = years_before(today(), 1)
    return dt.datetime.combine(day, dt.time(), timezone.get_default_timezone())
