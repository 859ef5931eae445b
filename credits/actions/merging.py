"""Merging a duplicate event into another event, and undoing a merge."""

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
from credits.actions.event_changes import why_no_credit
from credits.actions.store import announce_claims_changed, move_claims, withdraw_claims
from credits.enums import LIVE, ClaimRole, ClaimState
from credits.models import Claim, Credit, Merge
from credits.signals import RecordEffect, merge_undone
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import CreditOffer, Event
from events.rules import is_claimable, is_over, state_for_editors

UNDO_WINDOW = dt.timedelta(days=1)
DUPLICATE_REASON = "This is the same training as “{}”, for which you keep your credit."
# The allowed states of a custom event that is the source or the target of a merge.
MERGEABLE_SOURCE_STATES = frozenset({EventState.DRAFT, EventState.PENDING, EventState.PUBLISHED})
MERGEABLE_TARGET_STATES = frozenset({EventState.PENDING, EventState.PUBLISHED})
LineSet = frozenset[tuple[int, Decimal]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeResult:
    """The effect of a merge, as numbers of claims unless noted otherwise.

    `dropped` are the duplicate claims of people who had claimed both events. `sent_back` is the
    number of returned claims that became Pending, and `differing` the number of moved claims whose
    credits differ from the target's. `tracks` is the number of participations whose postings
    changed, and `records` are the effects on submitted records.
    """

    merge: Merge
    moved: int = 0
    dropped: Sequence[Claim] = ()
    approved: int = 0
    sent_back: int = 0
    differing: int = 0
    tracks: int = 0
    records: Sequence[RecordEffect] = ()


def merge_events(
    *, source_id: int, target_id: int, reason: str, by: User, seen: str = ""
) -> MergeResult:
    """Move every live claim from the source to the target.

    People with claims on both events keep the one on the target, unless only the one on the source
    is a presenter claim. Registrations, and claims that were declined or withdrawn, stay with the
    source. Credits do not change. The source's catalog listings move too, and its page redirects to
    the target. `seen` is the pair_version that the form showed, if known. Lock both events, then
    the people. Idempotent. Takes a fixed number of statements. Raise Event.DoesNotExist, or Refused
    if the events cannot be merged.
    """
    # A merged event is never settled, so this is the last chance for registrations to earn credit.
    # Each person's registrations are settled in a separate transaction.
    event_actions.settle_due(event_id=source_id)
    return _merge(source_id=source_id, target_id=target_id, reason=reason.strip(), by=by, seen=seen)


@audited
def _merge(*, source_id: int, target_id: int, reason: str, by: User, seen: str) -> MergeResult:
    if source_id == target_id:
        raise Refused("An event cannot be merged into itself. Choose another event.")
    source, target = _lock(source_id, target_id)
    earlier = Merge.objects.filter(source=source, target=target, undone_at=None).first()
    if earlier:
        return MergeResult(merge=earlier)
    if seen and seen != pair_version(source, target):
        raise Refused(
            "One of the two events has changed since you opened this page. Review them again "
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
    duplicate = DUPLICATE_REASON.format(target.title)
    postings = withdraw_claims(dropping, reason=duplicate, by=by, at=at)
    Claim.objects.filter(pk__in=_ids(moving)).update(event=target)
    move_claims(sent_back, ClaimState.PENDING, actor=Actor.PORTAL, reason="", by=by, at=at)
    for claim in sent_back:
        claim.state = ClaimState.PENDING
    move_claims(approving, ClaimState.APPROVED, actor=Actor.STAFF, reason="", by=by, at=at)
    emails.queue_approved_emails(approving, at=at)
    event_actions.mark_merged(source=source, target=target)
    event_actions.move_listings(source=source, target=target, by=by)
    postings |= announce_claims_changed(moving)
    records = sorted(postings.records, key=lambda effect: effect.text)
    merge.records = [effect._asdict() for effect in records]
    merge.save(update_fields=["records"])
    return MergeResult(
        merge=merge,
        moved=len(moving),
        dropped=dropping,
        approved=len(approving),
        sent_back=len(sent_back),
        differing=_count_differing(moving, target),
        tracks=len({participation_id for _, participation_id in postings.added | postings.removed}),
        records=records,
    )


def pair_version(source: Event, target: Event) -> str:
    """Return a string that changes whenever one of these events is saved."""
    return f"{source.changed_at.isoformat()} {target.changed_at.isoformat()}"


def _lock(source_id: int, target_id: int) -> tuple[Event, Event]:
    event_queries.lock_events([source_id, target_id])
    events = Event.objects.in_bulk([source_id, target_id])
    if len(events) < 2:
        raise Event.DoesNotExist
    return events[source_id], events[target_id]


def why_not_merge(source: Event, target: Event) -> str | None:
    """Return why `source` cannot be merged into `target`, or None. Takes no query."""
    for event in (source, target):
        if event.state == EventState.MERGED:
            return (
                f"“{event.title}” has already been merged into another event. Choose that event "
                "instead."
            )
        if event.origin == Origin.CALENDAR and event.state == EventState.PUBLISHED:
            # People registered for the source would never get their credit.
            if not is_claimable(event) or (event is source and not is_over(event)):
                return (
                    f"“{event.title}” is not over yet. If both events are on the calendar, cancel "
                    "one of them instead."
                )
            continue
        allowed = MERGEABLE_SOURCE_STATES if event is source else MERGEABLE_TARGET_STATES
        if event.origin != Origin.CUSTOM or event.state not in allowed:
            return f"“{event.title}” is {state_for_editors(event)}, so it cannot be merged."
    return None


def _lock_claims(*event_ids: int) -> list[Claim]:
    """Lock the people with live claims on these events. Return the claims."""
    live = Claim.objects.filter(event__in=event_ids, state__in=sorted(LIVE))
    lock_people(live.order_by().values_list("person_id", flat=True))
    return list(live.select_related("person").order_by("pk"))


def _divide(
    claims: Iterable[Claim], source: Event, target: Event
) -> tuple[list[Claim], list[Claim]]:
    """Return the claims that move to the target, and the duplicates, which are withdrawn."""
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
    """Return the claims that become Pending again, and those to approve with the target event.

    Returned claims become Pending, because their author can no longer change a merged event. Raise
    Refused if the merge would approve `by`'s own claim.
    """
    sent_back = [claim for claim in moving if claim.state == ClaimState.RETURNED]
    if target.origin != Origin.CUSTOM or target.state != EventState.PUBLISHED:
        return sent_back, []
    approving = [claim for claim in moving if claim.state != ClaimState.APPROVED]
    if any(claim.person_id == by.pk for claim in approving):
        raise Refused(
            f"“{target.title}” is approved, so the merge would approve your own claim. Ask a "
            "colleague to merge the events."
        )
    return sent_back, approving


def _ids(claims: Iterable[Claim]) -> list[int]:
    return [claim.pk for claim in claims]


def _snapshot(claim: Claim) -> dict[str, Any]:
    """Return the data needed to restore the claim if the merge is undone."""
    return {
        "claim": claim.pk,
        "state": claim.state,
        "decided_at": claim.decided_at and claim.decided_at.isoformat(),
        "decided_by": claim.decided_by_id,
        "reason": claim.reason,
    }


def _count_differing(claims: Sequence[Claim], target: Event) -> int:
    """Return the number of claims whose credits differ from the target's. Takes two queries."""
    offers = list(
        CreditOffer.objects.filter(event=target).order_by("pk").values_list("category", "amount")
    )
    offered: dict[str, LineSet] = {
        role: frozenset((category, factor * amount) for category, amount in offers)
        for role, factor in rules.ROLE_FACTORS.items()
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
    """Move the claims back to the source and restore their states, within a day of the merge.

    Claims that were decided on since the merge keep that decision, unless they changed only because
    the target did, such as when it was canceled. Claims made and credits corrected since the merge
    do not change. Submitted records that the merge reopened are sent again as they were, unless
    they have changed since. Lock both events, then the people. Idempotent. Raise
    Merge.DoesNotExist, or Refused if the merge can no longer be undone.
    """
    merge = Merge.objects.get(pk=merge_id)
    source, target = _lock(merge.source_id, merge.target_id)
    merge.refresh_from_db()
    if merge.undone_at:
        return merge
    if refusal := why_not_undo(merge, target):
        raise Refused(refusal)
    audit.add_audit_context(undone=merge.pk)
    snapshots = {each["claim"]: each for each in [*merge.moved, *merge.dropped]}
    claims = Claim.objects.filter(pk__in=snapshots)
    lock_people(
        [*claims.order_by().values_list("person_id", flat=True), source.created_by_id or by.pk]
    )
    affected = list(claims.select_related("person").order_by("pk"))
    moved = {each["claim"] for each in merge.moved}
    for claim in affected:
        claim.event_id = source.pk if claim.pk in moved else claim.event_id
    # Claims whose state was changed by the merge or with the target. The others keep their state.
    changed = [
        claim
        for claim in affected
        if claim.decided_at == merge.merged_at
        or (claim.pk in moved and _changed_with_target(claim, merge))
    ]
    no_credit_reason = why_no_credit(target)
    for claim in changed:
        if no_credit_reason and claim.event_id == target.pk:
            claim.reason = no_credit_reason
        else:
            _restore(claim, snapshots[claim.pk])
    _refuse_two_claims(affected)
    # Before the claims move, because a merged event has no live claims.
    event_actions.unmark_merged(event=source, state=EventState(merge.was))
    Claim.objects.filter(pk__in=moved).update(event=source)
    Claim.objects.bulk_update(
        changed, ["state", "decided_at", "decided_by", "reason"], batch_size=500
    )
    event_actions.return_listings(source=source, target=target, by=by)
    merge.undone_at, merge.undone_by = timezone.now(), by
    merge.save(update_fields=["undone_at", "undone_by"])
    announce_claims_changed(affected)
    reopened = [each["submission_id"] for each in merge.records if each["is_reopened"]]
    merge_undone.send(Merge, reopened=reopened, by=by)
    return merge


def why_not_undo(merge: Merge, target: Event) -> str | None:
    """Return why a merge can no longer be undone, or None. Takes no query."""
    if timezone.now() >= merge.merged_at + UNDO_WINDOW:
        return "A merge can only be undone within one day. Correct individual claims instead."
    if target.state == EventState.MERGED:
        return f"“{target.title}” has since been merged into another event. Undo that merge first."
    return None


def _changed_with_target(claim: Claim, merge: Merge) -> bool:
    """Return whether the claim's state changed only because the target's did.

    True if the claim was withdrawn by someone other than the claimant, or was returned although the
    source was not.
    """
    if claim.state == ClaimState.WITHDRAWN:
        return claim.decided_by_id != claim.person_id
    return claim.state == ClaimState.RETURNED and merge.was != EventState.DRAFT


def _restore(claim: Claim, snapshot: dict[str, Any]) -> None:
    state = ClaimState(snapshot["state"])
    if claim.state != state:
        rules.refuse_transition(claim, state, Actor.PORTAL)
    claim.state = state
    decided_at = snapshot["decided_at"]
    claim.decided_at = parse_datetime(decided_at) if decided_at else None
    claim.decided_by_id = snapshot["decided_by"]
    claim.reason = snapshot["reason"]


def _refuse_two_claims(claims: Sequence[Claim]) -> None:
    """Raise Refused if a person has claimed the same event again since the merge."""
    live = {(claim.person_id, claim.event_id): claim for claim in claims if claim.state in LIVE}
    others = Claim.objects.filter(
        person__in={person_id for person_id, _ in live},
        event__in={event_id for _, event_id in live},
        state__in=sorted(LIVE),
    ).exclude(pk__in=_ids(claims))
    for person_id, event_id in others.order_by("pk").values_list("person_id", "event_id"):
        if claim := live.get((person_id, event_id)):
            raise Refused(
                f"{claim.person} has claimed the same event again since the merge, so the merge "
                "cannot be undone. Decide on that claim first."
            )
