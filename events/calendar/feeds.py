"""Export events: iCalendar (RFC 5545), invitations (RFC 5546), Atom and schema.org.

`address` is the portal's URL without a slash at the end.
"""

import datetime as dt
import functools
import json
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe

from aspen.files import ical
from aspen.formats import format_credits
from events import queries, rules
from events.enums import Delivery, EventState, EventType, RegistrationState
from events.models import Event, Registration
from events.queries import CategoryAmount

PRODUCT = "-//Montana State Library//ASPeN//EN"
CONTENT_TYPE = "text/calendar; charset=utf-8"
# How often calendar programs should refresh.
REFRESH = "PT6H"
WAITLIST_PREFIX = "Waitlist: "
# Many calendar programs do not show that an event is canceled unless its title does.
CANCELED_PREFIX = "Canceled: "
PUBLIC_STATES = (EventState.PUBLISHED, EventState.CANCELLED)
ONLINE = (Delivery.ONLINE, Delivery.RECORDED)
# The event fields that these files need.
FEED_FIELDS = (
    "title",
    "type",
    "state",
    "begins_at",
    "ends_at",
    "all_day",
    "delivery",
    "location",
    "city",
    "room",
    "sponsor",
    "presenter",
    "audience",
    "description",
    "cancellation",
    "uid",
    "sequence",
    "changed_at",
)


# ---------- Files ----------


def build_event_calendar(event: Event, *, address: str) -> bytes:
    """Build a calendar file with one event (METHOD:PUBLISH). One query."""
    return build_calendar([event], name="", address=address)


def build_calendar(events: Iterable[Event], *, name: str, address: str) -> bytes:
    """Build a calendar to subscribe to, in the order given. Events show as free. One query.

    Without a name, build a file to import once, in which events show as busy.
    """
    events = list(events)
    credits = queries.credit_lines(events)
    blocks = []
    for event in events:
        block = _event(event, credits.get(event.pk, ()), address=address)
        if name:
            block.append("TRANSP:TRANSPARENT")
        blocks.append(block)
    return _file("PUBLISH", events, blocks, name=name)


def build_personal_calendar(
    registrations: Iterable[Registration],
    *,
    starred: Iterable[Event] = (),
    name: str,
    address: str,
) -> bytes:
    """Build a calendar of a person's registrations, including waitlisted ones. One query.

    The registrations must have their events loaded. `starred` are sessions without a registration,
    which show as free.
    """
    registrations, starred = list(registrations), list(starred)
    events = [*(registration.event for registration in registrations), *starred]
    credits = queries.credit_lines(events)
    blocks = []
    for registration in registrations:
        event = registration.event
        is_waitlisted = registration.state == RegistrationState.WAITLISTED
        block = _event(
            event,
            credits.get(event.pk, ()),
            address=address,
            is_waitlisted=is_waitlisted,
            joining=_joining(registration),
        )
        if is_waitlisted:
            block.append("TRANSP:TRANSPARENT")
        blocks.append(block)
    for event in starred:
        block = _event(event, credits.get(event.pk, ()), address=address)
        blocks.append([*block, "TRANSP:TRANSPARENT"])
    return _file("PUBLISH", events, blocks, name=name)


def invitation(registration: Registration, *, address: str) -> bytes:
    """Build an invitation, which needs no reply, from a registration. One query."""
    return _message("REQUEST", registration, address)


def cancellation_invitation(registration: Registration, *, address: str) -> bytes:
    """Build the file that removes an invitation from the person's calendar. One query."""
    return _message("CANCEL", registration, address)


def _message(method: str, registration: Registration, address: str) -> bytes:
    event = registration.event
    is_waitlisted = registration.state == RegistrationState.WAITLISTED
    credits = queries.credit_lines([event]).get(event.pk, ())
    moments = (registration.registered_at, registration.promoted_at, registration.cancelled_at)
    block = _event(
        event,
        credits,
        address=address,
        is_waitlisted=is_waitlisted,
        is_cancelled=method == "CANCEL",
        joining=_joining(registration) if method == "REQUEST" else "",
        # A person who registers, cancels and registers again gets three messages about the same
        # revision of the event. The message with the latest stamp wins (RFC 5546, 2.1.5).
        stamp=max(event.changed_at, *(moment for moment in moments if moment)),
    )
    block.append(_attendee(registration, is_waitlisted=is_waitlisted))
    return _file(method, [event], [block], name="")


