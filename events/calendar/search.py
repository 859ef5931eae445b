"""Filter and search the calendar. Search tolerates typos.

Pages, feeds and the embedded list all use `Filters`.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import (
    SearchQuery,
    SearchRank,
    SearchVector,
    TrigramWordSimilarity,
)
from django.db.models import Case, Count, F, Func, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Greatest
from django.db.models.lookups import Exact, GreaterThanOrEqual
from django.utils import timezone

from accounts.models import Federation
from events import queries
from events.calendar.words import Understood, understand
from events.enums import Delivery
from events.models import Category, CreditOffer, Event, Synonym
from events.signals import TrackFit

# The text search configuration that the database has for the calendar.
CONFIG = "aspen"
# The type filter's value for events without a type.
NO_TYPE = "other"
# The operators of websearch_to_tsquery.
OPERATORS = re.compile(r'"|(^|\s)-|\bor\b', re.IGNORECASE)
# Each word costs two index lookups.
MAX_SEARCH_WORDS = 12
# Changing two letters of a shorter word usually gives a different word.
MIN_MISSPELLED_LENGTH = 4
# A seven-letter word with one letter replaced keeps about half of its trigrams.
MIN_SIMILARITY = 0.5
SEARCHED_FIELDS = ("title", "sponsor", "presenter", "city")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filters:
    """Filters for events. An empty value matches everything.

    `category` is a slug and `federation` is a name. `since` and `until` are inclusive days in
    Mountain time. `words` are as they were typed: some of them can mean other filters
    (`understood`). `synonyms` are not a filter, but what `synonyms_in` finds for the words, and
    `track_fit` is which events `fits_track` keeps: none without a track.
    """

    words: str = ""
    category: str = ""
    type: str = ""
    delivery: str = ""
    sponsor: str = ""
    federation: str = ""
    city: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    earns_credit: bool = False
    has_recording: bool = False
    fits_track: bool = False
    synonyms: "tuple[WordAndSynonym, ...]" = ()
    track_fit: TrackFit | None = None


AnyFilters = TypeVar("AnyFilters", bound=Filters)


class WordAndSynonym(NamedTuple):
    """A word or phrase that was typed, and another to search for."""

    word: str
    also: str


# In display order.
FILTER_NAMES = tuple(
    field.name
    for field in dataclasses.fields(Filters)
    if field.name not in ("synonyms", "track_fit")
)


def stored(filters: Filters) -> dict[str, str | bool]:
    """Return the active filters as JSON, for `from_stored`."""
    values = {name: getattr(filters, name) for name in FILTER_NAMES}
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in values.items()
        if value
    }


def from_stored(values: Mapping[str, Any]) -> Filters:
    """Return the filters that `stored` returned. Ignores filters that no longer exist."""
    days = {
        name: dt.date.fromisoformat(values[name]) for name in ("since", "until") if name in values
    }
    known = {name: values[name] for name in FILTER_NAMES if name in values}
    return Filters(**known | days)


def understood(filters: Filters) -> Understood:
    """Return which of the words mean a filter today, and the other words."""
    return understand(
        filters.words,
        timezone.localdate(),
        days=not (filters.since or filters.until),
        delivery=not filters.delivery,
        recording=not filters.has_recording,
    )


def _with_understood_words(filters: Filters) -> Filters:
    meaning = understood(filters)
    changes: dict[str, Any] = {"words": meaning.words}
    if meaning.days:
        changes |= {"since": meaning.days.first, "until": meaning.days.last}
    if meaning.delivery:
        changes["delivery"] = meaning.delivery
    if meaning.has_recording:
        changes["has_recording"] = True
    return dataclasses.replace(filters, **changes)


def filtered_calendar(filters: Filters) -> QuerySet[Event]:
    """Return the events on the public calendar that match all filters, unordered."""
    filters = _with_understood_words(filters)
    events = _filter_by_text(queries.on_calendar(), filters)
    events = filter_events(
        events, category=filters.category, type=filters.type, delivery=filters.delivery
    )
    if filters.federation:
        events = events.filter(organization__federation__name=filters.federation)
    if filters.since or filters.until:
        events = _filter_by_days(events, filters.since, filters.until)
    if filters.earns_credit:
        events = events.filter(pk__in=CreditOffer.objects.values("event_id"))
    if filters.has_recording:
        events = events.filter(recording_available_at__lte=timezone.now())
    if filters.fits_track:
        events = events.filter(filters.track_fit.counts) if filters.track_fit else events.none()
    return events


def filter_events(
    events: QuerySet[Event], *, category: str, type: str, delivery: str
) -> QuerySet[Event]:
    """Filter events by category slug, type and delivery. An empty value matches any.

    `NO_TYPE` matches events without a type. Hybrid events match both "in person" and "online".
    Events with a recording match "recorded".
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


