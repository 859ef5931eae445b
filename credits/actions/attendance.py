"""Automatically adding and withdrawing credits for attendees and presenters."""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from credits import emails, queries, rules
from credits.actions.store import create_claims, withdraw_claims
from credits.enums import LIVE, ClaimRole, ClaimSource
from credits.models import Claim
from events.enums import EventState
from events.models import CreditOffer, Event, Presenter, Registration
from events.rules import has_recording

# We send no e-mail about older events, which were imported or settled late.
NEWS_WINDOW = dt.timedelta(days=14)


@audited
def credit_attendance(*, registrations: Sequence[Registration], by: User) -> list[Claim]:
    """Claim the events that one person registered for and attended. Idempotent.

    Skip events that carry no credit, and events on which the person has a live or declined claim or
    withdrew one. The caller must hold the events' locks. Takes a fixed number of queries.
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
    claims = create_claims(events, person=person, source=ClaimSource.REGISTRATION, by=by)
    _queue_news_emails(claims)
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
    withdraw_claims(missed, reason="The organizer marked you as absent.", by=by)
