"""Propose people for the names and addresses on attendance lists that belong to no account.

Organizers confirm each match; nothing is matched automatically.
"""

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from accounts.models import User
from events.models import AttendeeMatch, Event, Registration

MAX_PROPOSALS = 4
MIN_SIMILARITY = 0.72


class Proposal(NamedTuple):
    """A person who may be the one on the list. `is_remembered` is from an earlier event's match."""

    person: User
    is_remembered: bool


def words_of(text: str) -> set[str]:
    """Return the words of a name or address, without accents, in lower case.

    Of an address, only the part before the @ is used. Initials do not count.
    """
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)
    )
    plain = re.sub(r"['’ʼ]", "", plain.casefold().partition("@")[0])
    return {word for word in re.findall(r"[^\W\d_]+", plain) if len(word) > 1}


def similarity(one: set[str], other: set[str]) -> float:
    """Return how similar two names are, from 0 to 1: the average of their best matching words.

    Words that only the longer name has do not matter, because tools add rooms and libraries.
    """
    few, many = sorted((one, other), key=len)
    if not few:
        return 0
    best = [max(_ratio(word, each) for each in many) for word in few]
    # One word in common, such as a first name, is not enough if both names have more.
    return sum(best) / len(best) * (0.8 if len(few) == 1 and len(many) > 1 else 1)


@functools.lru_cache(maxsize=50_000)
def _ratio(one: str, other: str) -> float:
    return 1 if one == other else difflib.SequenceMatcher(None, one, other).ratio()


def proposals(
    named: Mapping[str, str], registrations: Iterable[Registration], event: Event
) -> dict[str, list[Proposal]]:
    """Return the people to propose for each alias, given its name on the list. One query.

    Earlier matches come first, then the people registered for this event with similar names.
    """
    remembered = _remembered(list(named), event)
    candidates = [(words_of(each.person.display_name), each.person) for each in registrations]
    found: dict[str, list[Proposal]] = {}
    for alias, name in named.items():
        earlier = remembered.get(alias, [])
        words = words_of(name)
        scored = [(similarity(words, theirs), person) for theirs, person in candidates]
        similar = sorted(
            (each for each in scored if each[0] >= MIN_SIMILARITY and each[1] not in earlier),
            key=lambda each: (-each[0], each[1].sort_key, each[1].pk),
        )
        found[alias] = [
            *(Proposal(person, True) for person in earlier),
            *(Proposal(person, False) for _, person in similar),
        ][:MAX_PROPOSALS]
    return found


def _remembered(aliases: Sequence[str], event: Event) -> dict[str, list[User]]:
    """Return the people whom organizers of the same organization matched at other events."""
    matches = (
        AttendeeMatch.objects.filter(
            alias__in=aliases, event__organization=event.organization_id, person__is_active=True
        )
        if event.organization_id
        else AttendeeMatch.objects.filter(
            alias__in=aliases, event__organization__isnull=True, person__is_active=True
        )
    )
    people: dict[str, list[User]] = {}
    for match in matches.exclude(event=event).select_related("person").order_by("-matched_at"):
        known = people.setdefault(match.alias, [])
        if match.person not in known:
            known.append(match.person)
    return people
