"""Awarding credits to a list of people, with or without accounts."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from credits import awards, emails, rules
from credits.actions.store import write_credits
from credits.enums import ClaimSource, ClaimState
from credits.models import AwardList, Claim, WaitingAward
from events import queries as event_queries
from events.enums import EventState
from events.models import Event
from events.rules import is_claimable

AWARD_PERMISSION = "credits.award_credit"
BATCH = 1_000


@audited_as("credits.keep_award_list")
def store_award_list(
    *, event_id: int, by: User, text: str = "", file_name: str = "", data: bytes = b""
) -> AwardList:
    """Read and store an award list without awarding anything.

    The list is pasted (`text`) or uploaded (`file_name` and `data`). Raise Refused if the list has
    no addresses or cannot be read, or if `by` lacks the permission.
    """
    _refuse_unless_allowed(by)
    sheet = awards.read_file(data) if file_name else awards.read_text(text)
    if not sheet.rows:
        reasons = [
            f"line {line}: {str(reason).rstrip('.')}" for line, reason, _ in sheet.refused[:3]
        ]
        more = f" ({'; '.join(reasons)})" if reasons else ""
        raise Refused(
            f"No e-mail addresses were found{more}.", field="file" if file_name else "addresses"
        )
    return AwardList.objects.create(
        event_id=event_id,
        file_name=PurePath(file_name.replace("\\", "/").replace("\0", "")).name[:150],
        rows=sheet.rows,
        refused=sheet.refused,
        uploaded_by=by,
    )


def _refuse_unless_allowed(by: User) -> None:
    if not by.has_perm(AWARD_PERMISSION):
        raise Refused("You do not have permission to award credits.")


class AwardCounts(NamedTuple):
    """The number of people awarded credits, and of addresses now waiting for an account."""

    people: int
    waiting: int


@audited
def apply_award_list(*, list_id: int, by: User) -> AwardCounts:
    """Award the event's credits to the people on the list, and queue e-mails to them.

    awards.match_award_list decides who gets them: no one gets credit for an event twice, and staff
    cannot award themselves. Addresses without an account wait for one (match_awards). Idempotent.
    Lock the event, then the people. Takes a fixed number of statements per thousand people. Raise
    AwardList.DoesNotExist, or Refused if `by` lacks the permission or the event earns no credit.
    """
    _refuse_unless_allowed(by)
    event_id = AwardList.objects.values_list("event_id", flat=True).get(pk=list_id)
    event = event_queries.lock_event(event_id)
    award_list = AwardList.objects.select_for_update(no_key=True).get(pk=list_id)
    if award_list.applied_at:
        return AwardCounts(0, 0)
    if reason := rules.why_not_award(event, has_credit=awards.has_credit(event)):
        raise Refused(reason)
    # The event's lock also blocks new claims and attendance changes.
    match = awards.match_award_list(award_list, event, by=by)
    lock_people(person.pk for person in match.award)
    for start in range(0, len(match.award), BATCH):
        _award_people([(person, event, by) for person in match.award[start : start + BATCH]])
    waiting = _store_waiting(match.unknown, event, by)
    award_list.applied_at, award_list.applied_by = timezone.now(), by
    award_list.save(update_fields=["applied_at", "applied_by"])
    return AwardCounts(len(match.award), waiting)


def _award_people(grants: Sequence[tuple[User, Event, User]]) -> list[Claim]:
    """Create an approved claim with credits for each (person, event, awarder). Queue e-mails."""
    now = timezone.now()
    claims = Claim.objects.bulk_create(
        Claim(
            person=person,
            event=event,
            source=ClaimSource.AWARD,
            state=ClaimState.APPROVED,
            claimed_at=now,
            claimed_by=awarder,
            decided_at=now,
            decided_by=awarder,
        )
        for person, event, awarder in grants
    )
    write_credits(claims)
    emails.queue_credit_listed_emails(claims)
    return claims


def _store_waiting(addresses: Sequence[str], event: Event, by: User) -> int:
    """Store a waiting award for each of these addresses. Return the number of new awards.

    If an earlier award was withdrawn or ended without a claim, the address waits again.
    """
    earlier = WaitingAward.objects.filter(event=event, address__in=addresses)
    stored = earlier.exclude(matched_at__isnull=False, claim=None).order_by("pk")
    known = set(stored.values_list("address", flat=True))
    now = timezone.now()
    new = [
        WaitingAward(event=event, address=address, awarded_at=now, awarded_by=by)
        for address in addresses
        if address not in known
    ]
    WaitingAward.objects.bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["event", "address"],
        update_fields=["awarded_at", "awarded_by", "matched_at"],
    )
    return len(new)


@audited_as("credits.take_back_award")
def withdraw_waiting_award(*, award_id: int, by: User) -> WaitingAward:
    """Withdraw an award that is waiting for an account. Lock the event.

    Raise WaitingAward.DoesNotExist, or Refused if `by` lacks the permission or the award is no
    longer waiting.
    """
    _refuse_unless_allowed(by)
    event_id = WaitingAward.objects.values_list("event_id", flat=True).get(pk=award_id)
    event_queries.lock_event(event_id)
    award = WaitingAward.objects.select_for_update(no_key=True).get(pk=award_id)
    if award.matched_at:
        raise Refused(
            "This award is no longer waiting for an account, so it cannot be withdrawn here."
        )
    award.matched_at = timezone.now()
    award.save(update_fields=["matched_at"])
    return award


@audited
def match_awards(*, by: User) -> int:
    """Create claims from the awards that wait for `by`'s confirmed addresses.

    Return the number of claims. If the event was merged, the award applies to the target. The award
    ends without a claim if the event was canceled or declined, or if the person has claimed the
    event, is not eligible for the award, or made it. The award keeps waiting while the event is not
    over or carries no credit. Idempotent. Lock the events, then the person. Takes one query if
    nothing is waiting, otherwise a fixed number.
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
    survivors = awards.surviving_events(award.event_id for award in waiting)
    granted, ended = _divide_by_outcome(waiting, survivors, by)
    if granted:
        claims = _award_people([(by, event, award.awarded_by) for event, award in granted])
        for claim, (_, award) in zip(claims, granted, strict=True):
            award.claim = claim
    now = timezone.now()
    for award in ended:
        award.matched_at = now
    WaitingAward.objects.bulk_update(ended, ["claim", "matched_at"])
    return len(granted)


def _divide_by_outcome(
    waiting: Sequence[WaitingAward], survivors: dict[int, int], by: User
) -> tuple[list[tuple[Event, WaitingAward]], list[WaitingAward]]:
    """Return the (event, award) pairs to grant, and all awards that will stop waiting."""
    events = Event.objects.in_bulk(survivors.values())
    offered = event_queries.credit_lines(events.values())
    have_claims, reasons = awards.award_result([by.pk], events.values())
    granted: dict[int, tuple[Event, WaitingAward]] = {}
    ended = []
    for award in waiting:
        event = events[survivors[award.event_id]]
        pair = (by.pk, event.pk)
        has_claim = pair in have_claims or event.pk in granted
        is_off = event.state in (EventState.CANCELLED, EventState.DECLINED)
        if has_claim or is_off or pair in reasons or award.awarded_by_id == by.pk:
            ended.append(award)
        elif is_claimable(event) and event.pk in offered:
            granted[event.pk] = (event, award)
            ended.append(award)
    return list(granted.values()), ended
