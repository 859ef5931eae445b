"""Automatically adding, withdrawing and restoring credits for attendees and presenters."""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from aspen.transitions import Actor
from credits import emails, queries, rules
from credits.actions.store import announce_claims_changed, create_claims, withdraw_claims
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import (  # type: ignore[attr-defined]  # made by pghistory
    Claim,
    ClaimHistory,
    Credit,
)
from events.enums import EventState
from events.models import CreditOffer, Event, Presenter, Registration

# We send no e-mail about older events, which were imported or settled late.
NEWS_WINDOW = dt.timedelta(days=14)
# The reasons stored with withdrawn claims. _restore looks them up, so never change them.
MARKED_ABSENT = "The organizer marked you as absent."
PLACE_REMOVED = "The attendance list that added you was undone by the organizer."


@audited
def credit_attendance(*, registrations: Sequence[Registration], by: User) -> list[Claim]:
    """Claim the events that one person registered for and attended. Idempotent.

    Skip events that carry no credit, and events on which the person has a live or declined claim or
    withdrew one. If the person's claim was withdrawn because they were absent, it is restored as it
    was, with its evidence and approval. The caller must hold the events' locks. Takes a fixed
    number of queries, and one for each restored claim.
    """
    person = registrations[0].person
    lock_people([person.pk])
    event_ids = [registration.event_id for registration in registrations]
    claimed_before = Claim.objects.filter(
        rules.PREVENTS_AUTOMATIC_CLAIM, person=person, event__in=event_ids
    )
    offered = CreditOffer.objects.filter(event__in=event_ids)
    events = list(
        Event.objects.filter(pk__in=offered.values("event"), state=EventState.PUBLISHED)
        .exclude(pk__in=claimed_before.values("event"))
        .order_by("pk")
    )
    if not events:
        return []
    restored = _restore(person, events)
    claimed = {claim.event_id for claim in restored}
    events = [event for event in events if event.pk not in claimed]
    claims = create_claims(events, person=person, source=ClaimSource.REGISTRATION, by=by)
    _queue_news_emails(claims)
    return [*restored, *claims]


def _restore(person: User, events: Sequence[Event]) -> list[Claim]:
    """Restore the person's claims on these events that were withdrawn because of attendance.

    Skip claims whose credits no longer match the event's credit lines. The caller holds the locks.
    """
    withdrawn = Claim.objects.filter(
        person=person,
        event__in=events,
        state=ClaimState.WITHDRAWN,
        role=ClaimRole.ATTENDEE,
        reason__in=[MARKED_ABSENT, PLACE_REMOVED],
    )
    latest = {claim.event_id: claim for claim in withdrawn.order_by("pk")}
    if not latest:
        return []
    offered: dict[int, set[tuple[int, Decimal]]] = {}
    offers = CreditOffer.objects.filter(event__in=latest).order_by("pk")
    for event_id, category_id, amount in offers.values_list("event_id", "category_id", "amount"):
        offered.setdefault(event_id, set()).add((category_id, amount))
    credited: dict[int, set[tuple[int, Decimal]]] = {}
    credits = Credit.objects.filter(claim__in=latest.values(), withdrawn_at=None).order_by("pk")
    for claim_id, category_id, amount in credits.values_list("claim_id", "category_id", "amount"):
        credited.setdefault(claim_id, set()).add((category_id, amount))
    claims = [each for each in latest.values() if credited.get(each.pk) == offered[each.event_id]]
    history = ClaimHistory.objects.filter(pgh_obj__in=claims, state__in=sorted(LIVE))
    before = {entry.pgh_obj_id: entry for entry in history.order_by("pgh_id")}
    for claim in claims:
        entry = before[claim.pk]
        rules.refuse_transition(claim, entry.state, Actor.PORTAL)
        claim.state, claim.reason = entry.state, entry.reason
        claim.decided_at, claim.decided_by_id = entry.decided_at, entry.decided_by_id
        claim.save(update_fields=["state", "reason", "decided_at", "decided_by"])
    announce_claims_changed(claims)
    return claims


def _queue_news_emails(claims: Iterable[Claim]) -> None:
    """Queue e-mails about new claims on events that ended recently."""
    since = timezone.now() - NEWS_WINDOW
    emails.queue_credit_listed_emails(claim for claim in claims if claim.event.over_at > since)


@audited
def credit_presenting(*, presentations: Sequence[Presenter], by: User) -> list[Claim]:
    """Claim the events that one person presented, for double credit. Idempotent.

    Presenter credit replaces the person's claim as an attendee, which is withdrawn. The same topic
    (title) earns presenter credit at most twice in any four years; after that, a claim as an
    attendee remains (State Library, 2009). Skip events if the person's claim was declined or the
    person withdrew it. The caller must hold the events' locks. Takes a fixed number of queries.
    """
    person = presentations[0].person
    lock_people([person.pk])
    events = queries.events_due_presenter_credit(person, [each.event for each in presentations])
    if not events:
        return []
    attended = Claim.objects.filter(person=person, event__in=events, state__in=sorted(LIVE))
    reason = "Your presenter credit for this event replaces your attendee credit."
    withdraw_claims(list(attended.order_by("pk")), reason=reason, by=portal_user())
    claims = create_claims(
        events, person=person, source=ClaimSource.PRESENTING, role=ClaimRole.PRESENTER, by=by
    )
    _queue_news_emails(claims)
    return claims


@audited
def withdraw_attendance(*, registrations: Sequence[Registration], by: User) -> None:
    """Withdraw a person's claims on events that they registered for but missed. Idempotent.

    Keep presenter claims. If an event has a recording, also keep a claim that the person made
    themselves, because they may have watched the recording.
    """
    person = registrations[0].person
    lock_people([person.pk])
    events = {registration.event_id: registration.event for registration in registrations}
    claims = Claim.objects.filter(person=person, event__in=events, state__in=sorted(LIVE))
    now = timezone.now()
    missed = [
        claim
        for claim in claims.order_by("pk")
        if rules.is_lost_by_absence(claim, events[claim.event_id], now)
    ]
    withdraw_claims(missed, reason=MARKED_ABSENT, by=by)


@audited
def withdraw_place_credit(*, registrations: Sequence[Registration], by: User) -> None:
    """Withdraw the credit that one person has from places that are removed. Idempotent.

    Keep claims that the person made themselves. The caller must hold the events' locks.
    """
    person = registrations[0].person
    lock_people([person.pk])
    claims = Claim.objects.filter(
        person=person,
        event__in=[each.event_id for each in registrations],
        state__in=sorted(LIVE),
        source=ClaimSource.REGISTRATION,
    )
    withdraw_claims(list(claims.order_by("pk")), reason=PLACE_REMOVED, by=by)
