"""Time present at an event, computed from the rows of its attendance lists.

Nothing here reads files or the database. Times are whole seconds, and moments are seconds since
1970 (UTC), because lists store them as JSON.
"""

import datetime as dt
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_ALIAS_LENGTH = 300


class ReportRow(NamedTuple):
    """One row of an attendance list, as it is stored.

    If `seconds` is None, the row is a visit from `joined` to `left`, or to the end of the event if
    `left` is None. Otherwise it is a total of `seconds`, and `joined` and `left`, if known, are the
    first time the person joined and the last time the person left.
    """

    line: int
    address: str  # in lower case, or empty
    name: str
    joined: int | None
    left: int | None
    seconds: int | None

    @property
    def alias(self) -> str:
        """What the list calls the person: the address, or else the name with a prefix."""
        return self.address or name_alias(self.name)


def name_alias(name: str) -> str:
    """Return the alias of a person without an address. Case and spaces do not matter."""
    words = unicodedata.normalize("NFC", name.casefold()).split()
    return f"name:{' '.join(words)}"[:MAX_ALIAS_LENGTH].rstrip()


class Span(NamedTuple):
    """A time from `begin` to `end`, in seconds since 1970."""

    begin: int
    end: int

    @property
    def seconds(self) -> int:
        return max(0, self.end - self.begin)

    def cut_to(self, other: "Span") -> "Span":
        """Return the part of this time that is within another."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


def span(begins_at: dt.datetime, ends_at: dt.datetime) -> Span:
    return Span(int(begins_at.timestamp()), int(ends_at.timestamp()))


def seconds_present(lists: Iterable[Sequence[ReportRow]], event: Span) -> int:
    """Return how long one person was present, given the person's rows on each list of the event.

    Visits on all lists are united and cut to the event, so two devices at the same time count once.
    Totals are added, once for each list. The result is at most the event's length. It does not
    depend on the order of lists or rows, and another list never lowers it.
    """
    visits: list[Span] = []
    total = 0
    for rows in lists:
        for row in rows:
            if row.seconds is None:
                visits.append(_within(row, event))
            else:
                total += min(row.seconds, _within(row, event).seconds)
    return min(_united_seconds(visits) + total, event.seconds)


def _within(row: ReportRow, event: Span) -> Span:
    """Return the part of the event in which the person can have been present."""
    begin = event.begin if row.joined is None else row.joined
    end = event.end if row.left is None else row.left
    return Span(begin, end).cut_to(event)


def _united_seconds(visits: Iterable[Span]) -> int:
    """Return the length of the union of these times."""
    seconds, covered_until = 0, 0
    for visit in sorted(visit for visit in visits if visit.seconds):
        seconds += max(0, visit.end - max(visit.begin, covered_until))
        covered_until = max(covered_until, visit.end)
    return seconds


def fingerprint(rows: Iterable[ReportRow]) -> str:
    """Return a text that is the same for two lists if they say the same about the same people.

    The order of the rows and the file's format do not matter.
    """
    contents = sorted(
        [row.alias, row.joined or -1, row.left or -1, -1 if row.seconds is None else row.seconds]
        for row in rows
    )
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
