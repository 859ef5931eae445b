"""Published events with titles similar to a new one, for staff who decide (pg_trgm)."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, TrigramSimilarity
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from events import queries
from events.enums import EventState
from events.models import Event

# The minimum share of common trigrams; pg_trgm's own threshold.
MIN_TITLE_SIMILARITY = 0.3
DUPLICATE_WINDOW = dt.timedelta(days=1)


class SimilarEvent(NamedTuple):
    """A similar event, and how similar its title is."""

    event: Event
    percent: int


def settled() -> QuerySet[Event]:
    """The events that a new one may duplicate: the calendar, and approved custom events."""
    return Event.objects.filter(state=EventState.PUBLISHED)


def similar_events(event: Event, *, limit: int) -> list[SimilarEvent]:
    """The published events with the most similar titles, at any time. Two queries."""
    others = (
        settled()
        .filter(title__trigram_similar=event.title)
        .exclude(pk=event.pk)
        .annotate(share=TrigramSimilarity("title", event.title))
        .order_by("-share", "-begins_at", "pk")
        .defer("search", "description")
        .prefetch_related(queries.OFFERS)[:limit]
    )
    return [SimilarEvent(other, round(100 * other.share)) for other in others]


def most_similar_by_event(events: Sequence[Event]) -> dict[int, SimilarEvent]:
    """The most similar published event for each of these, by id. Two queries.

    Compares similar titles within a day, and titles with the same words at any time. Both use an
    index; trigrams alone would compare each event with the whole calendar.
    """
    share = TrigramSimilarity("title", OuterRef("title"))  # type: ignore[arg-type]
    others = settled().exclude(pk=OuterRef("pk")).annotate(share=share)
    near = others.filter(
        begins_at__gte=OuterRef("begins_at") - DUPLICATE_WINDOW,
        begins_at__lte=OuterRef("begins_at") + DUPLICATE_WINDOW,
        share__gte=MIN_TITLE_SIMILARITY,
    )
    same_words = others.filter(search=SearchQuery(OuterRef("title"), config="aspen"))
    given = Event.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
    rows = given.values_list("pk", _best(near), _best(same_words))
    best = {
        pk: max(matches, key=_share)
        for pk, by_day, by_words in rows
        if (matches := [*by_day, *by_words])
    }
    fields = Event.objects.only("title", "origin", "begins_at", "ends_at", "all_day")
    by_id = fields.in_bulk([match["id"] for match in best.values()])
    return {
        pk: SimilarEvent(by_id[match["id"]], round(100 * match["share"]))
        for pk, match in best.items()
    }


def _best(others: QuerySet[Any]) -> ArraySubquery:
    first = others.order_by("-share", "-begins_at", "pk")
    return ArraySubquery(first.values(match=JSONObject(id="pk", share="share"))[:1])


def _share(match: dict[str, Any]) -> float:
    return float(match["share"])
