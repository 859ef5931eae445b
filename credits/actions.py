"""Everything that writes claims and credits. Each function is atomic and takes `by=`.

Locks are taken in the same order everywhere: the event (events.queries.lock_event), then the
people (accounts.queries.lock_people), then decide.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils import timezone

from accounts.actions import portal_itself
from accounts.models import User
from accounts.queries import lock_people
from aspen import outbox
from aspen.acts import act
from aspen.errors import Refused
from aspen.halves import MESSAGE, is_in_halves
from aspen.words import credits as in_words
from credits import queries, rules, signals
from credits.enums import ENDED, LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import Category, CreditOffer, Event, Presenter, Registration
from events.rules import has_recording, has_taken_place

# Later than this nobody is told any more: what is old was imported, or settled after a repair.
NEWS_FOR = dt.timedelta(days=14)


class AlreadyClaimed(Refused):
    """The person has a live claim on the event: `claim`."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("You have already claimed this event; it is listed once.")
        self.claim = claim


@act
def claim_event(*, event_id: int, source: ClaimSource, by: User) -> Claim:
    """Claim a calendar event for `by`, with the credits it offers.

    Raises Event.DoesNotExist, AlreadyClaimed, or Refused with the reason.
    """
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    event = event_queries.on_calendar().get(pk=event_id)
    if claim := queries.live_claim(by, event):
        raise AlreadyClaimed(claim)
    if reason := queries.why_not_claim(by, event):
        raise Refused(reason)
    return _create_claims([event], person=by, source=source, by=by)[0]


@act
def claim_custom_event(*, facts: event_actions.CustomEventFacts, by: User) -> Claim:
    """Create a custom event and the Pending claim on it (Create New…).

    Raises AlreadyClaimed when the person has created this very event before, or Refused.
    """
    lock_people([by.pk])
    event, is_new = event_actions.create_custom_event(facts=facts, by=by)
    if not is_new and (claim := queries.live_claim(by, event)):
        raise AlreadyClaimed(claim)
    return _create_claims([event], person=by, source=ClaimSource.CUSTOM, by=by)[0]


def _create_claims(
    events: Sequence[Event],
    *,
    person: User,
    source: ClaimSource,
    by: User,
    role: ClaimRole = ClaimRole.ATTENDEE,
) -> list[Claim]:
    """Claim these events with what they offer their `role`, in a fixed number of queries."""
    now = timezone.now()
    claims = Claim.objects.bulk_create(
        Claim(person=person, event=event, role=role, source=source, claimed_at=now, claimed_by=by)
        for event in events
    )
    times = rules.TIMES[role]
    claim_of = {claim.event_id: claim for claim in claims}
    lines: dict[int, int] = {}
    credits = []
    offers = CreditOffer.objects.filter(event__in=events)
    for offer in offers.order_by("event_id", "category__position"):
        claim = claim_of[offer.event_id]
        lines[claim.pk] = lines.get(claim.pk, 0) + 1
        credits.append(
            Credit(
                claim=claim,
                person=person,
                line=lines[claim.pk],
                category_id=offer.category_id,
                amount=times * offer.amount,
            )
        )
    _tell(Credit.objects.bulk_create(credits))
    return claims


def _tell(credits: Iterable[Credit]) -> None:
    signals.credits_changed.send(Claim, credit_ids=[credit.pk for credit in credits])


@act
def credit_attendance(*, registrations: Sequence[Registration], by: User) -> list[Claim]:
    """List the credits of one person who registered and took part. Idempotent.

    Leaves out what is claimed already, was declined or taken back before, or offers no credit. The
    caller holds the events' locks. A fixed number of queries.
    """
    person = registrations[0].person
    lock_people([person.pk])
    event_ids = [registration.event_id for registration in registrations]
    taken_back = Q(state=ClaimState.WITHDRAWN, decided_by=person)
    standing = Claim.objects.filter(
        Q(state__in=sorted({*LIVE, ClaimState.DECLINED})) | taken_back,
        person=person,
        event__in=event_ids,
    )
    offered = CreditOffer.objects.filter(event__in=event_ids)
    events = list(
        Event.objects.filter(pk__in=offered.values("event"), state=EventState.PUBLISHED)
        .exclude(pk__in=standing.values("event"))
        .order_by("pk")
    )
    if not events:
        return []
    claims = _create_claims(events, person=person, source=ClaimSource.REGISTRATION, by=by)
    _promise_news(claims)
    return claims


