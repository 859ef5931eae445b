"""Custom events: training reported with Create New…, and staff decisions on it."""

import dataclasses
import datetime as dt
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited, audited_as
from aspen.db.last_change import last_change
from aspen.errors import Refused
from aspen.formats import format_credits
from aspen.transitions import Actor
from events import queries, rules, signals
from events.enums import (
    CUSTOM_EVENT_TRANSITIONS,
    REVISION,
    TO_CALENDAR,
    CollegeCreditType,
    Decision,
    EventState,
    EventType,
    Origin,
)
from events.models import Category, CollegeWork, CreditOffer, Event


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollegeCourse:
    """A college course's number of credits and their type."""

    credit_type: CollegeCreditType
    credits: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomEventFacts:
    """The data from Create New…, with aware datetimes. `amount` is the credit for attendees.

    College work has a `course` and is all day; its amount comes from the State Library's table,
    regardless of length.
    """

    title: str
    begins_at: dt.datetime
    ends_at: dt.datetime
    sponsor: str
    presenter: str
    description: str
    category: Category
    amount: Decimal
    recording_url: str = ""
    course: CollegeCourse | None = None


def unsaved_custom_event(facts: CustomEventFacts) -> Event:
    """Return an unsaved event with the data in `facts`."""
    event = Event(origin=Origin.CUSTOM)
    _set_fields(event, facts)
    return event


def _refuse_invalid(facts: CustomEventFacts) -> None:
    if facts.ends_at <= facts.begins_at:
        raise Refused("The end must be after the start.", field="ends_at")
    if not _has_ended(facts):
        raise Refused(
            "This training is not over yet. You can claim credits once it has ended.",
            field="ends_at",
        )
    if facts.course is None:
        _refuse_excess_credits(facts.begins_at, facts.ends_at, facts.amount)
    elif facts.amount != rules.ce_credits_for_course(
        facts.course.credit_type, facts.course.credits
    ):
        raise Refused(
            "Credits for college work must match the State Library's table.",
            field="course_credits",
        )


def _has_ended(facts: CustomEventFacts) -> bool:
    if facts.course:
        return timezone.localdate(facts.ends_at) < today()
    return facts.ends_at <= timezone.now()


def refuse_too_many_credits(event: Event, amount: Decimal) -> None:
    """Raise Refused if a custom event is too short for `amount`. College work is exempt."""
    if not CollegeWork.objects.filter(event=event).exists():
        _refuse_excess_credits(event.begins_at, event.ends_at or event.over_at, amount)


def _refuse_excess_credits(begins_at: dt.datetime, ends_at: dt.datetime, amount: Decimal) -> None:
    maximum = rules.max_credits(begins_at, ends_at)
    if amount > maximum:
        raise Refused(
            f"Training of this length can earn at most {format_credits(maximum)}. "
            "Lower the credit value or correct the times.",
            field="amount",
        )


def _set_fields(event: Event, facts: CustomEventFacts) -> None:
    for name in (
        *("title", "begins_at", "ends_at", "sponsor", "presenter", "description"),
        "recording_url",
    ):
        setattr(event, name, getattr(facts, name))
    event.all_day = facts.course is not None


def _write_credit_line(event: Event, facts: CustomEventFacts) -> None:
    """Store the credit line and, for college work, the course."""
    CreditOffer.objects.create(event=event, category=facts.category, amount=facts.amount)
    if facts.course:
        course = {"system": facts.course.credit_type, "course_credits": facts.course.credits}
        CollegeWork.objects.update_or_create(event=event, defaults=course)


def _keeps_credit(event: Event, facts: CustomEventFacts) -> bool:
    """Return True if the author did not change the first credit line.

    If staff split the credit, the author sees only the first line; the other lines must not be
    lost. Raises Refused if the event is now too short for all lines.
    """
    lines = list(event.offers.order_by("category__position").values_list("category", "amount"))
    if facts.course or lines[:1] != [(facts.category.pk, facts.amount)]:
        return False
    total = sum((amount for _, amount in lines), Decimal())
    _refuse_excess_credits(facts.begins_at, facts.ends_at, total)
    return True


@audited
def create_custom_event(*, facts: CustomEventFacts, by: User) -> tuple[Event, bool]:
    """Create a custom event that waits for approval.

    Returns the event and whether it is new. If the person already has an event with this title
    and start time, returns that one. The caller holds the person's lock. Raises Refused if the
    facts are invalid.
    """
    _refuse_invalid(facts)
    if same := queries.same_custom_events(by, facts.title, facts.begins_at).first():
        return same, False
    event = Event(
        origin=Origin.CUSTOM,
        state=EventState.PENDING,
        type=EventType.CONTINUING_EDUCATION,
        created_by=by,
        is_demonstration=by.is_demonstration,
    )
    _set_fields(event, facts)
    event.save()
    _write_credit_line(event, facts)
    return event, True


@audited_as("events.resubmit_custom_event")
def revise_custom_event(
    *, event_id: int, facts: CustomEventFacts, by: User, seen: str = ""
) -> Event:
    """Change a custom event that waits for a decision, or change and resubmit a returned one.

    A waiting event keeps its place in the queue. `seen` is the version
    (queries.custom_event_version) that the author's form showed, if known. Locks the event and its
    author. Raises Refused if `by` is not the author, if staff have decided or the event has changed
    since it was `seen`, if the facts are invalid, or if the person has another custom event with
    this title and start time.
    """
    event = queries.lock_event(event_id)
    lock_people([by.pk])
    if reason := why_not_revise(event, by):
        raise Refused(reason)
    if seen and queries.custom_event_version(event) != seen:
        raise Refused(
            f"This training has changed since you opened this page and is now "
            f"{rules.state_for_editors(event)}. What you entered is still below. Nothing was "
            "saved yet."
        )
    _refuse_invalid(facts)
    if queries.same_custom_events(by, facts.title, facts.begins_at).exclude(pk=event_id).exists():
        raise Refused(
            "You have already saved another training with this title and start time.", field="title"
        )
    _set_fields(event, facts)
    if event.state != REVISION.target:
        event.state, event.submitted_at = REVISION.target, timezone.now()
    event.save()
    if not _keeps_credit(event, facts):
        event.offers.all().delete()
        _write_credit_line(event, facts)
    signals.custom_event_changed.send(Event, event=event, by=by, reason="")
    return event


