"""Credits that staff award to a list of people, also to those who have no account yet."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from aspen.errors import Refused
from credits import awards, emails, rules
from credits import awards as award_lists
from credits.actions.store import write_credits
from credits.enums import ClaimSource, ClaimState
from credits.models import AwardList, Claim, WaitingAward
from events import queries as event_queries
from events.enums import EventState
from events.models import Event
from events.rules import has_taken_place

AWARD_PERMISSION = "credits.award_credit"
BATCH = 1_000


@audited
def keep_award_list(
    *, event_id: int, by: User, text: str = "", file_name: str = "", data: bytes = b""
) -> AwardList:
    """Read a list, pasted or (with a `file_name`) uploaded, and keep it; nothing counts yet.

    Raises Refused with what to do, without the permission too.
    """
    _refuse_unless_allowed(by)
    sheet = award_lists.read_file(data) if file_name else award_lists.read_text(text)
    if not sheet.rows:
        reasons = [
            f"line {line}: {str(reason).rstrip('.')}" for line, reason, _ in sheet.refused[:3]
        ]
        more = f" ({'; '.join(reasons)})" if reasons else ""
        raise Refused(f"No address was found{more}.", field="file" if file_name else "addresses")
    return AwardList.objects.create(
        event_id=event_id,
        file_name=PurePath(file_name.replace("\\", "/").replace("\0", "")).name[:150],
        rows=sheet.rows,
        refused=sheet.refused,
        uploaded_by=by,
    )


def _refuse_unless_allowed(by: User) -> None:
    if not by.has_perm(AWARD_PERMISSION):
        raise Refused("You may not award credits.")


class AwardCounts(NamedTuple):
    """How many people got credits, and for how many addresses credits wait now."""

    people: int
    waiting: int


@audited
def apply_award_list(*, list_id: int, by: User) -> AwardCounts:
    """Award the event's credits to whom the list names, and tell them by mail.

    What it does for whom is awards.match: nobody gets an event twice, nobody awards themselves.
    Addresses without an account wait (match_awards). Counts once, however often it is asked.
    Locks the event, then the people. A fixed number of statements for every thousand people.
    Raises AwardList.DoesNotExist, or Refused without the permission or when the event earns
    nothing.
    """
    _refuse_unless_allowed(by)
    event_id = AwardList.objects.values_list("event_id", flat=True).get(pk=list_id)
    event = event_queries.lock_event(event_id)
    found = AwardList.objects.select_for_update(no_key=True).get(pk=list_id)
    if found.applied_at:
        return AwardCounts(0, 0)
    if reason := rules.why_not_award(event, has_credit=awards.has_credit(event)):
        raise Refused(reason)
    # Whoever claims this event, or is marked absent, waits for its lock.
    match = awards.match_award_list(found, event, by=by)
    lock_people(person.pk for person in match.award)
    for start in range(0, len(match.award), BATCH):
        _award_people([(person, event, by) for person in match.award[start : start + BATCH]])
    waiting = _store_waiting(match.unknown, event, by)
    found.applied_at, found.applied_by = timezone.now(), by
    found.save(update_fields=["applied_at", "applied_by"])
    return AwardCounts(len(match.award), waiting)


def _award_people(grants: Sequence[tuple[User, Event, User]]) -> list[Claim]:
    """Approved claims for (person, event, awarded by), with credits, postings and mail."""
    now = timezone.now()
    claims = Claim.objects.bulk_create(
        Claim(
            person=person,
            event=event,
            source=ClaimSource.AWARD,
            state=ClaimState.APPROVED,
            claimed_at=now,
            claimed_by=staff,
            decided_at=now,
            decided_by=staff,
        )
        for person, event, staff in grants
    )
    write_credits(claims)
    emails.queue_listed_emails(claims)
    return claims


def _store_waiting(addresses: Sequence[str], event: Event, by: User) -> int:
    """Keep the award for these addresses; return for how many it did not wait already.

    One that was taken back, or came to nothing, waits anew.
    """
    mine = WaitingAward.objects.filter(event=event, address__in=addresses)
    standing = mine.exclude(matched_at__isnull=False, claim=None).order_by("pk")
    there = set(standing.values_list("address", flat=True))
    now = timezone.now()
    fresh = [
        WaitingAward(event=event, address=address, awarded_at=now, awarded_by=by)
        for address in addresses
        if address not in there
    ]
    WaitingAward.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["event", "address"],
        update_fields=["awarded_at", "awarded_by", "matched_at"],
    )
    return len(fresh)


@audited
def take_back_award(*, award_id: int, by: User) -> WaitingAward:
    """Let an award wait no longer: whoever confirms the address gets nothing. Locks the event.

    Raises WaitingAward.DoesNotExist, or Refused without the permission or when it was settled.
    """
    _refuse_unless_allowed(by)
    event_id = WaitingAward.objects.values_list("event_id", flat=True).get(pk=award_id)
    event_queries.lock_event(event_id)
    award = WaitingAward.objects.select_for_update(no_key=True).get(pk=award_id)
    if award.matched_at:
        raise Refused("This award does not wait any more, so it cannot be taken back here.")
    award.matched_at = timezone.now()
    award.save(update_fields=["matched_at"])
    return award


@audited
def match_awards(*, by: User) -> int:
    """Make claims of the awards that wait for the addresses `by` has confirmed; say how many.

    An award on an event that was merged counts at the other. It comes to nothing where the event
    was cancelled, the person holds it or was refused it, or has made the award; it goes on
    waiting where the event is to come again. Idempotent. Locks the events, then the person. One
    query when nothing waits, otherwise a fixed number.
    """
    ids = set(awards.awards_waiting_for(by).order_by().values_list("event_id", flat=True))
    if not ids:
        return 0
    event_queries.lock_events(ids | set(awards.surviving_events(ids).values()))
    lock_people([by.pk])
    waiting = list(
        awards.awards_waiting_for(by)
        .filter(event__in=ids)
        .select_related("awarded_by")
        .select_for_update(of=("self",), no_key=True)
    )
    became = awards.surviving_events(award.event_id for award in waiting)
    granted, settled = _divide_by_outcome(waiting, became, by)
    if granted:
        claims = _award_people([(by, event, award.awarded_by) for event, award in granted])
        for claim, (_, award) in zip(claims, granted, strict=True):
            award.claim = claim
    now = timezone.now()
    for award in settled:
        award.matched_at = now
    WaitingAward.objects.bulk_update(settled, ["claim", "matched_at"])
    return len(granted)


def _divide_by_outcome(
    waiting: Sequence[WaitingAward], became: dict[int, int], by: User
) -> tuple[list[tuple[Event, WaitingAward]], list[WaitingAward]]:
    """Which award is granted at which event, and which are settled by now, those among them."""
    found = Event.objects.filter(pk__in=became.values()).order_by("pk")
    events = {event.pk: event for event in found}
    offered = event_queries.credit_lines(events.values())
    held, why_not = awards.award_result([by.pk], events.values())
    granted: dict[int, tuple[Event, WaitingAward]] = {}
    settled = []
    for award in waiting:
        event = events[became[award.event_id]]
        pair = (by.pk, event.pk)
        has_it = pair in held or event.pk in granted
        is_over = event.state in (EventState.CANCELLED, EventState.DECLINED)
        if has_it or is_over or pair in why_not or award.awarded_by_id == by.pk:
            settled.append(award)
        elif has_taken_place(event) and event.pk in offered:
            granted[event.pk] = (event, award)
            settled.append(award)
    return list(granted.values()), settled
