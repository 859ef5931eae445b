"""Row types, template contexts and display text for the custom event queue and its pages."""

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from accounts import queries as account_queries
from accounts.models import User
from aspen.db.last_change import LastChange
from aspen.formats import counted, format_credits, format_waiting_time
from aspen.transitions import Actor
from aspen.web.undo import undo_url
from credits import history, review
from credits.checks import CheckResult
from credits.enums import ClaimRole
from credits.models import Claim
from credits.review import EarlierDecisions, QueueItem, SimilarWithClaims
from events import queries
from events.admin_presentation import event_time, format_credit_lines, format_length
from events.enums import CUSTOM_EVENT_TRANSITIONS, TO_CALENDAR, Decision, EventState, Origin
from events.models import Event
from events.rules import state_for_editors
from events.similar_titles import SimilarEvent
from events.undoing import CUSTOM_EVENT_DECISIONS, is_undoable

# ---------- Rows of the list ----------


class SimilarEventRow(NamedTuple):
    title: str
    url: str
    percent: int
    place: str
    when: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueRow:
    """A custom event in the list. `value` is its checkbox's value."""

    pk: int
    url: str
    title: str
    person: str
    is_own: bool
    when: str
    sponsor: str
    credit: str
    length: str
    age: str
    marks: list[str]
    warnings: list[str]
    earlier: str
    similar: SimilarEventRow | None
    note: str
    evidence: list[tuple[str, str]]
    can_select: bool
    is_clear: bool
    is_selected: bool
    value: str


def queue_row(item: QueueItem, *, by: User, can_decide: bool, selects_clear: bool) -> QueueRow:
    """Return a custom event's row. Staff cannot select their own events."""
    event, claim, results = item.event, item.claim, item.check_results
    is_own = event.created_by_id == by.pk
    can_select = can_decide and event.state == EventState.PENDING and not is_own
    is_clear = can_select and not results
    return QueueRow(
        pk=event.pk,
        url=event_page_url(event),
        title=event.title,
        person=str(event.created_by),
        is_own=is_own,
        when=event_time(event),
        sponsor=event.sponsor,
        credit=format_credit_lines(event),
        length=credits_for_length(event),
        age=waiting_text(event),
        marks=unusual_points(event, claim),
        warnings=[result.text for result in results],
        earlier=earlier_decisions_text(item.earlier, event),
        similar=similar_event_row(item.similar) if item.similar else None,
        note=claim.note if claim else "",
        evidence=evidence_links(claim),
        can_select=can_select,
        is_clear=is_clear,
        is_selected=selects_clear and is_clear,
        value=checkbox_value(event, has_warning=bool(results)),
    )


def checkbox_value(event: Event, *, has_warning: bool) -> str:
    return f"{event.pk}|{'1' if has_warning else ''}|{queries.custom_event_version(event)}"


def waiting_text(event: Event) -> str:
    """Return how long a waiting event has been waiting, or the state of any other event."""
    if event.state != EventState.PENDING:
        return event.state_label.text
    resubmitted = ", resubmitted" if event.decided_at else ""
    return format_waiting_time(review.waiting_since(event)) + resubmitted


def credits_for_length(event: Event) -> str:
    """Return the event's credits and length, for example "2.5 credits for 2:00 hours"."""
    total = sum((offer.amount for offer in event.offers.all()), Decimal())
    return f"{format_credits(total)} for {format_length(event)}"


def unusual_points(event: Event, claim: Claim | None) -> list[str]:
    """Return notes if the credit is for a presenter or a college course."""
    presented = claim is not None and claim.role == ClaimRole.PRESENTER
    return [
        *(["Presenter: earns double credit"] if presented else []),
        *([f"College course: {event.college_work}"] if is_course(event) else []),
    ]


def is_course(event: Event) -> bool:
    return hasattr(event, "college_work")


def earlier_decisions_text(before: EarlierDecisions, event: Event) -> str:
    if before == review.NO_EARLIER_DECISIONS:
        return f"First custom event from {event.sponsor}" if event.sponsor else "No sponsor"
    return f"Earlier from {event.sponsor}: {before.approved} approved, {before.declined} declined"


def similar_event_row(similar: SimilarEvent) -> SimilarEventRow:
    event = similar.event
    return SimilarEventRow(
        event.title, event_page_url(event), similar.percent, event_place(event), event_time(event)
    )


def event_place(event: Event) -> str:
    return "on the calendar" if event.origin == Origin.CALENDAR else "approved custom event"


def new_warning(event: Event, results: Sequence[CheckResult]) -> str:
    return (
        f"“{event.title}” was skipped because it has a new warning that the list did not show. "
        f"{results[0].text} Open the event or select it again."
    )


def approval_message(approved: int, selected: int, with_warnings: Sequence[str]) -> str:
    """Return a message with the number of events approved and the titles of any with warnings."""
    message = f"Approved: {approved} of {selected}."
    if with_warnings:
        titles = ", ".join(f"“{title}”" for title in with_warnings)
        message += f" Approved despite a warning: {titles}."
    return message


# ---------- An event's page ----------


