"""Reads on events. Every list is ordered by something unique."""

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db.models import (
    Count,
    F,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.models import User
from events.enums import Delivery, EventState, Origin, RegistrationState
from events.models import Category, CreditOffer, Event, Registration

OFFERS = Prefetch(
    "offers",
    CreditOffer.objects.select_related("category").order_by("category__position"),
)
# Asking for the type that some events lack.
NO_TYPE = "other"
# What websearch_to_tsquery reads as more than words.
OPERATORS = re.compile(r'"|(^|\s)-|\bor\b', re.IGNORECASE)
# Nobody types more into a search; each word costs two looks into an index.
MOST_WORDS = 12


class CreditLine(NamedTuple):
    """One credit line of an event with the category's words."""

    amount: Decimal
    name: str
    slug: str
    shape: str


class Standing(NamedTuple):
    """Places taken at an event; the asking person's registration there, empty without one."""

    taken: int
    state: str
    attendance: str
    settled_at: dt.datetime | None


def categories() -> QuerySet[Category]:
    return Category.objects.order_by("position")


def on_calendar() -> QuerySet[Event]:
    """What anybody may see: published calendar events, and cancelled ones marked as such."""
    return Event.objects.filter(
        origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED]
    )


def visible_to(person: User | None) -> QuerySet[Event]:
    """The calendar, and the custom events that the person created."""
    if person is None or not person.is_authenticated:
        return on_calendar()
    return Event.objects.filter(
        Q(origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED])
        | Q(origin=Origin.CUSTOM, created_by=person)
    )


def claimable() -> QuerySet[Event]:
    """Calendar events that can be claimed now: they carry credit and are over (or recorded)."""
    return on_calendar().filter(
        state=EventState.PUBLISHED,
        claimable_at__lte=timezone.now(),
        pk__in=CreditOffer.objects.values("event_id"),
    )


def search(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """Narrow `events` to those that match the words, best first.

    Full text with accents forgiven. Every word may also stand in the title misspelt (trigrams),
    unless the reader uses the search operators: "quoted phrase", -without, or.
    """
    query = SearchQuery(words, config="aspen", search_type="websearch")
    found = Q(search=query)
    if not OPERATORS.search(words):
        # Words like "the" alone would find everything; then the title has to hold them.
        found |= ~_means_nothing(query) & _each_word(words) | Q(title__trigram_word_similar=words)
    return (
        events.filter(found)
        .annotate(rank=SearchRank(F("search"), query) + TrigramWordSimilarity(words, "title") / 10)
        .order_by("-rank", "-begins_at", "id")
    )


def _each_word(words: str) -> Q:
    """Every word occurs, or one like it does in the title. Words like "the" never narrow."""
    found = Q()
    for word in words.split()[:MOST_WORDS]:
        query = SearchQuery(word, config="aspen", search_type="websearch")
        found &= Q(search=query) | Q(title__trigram_word_similar=word) | _means_nothing(query)
    return found


def _means_nothing(query: SearchQuery) -> Q:
    """Whether no word is left of a query. The database settles that while planning."""
    return Q(Exact(Func(query, function="numnode", output_field=IntegerField()), 0))


def upcoming(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that are not over, soonest first."""
    return events.filter(over_at__gt=timezone.now()).order_by("begins_at", "id")


def past(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that are over, newest first."""
    return events.filter(over_at__lte=timezone.now()).order_by("-begins_at", "-id")


def filtered(
    events: QuerySet[Event], *, category: str, type: str, delivery: str
) -> QuerySet[Event]:
    """Those with credit in the category (slug), of the type (`NO_TYPE`: none), so delivered.

    Empty means any. What is held in a room and online answers to both, and what was recorded can
    be watched like something made as a recording.
    """
    if category:
        events = events.filter(
            pk__in=CreditOffer.objects.filter(category__slug=category).values("event_id")
        )
    if type:
        events = events.filter(type="" if type == NO_TYPE else type)
    if delivery == Delivery.RECORDED:
        events = events.filter(
            Q(delivery=Delivery.RECORDED) | Q(recording_available_at__lte=timezone.now())
        )
    elif delivery:
        events = events.filter(delivery__in=[delivery, Delivery.HYBRID])
    return events


def credit_lines(events: Iterable[Event]) -> dict[int, list[CreditLine]]:
    """The credit lines of these events by event id, in the order of the categories. One query."""
    lines: dict[int, list[CreditLine]] = {}
    rows = (
        CreditOffer.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id", "category__position")
        .values_list("event_id", "amount", "category__name", "category__slug", "category__shape")
    )
    for event_id, amount, name, slug, shape in rows:
        lines.setdefault(event_id, []).append(CreditLine(amount, name, slug, shape))
    return lines


def standings(person: User | None, events: Iterable[Event]) -> dict[int, Standing]:
    """How the registrations of these events stand, by event id. One query.

    Events that nobody registered for are missing.
    """
    own = Q(person=person.pk if person else None)
    rows = (
        Registration.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id")
        .values_list("event_id")
        .annotate(
            taken=Count("pk", filter=Q(state=RegistrationState.CONFIRMED)),
            # One row per person and event, so the greatest is the only one.
            own_state=Coalesce(Max("state", filter=own), Value("")),
            own_attendance=Coalesce(Max("attendance", filter=own), Value("")),
            own_settled_at=Max("settled_at", filter=own),
        )
    )
    return {event_id: Standing(*rest) for event_id, *rest in rows}


def sessions_of(event: Event) -> QuerySet[Event]:
    """The programme of a conference, in the order of time."""
    return on_calendar().filter(parent=event).order_by("begins_at", "id")


def other_dates(event: Event, *, limit: int = 5) -> QuerySet[Event]:
    """Where else on the calendar the same training is still to come, soonest first."""
    same = on_calendar().filter(title=event.title, state=EventState.PUBLISHED)
    return upcoming(same).exclude(pk=event.pk)[:limit]


def similar_titles(title: str, *, limit: int = 5) -> QuerySet[Event]:
    """Calendar events whose title resembles `title`, most alike first (trigrams, pg_trgm)."""
    return (
        on_calendar()
        .filter(title__trigram_similar=title)
        .annotate(similarity=TrigramWordSimilarity(title, "title"))
        .order_by("-similarity", "-begins_at", "id")
        .prefetch_related(OFFERS)[:limit]
    )


def between(events: QuerySet[Event], first: dt.date, last: dt.date) -> QuerySet[Event]:
    """Events of which some part lies on the days `first` to `last` (Mountain time, inclusive)."""
    zone = timezone.get_default_timezone()
    start = dt.datetime.combine(first, dt.time(), zone)
    end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), zone)
    return events.filter(begins_at__lt=end, last_day__gte=first, over_at__gt=start)


