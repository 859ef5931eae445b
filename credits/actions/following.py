"""Claims follow what becomes of their event."""

from django.utils import timezone

from accounts.actions import portal_itself
from accounts.models import User
from accounts.queries import lock_people
from aspen.acts import act
from credits import queries, rules
from credits.actions.writing import move, refuse_third_presentation, tell, withdraw
from credits.enums import ClaimRole, ClaimState, Mover
from credits.models import Claim, Credit
from events.enums import EventState, Origin
from events.models import Event
from events.rules import has_taken_place


@act
def follow_custom_event(*, event: Event, reason: str, by: User) -> None:
    """Bring the author's claim into the state of the custom event: approved, returned, declined.

    An event that was changed and sent again brings its credit line along. The caller holds the
    event's lock.
    """
    claims = queries.claims_on(event)
    lock_people(claims.values_list("person_id", flat=True))
    target = {
        EventState.PUBLISHED: ClaimState.APPROVED,
        EventState.DRAFT: ClaimState.RETURNED,
        EventState.DECLINED: ClaimState.DECLINED,
        EventState.PENDING: ClaimState.PENDING,
    }[EventState(event.state)]
    sent_again = target == ClaimState.PENDING
    for claim in claims:
        if sent_again:
            _copy_offer(claim, event)
        mover = Mover.PERSON if sent_again else Mover.STAFF
        move(claim, target, mover=mover, reason=reason, by=by)


def _copy_offer(claim: Claim, event: Event) -> None:
    """The claim says what the event offers now. Raises Refused for a topic presented too often."""
    if claim.role == ClaimRole.PRESENTER:
        day = timezone.localdate(event.ends_at or event.begins_at)
        refuse_third_presentation(claim.person, event.title, day, besides=claim)
    offer = event.offers.get()
    claim.credits.update(
        category=offer.category_id, amount=rules.TIMES[ClaimRole(claim.role)] * offer.amount
    )


@act
def follow_event(*, event: Event, by: User | None) -> None:
    """Let the credits of a calendar event follow its state and days. The caller holds its lock.

    An event that is cancelled, or in the future again, earns nothing: live claims are withdrawn
    with the reason. Otherwise the tracks are told, because the credits may have been earned on
    another day. `by` is None for an import; the portal's own account stands for it.
    """
    if event.origin != Origin.CALENDAR:
        return
    if has_taken_place(event):
        credits = list(Credit.objects.filter(claim__event=event).order_by("pk"))
        lock_people({credit.person_id for credit in credits})
        if credits:
            tell(credits)
        return
    claims = list(queries.claims_on(event))
    lock_people([claim.person_id for claim in claims])
    cancelled = event.state == EventState.CANCELLED
    reason = "The event was cancelled." if cancelled else "The event has not taken place yet."
    withdraw(claims, reason=reason, by=by or portal_itself())
