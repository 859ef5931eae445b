"""What certificates of attendance say, and who can have one.

A person can have one for a claim that counts and, if the event earns no credit, for a mark that
says they were present. A guest, who has no account, can have one if attendance lists show it.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import UUID

from django.core.signing import TimestampSigner
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.models import User
from aspen.formats import format_credits, format_day, format_length
from credits.enums import CERTIFIED, ClaimRole, ClaimSource, ClaimState
from credits.models import AttendanceCertificate, Claim, Credit
from credits.queries import with_earned_on
from events import queries as event_queries
from events.attendance.guests import Guest, guests_present, people_with
from events.enums import ATTENDED, Attendance, Delivery, EventState, RegistrationState
from events.models import Event, Registration
from events.rules import is_over

if TYPE_CHECKING:
    from credits.queries import EarnedCredit

BY_ORGANIZER = "Attendance recorded by the organizer"
AS_PRESENTER = "Listed as a presenter by the organizer"
APPROVED = "Credit approved"
ON_THEIR_WORD = "On the participant’s word, not yet verified"
BASES = (ON_THEIR_WORD, APPROVED, BY_ORGANIZER, AS_PRESENTER)  # weakest first


class PrintedFacts(TypedDict):
    """The text on a certificate of attendance, besides the name. It is stored as JSON.

    `credits` are pairs of an amount with its noun and a category. `basis` says who vouches for it.
    """

    title: str
    sponsor: str
    when: str
    hours: str
    credits: list[list[str]]
    is_presenter: bool
    basis: str
    is_demonstration: bool


class Attended(NamedTuple):
    """What a new certificate says about a person or guest who took part in an event."""

    name: str
    printed: PrintedFacts
    claim: Claim | None = None


def certified_claims() -> Q:
    """Return the condition for claims with a certificate: rules.has_certificate in SQL."""
    return Q(state__in=sorted(CERTIFIED), event__state=EventState.PUBLISHED)


def attended_by_person(person: User, event: Event) -> Attended | None:
    """Return what the person's certificate for the event says, or None if they cannot have one.

    Takes at most five queries.
    """
    return _attended_by_people([event], [person]).get((event.pk, person.pk))


def attended_by_guest(address: str, event: Event) -> Attended | None:
    """Return what the guest's certificate for the event says, or None if they cannot have one.

    Takes two queries.
    """
    return _attended_by_guests([event]).get((event.pk, address))


def attended_now(
    certificates: Iterable[AttendanceCertificate],
) -> dict[int, Attended | None]:
    """Return what each of these certificates would say now, by id, or None if it has no ground.

    Needs the event and the person selected. Takes a fixed number of queries, and one for each event
    with guests.
    """
    certificates = list(certificates)
    events = {each.event_id: each.event for each in certificates}
    people = {each.person_id: each.person for each in certificates if each.person}
    with_guests = {each.event_id: each.event for each in certificates if each.person is None}
    of_people = _attended_by_people(list(events.values()), list(people.values()))
    of_guests = _attended_by_guests(list(with_guests.values()))
    return {
        each.pk: of_people.get((each.event_id, each.person_id))
        if each.person_id
        else of_guests.get((each.event_id, each.guest_address))
        for each in certificates
    }


def _attended_by_people(
    events: Sequence[Event], people: Sequence[User]
) -> dict[tuple[int, int], Attended]:
    """Return what certificates say by event and person id.

    Takes at most five queries, and four for each event with an attendance list.
    """
    if not people:
        return {}
    both = {"event__in": events, "person__in": people}
    marked = Registration.objects.filter(**both, state=RegistrationState.CONFIRMED)
    marks = {
        (each.event_id, each.person_id): each
        for each in marked.exclude(attendance=Attendance.UNKNOWN).order_by("pk")
    }
    places = {key: each for key, each in marks.items() if each.attendance in ATTENDED}
    minutes = _minutes_on_lists(events) | {key: each.minutes for key, each in places.items()}
    for absent in marks.keys() - places.keys():
        minutes.pop(absent, None)
    events_by_id = {event.pk: event for event in events}
    people_by_id = {person.pk: person for person in people}
    found = {
        key: _at_event_without_credit(events_by_id[key[0]], people_by_id[key[1]], place)
        for key, place in places.items()
        if _took_place(events_by_id[key[0]])
    }
    earning = event_queries.credit_lines(events)
    found = {key: attended for key, attended in found.items() if key[0] not in earning}
    lines: dict[int, list[EarnedCredit]] = {}
    claims = list(Claim.objects.filter(certified_claims(), **both).order_by("pk"))
    credits = Credit.objects.filter(claim__in=claims, withdrawn_at=None)
    for line in with_earned_on(credits).select_related("category").order_by("claim", "line"):
        lines.setdefault(line.claim_id, []).append(line)
    for claim in claims:
        key = (claim.event_id, claim.person_id)
        if own := lines.get(claim.pk):
            event, person = events_by_id[key[0]], people_by_id[key[1]]
            found[key] = _by_claim(
                claim, event, person, own, is_recorded=key in minutes, minutes=minutes.get(key)
            )
    return found


def _minutes_on_lists(events: Sequence[Event]) -> dict[tuple[int, int], int | None]:
    """Return the minutes of people with an account on the events' lists, by event and person id.

    They need not have registered. The organizer's word does not depend on it.
    """
    found: dict[tuple[int, int], int | None] = {}
    for event in events:
        present = guests_present(event)
        for address, person in (people_with(present, event) if present else {}).items():
            key = (event.pk, person.pk)
            found[key] = max(found.get(key) or 0, present[address].minutes)
    return found


def _took_place(event: Event) -> bool:
    """Return True also for a merged event, because a merge does not change who was there."""
    return event.state in (EventState.PUBLISHED, EventState.MERGED) and is_over(event)


def _by_claim(
    claim: Claim,
    event: Event,
    person: User,
    lines: "Sequence[EarnedCredit]",
    *,
    is_recorded: bool,
    minutes: int | None,
) -> Attended:
    if claim.source == ClaimSource.PRESENTING:
        basis = AS_PRESENTER
    elif is_recorded and claim.role == ClaimRole.ATTENDEE:
        basis = BY_ORGANIZER
    else:
        basis = APPROVED if claim.state == ClaimState.APPROVED else ON_THEIR_WORD
    is_recording = event.delivery == Delivery.RECORDED
    printed = PrintedFacts(
        title=event.title,
        sponsor=event.sponsor,
        when=format_day(lines[0].earned_on) if is_recording else event.when,
        hours=_hours(event, minutes),
        credits=[[format_credits(line.amount), line.category.name] for line in lines],
        is_presenter=claim.role == ClaimRole.PRESENTER,
        basis=basis,
        is_demonstration=event.is_demonstration or person.is_demonstration,
    )
    return Attended(str(person), printed, claim)


def _at_event_without_credit(event: Event, person: User, place: Registration) -> Attended:
    is_demonstration = event.is_demonstration or person.is_demonstration
    printed = _recorded(event, place.minutes, [], is_demonstration=is_demonstration)
    return Attended(str(person), printed)


def _attended_by_guests(events: Sequence[Event]) -> dict[tuple[int, str], Attended]:
    """Return what certificates say by event id and address. Takes one query, and one per event."""
    events = [event for event in events if _took_place(event)]
    if not events:
        return {}
    earning = event_queries.credit_lines(events)
    return {
        (event.pk, address): _by_list(event, guest, earning.get(event.pk, ()))
        for event in events
        for address, guest in guests_present(event).items()
    }


def _by_list(event: Event, guest: Guest, lines: Iterable[event_queries.CategoryAmount]) -> Attended:
    credits = [[format_credits(Decimal(line.amount)), line.name] for line in lines]
    printed = _recorded(event, guest.minutes, credits, is_demonstration=event.is_demonstration)
    return Attended(guest.name or guest.address, printed)


def _recorded(
    event: Event, minutes: int | None, credits: list[list[str]], *, is_demonstration: bool
) -> PrintedFacts:
    return PrintedFacts(
        title=event.title,
        sponsor=event.sponsor,
        when=event.when,
        hours=_hours(event, minutes),
        credits=credits,
        is_presenter=False,
        basis=BY_ORGANIZER,
        is_demonstration=is_demonstration,
    )


def _hours(event: Event, minutes: int | None) -> str:
    """Return the time present if it is known, or the length of an event on one day, or ""."""
    if minutes is None and event.delivery == Delivery.RECORDED:
        minutes = event.recording_minutes
    elif minutes is None and event.ends_at and not event.all_day:
        length = event.ends_at - event.begins_at
        minutes = int(length.total_seconds()) // 60 if length.days == 0 else None
    return format_length(minutes) if minutes else ""


# ---------- Links for guests ----------

GUEST_SIGNER = TimestampSigner(salt="credits.attendance.guest")
GUEST_LINK_VALID = dt.timedelta(days=365)


def guest_key(address: str) -> str:
    """Return what stands for a guest's address in a link, because links end up in logs."""
    return str(UUID(salted_hmac("credits.attendance.guest", address).hexdigest()[:32]))


def guest_token(event_id: int, key: str) -> str:
    """Return the signed token in the URL of a guest's certificate."""
    return GUEST_SIGNER.sign(f"{event_id}-{key}")


class GuestLink(NamedTuple):
    """The event and the key of the guest (`guest_key`) in a link."""

    event_id: int
    key: str


def guest_link(token: str) -> GuestLink:
    """Return what a token was made for. Raises BadSignature, or SignatureExpired after a year."""
    event_id, _, key = GUEST_SIGNER.unsign(token, max_age=GUEST_LINK_VALID).partition("-")
    return GuestLink(int(event_id), key)
