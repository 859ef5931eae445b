"""The e-mail to people who were marked absent."""

import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from aspen.mail.message import Email, page_url
from aspen.mail.outbox import NotYet, dated_key, email, enqueue_many, is_current
from aspen.models import Mail
from events.email_parts import event_facts, how_to_watch, registration_of
from events.enums import Attendance, EventState
from events.models import UNDO_WINDOW, Registration
from events.rules import has_recording


def queue_absent_emails(registrations: Iterable[Registration]) -> None:
    """Queue e-mails to the people marked absent, so that they can report mistakes."""
    enqueue_many(
        kind="events.absent",
        messages=[
            (dated_key("absent", each.pk, each.marked_at), each.person, {"registration": each.pk})
            for each in registrations
            if each.attendance == Attendance.ABSENT and each.marked_at
        ],
    )


def mark_final_at(registration: Registration) -> dt.datetime:
    """Return the time from which a mark can only be changed by hand."""
    assert registration.marked_at
    from_list = registration.before_lists is not None
    return registration.marked_at + (UNDO_WINDOW if from_list else dt.timedelta())


@email("events.absent")
def absent_email(mail: Mail) -> Email | None:
    """Notify a person marked absent, but not until after the event, because marks can change.

    If a list made the mark, wait until it can no longer be undone.
    """
    registration = registration_of(mail)
    event = registration.event
    if registration.attendance != Attendance.ABSENT or event.state != EventState.PUBLISHED:
        return None
    if not is_current(mail, registration.marked_at):
        return None
    if event.over_at > timezone.now():
        raise NotYet(event.over_at)
    final_at = mark_final_at(registration)
    if final_at > timezone.now():
        raise NotYet(final_at)
    facts, earns = event_facts(event, with_credits=False)
    consequence = ", so your registration earns no credit" if earns else ""
    recording = []
    if earns and has_recording(event, timezone.now()):
        recording = [f"You can still earn the credit. {how_to_watch(event)}"]
    return Email(
        subject=f"You were marked absent: {event.title}",
        paragraphs=[f"The organizer marked you absent from “{event.title}”{consequence}."],
        facts=facts,
        button=("I was there: contact us", page_url("helpdesk:create")),
        closing=[
            "If this is right, you do not need to do anything. If it is wrong, contact us and we "
            "will ask the organizer.",
            *recording,
        ],
    )
