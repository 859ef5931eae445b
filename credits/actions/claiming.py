"""Claims that people make and withdraw themselves, and Create New… drafts."""

from collections.abc import Iterable, Mapping, Sequence

from django.core.files.base import File
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import queries
from credits.actions.evidence import attach_evidence
from credits.actions.store import (
    create_claims,
    lock_claim,
    move_claim,
    refuse_third_presentation_credit,
)
from credits.enums import PENDING_OR_RETURNED, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Draft
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import Event
from events.rules import last_day_of, overlaps


class AlreadyClaimed(Refused):
    """Raised if the person already has a live claim on the event. `claim` is that claim."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("You have already claimed this event.")
        self.claim = claim


@audited
def claim_event(
    *, event_id: int, source: ClaimSource, by: User, note: str = "", files: Sequence[File] = ()
) -> Claim:
    """Claim a calendar event or an approved custom event for `by`, with the credits it offers.

    Raise Event.DoesNotExist, AlreadyClaimed, or Refused if the event cannot be claimed.
    """
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    event = event_queries.open_to_claims().get(pk=event_id)
    if claim := queries.live_claim(by, event):
        raise AlreadyClaimed(claim)
    if reason := queries.why_person_cannot_claim(by, event):
        raise Refused(reason)
    claim = create_claims([event], person=by, source=source, note=note, by=by)[0]
    attach_evidence(claim, files)
    return claim


@audited
def claim_custom_event(
    *,
    facts: event_actions.CustomEventFacts,
    by: User,
    role: ClaimRole = ClaimRole.ATTENDEE,
    note: str = "",
    files: Sequence[File] = (),
) -> Claim:
    """Create a custom event with a Pending claim (Create New…), and delete the draft.

    Presenters earn double credit, at most twice in four years for one topic. Raise AlreadyClaimed
    if the person has already created the same event, or Refused if it cannot be created.
    """
    lock_people([by.pk])
    event, is_new = event_actions.create_custom_event(facts=facts, by=by)
    if not is_new and (claim := queries.live_claim(by, event)):
        raise AlreadyClaimed(claim)
    if role == ClaimRole.PRESENTER:
        refuse_third_presentation_credit(
            by, facts.title, last_day_of(facts.begins_at, facts.ends_at)
        )
    custom = ClaimSource.CUSTOM
    claim = create_claims([event], person=by, source=custom, role=role, note=note, by=by)[0]
    attach_evidence(claim, files)
    delete_draft(by=by)
    return claim


@audited
def claim_outside_conference(
    *, sessions: Sequence[event_actions.CustomEventFacts], by: User
) -> list[Claim]:
    """Create a custom event and a Pending claim for each session, all or nothing.

    Idempotent: sessions that are already saved are skipped. Lock the person. Raise Refused, naming
    the session, if one cannot be created.
    """
    lock_people([by.pk])
    events = []
    for facts in sessions:
        try:
            event, is_new = event_actions.create_custom_event(facts=facts, by=by)
        except Refused as refusal:
            raise Refused(f"“{facts.title}”: {refusal}") from refusal
        if is_new:
            events.append(event)
    if not events:
        return []
    return create_claims(events, person=by, source=ClaimSource.CUSTOM, by=by)


@audited_as("credits.note_claim")
def set_claim_note(*, claim_id: int, note: str, by: User) -> Claim:
    """Set the note on one of `by`'s undecided claims. Lock the person.

    Raise Claim.DoesNotExist for another person's claim, or Refused if staff have decided.
    """
    lock_people([by.pk])
    claim = Claim.objects.get(pk=claim_id, person=by)
    if claim.state not in PENDING_OR_RETURNED:
        raise Refused(
            f"This claim is {claim.get_state_display().lower()}, so its note cannot be changed. "
            "Open a help ticket if something is wrong."
        )
    claim.note = note
    claim.save(update_fields=["note"])
    return claim


@audited
def claim_sessions(*, event_ids: Iterable[int], by: User) -> list[Claim]:
    """Claim several conference sessions for `by`, all or nothing.

    Skip sessions that are already claimed. Lock the events, then the person. Raise Refused, naming
    the sessions, if any cannot be claimed or if two overlap.
    """
    ids = sorted(set(event_ids))
    event_queries.lock_events(ids)
    lock_people([by.pk])
    events = list(event_queries.on_calendar().filter(pk__in=ids).order_by("begins_at", "pk"))
    claimed_or_why_not = queries.claimed_or_why_not(by, events)
    reasons = [
        f"“{event.title}”: {claimed_or_why_not[event.pk].why_not}"
        for event in events
        if claimed_or_why_not[event.pk].why_not and not claimed_or_why_not[event.pk].is_claimed
    ]
    if reasons:
        raise Refused(" ".join(reasons))
    new = [event for event in events if not claimed_or_why_not[event.pk].is_claimed]
    _refuse_overlapping_sessions(new, queries.claimed_sessions_of_same_conference(by, new))
    if not new:
        return []
    return create_claims(new, person=by, source=ClaimSource.CALENDAR, by=by)


def _refuse_overlapping_sessions(events: Sequence[Event], claimed: Sequence[Event]) -> None:
    """Raise Refused, naming two sessions, if no one can have attended both."""
    for number, event in enumerate(events):
        for other in [*events[number + 1 :], *claimed]:
            if overlaps(event, other):
                raise Refused(
                    f"“{event.title}” and “{other.title}” took place at the same time. "
                    "Choose the one you attended."
                )


@audited
def withdraw_claim(*, claim_id: int, by: User) -> Claim:
    """Withdraw one of `by`'s Pending claims. The training can then be claimed again.

    If it is the last live claim on a custom event that is not approved, cancel the event.
    Idempotent. Raise Claim.DoesNotExist for another person's claim, or Refused if the claim is not
    Pending.
    """
    claim = lock_claim(claim_id, person=by)
    if claim.state == ClaimState.WITHDRAWN and claim.decided_by_id == by.pk:
        return claim
    if claim.state != ClaimState.PENDING:
        raise Refused(
            f"This credit is {claim.get_state_display().lower()}, so you cannot withdraw it. Open "
            "a help ticket if something is wrong."
        )
    if _is_last_claim(claim):
        event_actions.cancel_custom_event(event=claim.event)
    move_claim(
        claim, ClaimState.WITHDRAWN, actor=Actor.PERSON, reason="You withdrew this claim.", by=by
    )
    return claim


def _is_last_claim(claim: Claim) -> bool:
    """Return whether this is the only live claim on a custom event that is not approved."""
    event = claim.event
    if event.origin != Origin.CUSTOM or event.state == EventState.PUBLISHED:
        return False
    return not queries.claims_on_event(event).exclude(pk=claim.pk).exists()


MAX_TEXT_LENGTH = 5000


@audited_as("credits.keep_draft")
def save_draft(*, typed: Mapping[str, str], by: User) -> Draft | None:
    """Replace the person's draft with this form input, given as text by field name.

    If every field is empty, keep the earlier draft and return None.
    """
    texts = {name: text[:MAX_TEXT_LENGTH].replace("\0", "") for name, text in typed.items() if text}
    if not texts:
        return None
    values = {"typed": texts, "kept_at": timezone.now()}
    draft, _ = Draft.objects.update_or_create(person=by, defaults=values)
    return draft


@audited_as("credits.drop_draft")
def delete_draft(*, by: User) -> None:
    """Delete the person's draft. Idempotent."""
    Draft.objects.filter(person=by).delete()
