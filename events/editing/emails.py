"""E-mails about a changed or canceled event and about staff decisions on proposals.

A composer returns None if its message no longer applies.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone

from aspen.mail.message import Email, page_url
from aspen.mail.outbox import (
    dated_key,
    email,
    enqueue,
    enqueue_many,
    is_current,
    lock_given_to_server,
)
from aspen.models import Mail
from events.email_parts import (
    attendance_fact,
    event_facts,
    event_page,
    how_to_cancel,
    how_to_switch,
    invitation,
    is_ahead,
    organizer_wrote,
    registration_of,
    retraction,
)
from events.enums import Delivery, EventState, RegistrationState
from events.models import Event, Registration

# ---------- Changed ----------


@dataclasses.dataclass(frozen=True)
class Change:
    """A detail that people plan around, before and after the change."""

    what: str
    before: str
    after: str


def key_details(event: Event) -> dict[str, str]:
    """Return the details that people plan around, as text."""
    place = ", ".join(part for part in (event.room, event.location, event.city) if part)
    return {
        "Title": event.title,
        "When": event.when,
        "Where": place,
        "Format": Delivery(event.delivery).label if event.delivery else "",
    }


def queue_changed_emails(event: Event, changes: Sequence[Change], *, note: str) -> int:
    """Queue an e-mail about the changes to each person registered or waitlisted.

    Returns the number of e-mails queued.
    """
    return _queue_to_registered(
        event,
        kind="events.changed",
        key=f"changed:{event.pk}:{event.sequence}:{event.changed_at.isoformat()}",
        note=note.strip(),
        changes=[[change.what, change.before, change.after] for change in changes],
    )


@email("events.changed")
def changed_email(mail: Mail) -> Email | None:
    """Notify a person of changes to an event, with the organizer's message."""
    registration = registration_of(mail)
    event = registration.event
    if registration.state == RegistrationState.CANCELLED or not is_ahead(event):
        return None
    changes = list(_changes(event, mail.facts.get("changes", [])))
    quote = organizer_wrote(mail.facts.get("note"))
    if not changes and not quote:
        return None
    changed = {label for label, _ in changes}
    has_place = registration.state == RegistrationState.CONFIRMED
    place = "You keep your place on the waitlist."
    if has_place:
        place = "You keep your place. The attached file updates your calendar."
    return Email(
        subject=f"Changed: {event.title}",
        paragraphs=[f"“{event.title}” has changed. {place}"],
        quote=quote,
        facts=[
            *changes,
            *(fact for fact in event_facts(event)[0] if fact[0] not in changed),
            *(attendance_fact(registration) if has_place else []),
        ],
        button=event_page(event),
        closing=[*(how_to_switch(registration) if has_place else []), how_to_cancel(event)],
        calendar=invitation(registration) if has_place else None,
    )


def _changes(event: Event, queued: Iterable[Sequence[str]]) -> Iterable[tuple[str, str]]:
    """Yield the queued changes to the event, with current values.

    They may be newer than the queued ones.
    """
    current = key_details(event)
    for what, before, after in queued:
        now = current.get(what, after)
        zone = "" if what != "When" or event.all_day else "Mountain time; "
        if now != before:
            yield what, f"{now or 'removed'} ({zone}previously: {before or 'not given'})"


# ---------- Canceled ----------


def queue_called_off_emails(event: Event, *, reason: str) -> int:
    """Queue a cancellation e-mail to each person registered or waitlisted.

    Returns the number of e-mails queued.
    """
    return _queue_to_registered(
        event,
        kind="events.called_off",
        key=f"called-off:{event.pk}:{event.sequence}",
        message=reason,
        was_over=event.over_at <= timezone.now(),
    )


@email("events.called_off")
def called_off_email(mail: Mail) -> Email | None:
    """Notify a person that the event was canceled, and why."""
    registration = registration_of(mail)
    event = registration.event
    if event.state != EventState.CANCELLED:
        return None
    was_over = bool(mail.facts.get("was_over"))
    if event.over_at < timezone.now() and not was_over:
        return None
    had_place = registration.state != RegistrationState.WAITLISTED
    file = " The attached file removes it from your calendar." if had_place else ""
    what = (
        "did not take place, so its credits were withdrawn" if was_over else "will not take place"
    )
    return Email(
        subject=f"Canceled: {event.title}",
        paragraphs=[f"“{event.title}” {what}.{file}"],
        quote=organizer_wrote(mail.facts.get("message") or event.cancellation),
        facts=event_facts(event, with_credits=False)[0],
        button=("Find another event", page_url("events:calendar")),
        closing=["You do not need to do anything. A canceled event earns no credit."],
        calendar=retraction(registration) if had_place else None,
        method="CANCEL",
    )


def queue_restored_emails(event: Event, *, note: str) -> int:
    """Queue an e-mail to each person registered or waitlisted that the event will take place.

    Returns the number of e-mails queued.
    """
    key = f"restored:{event.pk}:{event.sequence}"
    return _queue_to_registered(event, kind="events.restored", key=key, note=note)


