"""Present events to the people who manage them: rows in their list and a preview of a draft."""

from typing import NamedTuple

from django.utils import timezone

from aspen.formats import format_day
from aspen.web.labels import Label
from events import permissions, queries, similar_titles
from events.calendar.facts import EventFacts
from events.calendar.presentation import EventRow, event_row
from events.enums import EventState
from events.models import Event


class ManagedEventRow(NamedTuple):
    """An event in the list of managed events."""

    pk: int
    title: str
    when: str
    organization: str
    state: Label
    # Why staff returned the event.
    reason: str
    since: str
    registered: int | None
    is_public: bool
    url: str


def managed_event_row(event: Event) -> ManagedEventRow:
    return ManagedEventRow(
        pk=event.pk,
        title=event.title,
        when=event.when,
        organization=event.organization.name if event.organization else event.sponsor,
        state=event.state_label,
        reason=event.decision_reason if event.state == EventState.DRAFT else "",
        since=_sent_since(event),
        registered=getattr(event, "number", None),
        is_public=event.state in (EventState.PUBLISHED, EventState.CANCELLED),
        url=event.get_absolute_url(),
    )


def _sent_since(event: Event) -> str:
    """Return how long a proposal has waited, such as "sent 3 days ago"."""
    if event.state != EventState.PENDING or event.submitted_at is None:
        return ""
    days = (timezone.localdate() - timezone.localdate(event.submitted_at)).days
    return {0: "sent today", 1: "sent yesterday"}.get(days, f"sent {days} days ago")


class EventPreview(NamedTuple):
    """The context of templates/events/manage/preview.html, except its form."""

    event: Event
    row: EventRow
    state: Label
    author: str
    is_pending: bool
    is_draft: bool
    publishes: bool
    # The number of events in the series that are in this state.
    series: int
    questions: int
    presenters: list[str]
    # (URL, title, day)
    similar: list[tuple[str, str, str]]


def event_preview(event: Event, *, publishes: bool) -> EventPreview:
    """Preview a draft or proposal. If `publishes` is True, include events similar to a proposal."""
    facts = EventFacts(
        now=timezone.now(),
        is_signed_in=True,
        credits=queries.credit_lines([event]),
        counts_by_event={},
        claimed=set(),
    )
    is_pending = event.state == EventState.PENDING
    presenters = event.presenters.select_related("person")
    return EventPreview(
        event=event,
        row=event_row(event, facts, event.parent),
        state=event.state_label,
        author=str(event.created_by) if event.created_by_id else "",
        is_pending=is_pending,
        is_draft=event.state == EventState.DRAFT,
        publishes=publishes,
        series=permissions.same_series(event).count() if event.series_key else 1,
        questions=event.questions.count(),
        presenters=[str(each.person) for each in presenters],
        similar=_similar_events(event) if publishes and is_pending else [],
    )


def _similar_events(event: Event) -> list[tuple[str, str, str]]:
    return [
        (other.get_absolute_url(), other.title, format_day(other.last_day))
        for other in similar_titles.events_with_similar_title(event.title, limit=3)
        if other.pk != event.pk
    ]
