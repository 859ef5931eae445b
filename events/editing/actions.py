"""Draft, propose, publish, change and cancel calendar events.

Each action checks that `by` manages the event (permissions.managed_by).
"""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.transitions import Actor
from events import permissions, queries, rules
from events.editing import emails
from events.editing.emails import Change, key_details
from events.editing.publishing import replace_offers, send_event_revised, why_capacity_too_small
from events.enums import (
    EVENT_TRANSITIONS,
    EventState,
    EventStep,
    Origin,
)
from events.models import Event, Presenter, Question, Resource
from events.registration.actions import promote_waiting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EditedEvent:
    """An event with unsaved changes from a form.

    `fields` are the fields to store. `offers` maps category ids to amounts.
    """

    event: Event
    fields: Sequence[str]
    offers: Mapping[int, Decimal]
    presenters: Sequence[User]


@contextlib.contextmanager
def locked_for_editing(*, event_id: int, sessions: bool = False) -> Iterator[None]:
    """Lock an event, and its `sessions`, while a form is merged with what is stored and saved.

    Opens a transaction. See aspen.web.edit_conflicts. Does nothing if there is no such event.
    """
    with transaction.atomic():
        queries.lock_events([event_id])
        if sessions:
            queries.lock_events(
                Event.objects.filter(parent=event_id).order_by("pk").values_list("pk", flat=True)
            )
        yield


# ---------- Storing ----------


@audited
def create_event(*, edited: EditedEvent, by: User) -> Event:
    """Store a new event as a draft written by `by`.

    Raises ValidationError, or Refused if `by` cannot create events for its organization.
    """
    event = edited.event
    _refuse_other_organization(event, by)
    event.origin, event.state, event.created_by = Origin.CALENDAR, EventState.DRAFT, by
    event.is_demonstration = by.is_demonstration
    event.full_clean()
    event.save()
    replace_offers(event, edited.offers, is_new=True)
    _replace_presenters(event, edited.presenters)
    return event


def _refuse_other_organization(event: Event, by: User) -> None:
    if permissions.may_publish(by):
        return
    if event.organization is None or not permissions.may_propose(by):
        raise Refused(
            "Choose the library or organization that hosts the event.", field="organization"
        )
    if not permissions.organizations_of(by).filter(pk=event.organization.pk).exists():
        raise Refused(
            "Your profile does not list you at this library or organization.",
            field="organization",
        )


def _refuse_non_managers(event: Event, by: User) -> None:
    if not permissions.managed_by(by).filter(pk=event.pk).exists():
        raise Refused("You no longer manage this event.")


@audited
def change_event(*, edited: EditedEvent, by: User) -> list[Change]:
    """Store an edited event. Return the changes to title, time, place or format. Locks the event.

    `edited` must include what is stored now (aspen.web.edit_conflicts), so the caller has locked
    the event before reading it. After publication, only staff can change credit lines and
    organizer. New places go to people on the waitlists. Raises ValidationError, or Refused if a
    new capacity is below the number of people with a place.
    """
    event = edited.event
    before = queries.lock_event(event.pk)
    _refuse_non_managers(before, by)
    fields = set(edited.fields)
    may_change_all = before.state != EventState.PUBLISHED or permissions.may_publish(by)
    if may_change_all:
        _refuse_other_organization(event, by)
    else:
        fields.discard("organization")
    event.state = before.state
    for field, reason in why_capacity_too_small(event).items():
        raise Refused(reason, field=field)
    event.full_clean()
    event.save(update_fields=sorted(fields))
    if may_change_all:
        replace_offers(event, edited.offers, is_new=False)
    _replace_presenters(event, edited.presenters)
    send_event_revised(event, by=by)
    promote_waiting(event=event, by=by)
    old, new = key_details(before), key_details(event)
    return [Change(what, old[what], new[what]) for what in old if old[what] != new[what]]


def _replace_presenters(event: Event, people: Iterable[User]) -> None:
    """Set the presenters, but keep those who have already earned credit."""
    ids = [person.pk for person in people]
    event.presenters.exclude(person__in=ids).filter(settled_at=None).delete()
    Presenter.objects.bulk_create(
        (Presenter(event=event, person_id=pk) for pk in ids), ignore_conflicts=True
    )


@audited_as("events.tell_changes")
def announce_changes(*, event_id: int, changes: Sequence[Change], note: str, by: User) -> int:
    """E-mail everyone registered or waitlisted about the changes. Return the number of people."""
    event = Event.objects.get(pk=event_id)
    return emails.queue_changed_emails(event, changes, note=note)


