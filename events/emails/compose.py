"""The letters about events, composed from the facts of the moment at which they are sent.

News that no longer holds is not told: then a composer returns None, and the letter about what
holds now is another one.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.queries import reminders_token
from aspen import formats
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import Later, composers
from aspen.models import Mail
from events import queries
from events.calendar import feeds
from events.calendar.presentation import web_link
from events.editing.actions import plan_of
from events.enums import Attendance, Delivery, EventState, RegistrationState
from events.models import Event, Registration
from events.rules import has_recording

Facts = list[tuple[str, str]]
CREDIT_COMES = (
    "When the event is over, your credit is listed by itself. Look at your credits after it: {url}"
)
ORGANIZER_WRITES = "The organizer writes:"


def register_composers() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers.update(
        {
            "events.registered": registered,
            "events.waitlisted": waitlisted,
            "events.promoted": promoted,
            "events.registration_cancelled": registration_cancelled,
            "events.changed": changed,
            "events.called_off": called_off,
            "events.reminder": reminder,
            "events.recording": recording,
            "events.absent": absent,
            "events.proposal_returned": proposal_returned,
            "events.proposal_published": proposal_published,
        }
    )


# ---------- Registration ----------


def registered(mail: Mail) -> Email | None:
    """Somebody took a place."""
    registration = _registration(mail)
    if not _holds(registration, RegistrationState.CONFIRMED):
        return None
    if not _is_about(mail, registration.registered_at):
        return None
    return _confirmation(
        registration,
        subject=f"You are registered: {registration.event.title}",
        first=f"You have a place at “{registration.event.title}”.",
    )


def promoted(mail: Mail) -> Email | None:
    """A place came free for somebody who waited."""
    registration = _registration(mail)
    if not _holds(registration, RegistrationState.CONFIRMED):
        return None
    if not registration.promoted_at or not _is_about(mail, registration.promoted_at):
        return None
    return _confirmation(
        registration,
        subject=f"You have a place now: {registration.event.title}",
        first=(
            f"A place at “{registration.event.title}” came free, and it is yours: you have moved "
            "from the waitlist to the list of those who take part."
        ),
    )


def _confirmation(registration: Registration, *, subject: str, first: str) -> Email:
    event = registration.event
    facts, earns = _about(event)
    closing = [CREDIT_COMES.format(url=page_url("tracks:credits"))] if earns else []
    return Email(
        subject=subject,
        paragraphs=[f"{first} The attached file puts it into your own calendar."],
        facts=facts,
        button=_event_page(event),
        closing=[*_how_to_join(event), *closing, _how_to_cancel(event)],
        calendar=feeds.invitation(registration, address=settings.ADDRESS),
    )


def waitlisted(mail: Mail) -> Email | None:
    """Somebody waits for a place."""
    registration = _registration(mail)
    event = registration.event
    if not _holds(registration, RegistrationState.WAITLISTED):
        return None
    if not _is_about(mail, registration.registered_at):
        return None
    ahead = Registration.objects.filter(
        Q(registered_at__lt=registration.registered_at)
        | Q(registered_at=registration.registered_at, pk__lt=registration.pk),
        event=event,
        state=RegistrationState.WAITLISTED,
    ).count()
    return Email(
        subject=f"You are on the waitlist: {event.title}",
        paragraphs=[
            f"“{event.title}” is full. You are number {ahead + 1} on its waitlist.",
            "When a place comes free, the first on the list has it at once. We write to you when "
            "it is your turn; there is nothing you have to do until then.",
        ],
        facts=_about(event)[0],
        button=_event_page(event),
        closing=[
            "If you no longer want to wait, leave the waitlist: "
            + page_url("events:cancel", event.pk)
        ],
    )


def registration_cancelled(mail: Mail) -> Email | None:
    """Somebody gave a place back, or left the waitlist."""
    registration = _registration(mail)
    event = registration.event
    cancelled_at = registration.cancelled_at
    if cancelled_at is None or not _is_about(mail, cancelled_at) or event.over_at < timezone.now():
        return None
    had_place = bool(mail.facts.get("confirmed", True))
    if not had_place:
        subject = f"You left the waitlist: {event.title}"
        paragraphs = [f"You are no longer on the waitlist of “{event.title}”."]
    else:
        subject = f"Your registration is cancelled: {event.title}"
        paragraphs = [
            f"You no longer have a place at “{event.title}”. The attached file takes it out of "
            "your own calendar.",
        ]
    return Email(
        subject=subject,
        paragraphs=paragraphs,
        facts=_about(event)[0],
        button=_event_page(event),
        closing=["If you change your mind, register again on the event's page."],
        calendar=_retraction(registration) if had_place else None,
        method="CANCEL",
    )


# ---------- The event ----------


def changed(mail: Mail) -> Email | None:
    """The organizer changed the event and wants those registered to know."""
    registration = _registration(mail)
    event = registration.event
    if registration.state == RegistrationState.CANCELLED or not _is_ahead(event):
        return None
    told = list(_changes(event, mail.facts.get("changes", [])))
    quote = _quote(mail.facts.get("note"))
    if not told and not quote:
        return None
    known = {label for label, _ in told}
    has_place = registration.state == RegistrationState.CONFIRMED
    place = "You keep your place" if has_place else "You keep your place on the waitlist"
    file = " The attached file brings your own calendar up to date." if has_place else ""
    return Email(
        subject=f"Changed: {event.title}",
        paragraphs=[f"“{event.title}” was changed. {place}.{file}"],
        quote=quote,
        facts=[*told, *(fact for fact in _about(event)[0] if fact[0] not in known)],
        button=_event_page(event),
        closing=[_how_to_cancel(event)],
        calendar=feeds.invitation(registration, address=settings.ADDRESS) if has_place else None,
    )


def _changes(event: Event, told: Iterable[Sequence[str]]) -> Iterable[tuple[str, str]]:
    """What changed, as it is now: a later change may have overtaken the one to be told."""
    present = plan_of(event)
    for what, before, after in told:
        now = present.get(what, after)
        zone = "" if what != "When" or event.all_day else "Mountain time; "
        if now != before:
            yield what, f"{now or 'not said any more'} ({zone}before: {before or 'not said'})"


def called_off(mail: Mail) -> Email | None:
    """The event does not take place."""
    registration = _registration(mail)
    event = registration.event
    if event.state != EventState.CANCELLED or event.over_at < timezone.now():
        return None
    had_place = registration.state != RegistrationState.WAITLISTED
    file = " The attached file takes it out of your own calendar." if had_place else ""
    facts, _ = _about(event)
    return Email(
        subject=f"Cancelled: {event.title}",
        paragraphs=[f"“{event.title}” does not take place.{file}"],
        quote=_quote(mail.facts.get("message") or event.cancellation),
        facts=[fact for fact in facts if fact[0] != "Credits"],
        button=("Find another event", page_url("events:calendar")),
        closing=["There is nothing you have to do. An event that is cancelled earns no credit."],
        calendar=_retraction(registration) if had_place else None,
        method="CANCEL",
    )


def reminder(mail: Mail) -> Email | None:
    """The event is near. Whoever does not want reminders gets none."""
    registration = _registration(mail)
    event = registration.event
    person = registration.person
    if not person.wants_reminders or not _is_about(mail, event.begins_at):
        return None
    if not _holds(registration, RegistrationState.CONFIRMED) or _has_begun(event):
        return None
    soon = _soon(event)
    address = reminders_address(person)
    return Email(
        subject=f"{soon}: {event.title}",
        paragraphs=[f"{soon} you have a place at “{event.title}”."],
        facts=_about(event)[0],
        button=_event_page(event),
        closing=[
            *_how_to_join(event),
            _how_to_cancel(event),
            f"You do not want to be reminded? Turn reminders off: {address}",
        ],
        unsubscribe=address,
    )


def recording(mail: Mail) -> Email | None:
    """A recording came out; whoever registered is told, having been there or not."""
    event = Event.objects.get(pk=mail.facts["event"])
    now = timezone.now()
    until = event.recording_until_at
    if event.state != EventState.PUBLISHED or not has_recording(event, now):
        return None
    if until and until <= now:
        return None
    facts, earns = _about(event)
    if earns and until:
        last = f"{formats.day(timezone.localdate(until))}, {formats.clock(until)} (Mountain time)"
        facts.append(("Earns credit until", last))
    link = web_link(event.recording_url)
    closing = [
        "If the credit is not among yours yet: watch the recording, then press Add CE credit on "
        f"the event's page: {_event_page(event)[1]}"
    ]
    return Email(
        subject=f"The recording is available: {event.title}",
        paragraphs=[f"You can watch “{event.title}” now."],
        facts=facts,
        button=("Watch the recording", link.url) if link else _event_page(event),
        closing=closing if earns else [],
    )


def absent(mail: Mail) -> Email | None:
    """Somebody was marked absent. While the event lasts, the organizer may yet correct it."""
    registration = _registration(mail)
    event = registration.event
    if registration.attendance != Attendance.ABSENT or not registration.marked_at:
        return None
    if not _is_about(mail, registration.marked_at) or event.state != EventState.PUBLISHED:
        return None
    if event.over_at > timezone.now():
        raise Later(event.over_at)
    facts, earns = _about(event)
    watch = []
    if earns and has_recording(event, timezone.now()):
        watch = [
            "The recording earns the credit, too: watch it, then press Add CE credit on the "
            f"event's page: {_event_page(event)[1]}"
        ]
    return Email(
        subject=f"You were marked as absent: {event.title}",
        paragraphs=[
            f"The organizer marked you as absent at “{event.title}”"
            + (", so your registration earns no credit." if earns else ".")
        ],
        facts=[fact for fact in facts if fact[0] != "Credits"],
        button=("I was there: write to us", page_url("helpdesk:create")),
        closing=[
            "If it is right, there is nothing you have to do. If not, write to us, and we ask the "
            "organizer.",
            *watch,
        ],
    )


# ---------- Proposals ----------


def proposal_returned(mail: Mail) -> Email | None:
    """Staff gave a proposed event back with a reason."""
    event = Event.objects.get(pk=mail.facts["event"])
    if event.state != EventState.DRAFT or not event.decision_reason:
        return None
    if not event.decided_at or not _is_about(mail, event.decided_at):
        return None
    return Email(
        subject=f"Please change your event: {event.title}",
        paragraphs=[
            f"“{event.title}” is not on the calendar yet. The State Library's staff ask you to "
            "change something first. What you typed is kept."
        ],
        quote=("They write:", event.decision_reason),
        facts=_about(event)[0],
        button=("Change the event", page_url("events:edit", event.pk)),
        closing=["When it is ready, send it to staff again."],
    )


def proposal_published(mail: Mail) -> Email | None:
    """A proposed event is on the calendar."""
    event = Event.objects.get(pk=mail.facts["event"])
    if event.state != EventState.PUBLISHED:
        return None
    return Email(
        subject=f"On the calendar: {event.title}",
        paragraphs=[f"“{event.title}” is published. Everybody can find it on the calendar now."],
        facts=_about(event)[0],
        button=_event_page(event),
    )


# ---------- Parts ----------


def reminders_address(person: User) -> str:
    """Where the person turns reminders off without signing in."""
    return page_url("accounts:reminders", reminders_token(person))


def _registration(mail: Mail) -> Registration:
    return Registration.objects.select_related("event", "person").get(
        pk=mail.facts["registration"], person=mail.to_id
    )


def _holds(registration: Registration, state: RegistrationState) -> bool:
    return registration.state == state and _is_ahead(registration.event)


def _is_ahead(event: Event) -> bool:
    return event.state == EventState.PUBLISHED and event.over_at > timezone.now()


def _has_begun(event: Event) -> bool:
    """An event of whole days begins with its first day."""
    return event.begins_at <= timezone.now()


def _is_about(mail: Mail, moment: dt.datetime) -> bool:
    """Whether the key names this moment: else the same thing happened again, and that is told."""
    *_, told = mail.key.split(":", 2)
    return dt.datetime.fromisoformat(told) == moment


def _soon(event: Event) -> str:
    day = timezone.localdate(event.begins_at)
    days = (day - timezone.localdate()).days
    return {0: "Today", 1: "Tomorrow"}.get(days, f"On {formats.day(day)}")


def _about(event: Event) -> tuple[Facts, bool]:
    """When, where, which credits; and whether there are any. One query."""
    when = formats.when(event.begins_at, event.ends_at, all_day=event.all_day)
    lines = queries.credit_lines([event]).get(event.pk, [])
    facts = [
        ("When", when if event.all_day else f"{when} (Mountain time)"),
        ("Where", _place(event)),
        ("Credits", _list(f"{formats.credits(line.amount)} in {line.name}" for line in lines)),
        ("Organizer", event.sponsor),
    ]
    return [(label, value) for label, value in facts if value], bool(lines)


def _list(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _place(event: Event) -> str:
    if event.delivery in feeds.ONLINE:
        return "Online"
    place = ", ".join(part for part in (event.room, event.location, event.city) if part)
    if event.delivery == Delivery.HYBRID:
        return f"{place}; or online" if place else "In person or online"
    return place


def _event_page(event: Event) -> tuple[str, str]:
    return "Open the event's page", page_url("events:detail", event.pk)


def _how_to_join(event: Event) -> list[str]:
    """The portal does not keep the address of a meeting."""
    if event.delivery not in (Delivery.ONLINE, Delivery.HYBRID):
        return []
    organizer = event.sponsor or "the organizer"
    return [f"To join online, look at the event's page; {organizer} can tell you more."]


def _how_to_cancel(event: Event) -> str:
    return (
        "If you cannot come, cancel your registration, so that somebody else can have the place: "
        f"{page_url('events:cancel', event.pk)}"
    )


def _quote(text: object) -> tuple[str, str] | None:
    written = str(text or "").strip()
    return (ORGANIZER_WRITES, written) if written else None


def _retraction(registration: Registration) -> bytes:
    return feeds.retraction(registration, address=settings.ADDRESS)