def _promise_news(claims: Iterable[Claim]) -> None:
    """Tell the person of credits that appeared by themselves, unless the event is long over."""
    outbox.post_many(
        kind="credits.listed",
        messages=[
            (f"listed:{claim.pk}", claim.person, {"claim": claim.pk})
            for claim in claims
            if claim.event.over_at > timezone.now() - NEWS_FOR
        ],
    )


@act
def credit_presenting(*, presentations: Sequence[Presenter], by: User) -> list[Claim]:
    """List the credits of one person who presented: twice what attendees earn. Idempotent.

    The same topic (title) counts twice in any four years; a third time earns nothing and leaves
    what was claimed as an attendee (State Library, 2009). Otherwise such a claim gives way. Leaves
    out what was declined or taken back before. The caller holds the events' locks. A fixed number
    of queries.
    """
    person = presentations[0].person
    lock_people([person.pk])
    events = queries.to_present(person, [each.event for each in presentations])
    if not events:
        return []
    attended = Claim.objects.filter(person=person, event__in=events, state__in=sorted(LIVE))
    reason = "You presented this event; that credit takes its place."
    _withdraw(list(attended.order_by("pk")), reason=reason, by=portal_itself())
    claims = _create_claims(
        events, person=person, source=ClaimSource.PRESENTING, role=ClaimRole.PRESENTER, by=by
    )
    _promise_news(claims)
    return claims


@act
def claim_sessions(*, event_ids: Iterable[int], by: User) -> list[Claim]:
    """Claim several sessions of conferences for `by`: all of them, or none with the reasons.

    Those claimed already are left out. Locks the events, then the person. Raises Refused, naming
    the sessions: one that cannot be claimed, or two at the same time.
    """
    ids = sorted(set(event_ids))
    event_queries.lock_events(ids)
    lock_people([by.pk])
    events = list(event_queries.on_calendar().filter(pk__in=ids).order_by("begins_at", "pk"))
    standing = queries.standing_of(by, events)
    reasons = [
        f"“{event.title}”: {standing[event.pk].reason}"
        for event in events
        if standing[event.pk].reason and not standing[event.pk].is_claimed
    ]
    if reasons:
        raise Refused(" ".join(reasons))
    fresh = [event for event in events if not standing[event.pk].is_claimed]
    _refuse_two_rooms(fresh, queries.claimed_beside(by, fresh))
    if not fresh:
        return []
    return _create_claims(fresh, person=by, source=ClaimSource.CALENDAR, by=by)


def _refuse_two_rooms(events: Sequence[Event], claimed: Sequence[Event]) -> None:
    """Nobody sits in two sessions at the same time; a few minutes are the way between rooms."""
    for number, event in enumerate(events):
        for other in [*events[number + 1 :], *claimed]:
            if rules.clash(event, other):
                raise Refused(
                    f"“{event.title}” and “{other.title}” took place at the same time. "
                    "Choose the one you were in."
                )


@act
def withdraw_attendance(*, registrations: Sequence[Registration], by: User) -> None:
    """Withdraw the claims of one person who was marked absent. Idempotent.

    A claim made by hand stands where there is a recording: that person may have watched it. So
    does a presenter's.
    """
    person = registrations[0].person
    lock_people([person.pk])
    events = {registration.event_id: registration.event for registration in registrations}
    claims = Claim.objects.filter(
        person=person, event__in=events, state__in=sorted(LIVE), role=ClaimRole.ATTENDEE
    )
    now = timezone.now()
    missed = [
        claim
        for claim in claims.order_by("pk")
        if claim.source == ClaimSource.REGISTRATION
        or not has_recording(events[claim.event_id], now)
    ]
    _withdraw(missed, reason="The organizer marked you as absent.", by=by)


