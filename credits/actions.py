"""Everything that writes claims and credits. Each function is atomic and takes `by=`.

All of them lock the person first (accounts.queries.lock_people), then decide.
"""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.errors import Refused
from aspen.halves import MESSAGE, is_in_halves
from credits import queries, rules, signals
from credits.enums import ENDED, LIVE, ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState
from events.models import Category, Event, Registration


class AlreadyClaimed(Refused):
    """The person has a live claim on the event: `claim`."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("You have already claimed this event; it is listed once.")
        self.claim = claim


@transaction.atomic
def claim_event(*, event_id: int, source: ClaimSource, by: User) -> Claim:
    """Claim a calendar event for `by`, with the credits it offers.

    Raises Event.DoesNotExist, AlreadyClaimed, or Refused with the reason.
    """
    lock_people([by.pk])
    event = event_queries.on_calendar().get(pk=event_id)
    if claim := queries.live_claim(by, event):
        raise AlreadyClaimed(claim)
    if reason := queries.why_not_claim(by, event):
        raise Refused(reason)
    return _create_claim(event, person=by, source=source, by=by)


@transaction.atomic
def claim_custom_event(*, facts: event_actions.CustomEventFacts, by: User) -> Claim:
    """Create a custom event and the Pending claim on it (Create New…).

    Raises AlreadyClaimed when the person has created this very event before, or Refused.
    """
    lock_people([by.pk])
    event, is_new = event_actions.create_custom_event(facts=facts, by=by)
    if not is_new and (claim := queries.live_claim(by, event)):
        raise AlreadyClaimed(claim)
    return _create_claim(event, person=by, source=ClaimSource.CUSTOM, by=by)


def _create_claim(event: Event, *, person: User, source: ClaimSource, by: User) -> Claim:
    claim = Claim.objects.create(
        person=person, event=event, source=source, claimed_at=timezone.now(), claimed_by=by
    )
    offers = event.offers.order_by("category__position")
    credits = Credit.objects.bulk_create(
        Credit(
            claim=claim,
            person=person,
            line=line,
            category_id=offer.category_id,
            amount=offer.amount,
        )
        for line, offer in enumerate(offers, start=1)
    )
    signals.credits_changed.send(Claim, credit_ids=[credit.pk for credit in credits])
    return claim


@transaction.atomic
def credit_attendance(*, registration: Registration, by: User) -> Claim | None:
    """List the credit of somebody who registered and took part. Idempotent.

    None when there is nothing to list: claimed already, declined before, or no credit offered.
    """
    lock_people([registration.person_id])
    event, person = registration.event, registration.person
    standing = {*LIVE, ClaimState.DECLINED}
    if Claim.objects.filter(person=person, event=event, state__in=sorted(standing)).exists():
        return None
    if event.state != EventState.PUBLISHED or not event.offers.exists():
        return None
    return _create_claim(event, person=person, source=ClaimSource.REGISTRATION, by=by)


@transaction.atomic
def withdraw_attendance(*, registration: Registration, by: User) -> None:
    """Withdraw the claim of somebody who was marked absent. Idempotent."""
    lock_people([registration.person_id])
    if claim := queries.live_claim(registration.person, registration.event):
        _move(claim, ClaimState.WITHDRAWN, reason="The organizer marked you as absent.", by=by)


@transaction.atomic
def follow_custom_event(*, event: Event, reason: str, by: User) -> None:
    """Bring the author's claim into the state of the custom event: approved, returned, declined.

    An event that was changed and sent again brings its credit line along.
    """
    claims = Claim.objects.filter(event=event, state__in=sorted(LIVE)).order_by("pk")
    lock_people(claims.values_list("person_id", flat=True))
    target = {
        EventState.PUBLISHED: ClaimState.APPROVED,
        EventState.DRAFT: ClaimState.RETURNED,
        EventState.DECLINED: ClaimState.DECLINED,
        EventState.PENDING: ClaimState.PENDING,
    }[EventState(event.state)]
    for claim in claims:
        if target == ClaimState.PENDING:
            _copy_offer(claim, event)
        _move(claim, target, reason=reason, by=by)


def _copy_offer(claim: Claim, event: Event) -> None:
    offer = event.offers.get()
    claim.credits.update(category=offer.category_id, amount=offer.amount)


def _move(claim: Claim, target: ClaimState, *, reason: str, by: User) -> None:
    if not rules.may_move(claim, target):
        raise Refused(f"A claim that is {claim.get_state_display().lower()} cannot change so.")
    claim.state = target
    claim.decided_at = timezone.now()
    claim.decided_by = by
    claim.reason = reason
    claim.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    ids = list(claim.credits.order_by("line").values_list("pk", flat=True))
    signals.credits_changed.send(Claim, credit_ids=ids)


@transaction.atomic
def correct_credit(*, credit_id: int, category: Category, amount: Decimal, by: User) -> Credit:
    """Put a credit into another category, or change its amount, and let the tracks follow.

    A custom event belongs to this one person, so its credit line is corrected along. Raises
    Credit.DoesNotExist, or Refused when the claim counts no more or the amount is not in halves.
    """
    person_id = Credit.objects.values_list("person_id", flat=True).get(pk=credit_id)
    lock_people([person_id])
    credit = (
        Credit.objects.select_for_update(of=("self",), no_key=True)
        .select_related("claim", "category")
        .get(pk=credit_id)
    )
    if credit.claim.state in ENDED:
        raise Refused("This credit was declined or withdrawn; there is nothing to correct.")
    if not is_in_halves(amount):
        raise Refused(MESSAGE, field="amount")
    event_actions.correct_offer(
        event_id=credit.claim.event_id, before=credit.category, after=category, amount=amount
    )
    credit.category = category
    credit.amount = amount
    credit.save(update_fields=["category", "amount"])
    signals.credits_changed.send(Claim, credit_ids=[credit.pk])
    return credit


@transaction.atomic
def event_days_changed(*, event: Event) -> None:
    """Tell the tracks that the credits of this event may have been earned on another day."""
    credits = Credit.objects.filter(claim__event=event).order_by("pk")
    lock_people(set(credits.values_list("person_id", flat=True)))
    ids = list(credits.values_list("pk", flat=True))
    if ids:
        signals.credits_changed.send(Claim, credit_ids=ids)
