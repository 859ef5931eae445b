"""Undoing decisions on claims, and a person's own withdrawal, within a day."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from aspen.db.last_change import LastChange, last_change, last_changes
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import emails, queries, rules
from credits.actions.event_changes import why_no_credit
from credits.actions.store import (
    announce_claims_changed,
    lock_claim,
    refuse_third_presentation_credit,
)
from credits.enums import LIVE, ClaimRole, ClaimState
from credits.models import Claim
from credits.signals import claims_in_certificates
from events import actions as event_actions
from events.models import Event

CLAIM_DECISION, WITHDRAWAL = "credits.decide_claim", "credits.withdraw_claim"
_DECIDED = ("state", "decided_at", "decided_by_id", "reason")


def last_claim_decision(claim: Claim) -> LastChange | None:
    """Return the last change of the claim's status. Takes one query."""
    return last_change(claim, "state", "decided_at")


def can_undo_withdrawal(claim: Claim) -> bool:
    """Return whether the person withdrew the claim within the last day. Takes at most one query."""
    if claim.state != ClaimState.WITHDRAWN or claim.decided_by_id != claim.person_id:
        return False
    change = last_claim_decision(claim)
    return change is not None and change.action == WITHDRAWAL and change.is_recent


@audited
def undo_claim_decision(*, claim_id: int, by: User, seen: str = "") -> Claim:
    """Undo the last decision on one claim, within a day, and e-mail the person if they were told.

    `seen` is the version of the decision (LastChange.version) that staff saw. Lock the event, then
    the person. Raise Claim.DoesNotExist, or Refused if `by` cannot decide on the claim, someone has
    decided again since, the decision is too old, a certificate counts the claim, the person has
    claimed the event again, or the claim could no longer be made (_refuse_impossible).
    """
    claim = lock_claim(claim_id)
    if why := queries.why_not_decide(claim, by=by):
        raise Refused(why)
    change = last_claim_decision(claim)
    name = f"{claim.person}'s claim for “{claim.event.title}”"
    if change is None or change.action != CLAIM_DECISION or (seen and seen != change.version):
        raise Refused(
            f"{name} is now {claim.get_state_display().lower()}. Someone has changed it since that "
            "decision, so the decision cannot be undone. Review the claim again."
        )
    if not change.is_recent:
        raise Refused(f"{name}: a decision can only be undone within one day.")
    if claims_in_certificates([claim.pk]):
        raise Refused(f"A certificate counts {name}, so the decision cannot be undone.")
    _restore([claim], {claim.pk: change})
    return claim


@audited
def restore_decided_claims(*, event: Event, action_id: UUID | None, by: User) -> None:
    """Restore the claims that an undone decision on their custom event changed.

    Claims that were changed again since keep that change. Lock the people. The caller must hold the
    event's lock. Raise Refused if a person has claimed the event again, or could no longer make the
    claim (_refuse_impossible).
    """
    people = Claim.objects.filter(event=event).order_by().values_list("person_id", flat=True)
    lock_people(people)
    claims = list(Claim.objects.filter(event=event).select_related("person").order_by("pk"))
    for claim in claims:
        claim.event = event
    changes = last_changes(claims, "state", "decided_at")
    decided = [
        claim
        for claim in claims
        if (change := changes.get(claim.pk)) and change.action_id == action_id
    ]
    _restore(decided, changes)


def _restore(claims: Sequence[Claim], changes: Mapping[int, LastChange]) -> None:
    """Give claims their status before these changes, and tell people who were e-mailed.

    The caller must hold the locks. Raise Refused if a person has claimed the event again, or could
    no longer make the claim (_refuse_impossible).
    """
    undone = []
    for claim in claims:
        if claim.state not in LIVE and changes[claim.pk].before.state in LIVE:
            _refuse_impossible(claim)
        before = ClaimState(changes[claim.pk].before.state)
        assert claim.decided_at is not None  # credits_claim_decision_recorded
        undone.append(emails.UndoneDecision(claim, ClaimState(claim.state), claim.decided_at))
        if claim.state != before:
            rules.refuse_transition(claim, before, Actor.PORTAL)
        changes[claim.pk].restore(claim, *_DECIDED)
    _refuse_claimed_again(claims)
    Claim.objects.bulk_update(claims, ["state", "decided_at", "decided_by", "reason"])
    announce_claims_changed(claims)
    emails.queue_decision_undone_emails(undone, at=timezone.now())


def _refuse_impossible(claim: Claim) -> None:
    """Raise Refused if an ended claim cannot be live again.

    Its event was canceled, declined or merged since, or is no longer over, or the topic has earned
    presenter credit twice in four years since.
    """
    title = claim.event.title
    if why := why_no_credit(claim.event):
        raise Refused(f"“{title}”: {why} The decision on {claim.person}'s claim cannot be undone.")
    if claim.role != ClaimRole.PRESENTER:
        return
    presented = queries.presented_on(claim.person, title, excluding=claim)
    if not rules.may_present_again(claim.event.last_day, presented):
        raise Refused(
            f"{claim.person} has since earned presenter credit for “{title}” twice in four years, "
            "the maximum for one topic. The decision cannot be undone."
        )


def _refuse_claimed_again(claims: Sequence[Claim]) -> None:
    """Raise Refused if a person has another live claim on the event. Takes one query."""
    live = [claim for claim in claims if claim.state in LIVE]
    others = Claim.objects.filter(
        event__in={claim.event_id for claim in live},
        person__in={claim.person_id for claim in live},
        state__in=sorted(LIVE),
    ).exclude(pk__in=[claim.pk for claim in claims])
    if other := others.select_related("person", "event").order_by("pk").first():
        raise Refused(
            f"{other.person} has claimed “{other.event.title}” again since then, so this cannot be "
            "undone."
        )


@audited
def undo_withdrawal(*, claim_id: int, by: User) -> Claim:
    """Restore a claim that `by` withdrew within the last day.

    If the withdrawal took a custom event out of the queue, the event waits for approval again. Lock
    the event, then the person. Idempotent. Raise Claim.DoesNotExist for another person's claim, or
    Refused if it was not withdrawn by `by` within a day, if the event or the training was claimed
    again, or if `by` could not claim it now.
    """
    claim = lock_claim(claim_id, person=by)
    if claim.state in LIVE:
        return claim
    change = last_claim_decision(claim)
    if change is None or not can_undo_withdrawal(claim):
        raise Refused(
            "You can only undo your own withdrawal, within one day. Claim the training again, or "
            "open a help ticket."
        )
    event_actions.restore_custom_event(event=claim.event)
    why = why_no_credit(claim.event)
    if claim.role == ClaimRole.ATTENDEE:
        why = why or queries.why_person_cannot_claim(by, claim.event)
    if why:
        raise Refused(f"{why} The withdrawal cannot be undone.")
    rules.refuse_transition(claim, ClaimState(change.before.state), Actor.PERSON)
    change.restore(claim, *_DECIDED)
    _refuse_claimed_again([claim])
    if claim.role == ClaimRole.PRESENTER:
        day = claim.event.last_day
        refuse_third_presentation_credit(by, claim.event.title, day, excluding=claim)
    claim.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    announce_claims_changed([claim])
    return claim
