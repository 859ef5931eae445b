"""Staff decisions on individual claims, and approval of the claims in a verified record."""

from collections.abc import Collection

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import emails, queries, rules
from credits.actions.store import announce_claims_changed, move_claim, move_claims
from credits.enums import ClaimState
from credits.models import Claim
from events import queries as event_queries

# Only custom events are returned for changes; claimants cannot change a calendar event.
DECIDED = (ClaimState.APPROVED, ClaimState.DECLINED)


@audited
def approve_verified(*, claim_ids: Collection[int], reason: str, by: User) -> int:
    """Approve any of these claims that are Pending. Return the number of claims approved.

    The claims are in a verified record that `by` reviewed. Skip `by`'s own claims. Idempotent.
    Takes a fixed number of queries. The caller must hold the people's locks, which also keep their
    events from being merged.
    """
    pending = list(
        Claim.objects.filter(pk__in=claim_ids, state=ClaimState.PENDING)
        .exclude(person=by)
        .order_by("pk")
    )
    at = timezone.now()
    move_claims(pending, ClaimState.APPROVED, actor=Actor.STAFF, reason=reason, by=by, at=at)
    announce_claims_changed(pending)
    return len(pending)


@audited
def decide_claim(
    *, claim_id: int, target: ClaimState, reason: str, by: User, seen: str = ""
) -> Claim:
    """Approve or decline one claim (`target`), update the tracks, and queue an e-mail.

    Lock the event, then the person. Declining requires a reason, which the person can read. `seen`
    is the queries.claim_version that the form showed, if known. A custom event and its author's
    claim are decided together in the queue instead. Raise Claim.DoesNotExist, or Refused if `by`
    cannot decide on the claim or it has changed.
    """
    event_id, person_id = Claim.objects.values_list("event_id", "person_id").get(pk=claim_id)
    event_queries.lock_event(event_id)
    lock_people([person_id])
    claim = Claim.objects.select_related("event", "person").get(pk=claim_id)
    name = f"{claim.person}'s claim for “{claim.event.title}”"
    if seen and queries.claim_version(claim) != seen:
        raise Refused(
            f"{name} has changed since you opened this page and is now "
            f"{claim.get_state_display().lower()}. Review it again before you decide."
        )
    if why := queries.why_not_decide(claim, by=by):
        raise Refused(why)
    if target not in DECIDED or not rules.may_change_state(claim, target, Actor.STAFF):
        raise Refused(
            f"{name} is {claim.get_state_display().lower()}, so it cannot be "
            f"{target.label.lower()}."
        )
    if target == ClaimState.DECLINED and not reason.strip():
        raise Refused("Give a reason; the person will read it.", field="reason")
    move_claim(claim, target, actor=Actor.STAFF, reason=reason.strip(), by=by)
    assert claim.decided_at is not None
    emails.queue_decision_emails([claim], target, at=claim.decided_at)
    return claim
