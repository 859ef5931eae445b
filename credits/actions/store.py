"""Functions shared by all actions: new claims, transitions and the credits_changed signal."""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import lock_people
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import queries, rules, signals
from credits.actions.certificates import withdraw_certificates_of_credits
from credits.enums import ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit
from credits.signals import PostingChanges
from events import queries as event_queries
from events.models import CreditOffer, Event


def lock_claim(claim_id: int, **conditions: object) -> Claim:
    """Lock a claim's event and then its person. Return the claim with its event.

    Raise Claim.DoesNotExist, or Refused if a merge has just moved the claim to another event,
    because locking that event after the person would break the lock order.
    """
    claims = Claim.objects.filter(**conditions)
    event_id, person_id = claims.values_list("event_id", "person_id").get(pk=claim_id)
    event_queries.lock_event(event_id)
    lock_people([person_id])
    claim = claims.select_related("event").get(pk=claim_id)
    if claim.event_id != event_id:
        raise Refused(
            f"This event has just been merged with “{claim.event.title}”. Nothing was changed. "
            "Review the credit again."
        )
    return claim


def create_claims(
    events: Sequence[Event],
    *,
    person: User,
    source: ClaimSource,
    by: User,
    role: ClaimRole = ClaimRole.ATTENDEE,
    note: str = "",
) -> list[Claim]:
    """Claim these events with the credits that `role` earns. Takes a fixed number of queries."""
    now = timezone.now()
    claims = Claim.objects.bulk_create(
        Claim(
            person=person,
            event=event,
            role=role,
            source=source,
            note=note,
            claimed_at=now,
            claimed_by=by,
        )
        for event in events
    )
    write_credits(claims)
    return claims


def write_credits(claims: Sequence[Claim]) -> None:
    """Create new claims' credits for their event and role. Takes a fixed number of queries."""
    offers: dict[int, list[CreditOffer]] = {}
    offered = CreditOffer.objects.filter(event__in={claim.event_id for claim in claims})
    for offer in offered.order_by("event_id", "category__position"):
        offers.setdefault(offer.event_id, []).append(offer)
    credits = [
        Credit(
            claim=claim,
            person_id=claim.person_id,
            line=line,
            category_id=offer.category_id,
            amount=rules.ROLE_FACTORS[ClaimRole(claim.role)] * offer.amount,
        )
        for claim in claims
        for line, offer in enumerate(offers.get(claim.event_id, []), start=1)
    ]
    # New credits have no certificates of attendance yet.
    _send_credits_changed(credit.pk for credit in Credit.objects.bulk_create(credits))


def refuse_third_presentation_credit(
    person: User, title: str, day: dt.date, *, excluding: Claim | None = None
) -> None:
    """Raise Refused if the topic has already earned presenter credit twice in four years (2009).

    The caller must hold the person's lock.
    """
    if rules.may_present_again(day, queries.presented_on(person, title, excluding=excluding)):
        return
    raise Refused(
        f"You have already presented “{title}” twice in four years, the maximum for presenter "
        "credit on one topic. If you attended it this time, claim it as an attendee.",
        field="role",
    )


def announce_credits_changed(credits: Iterable[Credit]) -> PostingChanges:
    """Send credits_changed for these credits. Return the receivers' changes to postings.

    Withdraw certificates of attendance that no longer say what is recorded.
    """
    credit_ids = [credit.pk for credit in credits]
    withdraw_certificates_of_credits(credit_ids)
    return _send_credits_changed(credit_ids)


def _send_credits_changed(credit_ids: Iterable[int]) -> PostingChanges:
    responses = signals.credits_changed.send(Claim, credit_ids=list(credit_ids))
    changes = PostingChanges()
    for _, response in responses:
        if isinstance(response, PostingChanges):
            changes |= response
    return changes


def announce_claims_changed(claims: Sequence[Claim]) -> PostingChanges:
    """Send credits_changed for all credits of these claims. Return the changes to postings."""
    return announce_credits_changed(
        Credit.objects.filter(claim__in=claims).order_by("claim", "line")
    )


def move_claim(claim: Claim, target: ClaimState, *, actor: Actor, reason: str, by: User) -> None:
    """Move one claim to another state and announce the change. The caller must hold the locks.

    Raise Refused if the transition table does not allow the move.
    """
    claim.decided_at = timezone.now()
    move_claims([claim], target, actor=actor, reason=reason, by=by, at=claim.decided_at)
    claim.state, claim.decided_by, claim.reason = target, by, reason
    announce_claims_changed([claim])


def move_claims(
    claims: Sequence[Claim],
    target: ClaimState,
    *,
    actor: Actor,
    reason: str,
    by: User,
    at: dt.datetime,
) -> None:
    """Move claims to one state, in one statement. The caller must announce the change.

    Raise Refused if the transition table does not allow the move.
    """
    for claim in claims:
        rules.refuse_transition(claim, target, actor)
    if claims:
        Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(
            state=target, decided_at=at, decided_by=by, reason=reason
        )


def withdraw_claims(
    claims: Sequence[Claim], *, reason: str, by: User, at: dt.datetime | None = None
) -> PostingChanges:
    """Withdraw live claims for a reason that may stop applying later.

    Claims that people withdrew themselves are never restored automatically. So if `by` is an
    organizer who has also claimed the event, the portal user withdraws that claim instead. Takes a
    fixed number of queries.
    """
    if not claims:
        return PostingChanges()
    own = [claim for claim in claims if claim.person_id == by.pk]
    others = [claim for claim in claims if claim.person_id != by.pk]
    for group, decider in ((own, portal_user() if own else by), (others, by)):
        move_claims(
            group,
            ClaimState.WITHDRAWN,
            actor=Actor.PORTAL,
            reason=reason,
            by=decider,
            at=at or timezone.now(),
        )
    return announce_claims_changed(claims)
