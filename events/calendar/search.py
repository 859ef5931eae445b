"""What people find on the calendar: its filters, and the search that forgives how words are typed.

The pages, the feeds and the list for other sites ask for events by the same `Filters`.
"""

import dataclasses
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.contrib.postgres.search import (
    SearchQuery,
    SearchRank,
    SearchVector,
    TrigramWordSimilarity,
)
from django.db.models import Count, F, Func, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Greatest
from django.db.models.lookups import Exact, GreaterThanOrEqual
from django.utils import timezone

from accounts.models import Federation
from events import queries
from events.enums import Delivery
from events.models import CreditOffer, Event

# Asking for the type that some events lack.
NO_TYPE = "other"
# What websearch_to_tsquery reads as more than words.
OPERATORS = re.compile(r'"|(^|\s)-|\bor\b', re.IGNORECASE)
# Nobody types more into a search; each word costs two looks into an index.
MAX_SEARCH_WORDS = 12
# Shorter words with two letters changed are too often other words.
MIN_MISSPELLED_LENGTH = 4
# One of seven letters exchanged for another leaves about half of the trigrams.
MIN_SIMILARITY = 0.5
SEARCHED_FIELDS = ("title", "sponsor", "presenter", "city")
MAX_SUGGESTIONS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filters:
    """What is asked of the events; empty means anything.

    The category is a slug, the federation a name; days are Mountain days and inclusive.
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


# Their names, in the order in which they are told.
FILTER_NAMES = tuple(field.name for field in dataclasses.fields(Filters))


def filtered_calendar(filters: Filters) -> QuerySet[Event]:
    """The events of the public calendar that fit all of the filters, in no order yet."""
    events = _in_words(queries.on_calendar(), filters)
    events = filter_events(
        events, category=filters.category, type=filters.type, delivery=filters.delivery
    )
    if filters.federation:
        events = events.filter(organization__federation__name=filters.federation)
    if filters.since or filters.until:
        events = _in_days(events, filters.since, filters.until)
    if filters.earns_credit:
        events = events.filter(pk__in=CreditOffer.objects.values("event_id"))
    if filters.has_recording:
        events = events.filter(recording_available_at__lte=timezone.now())
    return events


def filter_events(
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


def _in_words(events: QuerySet[Event], filters: Filters) -> QuerySet[Event]:
    if filters.words:
        events = search_matching(events, filters.words)
    if filters.sponsor:
        events = _named(events, "sponsor", filters.sponsor, weight="B")
    if filters.city:
        events = _named(events, "city", filters.city, weight="C")
    return events


def _in_days(
    events: QuerySet[Event], since: dt.date | None, until: dt.date | None
) -> QuerySet[Event]:
    """Some part lies on these days. One side may be open."""
    if since:
        events = events.filter(last_day__gte=since, over_at__gt=queries.midnight(since))
    if until:
        events = events.filter(begins_at__lt=queries.midnight(until + dt.timedelta(days=1)))
    return events


def _named(events: QuerySet[Event], field: str, text: str, *, weight: str) -> QuerySet[Event]:
    """Every word of the text begins a word of the field, whatever its case and accents.

    The index of the search finds them quickly among what has the field's weight; the field itself
    is looked at in those only.
    """
    words = re.findall(r"\w+", text)[:MAX_SEARCH_WORDS]
    if not words:
        return events.none()

    def query(marks: str) -> SearchQuery:
        raw = " & ".join(f"'{word}':*{marks}" for word in words)
        return SearchQuery(raw, config="aspen", search_type="raw")

    alone = SearchVector(field, config="aspen")
    return events.alias(**{f"{field}_words": alone}).filter(
        **{"search": query(weight), f"{field}_words": query("")}
    )


# ---------- Words ----------


def search_matching(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """Those of `events` that match the words, in the same order.

    Full text with accents forgiven. Every word may also stand in the title misspelt (trigrams),
    unless the reader uses the search operators: "quoted phrase", -without, or.
    """
    query = _websearch_query(words)
    found = Q(search=query)
    if not OPERATORS.search(words):
        # Words like "the" alone would find everything; then the title has to hold them.
        found |= ~_means_nothing(query) & _each_word(words) | Q(title__trigram_word_similar=words)
    return events.filter(found)


def search_ranked(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """The same events, those that match the words best first."""
    rank = (
        SearchRank(F("search"), _websearch_query(words))
        + TrigramWordSimilarity(words, "title") / 10
    )
    return events.annotate(rank=rank).order_by("-rank", "-begins_at", "id")


def search_similar(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """What comes close to words that match nothing, the closest first.

    Two letters may have changed places, or one be too many, anywhere in the text; in title,
    sponsor, presenter and city a word need only look alike. This reads many events: it is for the
    moment when `matching` has found none.
    """
    if OPERATORS.search(words):
        return events.none()
    typed = [word for word in re.findall(r"\w+", words) if len(word) >= MIN_MISSPELLED_LENGTH]
    if not typed:
        return events.none()
    for word in typed[:MAX_SEARCH_WORDS]:
        alike = (GreaterThanOrEqual(each, MIN_SIMILARITY) for each in _word_similarity(word))
        events = events.filter(
            reduce(or_, map(Q, alike), Q(search=_typo_variants(word) | _websearch_query(word)))
        )
    rank = Greatest(*_word_similarity(words))
    return events.annotate(rank=rank).order_by("-rank", "-begins_at", "id")


def _word_similarity(word: str) -> list[TrigramWordSimilarity]:
    return [TrigramWordSimilarity(word, field) for field in SEARCHED_FIELDS]


def _typo_variants(word: str) -> SearchQuery:
    """The word with any two neighboring letters exchanged, and with any letter left out."""
    swapped = {
        word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word[:30]) - 1)
    }
    shorter = {word[:at] + word[at + 1 :] for at in range(len(word[:30]))}
    raw = " | ".join(f"'{each}'" for each in sorted(swapped | shorter))
    return SearchQuery(raw, config="aspen", search_type="raw")


def _websearch_query(words: str) -> SearchQuery:
    return SearchQuery(words, config="aspen", search_type="websearch")


def _each_word(words: str) -> Q:
    """Every word occurs, or one like it does in the title. Words like "the" never narrow."""
    found = Q()
    for word in words.split()[:MAX_SEARCH_WORDS]:
        query = _websearch_query(word)
        found &= Q(search=query) | Q(title__trigram_word_similar=word) | _means_nothing(query)
    return found


def _means_nothing(query: SearchQuery) -> Q:
    """Whether no word is left of a query. The database settles that while planning."""
    return Q(Exact(Func(query, function="numnode", output_field=IntegerField()), 0))


# ---------- Choices and counts ----------


def federations_with_events() -> list[str]:
    return list(Federation.objects.order_by("name").values_list("name", flat=True))


class NameSuggestions(NamedTuple):
    """Names to choose from while typing, the most frequent ones, in alphabetical order."""

    sponsors: list[str]
    cities: list[str]


def name_suggestions() -> NameSuggestions:
    """Who sponsors events and where they are held, as of the last year. One query."""
    year_ago = timezone.localdate() - dt.timedelta(days=365)
    rows = (
        queries.on_calendar()
        .filter(begins_at__gte=queries.midnight(year_ago))
        .values_list("sponsor", "city")
        .annotate(number=Count("pk"))
        .order_by("-number", "sponsor", "city")[: 3 * MAX_SUGGESTIONS]
    )
    sponsors: Counter[str] = Counter()
    cities: Counter[str] = Counter()
    for sponsor, city, number in rows:
        sponsors[sponsor] += number
        cities[city] += number
    return NameSuggestions(_frequent(sponsors), _frequent(cities))


def _frequent(names: Counter[str]) -> list[str]:
    most = (name for name, _ in names.most_common(MAX_SUGGESTIONS))
    return sorted(filter(None, most), key=str.casefold)


def count_each(lists: Iterable[QuerySet[Event]]) -> list[int]:
    """How many events each of these lists has. One query for all of them, none for none."""
    each = [
        events.order_by().values(which=Value(number)).annotate(number=Count("pk"))
        for number, events in enumerate(lists)
    ]
    if not each:
        return []
    rows = each[0].union(*each[1:], all=True) if len(each) > 1 else each[0]
    found = {row["which"]: row["number"] for row in rows.order_by("which")}
    return [found.get(number, 0) for number in range(len(each))]