@act
def withdraw_claim(*, claim_id: int, by: User) -> Claim:
    """Take back a claim of one's own that nobody has verified; its training can be claimed again.

    A custom event goes with its claim. Idempotent. Raises Claim.DoesNotExist for somebody else's,
    or Refused when the claim is neither Pending nor taken back.
    """
    event_id = Claim.objects.values_list("event_id", flat=True).get(pk=claim_id, person=by)
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    claim = Claim.objects.select_related("event").get(pk=claim_id)
    if claim.state == ClaimState.WITHDRAWN and claim.decided_by_id == by.pk:
        return claim
    if claim.state != ClaimState.PENDING:
        raise Refused(
            f"This credit is {claim.get_state_display().lower()}, so it cannot be taken back here. "
            "Open a help ticket if something is wrong."
        )
    if claim.event.origin == Origin.CUSTOM:
        event_actions.cancel_custom_event(event=claim.event)
    _move(claim, ClaimState.WITHDRAWN, reason="You took it back.", by=by)
    return claim


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
    for claim in claims:
        if target == ClaimState.PENDING:
            _copy_offer(claim, event)
        _move(claim, target, reason=reason, by=by)


def _copy_offer(claim: Claim, event: Event) -> None:
    offer = event.offers.get()
    claim.credits.update(
        category=offer.category_id, amount=rules.TIMES[ClaimRole(claim.role)] * offer.amount
    )


def _move(claim: Claim, target: ClaimState, *, reason: str, by: User) -> None:
    if not rules.may_move(claim, target):
        raise Refused(f"A claim that is {claim.get_state_display().lower()} cannot change so.")
    claim.state = target
    claim.decided_at = timezone.now()
    claim.decided_by = by
    claim.reason = reason
    claim.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    _tell(claim.credits.order_by("line"))


def _withdraw(claims: Sequence[Claim], *, reason: str, by: User) -> None:
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
    _tell(Credit.objects.filter(claim__in=claims).order_by("claim", "line"))


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
            _tell(credits)
        return
    claims = list(queries.claims_on(event))
    lock_people([claim.person_id for claim in claims])
    cancelled = event.state == EventState.CANCELLED
    reason = "The event was cancelled." if cancelled else "The event has not taken place yet."
    _withdraw(claims, reason=reason, by=by or portal_itself())


@act
def correct_credit(*, credit_id: int, category: Category, amount: Decimal, by: User) -> Credit:
    """Put a credit into another category, or change its amount, and let the tracks follow.

    Returns the credit as it was, with category and event. A custom event belongs to this one
    person, so its credit line is corrected along. Raises Credit.DoesNotExist, or Refused when
    nothing would change, the claim counts no more, or the amount is not in halves or too much.
    """
    event_id, person_id = Credit.objects.values_list("claim__event_id", "person_id").get(
        pk=credit_id
    )
    event_queries.lock_event(event_id)
    lock_people([person_id])
    before = Credit.objects.select_related("claim__event", "category").get(pk=credit_id)
    if before.claim.state in ENDED or before.withdrawn_at:
        raise Refused("This credit was declined or withdrawn; there is nothing to correct.")
    if not is_in_halves(amount):
        raise Refused(MESSAGE, field="amount")
    if (before.category_id, before.amount) == (category.pk, amount):
        raise Refused("This is what the credit says already. Choose what must change.")
    _refuse_more_than_offered(before, amount)
    event_actions.correct_offer(
        event_id=event_id, before=before.category, after=category, amount=amount
    )
    Credit.objects.filter(pk=credit_id).update(category=category, amount=amount)
    _tell([before])
    return before


def _refuse_more_than_offered(before: Credit, amount: Decimal) -> None:
    """Presenters earn twice the credits of a calendar event; nobody earns more in all.

    An event that offers nothing any more leaves what was claimed as the most.
    """
    event = before.claim.event
    if event.origin != Origin.CALENDAR:
        return
    standing = before.claim.credits.filter(withdrawn_at=None)
    claimed = standing.aggregate(sum=Sum("amount"))["sum"]
    offered = event.offers.aggregate(sum=Sum("amount"))["sum"]
    most = 2 * offered if offered else claimed
    if claimed - before.amount + amount > max(most, claimed):
        raise Refused(
            f"The event offers {in_words(offered or claimed)}; a presenter earns twice that, and "
            "nobody more. If the event itself is wrong, correct it in the administration first.",
            field="amount",
        )
