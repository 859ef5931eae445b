"""Suggested training: upcoming events, and recordings that can be claimed now."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.fields import BooleanField
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from accounts.models import User
from aspen.clock import fiscal_year
from aspen.formats import format_amount, format_credits
from credits.enums import LIVE, ClaimState
from credits.models import Claim
from events import queries as event_queries
from events.calendar.presentation import short_day, short_times, watchable_until
from events.enums import (
    Attendance,
    AttendanceMode,
    Delivery,
    EventState,
    ListingState,
    RegistrationMode,
    RegistrationState,
)
from events.models import CatalogListing, CreditOffer, Event, FiscalYear, Registration
from events.queries import CategoryAmount
from events.signals import TrackFit
from tracks.counting.progress import Progress
from tracks.counting.queries import TrackProgress, active_participations, track_progress_of
from tracks.models import Participation

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Ranked(TypedDict):
        is_recording: bool
        rank: int

    RankedOffer = WithAnnotations[CreditOffer, _Ranked]

MAX_SUGGESTIONS_SHOWN = 5


class Suggestion(NamedTuple):
    event: Event
    is_recording: bool
    fills_minimum: bool


class OfferedCredits(NamedTuple):
    """A credit line of a suggested event. `credits` is its amount as text."""

    line: CategoryAmount
    credits: str


class SuggestionRow(NamedTuple):
    """A row of a list. For a recording, `day` says so, and `times` how long it is available."""

    title: str
    url: str
    day: str
    times: str
    lines: list[OfferedCredits]
    fills: str


def suggest_trainings(
    person: User, track_progress: TrackProgress, now: dt.datetime
) -> list[SuggestionRow]:
    """Suggest up to five trainings, those that fill a minimum first. Two queries.

    Suggest none if nothing is missing or the period is over.
    """
    participation, progress, _ = track_progress
    if progress.is_complete or timezone.localdate(now) > participation.closes_on:
        return []
    unfilled, elective = _needed(progress)
    offers = list(_ranked(candidates(person, participation, now), [*unfilled, *elective], now))
    picked = _pick(offers, unfilled, elective)
    lines = event_queries.credit_lines([each.event for each in picked])
    return [_row(each, lines.get(each.event.pk, []), progress) for each in picked]


class NeededCategories(NamedTuple):
    """Ids of categories: those below their minimum, most missing first, and those for electives."""

    unfilled: list[int]
    elective: list[int]


def _needed(progress: Progress) -> NeededCategories:
    missing = sorted(
        (line for line in progress.lines if line.missing),
        key=lambda line: line.missing,
        reverse=True,
    )
    filled = [line.category.pk for line in progress.lines if not line.missing]
    elective = filled if progress.elective_missing else []
    return NeededCategories([line.category.pk for line in missing], elective)


def track_fit(person: User) -> TrackFit | None:
    """Return which calendar events count toward what is missing in the person's tracks.

    None if the person follows no track. A minimum is filled before electives. Up to three queries.
    """
    now = timezone.now()
    day = timezone.localdate(now)
    tracks = track_progress_of(active_participations(person), day)
    if not tracks:
        return None
    fit = TrackFit(Q(pk__in=[]), Q(pk__in=[]))
    for participation, progress, _ in tracks:
        if progress.is_complete or day > participation.closes_on:
            continue
        countable = _countable(person, participation, now)
        unfilled, elective = _needed(progress)
        fit = TrackFit(
            fit.counts | countable & _earns([*unfilled, *elective]),
            fit.fills_gap | countable & _earns(unfilled or elective),
        )
    return fit


def _earns(categories: list[int]) -> Q:
    """Return a condition: the event earns credit in one of these categories."""
    return Q(Exists(CreditOffer.objects.filter(event=OuterRef("pk"), category__in=categories)))


def candidates(person: User, participation: Participation, now: dt.datetime) -> QuerySet[Event]:
    """Return calendar events that would count in the participation and that the person can take.

    They are upcoming and open for registration (or need none), or recorded and claimable now, and
    the person has not claimed them.
    """
    # People who were absent can still watch the recording.
    registered = Registration.objects.filter(person=person, event=OuterRef("pk")).exclude(
        Q(state=RegistrationState.CANCELLED) | Q(attendance=Attendance.ABSENT)
    )
    recorded = (
        Q(recording_available_at__lte=now, claimable_at__lte=now)
        & (Q(recording_until_at=None) | Q(recording_until_at__gt=now))
        & (Q(recording_last_day=None) | Q(recording_last_day__gte=timezone.localdate(now)))
    )
    return (
        event_queries.on_calendar()
        .filter(
            _countable(person, participation, now),
            Q(begins_at__gt=now) | recorded,
            ~Exists(registered),
        )
        .exclude(_closed(now))
    )


def _countable(person: User, participation: Participation, now: dt.datetime) -> Q:
    """Return a condition: the event's credit would count in the participation.

    Same rule as queries.eligible(), for events that the person can still claim.
    """
    claimed = Claim.objects.filter(person=person, event=OuterRef("pk")).filter(
        state__in=[*sorted(LIVE), ClaimState.DECLINED]
    )
    day = timezone.localdate(now)
    since = max(participation.counts_from, participation.rule_set.counts_since(day))
    condition = Q(
        ~Exists(claimed),
        state=EventState.PUBLISHED,
        last_day__range=(since, participation.closes_on),
    )
    return condition & _in_catalog(now) if participation.rule_set.catalog_only else condition


def _in_catalog(now: dt.datetime) -> Q:
    """Return a condition: the event is in the catalog for the year its credit would be earned in.

    Same rule as credits.queries.from_catalog().
    """
    year = fiscal_year(timezone.localdate(now))
    earned = Q(fiscal_year=FiscalYear(OuterRef("last_day")))
    watched = Q(fiscal_year=year, event__recording_available_at__lte=now)
    approved = CatalogListing.objects.filter(state=ListingState.APPROVED)
    return Q(Exists(approved.filter(earned | watched, event=OuterRef("pk"))))


def _closed(now: dt.datetime) -> Q:
    """Return a condition: the event is upcoming and closed for registration, or full.

    An event with a waitlist is never full. A hybrid event is full when its room and its online
    places are.
    """
    full = Q(has_waitlist=False, capacity__lte=_taken("")) & (
        ~Q(delivery=Delivery.HYBRID) | Q(online_capacity__lte=_taken(AttendanceMode.ONLINE))
    )
    closed = Q(registration_closes_at__lte=now)
    return Q(begins_at__gt=now, registration_mode=RegistrationMode.PORTAL) & (full | closed)


def _taken(mode: str) -> Coalesce:
    """Return the number of these places that are taken at the outer query's event."""
    confirmed = Registration.objects.filter(
        event=OuterRef("pk"), state=RegistrationState.CONFIRMED, walk_in=False
    )
    of_event = event_queries.sharing_places(confirmed, mode).order_by().values("event")
    return Coalesce(Subquery(of_event.annotate(number=Count("pk")).values("number")), 0)


