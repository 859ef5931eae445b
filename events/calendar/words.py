"""Words of a search that mean a filter: days, months, years, online, in person, recording.

This module runs no queries.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from aspen.formats import format_day, format_days
from events.enums import Delivery
from events.models import CALENDAR_ENDS, CALENDAR_STARTS

# A phrase in quotes is searched for as it is.
PARTS = re.compile(r'"[^"]*"?|\S+')
# With "or", a filter would also apply to the words on the other side.
ALTERNATIVES = re.compile(r"(^|\s)or\s", re.IGNORECASE)
MONTHS = [dt.date(2000, number, 1).strftime("%B").lower() for number in range(1, 13)]
YEARS = range(CALENDAR_STARTS.year, CALENDAR_ENDS.year)
WEEK = dt.timedelta(days=7)
# No phrase has more words.
MAX_PHRASE = 2
DELIVERIES = {
    "online": Delivery.ONLINE,
    "virtual": Delivery.ONLINE,
    "in person": Delivery.IN_PERSON,
    "in-person": Delivery.IN_PERSON,
}
RECORDINGS = {"recording", "recordings", "recorded"}


class Days(NamedTuple):
    first: dt.date
    last: dt.date


class Reading(NamedTuple):
    """A word that was read as a filter. `typed` is the word, and `text` the filter."""

    typed: str
    text: str
    # The search with this word in quotes, which searches for the word itself.
    literally: str


class Understood(NamedTuple):
    """The words that remain to search for, and what the others mean."""

    words: str
    days: Days | None = None
    delivery: str = ""
    has_recording: bool = False
    readings: tuple[Reading, ...] = ()


def week_of(day: dt.date) -> Days:
    """Return the Sunday and Saturday of the day's week."""
    sunday = day - dt.timedelta(days=(day.weekday() + 1) % 7)
    return Days(sunday, sunday + dt.timedelta(days=6))


def understand(
    words: str, today: dt.date, *, days: bool = True, delivery: bool = True, recording: bool = True
) -> Understood:
    """Return what the words mean on a day.

    A kind of filter that is already set is passed as False; its words are then searched for. So are
    phrases in quotes, words with a minus, and all words of a search with "or". The first of several
    phrases of a kind is the filter.
    """
    if ALTERNATIVES.search(words):
        return Understood(words)
    parts = PARTS.findall(words)
    open_kinds = {"days": days, "delivery": delivery, "has_recording": recording}
    found: dict[str, tuple[object, str, range]] = {}
    at = 0
    while at < len(parts):
        meaning = _longest_meaning(parts[at : at + MAX_PHRASE], today)
        if meaning and open_kinds[meaning.kind]:
            open_kinds[meaning.kind] = False
            found[meaning.kind] = (meaning.value, meaning.text, range(at, at + meaning.length))
            at += meaning.length
        else:
            at += 1
    taken = {index for _, _, indexes in found.values() for index in indexes}
    return Understood(
        " ".join(part for index, part in enumerate(parts) if index not in taken),
        **{kind: value for kind, (value, _, _) in found.items()},  # type: ignore[arg-type]
        readings=tuple(_reading(parts, text, indexes) for _, text, indexes in found.values()),
    )


def _reading(parts: list[str], text: str, indexes: range) -> Reading:
    typed = " ".join(parts[index] for index in indexes)
    quoted = [*parts[: indexes.start], f'"{typed}"', *parts[indexes.stop :]]
    return Reading(typed, text, " ".join(quoted))


class _Meaning(NamedTuple):
    kind: str
    value: object
    text: str
    length: int


def _longest_meaning(parts: list[str], today: dt.date) -> _Meaning | None:
    for length in range(len(parts), 0, -1):
        phrase = " ".join(parts[:length]).casefold().strip(".,;:!?")
        if days := _days(phrase, today):
            return _Meaning("days", days, _describe(days), length)
        if delivery := DELIVERIES.get(phrase):
            return _Meaning("delivery", delivery.value, delivery.label, length)
        if phrase in RECORDINGS:
            return _Meaning("has_recording", True, "Recording available", length)
    return None


def _days(phrase: str, today: dt.date) -> Days | None:
    tomorrow = today + dt.timedelta(days=1)
    relative: dict[str, Callable[[], Days]] = {
        "today": lambda: Days(today, today),
        "tomorrow": lambda: Days(tomorrow, tomorrow),
        "this week": lambda: week_of(today),
        "next week": lambda: week_of(today + WEEK),
        "this month": lambda: _month(today),
        "next month": lambda: _month(today + relativedelta(months=1)),
    }
    if phrase in relative:
        return relative[phrase]()
    name, _, year = phrase.partition(" ")
    name = name.rstrip(",")
    if name in MONTHS and not year:
        return _coming_month(MONTHS.index(name) + 1, today)
    if name in MONTHS and _is_year(year):
        return _month(dt.date(int(year), MONTHS.index(name) + 1, 1))
    if _is_year(phrase):
        return Days(dt.date(int(phrase), 1, 1), dt.date(int(phrase), 12, 31))
    return None


def _coming_month(number: int, today: dt.date) -> Days:
    """Return the next month with this number that has not ended."""
    return _month(dt.date(today.year + (number < today.month), number, 1))


def _month(day: dt.date) -> Days:
    return Days(day.replace(day=1), day + relativedelta(day=31))


def _is_year(text: str) -> bool:
    return re.fullmatch(r"[0-9]{4}", text) is not None and int(text) in YEARS


def _describe(days: Days) -> str:
    first, last = days
    if first == last:
        return format_day(first)
    if first.day == 1 and last == first + relativedelta(day=31):
        return f"{first:%B %Y}"
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
        return f"{first.year}"
    return format_days(first, last)
