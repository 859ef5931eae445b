"""E-mails about registrations: confirmations, the waitlist and cancellations."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from aspen.mail.message import Email, page_url
from aspen.mail.outbox import dated_key, email, enqueue, enqueue_many, is_current
from aspen.models import Mail
from events import queries
from events.email_parts import (
    attendance_fact,
    event_facts,
    event_page,
    has_place,
    how_to_cancel,
    how_to_join,
    how_to_switch,
    invitation,
    is_ahead,
    joining_facts,
    registration_of,
    retraction,
)
from events.enums import AttendanceMode, RegistrationState
from events.models import Registration
from events.rules import has_started

# ---------- Confirmations ----------


def queue_registered_email(registration: Registration) -> None:
    """Queue a registration confirmation."""
    enqueue(
        kind="events.registered",
        key=dated_key("registered", registration.pk, registration.registered_at),
        to=registration.person,
        registration=registration.pk,
    )


@email("events.registered")
def registered_email(mail: Mail) -> Email | None:
    """Confirm a registration if the person still has the place."""
    registration = registration_of(mail)
    if not has_place(registration) or not is_current(mail, registration.registered_at):
        return None
    return _confirmation(
        registration,
        subject=f"You are registered: {registration.event.title}",
        first=f"You are registered for “{registration.event.title}”.",
    )


def queue_promoted_emails(registrations: Iterable[Registration]) -> None:
    """Queue notices to people who moved up from the waitlist."""
    enqueue_many(
        kind="events.promoted",
        messages=[
            (dated_key("promoted", each.pk, at), each.person, {"registration": each.pk})
            for each in registrations
            if (at := each.promoted_at)
        ],
    )


@email("events.promoted")
def promoted_email(mail: Mail) -> Email | None:
    """Notify a person who moved up from the waitlist if they still have the place."""
    registration = registration_of(mail)
    if not has_place(registration) or not is_current(mail, registration.promoted_at):
        return None
    return _confirmation(
        registration,
        subject=f"You now have a place: {registration.event.title}",
        first=(
            f"A place opened up at “{registration.event.title}”, and it is yours. You are no "
            "longer on the waitlist."
        ),
    )


def _confirmation(registration: Registration, *, subject: str, first: str) -> Email:
    event = registration.event
    facts, earns = event_facts(event)
    credit = (
        "Your credit will be listed automatically after the event. You can see it here: "
        f"{page_url('tracks:credits')}"
    )
    return Email(
        subject=subject,
        paragraphs=[f"{first} The attached file adds the event to your calendar."],
        facts=[*facts, *attendance_fact(registration), *joining_facts(registration)],
        button=event_page(event),
        closing=[
            *how_to_join(event),
            *([credit] if earns else []),
            *how_to_switch(registration),
            how_to_cancel(event),
        ],
        calendar=invitation(registration),
    )


# ---------- The waitlist ----------

FULL = {
    "": "“{}” is full.",
    AttendanceMode.IN_PERSON: "All places in the room for “{}” are taken.",
    AttendanceMode.ONLINE: "All online places for “{}” are taken.",
}


def queue_waitlisted_email(registration: Registration, *, gave_up_place: bool = False) -> None:
    """Queue a confirmation that a person joined the waitlist, and `gave_up_place` for it."""
    enqueue(
        kind="events.waitlisted",
        key=dated_key("waitlisted", registration.pk, registration.registered_at),
        to=registration.person,
        registration=registration.pk,
        gave_up_place=gave_up_place,
    )


@email("events.waitlisted")
def waitlisted_email(mail: Mail) -> Email | None:
    """Confirm that a person joined the waitlist, if they are still waiting."""
    registration = registration_of(mail)
    event = registration.event
    if registration.state != RegistrationState.WAITLISTED or has_started(event):
        return None
    if not is_ahead(event) or not is_current(mail, registration.registered_at):
        return None
    gave_up_place = bool(mail.facts.get("gave_up_place"))
    gave_up = (
        "You gave up the place you had. The attached file removes the event from your calendar."
    )
    return Email(
        subject=f"You are on the waitlist: {event.title}",
        paragraphs=[
            f"{FULL[registration.attendance_mode].format(event.title)} You are number "
            f"{_number_ahead(registration) + 1} on the waitlist.",
            *([gave_up] if gave_up_place else []),
            "When a place opens up, the first person on the list gets it automatically. We will "
            "e-mail you when it is your turn. You do not need to do anything now.",
        ],
        facts=event_facts(event)[0],
        button=event_page(event),
        closing=[
            "If you no longer want to wait, leave the waitlist: "
            + page_url("events:cancel", event.pk)
        ],
        calendar=retraction(registration) if gave_up_place else None,
        method="CANCEL",
    )


def _number_ahead(registration: Registration) -> int:
    """Return the number of people ahead on the same waitlist. One query."""
    waiting = Registration.objects.filter(
        Q(registered_at__lt=registration.registered_at)
        | Q(registered_at=registration.registered_at, pk__lt=registration.pk),
        event=registration.event,
        state=RegistrationState.WAITLISTED,
    )
    return queries.sharing_places(waiting, registration.attendance_mode).count()


# ---------- Cancellations ----------


def queue_cancelled_email(registration: Registration, *, had_place: bool) -> None:
    """Queue a confirmation that a person canceled or left the waitlist."""
    assert registration.cancelled_at is not None
    enqueue(
        kind="events.registration_cancelled",
        key=dated_key("cancelled", registration.pk, registration.cancelled_at),
        to=registration.person,
        registration=registration.pk,
        confirmed=had_place,
    )


@email("events.registration_cancelled")
def registration_cancelled_email(mail: Mail) -> Email | None:
    """Confirm that a person canceled or left the waitlist, if the event is not over."""
    registration = registration_of(mail)
    event = registration.event
    if not is_current(mail, registration.cancelled_at) or event.over_at < timezone.now():
        return None
    had_place = bool(mail.facts.get("confirmed", True))
    if had_place:
        subject = f"Your registration has been canceled: {event.title}"
        first = (
            f"You are no longer registered for “{event.title}”. The attached file removes the "
            "event from your calendar."
        )
    else:
        subject = f"You left the waitlist: {event.title}"
        first = f"You are no longer on the waitlist for “{event.title}”."
    return Email(
        subject=subject,
        paragraphs=[first],
        facts=event_facts(event)[0],
        button=event_page(event),
        closing=["If you change your mind, register again on the event's page."],
        calendar=retraction(registration) if had_place else None,
        method="CANCEL",
    )
