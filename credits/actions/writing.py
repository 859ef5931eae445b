"""What every action on claims writes with: new claims, moves, withdrawals, and the news."""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone

from accounts.actions import portal_itself
from accounts.models import User
from aspen.errors import Refused
from credits import queries, rules, signals
from credits.enums import ClaimRole, ClaimSource, ClaimState, Mover
from credits.models import Claim, Credit
from events.models import CreditOffer, Event


def create_claims(
    events: Sequence[Event],
    *,
    person: User,
    source: ClaimSource,
    by: User,
    role: ClaimRole = ClaimRole.ATTENDEE,
    note: str = "",
) -> list[Claim]:
    """Claim these events with what they offer their `role`, in a fixed number of queries."""
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
    """Give new claims what their events offer their role, in a fixed number of queries."""
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
            amount=rules.TIMES[ClaimRole(claim.role)] * offer.amount,
        )
        for claim in claims
        for line, offer in enumerate(offers.get(claim.event_id, []), start=1)
    ]
    tell(Credit.objects.bulk_create(credits))


def refuse_third_presentation(
    person: User, title: str, day: dt.date, *, besides: Claim | None = None
) -> None:
    """The same topic earns its presenter's credit twice in any four years (2009).

    The caller holds the person's lock. Raises Refused.
    """
    if rules.may_present_again(day, queries.presented_on(person, title, besides=besides)):
        return
    raise Refused(
        f"You have presented “{title}” twice in four years already, and the same topic earns a "
        "presenter’s credit no more often. If you attended it this time, claim it as an attendee.",
        field="role",
    )


def tell(credits: Iterable[Credit]) -> None:
    """Send the news of these credits upwards."""
    signals.credits_changed.send(Claim, credit_ids=[credit.pk for credit in credits])


def move(claim: Claim, target: ClaimState, *, mover: Mover, reason: str, by: User) -> None:
    """Take one claim to another state, as the table allows it. The caller holds the locks."""
    if not rules.may_move(claim, target, mover):
        raise Refused(f"A claim that is {claim.get_state_display().lower()} cannot change so.")
    claim.state = target
    claim.decided_at = timezone.now()
    claim.decided_by = by
    claim.reason = reason
    claim.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    tell(claim.credits.order_by("line"))


def withdraw(claims: Sequence[Claim], *, reason: str, by: User) -> None:
    """End live claims for a reason that may pass, in a fixed number of queries.

    What people take back themselves stays away for good; so where organizers decide about an
    event of their own, the portal's account stands for them and the credit can come again.
    """
    if not claims:
        return
    own = any(claim.person_id == by.pk for claim in claims)
    portal = portal_itself() if own else by
    now = timezone.now()
    for claim in claims:
        claim.state, claim.reason, claim.decided_at = ClaimState.WITHDRAWN, reason, now
        claim.decided_by = portal if claim.person_id == by.pk else by
    Claim.objects.bulk_update(claims, ["state", "decided_at", "decided_by", "reason"])
    tell(Credit.objects.filter(claim__in=claims).order_by("claim", "line"))
