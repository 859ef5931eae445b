"""The parts of the event page: map, files, recording, links and the Undo button for editors.

Only undo_publishing_url queries.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import urlencode

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from aspen.db.last_change import UNDO_WINDOW
from aspen.formats import counted, format_day, format_short_day, format_time
from aspen.web.labels import Label
from aspen.web.undo import undo_url
from events import permissions, rules, undoing
from events.calendar.facts import EventFacts
from events.calendar.next_step import HowToJoin, Link, NextStep, web_link
from events.calendar.presentation import FULL, OVER, RECORDING, EventRow, state_labels
from events.enums import ATTENDED, Delivery, EventState, EventType, Origin
from events.models import Event, Resource
from events.queries import NO_REGISTRATIONS, RegistrationCounts
from events.signals import EarlierClaim

# The kinds of next step whose button is blue.
BLUE_STEPS = ("register", "join", "sign_in_register", "sign_in_join", "external", "revise")
IN_PERSON_DELIVERIES = (Delivery.IN_PERSON, Delivery.HYBRID)
MAP_URL = "https://www.openstreetmap.org/search"
KINDS = {
    "application/pdf": "PDF",
    "text/plain": "Text",
    "text/csv": "CSV",
    "image/png": "Image",
    "image/jpeg": "Image",
}


def page_states(event: Event, counts: RegistrationCounts, now: dt.datetime) -> list[Label]:
    """Return the event's states in more words than lists have."""
    words = {OVER: f"Ended {format_short_day(event.last_day)}", RECORDING: _recording_words(event)}
    if event.delivery != Delivery.HYBRID and rules.is_full(event, "", counts.places.taken):
        words[FULL] = f"Full: {counts.places.taken} of {event.capacity} places are taken"
    labels = state_labels(event, counts, now)
    return [label._replace(text=words.get(label, label.text)) for label in labels]


def _recording_words(event: Event) -> str:
    """Return a recording's length and last day: Recording, 90 minutes, until Mar 30, 2027"""
    minutes, last_day = event.recording_minutes, event.recording_last_day
    if not minutes and not last_day:
        return RECORDING.text
    length = counted(minutes, "minute") if minutes else ""
    until = f"until {format_short_day(last_day)}" if last_day else ""
    return ", ".join(filter(None, ["Recording", length, until]))


def blue_button(step: NextStep, how: HowToJoin | None, recording: "RecordingInfo | None") -> str:
    """Return which button of the page is the blue one: join, step, watch, or "" for none."""
    if how and how.url:
        return "join"
    if step.kind in BLUE_STEPS:
        return "step"
    return "watch" if recording and recording.link else ""


Program = list[tuple[str, list[EventRow]]]


def has_button(program: Program, button: str) -> bool:
    """Return whether a session of the program has this Add CE credit button (`credit_button`)."""
    return any(row.credit == button for _, rows in program for row in rows)


def program_lead(program: Program) -> str:
    """Return the sentence above a conference's program, or "" if there is nothing to choose."""
    rows = [row for _, day in program for row in day]
    stars = counted(sum(row.is_starred for row in rows), "session")
    has_stars = any(row.is_starred for row in rows)
    if has_button(program, "claim"):
        question = "Which sessions did you attend?"
        return f"{question} You starred {stars}." if has_stars else question
    if any(row.can_star for row in rows):
        if has_stars:
            return f"You starred {stars}. Today shows the next ones."
        return "Star the sessions you plan to attend. Today will show the next ones."
    return ""


class MachineTimes(NamedTuple):
    """The start and end in UTC. The end can be empty."""

    begins: str
    ends: str


def machine_times(event: Event) -> MachineTimes | None:
    """Return the times for the browser to convert to local time, or None for all-day events."""
    if event.all_day:
        return None
    return MachineTimes(_iso(event.begins_at), _iso(event.ends_at) if event.ends_at else "")


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def map_link(event: Event) -> str:
    """Return the URL of a map search for the place, or an empty string for online events."""
    parts = [part for part in (event.location, event.city) if part]
    if event.delivery not in IN_PERSON_DELIVERIES or not parts:
        return ""
    return f"{MAP_URL}?{urlencode({'query': ', '.join([*parts, 'Montana'])})}"


class FileLink(NamedTuple):
    """An event's file or link. The note gives a file's kind and size, or a link's site."""

    label: str
    url: str
    note: str
    is_external: bool


def file_links(resources: Iterable[Resource]) -> list[FileLink]:
    """Return the event's files and its links to web pages."""
    links = []
    for resource in resources:
        if resource.file:
            note = f"{_kind(resource)}, {filesizeformat(resource.size or 0)}"
            address = reverse("events:file", args=[resource.pk])
            links.append(FileLink(resource.label, address, note, is_external=False))
        elif link := web_link(resource.url):
            links.append(FileLink(resource.label, link.url, link.host, is_external=True))
    return links


def _kind(resource: Resource) -> str:
    extension = PurePath(resource.file_name).suffix.removeprefix(".").upper()
    return KINDS.get(resource.content_type) or extension or "File"


def contact_link(event: Event) -> Link | None:
    """Return the contact, with the address that opens an e-mail to it, if it has one."""
    if not (event.contact_name or event.contact):
        return None
    is_email = "@" in event.contact and " " not in event.contact
    return Link(f"mailto:{event.contact}" if is_email else "", rules.contact_of(event))