# ---------- Steps ----------


@audited
def take_step(
    *,
    event_id: int,
    step: EventStep,
    by: User,
    reason: str = "",
    tell: bool = True,
    whole_series: bool = False,
) -> list[Event]:
    """Apply a step (enums.EVENT_TRANSITIONS) to an event.

    `whole_series` also applies it to all events in the series that are in the same state. Returning
    a proposal and canceling an event require a `reason`. The author sees why a proposal was
    returned. The reason for canceling appears on the event page. When an event is canceled or
    restored, `tell` e-mails the people who registered, with the `reason`. Only staff can restore an
    event, or cancel one that is over, which withdraws its credits. Locks the events and returns
    those that changed. Raises Refused if a step is not possible.
    """
    event = queries.lock_event(event_id)
    events = [event]
    if whole_series and event.series_key:
        others = Event.objects.filter(series_key=event.series_key, state=event.state)
        ids = others.exclude(pk=event.pk).order_by("pk").values_list("pk", flat=True)
        events += [queries.lock_event(pk) for pk in ids]
    for each in events:
        _apply_step(each, step, reason=reason.strip(), tell=tell, by=by)
    return events


def _apply_step(event: Event, step: EventStep, *, reason: str, tell: bool, by: User) -> None:
    transition = EVENT_TRANSITIONS[step]
    _refuse_non_managers(event, by)
    actor = Actor.STAFF if permissions.may_publish(by) else Actor.EDITOR
    if actor not in transition.sources:
        raise Refused("Only State Library staff can publish events. Send the event to them.")
    target = transition.apply(
        event.state,
        actor,
        lambda: (
            f"“{event.title}” is now {rules.state_for_editors(event)}, so this is not possible."
        ),
    )
    if step in (EventStep.RETURN, EventStep.CALL_OFF) and not reason:
        raise Refused("Enter a reason. Others will read it.", field="reason")
    if step == EventStep.CALL_OFF and actor == Actor.EDITOR and rules.is_over(event):
        raise Refused("This event is over, so only State Library staff can cancel it.")
    event.state = target
    _record(event, step, reason=reason, by=by)
    event.save(
        update_fields=[
            "state",
            "submitted_at",
            "decided_by",
            "decided_at",
            "decision_reason",
            "cancellation",
        ]
    )
    if step in (EventStep.CALL_OFF, EventStep.RESTORE):
        send_event_revised(event, by=by)
        event.refresh_from_db(fields=["sequence"])
        if tell and step == EventStep.CALL_OFF:
            emails.queue_called_off_emails(event, reason=reason)
        elif tell:
            emails.queue_restored_emails(event, note=reason)


def _record(event: Event, step: EventStep, *, reason: str, by: User) -> None:
    now = timezone.now()
    if step == EventStep.SUBMIT:
        event.submitted_at = now
    elif step == EventStep.CALL_OFF:
        event.cancellation = reason
    elif step == EventStep.RESTORE:
        event.cancellation = ""
    elif step in (EventStep.PUBLISH, EventStep.RETURN):
        event.decided_by, event.decided_at, event.decision_reason = by, now, reason
        if step == EventStep.PUBLISH:
            emails.queue_proposal_published_email(event)
        else:
            emails.queue_proposal_returned_email(event)


# ---------- Copies ----------


@audited
def copy_event(*, source_id: int, edited: EditedEvent, by: User) -> Event:
    """Store a draft copy with the source's questions and links.

    Raises the same exceptions as create_event.
    """
    source = permissions.managed_by(by).get(pk=source_id)
    event = create_event(edited=edited, by=by)
    copy_extras(source, [event])
    return event


def copy_extras(source: Event, copies: Sequence[Event]) -> None:
    """Add the source's questions and links, but not its files, to the copies."""
    questions = list(source.questions.order_by("position"))
    links = list(source.resources.exclude(url="").order_by("pk"))
    Question.objects.bulk_create(
        Question(
            event=event,
            position=each.position,
            kind=each.kind,
            label=each.label,
            choices=each.choices,
            is_required=each.is_required,
        )
        for event in copies
        for each in questions
    )
    Resource.objects.bulk_create(
        Resource(event=event, label=each.label, url=each.url, added_by=each.added_by)
        for event in copies
        for each in links
    )
