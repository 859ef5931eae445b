"""Events with titles similar to a new event's, to help people and staff decide (pg_trgm)."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, TrigramSimilarity, TrigramWordSimilarity
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from events import queries
from events.enums import EventState, Origin
from events.models import Event
from events.queries import OFFERS, on_calendar

# The minimum share of trigrams in common, the same as pg_trgm's default.
MIN_TITLE_SIMILARITY = 0.3
DUPLICATE_WINDOW = dt.timedelta(days=1)


class SimilarEvent(NamedTuple):
    """A similar event, and the similarity of its title."""

    event: Event
    percent: int


def _possible_originals() -> QuerySet[Event]:
    """Return events that a new one may duplicate: calendar events and approved custom events."""
    return Event.objects.filter(state=EventState.PUBLISHED)


def similar_events(event: Event, *, limit: int) -> list[SimilarEvent]:
    """Return the published events with the most similar titles, on any date. Two queries."""
    others = (
        _possible_originals()
        .filter(title__trigram_similar=event.title)
        .exclude(pk=event.pk)
        .annotate(similarity=TrigramSimilarity("title", event.title))
        .order_by("-similarity", "-begins_at", "pk")
        .defer("search", "description")
        .prefetch_related(queries.OFFERS)[:limit]
    )
    return [SimilarEvent(other, round(100 * other.similarity)) for other in others]


def most_similar_by_event(events: Sequence[Event]) -> dict[int, SimilarEvent]:
    """Return the most similar published event for each event, by event id. Two queries.

    Compares titles by trigrams within a day, and by words on any date. Both use an index;
    comparing trigrams on any date would compare each event with the whole calendar.
    """
    similarity = TrigramSimilarity("title", OuterRef("title"))  # type: ignore[arg-type]
    others = _possible_originals().exclude(pk=OuterRef("pk")).annotate(similarity=similarity)
    near = others.filter(
        begins_at__gte=OuterRef("begins_at") - DUPLICATE_WINDOW,
        begins_at__lte=OuterRef("begins_at") + DUPLICATE_WINDOW,
        similarity__gte=MIN_TITLE_SIMILARITY,
    )
    same_words = others.filter(search=SearchQuery(OuterRef("title"), config="aspen"))
    selected = Event.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
    rows = selected.values_list("pk", _best(near), _best(same_words))
    best = {
        pk: max(matches, key=_similarity)
        for pk, by_day, by_words in rows
        if (matches := [*by_day, *by_words])
    }
    fields = Event.objects.only("title", "origin", "begins_at", "ends_at", "all_day")
    by_id = fields.in_bulk([match["id"] for match in best.values()])
    return {
        pk: SimilarEvent(by_id[match["id"]], round(100 * match["similarity"]))
        for pk, match in best.items()
    }


def _best(others: QuerySet[Any]) -> ArraySubquery:
    first = others.order_by("-similarity", "-begins_at", "pk")
    return ArraySubquery(first.values(match=JSONObject(id="pk", similarity="similarity"))[:1])


def _similarity(match: dict[str, Any]) -> float:
    return float(match["similarity"])


def events_with_similar_title(
    title: str, *, among: QuerySet[Event] | None = None, limit: int = 5
) -> QuerySet[Event]:
    """Return events with a title similar to `title`, most similar first (pg_trgm).

    Searches the calendar, unless `among` is given.
    """
    return (
        (on_calendar() if among is None else among)
        .filter(title__trigram_similar=title)
        .annotate(similarity=TrigramWordSimilarity(title, "title"))
        .order_by("-similarity", "-begins_at", "id")
        .prefetch_related(OFFERS)[:limit]
    )


def possible_duplicates(title: str, *, limit: int = 20) -> QuerySet[Event]:
    """Return claimable events that a new event with this title may duplicate, most similar first.

    Searches published calendar events, and custom events that are pending or approved.
    """
    calendar = Q(origin=Origin.CALENDAR, state=EventState.PUBLISHED)
    custom = Q(origin=Origin.CUSTOM, state__in=[EventState.PENDING, EventState.PUBLISHED])
    return (
        Event.objects.filter(
            Q(title__icontains=title) | Q(title__trigram_word_similar=title),
            calendar | custom,
            claimable_at__lte=timezone.now(),
        )
        .annotate(similarity=TrigramWordSimilarity(title, "title"))
        .order_by("-similarity", "-begins_at", "id")
        .select_related("created_by")
        .prefetch_related(OFFERS)[:limit]
    )