def _filter_by_text(events: QuerySet[Event], filters: Filters) -> QuerySet[Event]:
    if filters.words:
        events = search_matching(events, filters.words, filters.synonyms)
    if filters.sponsor:
        events = _filter_by_name(events, "sponsor", filters.sponsor, weight="B")
    if filters.city:
        events = _filter_by_name(events, "city", filters.city, weight="C")
    return events


def _filter_by_days(
    events: QuerySet[Event], since: dt.date | None, until: dt.date | None
) -> QuerySet[Event]:
    """Filter to events that overlap these days. Either day can be None."""
    if since:
        events = events.filter(last_day__gte=since, over_at__gt=queries.midnight(since))
    if until:
        events = events.filter(begins_at__lt=queries.midnight(until + dt.timedelta(days=1)))
    return events


def _filter_by_name(
    events: QuerySet[Event], field: str, text: str, *, weight: str
) -> QuerySet[Event]:
    """Filter to events where each word of the text starts a word of the field.

    Ignores case and accents. The search index finds candidates by the field's weight; only those
    rows are compared with the field itself.
    """
    words = re.findall(r"\w+", text)[:MAX_SEARCH_WORDS]
    if not words:
        return events.none()

    def query(weight: str) -> SearchQuery:
        raw = " & ".join(f"'{word}':*{weight}" for word in words)
        return SearchQuery(raw, config=CONFIG, search_type="raw")

    vector = SearchVector(field, config=CONFIG)
    return events.alias(**{f"{field}_words": vector}).filter(
        **{"search": query(weight), f"{field}_words": query("")}
    )


# ---------- Synonyms ----------


def synonyms_in(words: str) -> tuple[WordAndSynonym, ...]:
    """Return the words and phrases of a search that have synonyms, with these. One query.

    Compares them as the search does: without case, accents and endings. A search with operators
    has none, so that people can search for a word itself.
    """
    if not words or OPERATORS.search(words):
        return ()
    typed = SearchVector(Value(words, output_field=TextField()), config=CONFIG)
    first, second = (
        Q(typed=SearchQuery(F(field), config=CONFIG, search_type="phrase"))
        for field in ("word", "also")
    )
    rows = (
        Synonym.objects.alias(typed=typed)
        .annotate(is_first=Case(When(first, then=True), default=False))
        .filter(first | second & Q(works_both_ways=True))
        .order_by("pk")
        .values_list("word", "also", "is_first")
    )
    pairs = (
        WordAndSynonym(word, also) if is_first else WordAndSynonym(also, word)
        for word, also, is_first in rows
    )
    # A phrase comes before its words, because the first synonym changes the query for the others.
    return tuple(sorted(dict.fromkeys(pairs), key=lambda pair: -len(pair.word.split())))


def with_synonyms(filters: AnyFilters) -> AnyFilters:
    """Return the filters with the synonyms of their words. At most one query."""
    return dataclasses.replace(filters, synonyms=synonyms_in(understood(filters).words))


class _WithSynonym(SearchQuery):
    """A query in which a word or phrase also matches a synonym."""

    def __init__(self, query: SearchQuery, synonym: WordAndSynonym) -> None:
        word = SearchQuery(synonym.word, config=CONFIG)
        also = SearchQuery(synonym.also, config=CONFIG, search_type="phrase")
        self.config, self.invert = None, False
        Func.__init__(self, query, word, word | also, function="ts_rewrite")


# ---------- Text search ----------


def search_matching(
    events: QuerySet[Event], words: str, synonyms: Iterable[WordAndSynonym] = ()
) -> QuerySet[Event]:
    """Filter to events that match the words or their synonyms, without changing their order.

    This is a full-text search that ignores accents. Misspelled words in the title also match
    (by trigrams), unless the search has operators: "quoted phrase", -without, or.
    """
    query = _query(words, synonyms)
    match = Q(search=query)
    if not OPERATORS.search(words):
        # "the" alone would match everything, so the title must contain the word.
        similar = _each_word(words, synonyms)
        match |= ~_is_empty_query(query) & similar | Q(title__trigram_word_similar=words)
    return events.filter(match)


