"""Which settled trainings a new one resembles by its title, for staff who decide (pg_trgm)."""

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

# From this share of common trigrams on two titles resemble each other; pg_trgm's own threshold.
MIN_TITLE_SIMILARITY = 0.3
DUPLICATE_WINDOW = dt.timedelta(days=1)


class SimilarEvent(NamedTuple):
    """An event that resembles the one asked about, and by how much."""

    event: Event
    percent: int


def settled() -> QuerySet[Event]:
    """What a new training may be the same as: the calendar, and approved custom events."""
    return Event.objects.filter(state=EventState.PUBLISHED)


def similar_events(event: Event, *, limit: int) -> list[SimilarEvent]:
    """The settled events with the titles most like this one's, at any time. Two queries."""
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
    """The settled event most like each of these, by id, for a whole list. Two queries.

    Looks at titles that resemble each other within a day, and at the same words at any time:
    both have an index, where trigrams alone would compare each event with the whole calendar.
    """
    share = TrigramSimilarity("title", OuterRef("title"))  # type: ignore[arg-type]
    others = settled().exclude(pk=OuterRef("pk")).annotate(share=share)
    near = others.filter(
        begins_at__gte=OuterRef("begins_at") - DUPLICATE_WINDOW,
        begins_at__lte=OuterRef("begins_at") + DUPLICATE_WINDOW,
        share__gte=MIN_TITLE_SIMILARITY,
    )
    same_words = others.filter(search=SearchQuery(OuterRef("title"), config="aspen"))
    asked = Event.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
    rows = asked.values_list("pk", _best(near), _best(same_words))
    best = {
        pk: max(found, key=_by_share)
        for pk, near_by, worded in rows
        if (found := [*near_by, *worded])
    }
    wanted = Event.objects.only("title", "origin", "begins_at", "ends_at", "all_day")
    by_id = wanted.in_bulk([found["id"] for found in best.values()])
    return {
        pk: SimilarEvent(by_id[found["id"]], round(100 * found["share"]))
        for pk, found in best.items()
    }


def _best(others: QuerySet[Any]) -> ArraySubquery:
    found = others.order_by("-share", "-begins_at", "pk")
    return ArraySubquery(found.values(found=JSONObject(id="pk", share="share"))[:1])


def _by_share(found: dict[str, Any]) -> float:
    return float(found["share"])