def _file(method: str, events: Sequence[Event], blocks: list[list[str]], *, name: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN"]
    lines.append(f"METHOD:{method}")
    if name:
        escaped_name = ical.escape_text(name)
        lines += [
            f"NAME:{escaped_name}",
            f"X-WR-CALNAME:{escaped_name}",
            f"X-WR-TIMEZONE:{ical.ZONE_NAME}",
            f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
            f"X-PUBLISHED-TTL:{REFRESH}",
        ]
    timed = [event.begins_at.year for event in events if not event.all_day]
    if timed:
        # New Year's Eve in Montana can be next year in UTC.
        lines += ical.timezone_component(since=min(timed) - 1)
    for block in blocks:
        lines += ["BEGIN:VEVENT", *block, "END:VEVENT"]
    return ical.build_file([*lines, "END:VCALENDAR"])


# ---------- One event ----------


def _event(
    event: Event,
    credits: Sequence[CategoryAmount],
    *,
    address: str,
    is_waitlisted: bool = False,
    is_cancelled: bool = False,
    joining: str = "",
    stamp: dt.datetime | None = None,
) -> list[str]:
    """Return an event's iCalendar properties.

    `joining` is how to join online, only for the person's own files (_joining).
    """
    changed = ical.utc_value(event.changed_at)
    is_cancelled = is_cancelled or event.state == EventState.CANCELLED
    status = "CANCELLED" if is_cancelled else "TENTATIVE" if is_waitlisted else "CONFIRMED"
    page = _page(event, address)
    prefix = WAITLIST_PREFIX if is_waitlisted and not is_cancelled else ""
    if event.state == EventState.CANCELLED:
        prefix = CANCELED_PREFIX
    lines = [
        f"UID:{event.uid}@aspen",
        f"SEQUENCE:{event.sequence}",
        f"DTSTAMP:{ical.utc_value(stamp) if stamp else changed}",
        f"LAST-MODIFIED:{changed}",
        f"STATUS:{status}",
        *_times(event),
        f"SUMMARY:{ical.escape_text(prefix + event.title)}",
        f"DESCRIPTION:{ical.escape_text(_description(event, credits, page, joining))}",
        f"URL:{page}",
        f"ORGANIZER;CN={ical.quote_parameter(event.sponsor or 'ASPeN')}:mailto:{_sender()}",
    ]
    if place := _place(event):
        lines.append(f"LOCATION:{ical.escape_text(place)}")
    categories = [ical.escape_text(name) for name in _categories(event, credits)]
    if categories:
        lines.append(f"CATEGORIES:{','.join(categories)}")
    return lines


def _times(event: Event) -> list[str]:
    """Return the start and the end. Omit an end that is unknown or equal to the start."""
    begin, end = event.begins_at, event.ends_at
    if not event.all_day:
        lines = [ical.local_property("DTSTART", begin)]
        return [*lines, ical.local_property("DTEND", end)] if end and end > begin else lines
    first = begin.astimezone(ical.ZONE).date()
    last = end.astimezone(ical.ZONE).date() if end else first
    # DTEND is exclusive.
    return [
        ical.date_property("DTSTART", first),
        ical.date_property("DTEND", last + dt.timedelta(days=1)),
    ]


def _joining(registration: Registration) -> str:
    """Return how the person takes part and joins online, at a published event with a place."""
    event, mode = registration.event, registration.attendance_mode
    has_place = registration.state == RegistrationState.CONFIRMED
    if not has_place or event.state != EventState.PUBLISHED:
        return ""
    facts = [("You take part", mode)] if mode else []
    return "\n".join(f"{label}: {value}" for label, value in facts + rules.joining_facts(event))


def _description(
    event: Event, credits: Sequence[CategoryAmount], page: str, joining: str = ""
) -> str:
    """Describe the event in plain text, with the most important information first."""
    paragraphs = []
    if event.state == EventState.CANCELLED:
        paragraphs.append(f"This event was canceled. {event.cancellation}".strip())
    elif credits:
        each = [f"{format_credits(line.amount)} in {line.name}" for line in credits]
        paragraphs.append(f"Earns {', '.join(each)}.")
    if joining:
        paragraphs.append(joining)
    if event.description:
        paragraphs.append(event.description.strip())
    about = [
        f"{label}: {value}"
        for label, value in (
            ("For", event.audience),
            ("Trainer or presenter", event.presenter),
            ("Sponsor", event.sponsor),
            ("Delivery", Delivery(event.delivery).label if event.delivery else ""),
        )
        if value
    ]
    return "\n\n".join(part for part in (*paragraphs, "\n".join(about), page) if part)


def _place(event: Event) -> str:
    place = ", ".join(part for part in (event.room, event.location, event.city) if part)
    if not place and event.delivery in ONLINE:
        return "Online"
    return place


def _categories(event: Event, credits: Sequence[CategoryAmount]) -> list[str]:
    return [*([event.type] if event.type else []), *(line.name for line in credits)]


def _sender() -> str:
    """Return the portal's address instead of the organizer's, so that replies reach someone."""
    return _address_in(settings.DEFAULT_FROM_EMAIL)


# Cached, because computing these for each of 3,000 events would double the time to build a feed.


@functools.cache
def _address_in(mailbox: str) -> str:
    return _mailto(parseaddr(mailbox)[1])


@functools.cache
def _detail_path() -> str:
    return reverse("events:detail", args=[0]).removesuffix("0/")


def _page(event: Event, address: str) -> str:
    return f"{address}{_detail_path()}{event.pk}/"


def _attendee(registration: Registration, *, is_waitlisted: bool) -> str:
    person = registration.person
    name = ical.quote_parameter(person.display_name or person.email)
    status = "TENTATIVE" if is_waitlisted else "ACCEPTED"
    return (
        f"ATTENDEE;CN={name};CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={status}"
        f";RSVP=FALSE:mailto:{_mailto(person.email)}"
    )


def _mailto(email: str) -> str:
    return quote(email, safe="@!$&'*+-./=_~")


# ---------- Atom ----------


def build_atom(events: Iterable[Event], *, name: str, address: str, parameters: str) -> bytes:
    """Build an Atom feed (RFC 4287), in the order given. One query.

    `parameters` are the filters as a query string.
    """
    events = list(events)
    credits = queries.credit_lines(events)
    query = f"?{parameters.removesuffix('&')}" if parameters else ""
    feed_url = f"{address}{reverse('events:atom')}{query}"
    feed = Atom1Feed(
        title=ical.xml_text(name),
        link=f"{address}{reverse('events:calendar')}",
        description="",
        language="en-us",
        author_name="ASPeN",
        feed_url=feed_url,
        feed_guid=feed_url,
    )
    for event in events:
        page = _page(event, address)
        lines = credits.get(event.pk, ())
        prefix = CANCELED_PREFIX if event.state == EventState.CANCELLED else ""
        text = "\n\n".join(
            part for part in (event.when, _place(event), _description(event, lines, page)) if part
        )
        feed.add_item(
            title=ical.xml_text(prefix + event.title),
            link=page,
            # Feed readers treat this as HTML.
            description=linebreaks(ical.xml_text(text), autoescape=True),
            unique_id=f"urn:uuid:{event.uid}",
            pubdate=event.created_at,
            updateddate=event.changed_at,
            categories=[ical.xml_text(each) for each in _categories(event, lines)],
        )
    return feed.writeString("utf-8").encode()


# ---------- schema.org ----------

ATTENDANCE_MODES = {
    Delivery.IN_PERSON: "Offline",
    Delivery.ONLINE: "Online",
    Delivery.RECORDED: "Online",
    Delivery.HYBRID: "Mixed",
}
# Escapes for characters that would end the script element or be read as markup.
JSON_ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&\u2028\u2029"}


def json_ld(event: Event, credits: Sequence[CategoryAmount], *, address: str) -> SafeString:
    """Return a JSON-LD script element that describes the event to search engines."""
    page = f"{address}{event.get_absolute_url()}"
    is_education = event.type == EventType.CONTINUING_EDUCATION or bool(credits)
    is_cancelled = event.state == EventState.CANCELLED
    facts: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "EducationEvent" if is_education else "Event",
        "@id": f"urn:uuid:{event.uid}",
        "name": event.title,
        "url": page,
        "startDate": _iso_moment(event.begins_at, event),
        "eventStatus": f"https://schema.org/Event{'Cancelled' if is_cancelled else 'Scheduled'}",
    }
    if event.ends_at:
        facts["endDate"] = _iso_moment(event.ends_at, event)
    if event.description:
        facts["description"] = event.description
    if event.sponsor:
        facts["organizer"] = {"@type": "Organization", "name": event.sponsor}
    if event.presenter:
        facts["performer"] = {"@type": "Person", "name": event.presenter}
    if event.audience:
        facts["audience"] = {"@type": "Audience", "audienceType": event.audience}
    if event.delivery:
        mode = ATTENDANCE_MODES[Delivery(event.delivery)]
        facts["eventAttendanceMode"] = f"https://schema.org/{mode}EventAttendanceMode"
    if places := _schema_places(event, page):
        facts["location"] = places[0] if len(places) == 1 else places
    if credits:
        facts["educationalCredentialAwarded"] = [
            f"{format_credits(line.amount)} in {line.name}" for line in credits
        ]
    data = json.dumps(facts, ensure_ascii=False).translate(JSON_ESCAPES)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(data))


def _iso_moment(moment: dt.datetime, event: Event) -> str:
    local = moment.astimezone(ical.ZONE)
    return (local.date() if event.all_day else local).isoformat()


def _schema_places(event: Event, page: str) -> list[dict[str, object]]:
    places: list[dict[str, object]] = []
    name = ", ".join(part for part in (event.room, event.location) if part)
    if event.delivery not in ONLINE and (name or event.city):
        postal = {"@type": "PostalAddress", "addressRegion": "MT", "addressCountry": "US"}
        if event.city:
            postal["addressLocality"] = event.city
        places.append({"@type": "Place", "name": name or event.city, "address": postal})
    if event.delivery in (*ONLINE, Delivery.HYBRID):
        places.append({"@type": "VirtualLocation", "url": page})
    return places
