"""Parts shared by the e-mails about events."""

from django.conf import settings
from django.utils import timezone

from aspen.formats import format_credits, format_time_range
from aspen.mail.message import page_url
from aspen.models import Mail
from events import queries, rules
from events.calendar import feeds
from events.enums import AttendanceMode, Delivery, EventState, RegistrationState
from events.models import Event, Registration

Facts = list[tuple[str, str]]


def registration_of(mail: Mail) -> Registration:
    """Return the registration that the message is about, with its event and person. One query."""
    return Registration.objects.select_related("event", "person").get(
        pk=mail.facts["registration"], person=mail.to_id
    )


def has_place(registration: Registration) -> bool:
    """Return True if the person has a place at an event that is not over."""
    return registration.state == RegistrationState.CONFIRMED and is_ahead(registration.event)


def is_ahead(event: Event) -> bool:
    """Return True if the event is published and not over."""
    return event.state == EventState.PUBLISHED and event.over_at > timezone.now()


def event_facts(event: Event, *, with_credits: bool = True) -> tuple[Facts, bool]:
    """Return the event's details as (label, value), and True if it earns credit. One query."""
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    lines = queries.credit_lines([event]).get(event.pk, [])
    credits = "; ".join(f"{format_credits(line.amount)} in {line.name}" for line in lines)
    facts = [
        ("When", when if event.all_day else f"{when} (Mountain time)"),
        ("Where", _place(event)),
        ("Credits", credits if with_credits else ""),
        ("Organizer", event.sponsor),
    ]
    return [(label, value) for label, value in facts if value], bool(lines)


def _place(event: Event) -> str:
    if event.delivery in feeds.ONLINE:
        return "Online"
    place = ", ".join(part for part in (event.room, event.location, event.city) if part)
    if event.delivery == Delivery.HYBRID:
        return f"{place}; or online" if place else "In person or online"
    return place


def event_page(event: Event) -> tuple[str, str]:
    """Return the label and address of the button that opens the event's page."""
    return "View event", page_url("events:detail", event.pk)


def joining_facts(registration: Registration) -> Facts:
    """Return how to join online, only for a person who has a place."""
    return rules.joining_facts(registration.event) if has_place(registration) else []


def attendance_fact(registration: Registration) -> Facts:
    """Return how the person takes part in a hybrid event, if it is known."""
    mode = registration.attendance_mode
    return [("You take part", mode)] if mode else []


def how_to_switch(registration: Registration) -> list[str]:
    """Explain how to take part in a hybrid event in the other way, while registration is open."""
    event = registration.event
    closes = event.registration_closes_at
    if rules.attendance_modes(event) == ("",) or (closes and closes <= timezone.now()):
        return []
    page = event_page(event)[1]
    if not registration.attendance_mode:
        return [
            "You have a place in the room. If you will take part online instead, please say so on "
            f"the event's page, so that someone else can have the place: {page}"
        ]
    other = "online" if registration.attendance_mode == AttendanceMode.IN_PERSON else "in person"
    return [
        f"If you would rather take part {other}, see on the event's page whether there is room: "
        f"{page}"
    ]


def how_to_join(event: Event) -> list[str]:
    """Explain how to join an online event, without the joining address."""
    if event.delivery not in (Delivery.ONLINE, Delivery.HYBRID):
        return []
    if event.joining_url:
        return [
            "From 15 minutes before the start you can also join on the event's page: "
            f"{event_page(event)[1]} Please do not pass the address on."
        ]
    return [f"To join online, see the event's page or ask {rules.contact_of(event)}."]


def how_to_cancel(event: Event) -> str:
    """Explain how to cancel a registration."""
    return (
        "If you cannot come, cancel your registration so that someone else can have your place: "
        f"{page_url('events:cancel', event.pk)}"
    )


def how_to_watch(event: Event) -> str:
    """Explain how to earn credit by watching the recording."""
    return (
        f"Watch the recording, then press Add CE credit on the event's page: {event_page(event)[1]}"
    )


def invitation(registration: Registration) -> bytes:
    """Return the calendar file that adds the event to the person's calendar or updates it there."""
    return feeds.invitation(registration, address=settings.ADDRESS)


def retraction(registration: Registration) -> bytes:
    """Return the calendar file that removes the event from the person's calendar."""
    return feeds.cancellation_invitation(registration, address=settings.ADDRESS)


def organizer_wrote(text: object) -> tuple[str, str] | None:
    """Return the organizer's message as a quotation, or None if it is empty."""
    message = str(text or "").strip()
    return ("The organizer wrote:", message) if message else None