@audited
def restore_custom_event(*, event: Event) -> None:
    """Put a custom event that its author canceled back into the queue. Idempotent.

    The caller holds the event's lock. Raises Refused if the author has reported the training again.
    """
    if event.origin == Origin.CUSTOM and event.state == EventState.CANCELLED:
        queries.refuse_reported_again(event, "this")
        change = last_change(event, "state")
        event.state = EventState(change.before.state) if change else EventState.PENDING
        event.save(update_fields=["state"])


def why_not_revise(event: Event, by: User) -> str | None:
    """Return why `by` cannot change a custom event, or None. Takes no query."""
    if rules.may_revise(event, by.pk):
        return None
    if event.created_by_id != by.pk:
        return "You can change only training that you entered with Create New…."
    return (
        f"“{event.title}” is now {rules.state_for_editors(event)}, so you can no longer change it. "
        "Nothing was saved. Open a help ticket if something is wrong."
    )


@audited
def cancel_custom_event(*, event: Event) -> None:
    """Remove a custom event from the queue permanently. The caller holds the event's lock."""
    event.state = EventState.CANCELLED
    event.save(update_fields=["state"])


@audited
def decide_custom_event(
    *, event_id: int, decision: Decision, reason: str, by: User, seen: str = ""
) -> Event:
    """Approve, return or decline a custom event (enums.CUSTOM_EVENT_TRANSITIONS). Locks the event.

    Returning and declining require a `reason`, which the author sees. `seen` is the version
    (queries.custom_event_version) that staff reviewed. Raises Refused if the event has changed
    since then or its state does not allow the decision.
    """
    event = queries.lock_event(event_id)
    transition = CUSTOM_EVENT_TRANSITIONS[decision]
    _refuse_if_changed(event, seen)
    if event.origin != Origin.CUSTOM or not transition.allows(event.state, Actor.STAFF):
        raise Refused(
            f"“{event.title}” is {rules.state_for_editors(event)}, so you can no longer "
            f"{decision.label.lower()} it."
        )
    _refuse_own_event(event, by)
    if decision != Decision.APPROVE and not reason.strip():
        raise Refused("Give a reason. The person will read it.", field="reason")
    event.state = transition.target
    event.decided_by = by
    event.decided_at = timezone.now()
    event.decision_reason = reason.strip()
    event.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    signals.custom_event_changed.send(Event, event=event, by=by, reason=event.decision_reason)
    return event


def _refuse_if_changed(event: Event, seen: str) -> None:
    if seen and queries.custom_event_version(event) != seen:
        raise Refused(
            f"“{event.title}” has changed since you opened this page and is now "
            f"{rules.state_for_editors(event)}. Review it again before you decide."
        )


def _refuse_own_event(event: Event, by: User) -> None:
    if event.created_by_id == by.pk:
        raise Refused(
            f"You cannot review your own event, “{event.title}”. Ask a colleague to do it."
        )


@audited_as("events.publish_custom_event")
def move_custom_event_to_calendar(*, event_id: int, by: User, seen: str = "") -> Event:
    """Put a custom event on the public calendar. Locks the event.

    Also approves the event and its author's claim if they are waiting. The event keeps its author.
    `seen` works as in decide_custom_event. Raises Refused if `by` is the author, the event is a
    college course, or its state does not allow this.
    """
    event = queries.lock_event(event_id)
    _refuse_if_changed(event, seen)
    if event.origin != Origin.CUSTOM or not TO_CALENDAR.allows(event.state, Actor.STAFF):
        raise Refused(
            f"“{event.title}” is {rules.state_for_editors(event)}, so it cannot be put on the "
            "calendar."
        )
    _refuse_own_event(event, by)
    if CollegeWork.objects.filter(event=event).exists():
        raise Refused(f"“{event.title}” is one person's college course, not a public event.")
    was_waiting = event.state == EventState.PENDING
    event.origin, event.state = Origin.CALENDAR, TO_CALENDAR.target
    event.decided_by, event.decided_at, event.decision_reason = by, timezone.now(), ""
    event.save(update_fields=["origin", "state", "decided_by", "decided_at", "decision_reason"])
    if was_waiting:
        signals.custom_event_changed.send(Event, event=event, by=by, reason="")
    return event


@audited
def mark_merged(*, source: Event, target: Event) -> None:
    """Mark `source` as merged into `target`. The caller holds both events' locks.

    Registrations stay with `source`, where they no longer earn credit.
    """
    source.state, source.merged_into = EventState.MERGED, target
    source.save(update_fields=["state", "merged_into"])


@audited_as("events.mark_separate")
def unmark_merged(*, event: Event, state: EventState) -> None:
    """Restore a merged event to its earlier state. The caller holds the event's lock.

    Raises Refused if its author has reported the same training again.
    """
    if event.origin == Origin.CUSTOM:
        queries.refuse_reported_again(event, "the merge")
    event.state, event.merged_into = state, None
    event.save(update_fields=["state", "merged_into"])