def _ranked(
    events: QuerySet[Event], categories: Iterable[int], now: dt.datetime
) -> "QuerySet[RankedOffer]":
    """Return the next five events and the latest five recordings in each category. One query."""
    is_recording = Case(
        When(event__begins_at__lte=now, then=True), default=False, output_field=BooleanField()
    )
    nearest = Case(When(event__begins_at__gt=now, then=F("event__begins_at")))
    window = Window(
        RowNumber(),
        partition_by=[F("category"), is_recording],
        order_by=[nearest.asc(), F("event__begins_at").desc(), F("event").asc()],
    )
    return (
        CreditOffer.objects.filter(event__in=events, category__in=list(categories))
        .annotate(is_recording=is_recording, rank=window)
        .filter(rank__lte=MAX_SUGGESTIONS_SHOWN)
        .select_related("event")
        .defer("event__search", "event__description")
        .order_by("rank", "event_id", "category_id")
    )


def _pick(
    offers: "list[RankedOffer]", unfilled: list[int], elective: list[int]
) -> list[Suggestion]:
    """Pick in turn from the unfilled categories, then from the elective ones.

    In each round, upcoming events come before recordings.
    """
    picked: dict[int, Suggestion] = {}
    for categories, fills_minimum in ((unfilled, True), (elective, False)):
        turns = sorted(
            (offer for offer in offers if offer.category_id in categories),
            key=lambda offer: (offer.rank, offer.is_recording, categories.index(offer.category_id)),
        )
        for offer in turns:
            if len(picked) < MAX_SUGGESTIONS_SHOWN:
                picked.setdefault(
                    offer.event_id, Suggestion(offer.event, offer.is_recording, fills_minimum)
                )
    return sorted(
        picked.values(),
        key=lambda each: (not each.fills_minimum, each.is_recording, each.event.begins_at),
    )


# ---------- Text ----------


def _row(suggestion: Suggestion, lines: list[CategoryAmount], progress: Progress) -> SuggestionRow:
    event = suggestion.event
    day, times = _day_and_times(suggestion)
    return SuggestionRow(
        title=event.title,
        url=event.get_absolute_url(),
        day=day,
        times=times,
        lines=[OfferedCredits(line, format_credits(line.amount)) for line in lines],
        fills=format_fills(lines, progress),
    )


def _day_and_times(suggestion: Suggestion) -> tuple[str, str]:
    event, now = suggestion.event, timezone.now()
    if not suggestion.is_recording:
        return short_day(event, now), short_times(event)
    until = watchable_until(event, now)
    return "Recording", f"until {until}" if until else "any time"


def format_fills(lines: Iterable[CategoryAmount], progress: Progress) -> str:
    """Return, for example, “Fills 1 of 4.5 still needed in Technology and 0.5 of 33 elective …”"""
    offered = {line.slug: line.amount for line in lines}
    parts, surplus = [], Decimal(0)
    for line in progress.lines:
        amount = offered.get(line.category.slug, Decimal(0))
        used = min(amount, line.missing)
        surplus += amount - used
        if used:
            needed = format_amount(line.missing)
            parts.append(f"{format_amount(used)} of {needed} still needed in {line.category}")
    if elective := min(surplus, progress.elective_missing):
        needed = f"{format_amount(progress.elective_missing)} elective credit"
        needed += "" if progress.elective_missing == 1 else "s"
        parts.append(f"{format_amount(elective)} of {needed} still needed")
    return f"Fills {' and '.join(parts)}." if parts else ""