def type_of(event: Event) -> str:
    """Return the event's type, or "" if the page shows it by its credits or its program."""
    is_evident = event.type in (EventType.CONTINUING_EDUCATION, EventType.CONFERENCE)
    return "" if is_evident else event.type


def organizer_of(event: Event) -> str:
    """Return the organizer's name, or "" if there is none or it is the sponsor."""
    name = str(event.organization) if event.organization else ""
    return "" if event.organization and event.organization.name == event.sponsor else name


class RecordingInfo(NamedTuple):
    """The link to the recording, if it is available, and a note about its dates.

    For a calendar event, the link's `url` is the page of the portal that opens the recording.
    """

    link: Link | None
    note: str


def recording_info(event: Event, now: dt.datetime, *, earns_credit: bool) -> RecordingInfo | None:
    """Return the recording to show, or None if there is none or the event was canceled."""
    available_at, until_at = event.recording_available_at, event.recording_until_at
    if event.state == EventState.CANCELLED:
        return None
    if available_at and now < available_at:
        return RecordingInfo(None, f"Available from {_day(available_at)}.")
    link = web_link(event.recording_url)
    if link and event.origin == Origin.CALENDAR:
        link = link._replace(url=reverse("events:watch", args=[event.pk]))
    last_day = event.recording_last_day
    if last_day and last_day < timezone.localdate(now):
        return RecordingInfo(None, f"It could be watched until {format_day(last_day)}.")
    if link is None and not rules.has_recording(event, now):
        return None
    if not earns_credit or not until_at:
        return RecordingInfo(link, "" if link else "Available from the sponsor.")
    verb = "It earns credit until" if now < until_at else "It earned credit until"
    return RecordingInfo(link, f"{verb} {_day(until_at)}, {format_time(until_at)}.")


def _day(moment: dt.datetime) -> str:
    return format_day(timezone.localdate(moment))


class EditorLink(NamedTuple):
    """A link to a page for managing the event."""

    label: str
    url: str


CANCELLED_EVENT_LINKS = [("Roster", "events:roster"), ("Copy", "events:copy")]
PUBLISHED_EVENT_LINKS = [
    ("Edit", "events:edit"),
    ("Roster", "events:roster"),
    ("Check-in code", "events:code"),
    ("Files and links", "events:files"),
    ("Course catalog", "events:propose"),
    ("Copy", "events:copy"),
]


def editor_links(event: Event) -> list[EditorLink]:
    """Return links to the pages for managing a published or canceled event."""
    names = PUBLISHED_EVENT_LINKS if event.state == EventState.PUBLISHED else CANCELLED_EVENT_LINKS
    if event.state == EventState.PUBLISHED and not rules.is_over(event):
        names = [*names, ("Cancel event", "events:call_off")]
    return [EditorLink(label, reverse(name, args=[event.pk])) for label, name in names]


def undo_publishing_url(person: User, event: Event) -> str:
    """Return the URL of the button that undoes publishing within a day, or "".

    Takes no query unless someone decided on the event within the last day.
    """
    if not event.decided_at or timezone.now() >= event.decided_at + UNDO_WINDOW:
        return ""
    change = undoing.last_decision(event)
    if change is None or event.state != EventState.PUBLISHED:
        return ""
    if change.before.state == EventState.CANCELLED:
        return ""  # People were told that the event takes place.
    if undoing.is_undoable(change, undoing.STEPS) and (
        change.by_id == person.pk or permissions.may_publish(person)
    ):
        return undo_url(reverse("events:undo", args=[event.pk]), seen=change.version)
    is_decider = person.has_perm("events.decide_event") and event.created_by_id != person.pk
    if undoing.is_undoable(change, undoing.CUSTOM_EVENT_DECISIONS) and is_decider:
        return undo_url(
            reverse("admin:events_customevent_undo", args=[event.pk]), seen=change.version
        )
    return ""


def certificate_url(event: Event, facts: EventFacts) -> str:
    """Return the URL of the person's certificate of attendance, or "" if there can be none."""
    counts = facts.counts_by_event.get(event.pk, NO_REGISTRATIONS)
    has_credit = event.pk in facts.claimed
    was_present = event.pk not in facts.credits and counts.attendance in ATTENDED
    if event.state != EventState.PUBLISHED or not (
        has_credit or (was_present and event.over_at <= facts.now)
    ):
        return ""
    return reverse("attendance:own", args=[event.pk])


class EventPage(NamedTuple):
    """The context of templates/events/detail.html."""

    event: Event
    url: str
    states: list[Label]
    row: EventRow
    next_step: NextStep
    blue: str
    earlier: EarlierClaim | None
    claimed_on: str
    has_questions: bool
    has_choice: bool
    emails_how_to_join: bool
    can_act: bool
    can_add_to_calendar: bool
    json_ld: str
    places_left: str
    how_to_join: HowToJoin | None
    contact: Link | None
    times: MachineTimes | None
    map: str
    files: list[FileLink]
    editor_links: list[EditorLink]
    undo_url: str
    program: Program
    program_lead: str
    has_sessions_to_claim: bool
    has_sessions_to_sign_in: bool
    program_limit: int | None
    recording: RecordingInfo | None
    catalog_years: list[int]
    source_link: Link | None
    type: str
    organizer: str
    other_dates: list[EventRow]
    certificate_url: str
