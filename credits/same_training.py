"""Whether two events may be the same training, by title, time and recording. No queries."""

import datetime as dt
import re

from events.models import Event

# Titles that share at least this fraction of their trigrams are similar. With pg_trgm's default of
# 0.3, "Budget basics" and "Budget planning" would be similar, too.
MIN_SIMILARITY_CHECKED = 0.5
ONE_DAY = dt.timedelta(days=1)


def titles_similar(one: str, other: str) -> bool:
    """Return whether two titles have enough trigrams in common, as pg_trgm defines them.

    Titles with different numbers are never similar, because part 1 is not part 2.
    """
    numbers = [set(re.findall(r"\d+", title)) for title in (one, other)]
    if all(numbers) and numbers[0] != numbers[1]:
        return False
    first, second = (_trigrams(title) for title in _without_conference_name(one, other))
    if not first or not second:
        return one.casefold().strip() == other.casefold().strip()
    return len(first & second) / len(first | second) >= MIN_SIMILARITY_CHECKED


def same_page(one: str, other: str) -> bool:
    """Return whether two URLs are for the same recording."""
    return bool(one and other) and normalized_url(one) == normalized_url(other)


def is_same_title(one: Event, other: Event) -> bool:
    """Return whether the titles are similar. Sessions at one conference are not compared."""
    if one.parent_id and one.parent_id == other.parent_id:
        return False
    return titles_similar(one.title, other.title)


def may_be_same(one: Event, other: Event) -> bool:
    """Return whether two events may be the same training.

    They may be if they have the same recording, or if their titles are similar and they start
    within a day of each other. Sessions at one conference are compared only by recording, because
    their titles are often similar.
    """
    if same_page(one.recording_url, other.recording_url):
        return True
    return abs(one.begins_at - other.begins_at) <= ONE_DAY and is_same_title(one, other)


def _without_conference_name(one: str, other: str) -> tuple[str, str]:
    """Return the titles without the conference name and colon, if both start with the same one."""
    conference, colon, session = one.partition(": ")
    prefix = conference + colon
    if session and other.startswith(prefix):
        return session, other.removeprefix(prefix)
    return one, other


def _trigrams(title: str) -> set[str]:
    padded = [f"  {word} " for word in re.findall(r"\w+", title.casefold())]
    return {word[n : n + 3] for word in padded for n in range(len(word) - 2)}


def normalized_url(address: str) -> str:
    """Return a URL as it is compared with others: without scheme, www. and a last slash."""
    return address.strip().lower().rpartition("://")[2].removeprefix("www.").rstrip("/")