def decision_page(event: Event, *, by: User, can_decide: bool) -> dict[str, Any]:
    """Return the context for deciding on a custom event. Takes a fixed number of queries."""
    person = event.created_by
    assert person is not None  # events_custom_has_author
    claims = review.claims_of_authors([event])
    claim = claims.get(event.pk)
    similar = review.similar_with_claims(event)
    is_own = person.pk == by.pk
    can_decide = can_decide and not is_own
    decisions = _decisions(event) if can_decide else []
    return {
        "person": person,
        "positions": account_queries.positions_of(person),
        "state": f"{event.state_label.text}{_age(event)}",
        "marks": unusual_points(event, claim),
        "note": claim.note if claim else "",
        "evidence": evidence_links(claim),
        "remarks": [
            each.text for each in review.check_results_by_event([event], claims).get(event.pk, ())
        ],
        "similar_events": [comparison_head(each, event, can_decide=can_decide) for each in similar],
        "comparison": comparison(event, [each.event for each in similar]),
        "overlapping": [overlapping_claim_link(each) for each in review.overlapping_claims(event)],
        "earlier_decisions": earlier_decisions_text(
            review.decided_before([event])[event.pk], event
        ),
        "recent_decisions": [recent_decision_link(each) for each in review.decided_lately(event)],
        "happenings": history.claim_history(claim, reader=by) if claim else [],
        "decisions": decisions,
        "can_decide": bool(decisions),
        "can_publish": can_decide
        and TO_CALENDAR.allows(event.state, Actor.STAFF)
        and not is_course(event),
        "merge_url": merge_url(event) if can_decide else "",
        "correct_url": correct_url(event) if can_decide else "",
        "is_own": is_own,
    }


class UndoButton(NamedTuple):
    """The button that undoes the last decision, and what it undoes."""

    url: str
    what: str


def undo_button(event: Event, change: LastChange | None, *, by: User) -> UndoButton | None:
    """Return the button for a day after a decision, except for the event's author. No query."""
    is_own = event.created_by_id == by.pk
    if change is None or is_own or not is_undoable(change, CUSTOM_EVENT_DECISIONS):
        return None
    url = reverse("admin:events_customevent_undo", args=[event.pk])
    what = f"the decision “{event.state_label.text}”"
    return UndoButton(undo_url(url, seen=change.version), what)


def _age(event: Event) -> str:
    return f", {waiting_text(event)}" if event.state == EventState.PENDING else ""


DECISION_LABELS = {
    Decision.APPROVE: "Approve",
    Decision.RETURN: "Return with a question",
    Decision.DECLINE: "Decline",
}


def _decisions(event: Event) -> list[tuple[str, str]]:
    """Return the value and label of each possible decision."""
    return [
        (decision.value, DECISION_LABELS[decision])
        for decision, transition in CUSTOM_EVENT_TRANSITIONS.items()
        if transition.allows(event.state, Actor.STAFF)
    ]


class ComparisonHead(NamedTuple):
    """The column heading for a similar event."""

    title: str
    url: str
    similarity: str
    claims: str
    merge_url: str


def comparison_head(
    similar: SimilarWithClaims, event: Event, *, can_decide: bool
) -> ComparisonHead:
    return ComparisonHead(
        title=similar.event.title,
        url=event_page_url(similar.event),
        similarity=f"{similar.percent}% similar, {event_place(similar.event)}",
        claims=f"{counted(similar.people, 'person', 'people')} claimed this",
        merge_url=merge_url(event, similar.event) if can_decide else "",
    )


def comparison(event: Event, others: Sequence[Event]) -> list[tuple[str, list[str]]]:
    """Return rows that compare the events: a label, then a cell for each event, `event` first."""
    values: dict[str, Callable[[Event], str]] = {
        "When": event_time,
        "CE credit": format_credit_lines,
        "Credit and length": credits_for_length,
        "Sponsor": attrgetter("sponsor"),
        "Trainer or presenter": attrgetter("presenter"),
    }
    return [
        (label, [value(each) or "–" for each in (event, *others)])
        for label, value in values.items()
    ]


class EventLink(NamedTuple):
    title: str
    url: str
    details: str


def overlapping_claim_link(claim: Claim) -> EventLink:
    event = claim.event
    details = f"{event_time(event)}; {claim.get_state_display().lower()}"
    return EventLink(event.title, event_page_url(event), details)


def recent_decision_link(event: Event) -> EventLink:
    reason = f": {event.decision_reason}" if event.decision_reason else ""
    details = f"{event_time(event)}; {state_for_editors(event)}{reason}"
    return EventLink(event.title, event_page_url(event), details)


def event_page_url(event: Event) -> str:
    """Return the URL of the event's admin page."""
    kind = "customevent" if event.origin == Origin.CUSTOM else "event"
    return reverse(f"admin:events_{kind}_change", args=[event.pk])


def evidence_links(claim: Claim | None) -> list[tuple[str, str]]:
    """Return the name and URL of each prefetched evidence file."""
    files = claim.evidence.all() if claim else ()
    return [(file.file_name, reverse("credits:evidence", args=[file.pk])) for file in files]


def merge_url(source: Event, target: Event | None = None) -> str:
    """Return the URL for merging `source` into `target`, or into an event to be chosen there."""
    query = {"source": source.pk} | ({"target": target.pk} if target else {})
    return f"{reverse('admin:credits_merge_start')}?{urlencode(query)}"


def correct_url(event: Event) -> str:
    return reverse("admin:credits_claim_correct_event", args=[event.pk])