def upcoming_registrations(person: User) -> QuerySet[Registration]:
    """The person's places at events that are not over, next first."""
    return (
        Registration.objects.filter(
            person=person,
            state=RegistrationState.CONFIRMED,
            event__over_at__gt=timezone.now(),
            event__state=EventState.PUBLISHED,
        )
        .select_related("event")
        .prefetch_related(
            Prefetch(
                "event__offers",
                CreditOffer.objects.select_related("category").order_by("category__position"),
            )
        )
        .order_by("event__begins_at", "id")
    )


def due_registrations() -> QuerySet[Registration]:
    """Places whose event is over and that have not led to a credit yet, oldest event first."""
    return Registration.objects.filter(
        state=RegistrationState.CONFIRMED,
        settled_at=None,
        event__over_at__lte=timezone.now(),
        event__state=EventState.PUBLISHED,
        # An event may get its credit lines after it took place; until then nothing is settled.
        event__in=CreditOffer.objects.values("event"),
    ).order_by("event__over_at", "id")


def lock_event(event_id: int) -> Event:
    """The event, locked until the transaction ends. Raises Event.DoesNotExist.

    Taken before the locks of registrations and people by everything that changes an event or
    makes credits of it, so that the two cannot miss each other, nor block each other.
    """
    return Event.objects.select_for_update(of=("self",), no_key=True).get(pk=event_id)


def lock_events(ids: Iterable[int]) -> None:
    """Lock several events, in order of id."""
    events = Event.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=list(ids))
    list(events.order_by("pk").values_list("pk", flat=True))


def same_custom_events(person: User, title: str, begins_at: dt.datetime) -> QuerySet[Event]:
    """The person's own custom events of this title and beginning that still stand."""
    return (
        Event.objects.filter(
            origin=Origin.CUSTOM, created_by=person, title=title, begins_at=begins_at
        )
        .exclude(state__in=[EventState.DECLINED, EventState.CANCELLED])
        .order_by("pk")
    )


def version(event: Event) -> str:
    """What changes with every decision about a custom event, and with its author's answer."""
    return f"{event.state} {event.decided_at.isoformat() if event.decided_at else ''}".strip()


def custom_event_of(person: User, pk: int) -> QuerySet[Event]:
    """The person's own custom event with this id, or nothing."""
    return Event.objects.filter(pk=pk, origin=Origin.CUSTOM, created_by=person)


def narrowed(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """Those events of which title or sponsor hold every one of the words, in the same order."""
    for word in words.split():
        events = events.filter(Q(title__icontains=word) | Q(sponsor__icontains=word))
    return events


def with_credits_offered(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate the sum of an event's credit lines as `credits_offered`."""
    offered = (
        CreditOffer.objects.filter(event=OuterRef("pk"))
        .order_by()
        .values("event")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    return events.annotate(credits_offered=Subquery(offered))