@email("events.restored")
def restored_email(mail: Mail) -> Email | None:
    """Tell a person that a canceled event is back on the calendar."""
    registration = registration_of(mail)
    event = registration.event
    if registration.state == RegistrationState.CANCELLED or not is_ahead(event):
        return None
    has_place = registration.state == RegistrationState.CONFIRMED
    place = "You keep your place on the waitlist."
    if has_place:
        place = "You have your place again. The attached file adds it to your calendar."
    return Email(
        subject=f"Taking place after all: {event.title}",
        paragraphs=[f"“{event.title}” was canceled, but is back on the calendar. {place}"],
        quote=organizer_wrote(mail.facts.get("note")),
        facts=event_facts(event)[0],
        button=event_page(event),
        closing=[how_to_cancel(event)],
        calendar=invitation(registration) if has_place else None,
    )


def _queue_to_registered(event: Event, *, kind: str, key: str, **facts: object) -> int:
    registrations = (
        Registration.objects.filter(event=event)
        .exclude(state=RegistrationState.CANCELLED)
        .select_related("person")
        .order_by("pk")
    )
    messages = [
        (
            f"{key}:{each.person_id}",
            each.person,
            {"registration": each.pk, "event": event.pk, **facts},
        )
        for each in registrations
    ]
    enqueue_many(kind=kind, messages=messages)
    return len(messages)


# ---------- Proposals ----------


def queue_proposal_returned_email(event: Event) -> None:
    """Queue an e-mail that tells the author why staff returned the event."""
    _queue_decided(event, kind="events.proposal_returned")


@email("events.proposal_returned")
def proposal_returned_email(mail: Mail) -> Email | None:
    """Ask the author to change a returned proposal, unless it has been sent again."""
    event = Event.objects.get(pk=mail.facts["event"])
    if event.state != EventState.DRAFT or not event.decision_reason:
        return None
    if not is_current(mail, event.decided_at):
        return None
    return Email(
        subject=f"Please change your event: {event.title}",
        paragraphs=[
            f"“{event.title}” is not on the calendar yet. State Library staff have asked for "
            "changes first. What you entered is saved."
        ],
        quote=("Staff wrote:", event.decision_reason),
        facts=event_facts(event)[0],
        button=("Edit event", page_url("events:edit", event.pk)),
        closing=["When it is ready, send it to staff again."],
    )


def queue_proposal_published_email(event: Event) -> None:
    """Queue an e-mail that tells the author that the event is on the calendar."""
    _queue_decided(event, kind="events.proposal_published")


@email("events.proposal_published")
def proposal_published_email(mail: Mail) -> Email | None:
    """Notify the author that a proposed event is on the calendar."""
    event = Event.objects.get(pk=mail.facts["event"])
    if event.state != EventState.PUBLISHED:
        return None
    return Email(
        subject=f"On the calendar: {event.title}",
        paragraphs=[f"“{event.title}” has been published. Anyone can now find it on the calendar."],
        facts=event_facts(event)[0],
        button=event_page(event),
    )


def decision_key(event: Event) -> str:
    """Return the key of the e-mail to the author about the last decision, or ""."""
    return dated_key("proposal", event.pk, event.decided_at) if event.decided_at else ""


def queue_decision_undone_email(
    event: Event, told: str, *, was_published: bool, at: dt.datetime
) -> None:
    """Correct the e-mail with the key `told` about an undone decision, if it was sent.

    An e-mail that still waits is not sent, because its composer sees the restored status.
    """
    if event.created_by and told and lock_given_to_server([told]):
        enqueue(
            kind="events.decision_undone",
            key=dated_key("proposal-undone", event.pk, at),
            to=event.created_by,
            event=event.pk,
            was_published=was_published,
        )


@email("events.decision_undone")
def decision_undone_email(mail: Mail) -> Email | None:
    """Correct an e-mail about a proposal, unless staff have decided again."""
    event = Event.objects.get(pk=mail.facts["event"])
    if event.state not in (EventState.DRAFT, EventState.PENDING):
        return None
    told = "was on the calendar" if mail.facts["was_published"] else "needed changes"
    state = "waiting for staff" if event.state == EventState.PENDING else "a draft"
    return Email(
        subject=f"Correction: {event.title}",
        paragraphs=[
            f"Our earlier e-mail said that “{event.title}” {told}. State Library staff have undone "
            f"that decision. The event is now {state}. We will e-mail you when staff decide again."
        ],
        facts=event_facts(event)[0],
        button=("View your event", page_url("events:preview", event.pk)),
    )


def _queue_decided(event: Event, *, kind: str) -> None:
    """Queue an e-mail to the author, unless the author made the decision."""
    author = event.created_by
    if author is None or author == event.decided_by:
        return
    assert event.decided_at is not None
    enqueue(kind=kind, key=decision_key(event), to=author, event=event.pk)