def search_ranked(
    events: QuerySet[Event], words: str, synonyms: Iterable[WordAndSynonym] = ()
) -> QuerySet[Event]:
    """Order the events by how well they match the words, best match first.

    Events that have a word come before those that only have its synonym.
    """
    rank = (
        SearchRank(F("search"), _query(words, synonyms))
        + SearchRank(F("search"), _websearch_query(words))
        + TrigramWordSimilarity(words, "title") / 10
    )
    return events.annotate(rank=rank).order_by("-rank", "-begins_at", "id")


def search_similar(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """Return events similar to the words, most similar first.

    Allows two swapped letters or one extra letter anywhere in the text, and similar words in
    title, sponsor, presenter and city. Reads many events, so use it only if `search_matching`
    finds none.
    """
    if OPERATORS.search(words):
        return events.none()
    typed = [word for word in re.findall(r"\w+", words) if len(word) >= MIN_MISSPELLED_LENGTH]
    if not typed:
        return events.none()
    for word in typed[:MAX_SEARCH_WORDS]:
        similar = (GreaterThanOrEqual(each, MIN_SIMILARITY) for each in _word_similarity(word))
        events = events.filter(
            reduce(or_, map(Q, similar), Q(search=_typo_variants(word) | _websearch_query(word)))
        )
    rank = Greatest(*_word_similarity(words))
    return events.annotate(rank=rank).order_by("-rank", "-begins_at", "id")


def _word_similarity(word: str) -> list[TrigramWordSimilarity]:
    return [TrigramWordSimilarity(word, field) for field in SEARCHED_FIELDS]


def _typo_variants(word: str) -> SearchQuery:
    """Match the word with any two adjacent letters swapped or any one letter removed."""
    swapped = {
        word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word[:30]) - 1)
    }
    shorter = {word[:at] + word[at + 1 :] for at in range(len(word[:30]))}
    raw = " | ".join(f"'{each}'" for each in sorted(swapped | shorter))
    return SearchQuery(raw, config=CONFIG, search_type="raw")


def _websearch_query(words: str) -> SearchQuery:
    return SearchQuery(words, config=CONFIG, search_type="websearch")


def _query(words: str, synonyms: Iterable[WordAndSynonym]) -> SearchQuery:
    return reduce(_WithSynonym, synonyms, _websearch_query(words))


def _each_word(words: str, synonyms: Iterable[WordAndSynonym]) -> Q:
    """Match events that have each word, or one like it in the title. Ignore words like "the"."""
    match = Q()
    for word in words.split()[:MAX_SEARCH_WORDS]:
        query = _query(word, synonyms)
        match &= Q(search=query) | Q(title__trigram_word_similar=word) | _is_empty_query(query)
    return match


def _is_empty_query(query: SearchQuery) -> Q:
    """Return a condition that is true if the query has no words left.

    PostgreSQL evaluates the condition while planning.
    """
    return Q(Exact(Func(query, function="numnode", output_field=IntegerField()), 0))


# ---------- Choices and counts ----------


class FilterChoices(NamedTuple):
    """The categories and the names of federations to filter by, in display order."""

    categories: Sequence[Category]
    federations: list[str]


def filter_choices() -> FilterChoices:
    """Return the choices of the calendar's filters. One query."""
    names = ArraySubquery(Federation.objects.order_by("name").values("name"))
    categories = list(queries.categories().annotate(federations=names))
    return FilterChoices(categories, categories[0].federations if categories else [])


def count_each(querysets: Iterable[QuerySet[Event]]) -> list[int]:
    """Count the events of each queryset. One query in total, or none if there are no querysets."""
    each = [
        events.order_by().values(which=Value(number)).annotate(number=Count("pk"))
        for number, events in enumerate(querysets)
    ]
    if not each:
        return []
    rows = each[0].union(*each[1:], all=True) if len(each) > 1 else each[0]
    counts = {row["which"]: row["number"] for row in rows.order_by("which")}
    return [counts.get(number, 0) for number in range(len(each))]
