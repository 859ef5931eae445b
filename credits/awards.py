"""Reads on awards: whom a list would award an event's credits, and what waits for an address."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.db.models import F, Func, IntegerField, Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from accounts.queries import people_by_address
from credits import rules
from credits.enums import LIVE, ClaimState
from credits.models import AwardList, Claim, WaitingAward
from events.enums import Attendance, EventState
from events.models import CreditOffer, Event, Registration


class Standing(NamedTuple):
    """Who holds which event, and why others are not awarded it, by (person, event)."""

    held: set[tuple[int, int]]
    why_not: dict[tuple[int, int], str]


def standing(people: Collection[int], events: Collection[Event]) -> Standing:
    """How these people stand with these events. Two queries."""
    by_id = {event.pk: event for event in events}
    mine = {"person__in": people, "event__in": list(by_id)}
    held: set[tuple[int, int]] = set()
    ended: dict[tuple[int, int], Claim] = {}
    taken_back = Q(state=ClaimState.WITHDRAWN, decided_by=F("person"))
    claims = Claim.objects.filter(
        Q(state__in=sorted({*LIVE, ClaimState.DECLINED})) | taken_back, **mine
    )
    for claim in claims.order_by("pk"):
        pair = (claim.person_id, claim.event_id)
        if claim.state in LIVE:
            held.add(pair)
        else:
            ended[pair] = claim
    absent = Registration.objects.filter(attendance=Attendance.ABSENT, **mine).order_by("pk")
    places = {(place.person_id, place.event_id): place for place in absent}
    why_not = {}
    for pair in {*ended, *places} - held:
        event = by_id[pair[1]]
        if reason := rules.why_no_award(event, claim=ended.get(pair), place=places.get(pair)):
            why_not[pair] = reason
    return Standing(held, why_not)


# ---------- Lists ----------


class Match(NamedTuple):
    """What an award list says, person by person; `own` is whoever looks at it.

    `repeated` are further addresses of people on the list. `unknown` are addresses without an
    account.
    """

    award: list[User]
    held: list[User]
    refused: list[tuple[User, str]]
    own: list[User]
    repeated: list[tuple[User, str]]
    unknown: list[str]


def match(found: AwardList, event: Event, *, by: User) -> Match:
    """Compare a list with the people there are. Four queries, however long the list."""
    people = people_by_address(str(row[0]) for row in found.rows)
    known: dict[int, User] = {}
    repeated, unknown = [], []
    for row in found.rows:
        person = people.get(str(row[0]))
        if person is None:
            unknown.append(str(row[0]))
        elif person.pk in known:
            repeated.append((person, str(row[0])))
        else:
            known[person.pk] = person
    own = [known.pop(by.pk)] if by.pk in known else []
    held, why_not = standing(list(known), [event])
    award, holders, refused = [], [], []
    for person in known.values():
        pair = (person.pk, event.pk)
        if pair in held:
            holders.append(person)
        elif pair in why_not:
            refused.append((person, why_not[pair]))
        else:
            award.append(person)
    return Match(award, holders, refused, own, repeated, unknown)


def has_credit(event: Event) -> bool:
    return CreditOffer.objects.filter(event=event).exists()


def with_numbers(lists: QuerySet[AwardList]) -> QuerySet[AwardList]:
    """Annotate how many addresses a list has, and how many lines were left out of it."""
    return lists.annotate(
        addresses=Func(F("rows"), function="jsonb_array_length", output_field=IntegerField()),
        left_out=Func(F("refused"), function="jsonb_array_length", output_field=IntegerField()),
    ).defer("rows", "refused")


# ---------- Addresses without an account ----------


def waiting_for(person: User) -> QuerySet[WaitingAward]:
    """What waits for the addresses that the person has confirmed, the oldest first."""
    confirmed = EmailAddress.objects.filter(user=person, verified=True)
    return WaitingAward.objects.filter(
        matched_at=None, address__in=confirmed.values_list(Lower("email"))
    ).order_by("awarded_at", "pk")


def what_became_of(event_ids: Iterable[int]) -> dict[int, int]:
    """The event that holds the claims of each now: itself, unless merged. A query per merge."""
    became = {event_id: event_id for event_id in event_ids}
    while True:
        found = Event.objects.filter(pk__in=became.values(), state=EventState.MERGED).order_by("pk")
        merged = {pk: into for pk, into in found.values_list("pk", "merged_into") if into}
        if not merged:
            return became
        became = {first: merged.get(last, last) for first, last in became.items()}
