"""Changing training that the person entered with Create New…, with the claim on it."""

from collections.abc import Sequence

from django.core.files.base import File

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from credits.actions.evidence import attach_evidence
from credits.enums import PENDING_OR_RETURNED, ClaimRole
from credits.models import Claim
from events import actions as event_actions
from events import queries as event_queries
from events.models import Event


@audited
def revise_custom_training(
    *,
    event_id: int,
    facts: event_actions.CustomEventFacts,
    seen: str,
    role: ClaimRole,
    note: str,
    files: Sequence[File] = (),
    by: User,
) -> Event:
    """Change a custom event of `by` that waits for a decision or was returned, and `by`'s claim.

    The claim's credits follow the event and the role, and the tracks follow the credits. A
    submitted record that they change is reopened. `seen` is the event's version that the form
    showed, and `files` are added to the claim's. Lock the event, then the people. All or nothing:
    raise Refused as event_actions.revise_custom_event does, if there are too many files, or if the
    topic has already earned presenter credit often enough.
    """
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    claim = Claim.objects.filter(
        event=event_id, person=by, state__in=sorted(PENDING_OR_RETURNED)
    ).first()
    if claim:
        claim.role, claim.note = role, note
        claim.save(update_fields=["role", "note"])
    event = event_actions.revise_custom_event(event_id=event_id, facts=facts, seen=seen, by=by)
    if claim:
        attach_evidence(claim, files)
    return event
