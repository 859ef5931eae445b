"""Merging a duplicate event into another, and undoing that."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from accounts.queries import lock_people
from aspen.db import audit
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import emails, rules
from credits.actions.event_changes import why_it_earns_nothing
from credits.actions.store import (
    announce_credits_changed,
    move_claims,
    withdraw_claims,
)
from credits.enums import LIVE, ClaimRole, ClaimState
from credits.models import Claim, Credit, Merge
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import CreditOffer, Event
from events.rules import has_taken_place, is_over, state_for_editors

UNDO_WINDOW = dt.timedelta(days=1)
DUPLICATE_REASON = "This is the same training as “{}”, for which you keep your credit."
# The states a custom event may be in, as source and as target of a merge.
MERGEABLE_SOURCE_STATES = frozenset({EventState.DRAFT, EventState.PENDING, EventState.PUBLISHED})
MERGEABLE_TARGET_STATES = frozenset({EventState.PENDING, EventState.PUBLISHED})
LineSet = frozenset[tuple[int, Decimal]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeResult:
    """The numbers of claims a merge changed; `tracks` are participations.

    `dropped` are the second claims of people who had claimed both events; `differing` claims moved
    and earn something other than the target offers.
    """

    merge: Merge
    moved: int = 0
    dropped: Sequence[Claim] = ()
    approved: int = 0
    sent_back: int = 0
    differing: int = 0
    tracks: int = 0


def merge_events(
    *, source_id: int, target_id: int, reason: str, by: User, seen: str = ""
) -> MergeResult:
    """Move every live claim of the source to the target; the source's page redirects there.

    A person with claims on both keeps the target's, unless only the source's is a presenter's.
    Declined and withdrawn claims stay with the source, and so do its registrations, which are
    settled first and never again. Credits do not change. Idempotent; locks both events, then the
    people; a fixed number of statements. `seen` is the pair_version the form showed, if known.
    Raises Event.DoesNotExist, or Refused.
    """
    # Registrations are settled first, in transactions of their own.
    event_actions.settle_due(event_id=source_id)
    return _merge(source_id=source_id, target_id=target_id, reason=reason.strip(), by=by, seen=seen)


@audited
def _merge(*, source_id: int, target_id: int, reason: str, by: User, seen: str) -> MergeResult:
    if source_id == target_id:
        raise Refused("An event cannot be merged into itself. Choose another event.")
    source, target = _lock(source_id, target_id)
    done = Merge.objects.filter(source=source, target=target, undone_at=None).first()
    if done:
        return MergeResult(merge=done)
    if seen and seen != pair_version(source, target):
        raise Refused(
            "One of the two events was changed since you opened this page. Review them again "
            "before you merge them."
        )
    if refusal := why_not_merge(source, target):
        raise Refused(refusal)
    audit.add_audit_context(reason=reason, merged=source_id, into=target_id)
    moving, dropping = _divide(_lock_claims(source_id, target_id), source, target)
    sent_back, approving = _divide_by_decision(moving, target, by=by)
    merge = Merge.objects.create(
        source=source,
        target=target,
        reason=reason,
        was=source.state,
        moved=[_snapshot(claim) for claim in moving],
        dropped=[_snapshot(claim) for claim in dropping],
        merged_at=timezone.now(),
        merged_by=by,
    )
    at = merge.merged_at
    followed = withdraw_claims(dropping, reason=DUPLICATE_REASON.format(target.title), by=by, at=at)
    Claim.objects.filter(pk__in=_ids(moving)).update(event=target)
    move_claims(sent_back, ClaimState.PENDING, actor=Actor.PORTAL, reason="", by=by, at=at)
    for claim in sent_back:
        claim.state = ClaimState.PENDING
    move_claims(approving, ClaimState.APPROVED, actor=Actor.STAFF, reason="", by=by, at=at)
    emails.queue_approved_emails(approving, at=at)
    event_actions.mark_merged(source=source, target=target)
    followed |= announce_credits_changed(
        Credit.objects.filter(claim__in=_ids(moving)).order_by("claim", "line")
    )
    return MergeResult(
        merge=merge,
        moved=len(moving),
        dropped=dropping,
        approved=len(approving),
        sent_back=len(sent_back),
        differing=_differing(moving, target),
        tracks=len({where for _, where in followed.added | followed.removed}),
    )


def pair_version(source: Event, target: Event) -> str:
    """A text that changes whenever one of the two events is saved, as by every decision."""
    return f"{source.changed_at.isoformat()} {target.changed_at.isoformat()}"


def _lock(source_id: int, target_id: int) -> tuple[Event, Event]:
    event_queries.lock_events([source_id, target_id])
    events = Event.objects.in_bulk([source_id, target_id])
    if len(events) < 2:
        raise Event.DoesNotExist
    return events[source_id], events[target_id]


def why_not_merge(source: Event, target: Event) -> str | None:
    """Why `source` cannot be merged into `target`, or None. No query."""
    for event in (source, target):
        if event.state == EventState.MERGED:
            return (
                f"“{event.title}” was already merged into another event. Choose that event instead."
            )
        if event.origin == Origin.CALENDAR and event.state == EventState.PUBLISHED:
            # People registered for the source would never get their credit.
            if not has_taken_place(event) or (event is source and not is_over(event)):
                return (
                    f"“{event.title}” is not over yet. If both are on the calendar, cancel one of "
                    "them instead."
                )
            continue
        allowed = MERGEABLE_SOURCE_STATES if event is source else MERGEABLE_TARGET_STATES
        if event.origin != Origin.CUSTOM or event.state not in allowed:
            return f"“{event.title}” is {state_for_editors(event)}, so it cannot be merged."
    return None


def _lock_claims(*event_ids: int) -> list[Claim]:
    """The live claims on the events, with their people. Locks the people."""
    live = Claim.objects.filter(event__in=event_ids, state__in=sorted(LIVE))
    lock_people(live.order_by().values_list("person_id", flat=True))
    return list(live.select_related("person").order_by("pk"))


def _divide(
    claims: Iterable[Claim], source: Event, target: Event
) -> tuple[list[Claim], list[Claim]]:
    """The claims that move to the target, and those dropped because the person has another."""
    claims = list(claims)
    at_target = {claim.person_id: claim for claim in claims if claim.event_id == target.pk}
    moving, dropping = [], []
    for claim in claims:
        if claim.event_id != source.pk:
            continue
        other = at_target.get(claim.person_id)
        if other is None:
            moving.append(claim)
        elif claim.role == ClaimRole.PRESENTER != other.role:
            moving.append(claim)
            dropping.append(other)
        else:
            dropping.append(claim)
    return moving, dropping


def _divide_by_decision(
    moving: Sequence[Claim], target: Event, *, by: User
) -> tuple[list[Claim], list[Claim]]:
    """The claims that become Pending again, and those approved because the target is.

    A merged event can no longer be changed, so its author cannot answer a claim that was returned.
    """
    sent_back = [claim for claim in moving if claim.state == ClaimState.RETURNED]
    if target.origin != Origin.CUSTOM or target.state != EventState.PUBLISHED:
        return sent_back, []
    approving = [claim for claim in moving if claim.state != ClaimState.APPROVED]
    if any(claim.person_id == by.pk for claim in approving):
        raise Refused(
            f"“{target.title}” is approved, so this would approve your own claim. A colleague has "
            "to merge the two events."
        )
    return sent_back, approving


def _ids(claims: Iterable[Claim]) -> list[int]:
    return [claim.pk for claim in claims]


def _snapshot(claim: Claim) -> dict[str, Any]:
    """The claim as it is now, to undo the merge."""
    return {
        "claim": claim.pk,
        "state": claim.state,
        "decided_at": claim.decided_at and claim.decided_at.isoformat(),
        "decided_by": claim.decided_by_id,
        "reason": claim.reason,
    }


def _differing(claims: Sequence[Claim], target: Event) -> int:
    """The number of claims with other credits than the target offers. Two queries."""
    offers = list(
        CreditOffer.objects.filter(event=target).order_by("pk").values_list("category", "amount")
    )
    offered: dict[str, LineSet] = {
        role: frozenset((category, times * amount) for category, amount in offers)
        for role, times in rules.ROLE_FACTORS.items()
    }
    earned: dict[int, set[tuple[int, Decimal]]] = defaultdict(set)
    credits = Credit.objects.filter(claim__in=_ids(claims), withdrawn_at=None)
    rows = credits.order_by("pk").values_list("claim", "category", "amount")
    for claim_id, category, amount in rows:
        earned[claim_id].add((category, amount))
    return sum(earned[claim.pk] != offered[claim.role] for claim in claims)


# ---------- Undoing ----------


@audited
def undo_merge(*, merge_id: int, by: User) -> Merge:
    """Give the source its claims back as they were, within a day of the merge.

    Claims that were decided since keep that decision; claims that only changed with the target (it
    was canceled, for example) are restored. Later claims on the target stay there, and corrected
    credits stay corrected. Locks both events, then the people. Idempotent. Raises
    Merge.DoesNotExist, or Refused.
    """
    merge = Merge.objects.get(pk=merge_id)
    source, target = _lock(merge.source_id, merge.target_id)
    merge.refresh_from_db()
    if merge.undone_at:
        return merge
    if refusal := why_not_undo(merge, target):
        raise Refused(refusal)
    audit.add_audit_context(undone=merge.pk)
    remembered = {each["claim"]: each for each in [*merge.moved, *merge.dropped]}
    claims = Claim.objects.filter(pk__in=remembered)
    lock_people(
        [*claims.order_by().values_list("person_id", flat=True), source.created_by_id or by.pk]
    )
    changed = list(claims.select_related("person").order_by("pk"))
    moved = {each["claim"] for each in merge.moved}
    for claim in changed:
        claim.event_id = source.pk if claim.pk in moved else claim.event_id
    # Decided by the merge itself, or changed with the target. All others were decided since.
    decided = [
        claim
        for claim in changed
        if claim.decided_at == merge.merged_at
        or (claim.pk in moved and _changed_with_target(claim, merge))
    ]
    ended = why_it_earns_nothing(target)
    for claim in decided:
        if ended and claim.event_id == target.pk:
            claim.reason = ended
        else:
            _restore(claim, remembered[claim.pk])
    _refuse_two_claims(changed)
    Claim.objects.filter(pk__in=moved).update(event=source)
    Claim.objects.bulk_update(
        decided, ["state", "decided_at", "decided_by", "reason"], batch_size=500
    )
    event_actions.mark_separate(event=source, state=EventState(merge.was))
    merge.undone_at, merge.undone_by = timezone.now(), by
    merge.save(update_fields=["undone_at", "undone_by"])
    credits = Credit.objects.filter(claim__in=_ids(changed))
    announce_credits_changed(credits.order_by("claim", "line"))
    return merge


def why_not_undo(merge: Merge, target: Event) -> str | None:
    """Why a merge can no longer be undone, or None. No query."""
    if timezone.now() >= merge.merged_at + UNDO_WINDOW:
        return "A merge can be undone for one day only. Correct single claims instead."
    if target.state == EventState.MERGED:
        return f"“{target.title}” was merged into another event since. Undo that first."
    return None


def _changed_with_target(claim: Claim, merge: Merge) -> bool:
    """True if the claim's state changed with the target: withdrawn by anyone but the person, or
    returned although its own event was not."""
    if claim.state == ClaimState.WITHDRAWN:
        return claim.decided_by_id != claim.person_id
    return claim.state == ClaimState.RETURNED and merge.was != EventState.DRAFT


def _restore(claim: Claim, remembered: dict[str, Any]) -> None:
    state = ClaimState(remembered["state"])
    if claim.state != state:
        rules.refuse_move(claim, state, Actor.PORTAL)
    claim.state = state
    decided_at = remembered["decided_at"]
    claim.decided_at = parse_datetime(decided_at) if decided_at else None
    claim.decided_by_id = remembered["decided_by"]
    claim.reason = remembered["reason"]


def _refuse_two_claims(claims: Sequence[Claim]) -> None:
    """Raise Refused if a person claimed the same event again since the merge."""
    wanted = {(claim.person_id, claim.event_id): claim for claim in claims if claim.state in LIVE}
    others = Claim.objects.filter(
        person__in={person_id for person_id, _ in wanted},
        event__in={event_id for _, event_id in wanted},
        state__in=sorted(LIVE),
    ).exclude(pk__in=_ids(claims))
    for person_id, event_id in others.order_by("pk").values_list("person_id", "event_id"):
        if claim := wanted.get((person_id, event_id)):
            raise Refused(
                f"{claim.person} has claimed the same event again since the merge, so it cannot be "
                "undone. Decide about that claim first."
            )
