"""Merging an event into another that it is the same as, and taking that back."""

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
DUPLICATE_REASON = "You hold this training once: “{}” is the same, and that credit stands."
# What a custom event may be: the one that goes, and the one that stays.
MERGEABLE_SOURCE_STATES = frozenset({EventState.DRAFT, EventState.PENDING, EventState.PUBLISHED})
MERGEABLE_TARGET_STATES = frozenset({EventState.PENDING, EventState.PUBLISHED})
LineSet = frozenset[tuple[int, Decimal]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeResult:
    """What a merge did, in numbers of claims; `tracks` are participations.

    `dropped` are the claims of people who held both events, `differing` the claims that moved and
    earn something else than the target offers.
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
    """Let the target hold every live claim of the source, which leads there from now on.

    Who holds both keeps one: the target's, unless only the source's is a presenter's. What was
    declined or withdrawn stays at the source, and so do its registrations, which are settled
    before and never again. Credits stay what they were. Atomic; locks both events, then the people;
    a fixed number of statements. Pressed twice it merges once. `seen` is what the two were
    (pair_version) when they were looked at, where known. Raises Event.DoesNotExist, or Refused.
    """
    # What registrations still have to bring comes first, in transactions of its own.
    event_actions.settle_due(event_id=source_id)
    return _merge(source_id=source_id, target_id=target_id, reason=reason.strip(), by=by, seen=seen)


@audited
def _merge(*, source_id: int, target_id: int, reason: str, by: User, seen: str) -> MergeResult:
    if source_id == target_id:
        raise Refused("An event cannot be merged into itself. Choose another one.")
    source, target = _lock(source_id, target_id)
    done = Merge.objects.filter(source=source, target=target, undone_at=None).first()
    if done:
        return MergeResult(merge=done)
    if seen and seen != pair_version(source, target):
        raise Refused(
            "Somebody changed one of the two events since you opened this page. Look at them again "
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
    """What changes whenever one of two events is stored, which every decision does."""
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
            return f"“{event.title}” was merged into another event before. Choose that one instead."
        if event.origin == Origin.CALENDAR and event.state == EventState.PUBLISHED:
            # Whoever is registered at the source would wait for a credit in vain.
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
    """The live claims on both events, with their people, who are locked."""
    live = Claim.objects.filter(event__in=event_ids, state__in=sorted(LIVE))
    lock_people(live.order_by().values_list("person_id", flat=True))
    return list(live.select_related("person").order_by("pk"))


def _divide(
    claims: Iterable[Claim], source: Event, target: Event
) -> tuple[list[Claim], list[Claim]]:
    """Which of these claims move to the target, and which go because one person has one."""
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
    """Which of the claims are Pending again, and which are Approved because the target is.

    Nobody changes a merged event any more, so what was returned for changes waits for nothing.
    """
    sent_back = [claim for claim in moving if claim.state == ClaimState.RETURNED]
    if target.origin != Origin.CUSTOM or target.state != EventState.PUBLISHED:
        return sent_back, []
    approving = [claim for claim in moving if claim.state != ClaimState.APPROVED]
    if any(claim.person_id == by.pk for claim in approving):
        raise Refused(
            f"Your own claim would be approved, because “{target.title}” is. A colleague has to "
            "merge the two."
        )
    return sent_back, approving


def _ids(claims: Iterable[Claim]) -> list[int]:
    return [claim.pk for claim in claims]


def _snapshot(claim: Claim) -> dict[str, Any]:
    """A claim as it is, so that the merge can be undone."""
    return {
        "claim": claim.pk,
        "state": claim.state,
        "decided_at": claim.decided_at and claim.decided_at.isoformat(),
        "decided_by": claim.decided_by_id,
        "reason": claim.reason,
    }


def _differing(claims: Sequence[Claim], target: Event) -> int:
    """How many of the claims earn something else than the target offers their role. Two queries."""
    offers = list(
        CreditOffer.objects.filter(event=target).order_by("pk").values_list("category", "amount")
    )
    offered: dict[str, LineSet] = {
        role: frozenset((category, times * amount) for category, amount in offers)
        for role, times in rules.ROLE_FACTORS.items()
    }
    earned: dict[int, set[tuple[int, Decimal]]] = defaultdict(set)
    standing = Credit.objects.filter(claim__in=_ids(claims), withdrawn_at=None)
    rows = standing.order_by("pk").values_list("claim", "category", "amount")
    for claim_id, category, amount in rows:
        earned[claim_id].add((category, amount))
    return sum(earned[claim.pk] != offered[claim.role] for claim in claims)


# ---------- Taking it back ----------


@audited
def undo_merge(*, merge_id: int, by: User) -> Merge:
    """Give the source back what a merge took, as it was, within a day.

    What somebody decided about one of its claims since stays decided; what only went along with
    the target since, cancelled say, comes back. What was claimed at the target since stays there;
    corrected credits stay correct. Locks both events, then the people. Idempotent. Raises
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
    found = list(claims.select_related("person").order_by("pk"))
    moved = {each["claim"] for each in merge.moved}
    for claim in found:
        claim.event_id = source.pk if claim.pk in moved else claim.event_id
    # What the merge itself decided, and what the other event took along; everything else somebody
    # decided since.
    decided = [
        claim
        for claim in found
        if claim.decided_at == merge.merged_at
        or (claim.pk in moved and _changed_with_target(claim, merge))
    ]
    ended = why_it_earns_nothing(target)
    for claim in decided:
        if ended and claim.event_id == target.pk:
            claim.reason = ended
        else:
            _restore(claim, remembered[claim.pk])
    _refuse_two_claims(found)
    Claim.objects.filter(pk__in=moved).update(event=source)
    Claim.objects.bulk_update(
        decided, ["state", "decided_at", "decided_by", "reason"], batch_size=500
    )
    event_actions.mark_separate(event=source, state=EventState(merge.was))
    merge.undone_at, merge.undone_by = timezone.now(), by
    merge.save(update_fields=["undone_at", "undone_by"])
    announce_credits_changed(Credit.objects.filter(claim__in=_ids(found)).order_by("claim", "line"))
    return merge


def why_not_undo(merge: Merge, target: Event) -> str | None:
    """Why a merge stands for good, or None. No query."""
    if timezone.now() >= merge.merged_at + UNDO_WINDOW:
        return "A merge can be undone for a day. Correct single claims instead."
    if target.state == EventState.MERGED:
        return f"“{target.title}” was merged into another event since. Undo that first."
    return None


def _changed_with_target(claim: Claim, merge: Merge) -> bool:
    """Whether the claim became what it is with the target alone: withdrawn by anybody but its
    person, or returned while its own event waits for no changes."""
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
    """Nobody may end up with two live claims on one event because they claimed it again since."""
    wanted = {(claim.person_id, claim.event_id): claim for claim in claims if claim.state in LIVE}
    others = Claim.objects.filter(
        person__in={person_id for person_id, _ in wanted},
        event__in={event_id for _, event_id in wanted},
        state__in=sorted(LIVE),
    ).exclude(pk__in=_ids(claims))
    for person_id, event_id in others.order_by("pk").values_list("person_id", "event_id"):
        if claim := wanted.get((person_id, event_id)):
            raise Refused(
                f"{claim.person} has claimed the same event again since, so the merge cannot be "
                "undone. Decide about that claim first."
            )
