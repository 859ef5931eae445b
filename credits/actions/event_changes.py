"""Updating claims when their event changes."""

from collections.abc import Collection, Iterable

from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited, audited_as
from aspen.transitions import Actor
from credits import awards, emails, queries, rules
from credits.actions.lines import set_credit_lines
from credits.actions.store import (
    announce_claims_changed,
    announce_credits_changed,
    move_claims,
    refuse_third_presentation_credit,
    withdraw_claims,
)
from credits.enums import ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import Event
from events.rules import is_claimable, last_day_of

# The reasons stored with withdrawn claims. _restore_awards looks them up, so never change them.
EVENT_CANCELLED, EVENT_NOT_OVER = "The event was cancelled.", "The event has not taken place yet."
EVENT_DECLINED = "The training was declined."
EVENT_NOT_PUBLISHED = "The event is not on the calendar."
EVENT_MERGED = "The event was merged into another one."


@audited_as("credits.follow_custom_event")
def update_claims_with_custom_event(*, event: Event, reason: str, by: User) -> None:
    """Update the claims on a custom event after a decision on the event or a change by its author.

    After a merge, people other than the author can have claims too. Claims that are already in the
    new state do not change, and staff never approve their own claims. If the author changed the
    event, the author's credits are updated to the event's credit lines, and all claims are
    announced, because the day on which they were earned may have changed. Staff decisions queue
    e-mails. The caller must hold the event's lock.
    """
    lock_people(queries.claims_on_event(event).values_list("person_id", flat=True))
    claims = list(queries.claims_on_event(event).select_related("person", "event"))
    target = {
        EventState.PUBLISHED: ClaimState.APPROVED,
        EventState.DRAFT: ClaimState.RETURNED,
        EventState.DECLINED: ClaimState.DECLINED,
        EventState.PENDING: ClaimState.PENDING,
    }[EventState(event.state)]
    was_revised = target == ClaimState.PENDING
    actor = Actor.PERSON if was_revised else Actor.STAFF
    if was_revised:
        authors_claims = [claim for claim in claims if claim.person_id == event.created_by_id]
        _refuse_third_presentation_credits(authors_claims, event)
        offers = event_queries.offers_of(event)
        set_credit_lines(authors_claims, offers, reason="You changed the event.", by=by)
    claims_to_update = [
        claim
        for claim in claims
        if rules.may_change_state(claim, target, actor)
        and not (target == ClaimState.APPROVED and claim.person_id == by.pk)
    ]
    at = timezone.now()
    move_claims(claims_to_update, target, actor=actor, reason=reason, by=by, at=at)
    if actor == Actor.STAFF:
        emails.queue_decision_emails(claims_to_update, target, at=at)
    announce_claims_changed(claims if was_revised else claims_to_update)


def _refuse_third_presentation_credits(claims: Iterable[Claim], event: Event) -> None:
    for claim in claims:
        if claim.role == ClaimRole.PRESENTER:
            day = last_day_of(event.begins_at, event.ends_at, all_day=event.all_day)
            refuse_third_presentation_credit(claim.person, event.title, day, excluding=claim)


@audited_as("credits.follow_event")
def update_claims_with_event(*, event: Event, by: User | None) -> None:
    """Update the claims on a calendar event after a change to its state or dates.

    If the event was canceled or moved to a later date, withdraw the live claims and give the
    reason. Otherwise restore awards that were withdrawn for that reason, and send credits_changed
    for all credits, because the day on which they were earned may have changed. For an import, `by`
    is None and the portal user acts. The caller must hold the event's lock.
    """
    if event.origin != Origin.CALENDAR:
        return
    if is_claimable(event):
        people = Credit.objects.filter(claim__event=event).order_by()
        lock_people(people.values_list("person_id", flat=True))
        _restore_awards(event)
        _announce_all([event.pk])
        return
    claims = list(queries.claims_on_event(event))
    lock_people([claim.person_id for claim in claims])
    withdraw_claims(claims, reason=why_no_credit(event) or EVENT_NOT_OVER, by=by or portal_user())


def why_no_credit(event: Event) -> str | None:
    """Return why an event earns no credit (canceled, declined, merged, no longer published or not
    over yet), or None.
    """
    reasons = {
        EventState.CANCELLED: EVENT_CANCELLED,
        EventState.DECLINED: EVENT_DECLINED,
        EventState.MERGED: EVENT_MERGED,
    }
    if reason := reasons.get(EventState(event.state)):
        return reason
    if event.origin == Origin.CUSTOM or is_claimable(event):
        return None
    return EVENT_NOT_OVER if event.state == EventState.PUBLISHED else EVENT_NOT_PUBLISHED


@audited
def update_catalog_credits(*, event_ids: Collection[int], by: User) -> None:
    """Send credits_changed for every credit of these events after a change to the catalog.

    Some tracks count only catalog credits. Lock the people. The caller must hold the events' locks.
    """
    _announce_all(event_ids)


def _announce_all(event_ids: Collection[int]) -> None:
    credits = list(Credit.objects.filter(claim__event__in=event_ids).order_by("pk"))
    lock_people({credit.person_id for credit in credits})
    if credits:
        announce_credits_changed(credits)


def _restore_awards(event: Event) -> None:
    """Approve awards again if they were withdrawn because the event was canceled or moved.

    Skip people who have since claimed the event or are not eligible (awards.award_result), and
    awards made before the event's current end. The caller must lock the people and announce the
    change.
    """
    withdrawn = Claim.objects.filter(
        event=event,
        source=ClaimSource.AWARD,
        state=ClaimState.WITHDRAWN,
        reason__in=[EVENT_CANCELLED, EVENT_NOT_OVER, EVENT_NOT_PUBLISHED],
        claimed_at__gte=event.over_at,
    )
    claims = {
        claim.person_id: claim for claim in withdrawn.select_related("claimed_by").order_by("pk")
    }
    if not claims:
        return
    have_claims, reasons = awards.award_result(list(claims), [event])
    by_awarder: dict[User, list[Claim]] = {}
    for person_id, claim in claims.items():
        if (person_id, event.pk) not in {*have_claims, *reasons}:
            by_awarder.setdefault(claim.claimed_by, []).append(claim)
    at = timezone.now()
    for awarder, awarded in by_awarder.items():
        move_claims(awarded, ClaimState.APPROVED, actor=Actor.PORTAL, reason="", by=awarder, at=at)
