"""What the page of one event tells beside its states: the map, files, the recording.

Nothing here asks the database.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import urlencode

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from aspen.formats import format_day, format_time
from events import rules
from events.calendar.presentation import Link, web_link
from events.enums import Delivery, EventState
from events.models import Event, Resource

ON_SITE = (Delivery.IN_PERSON, Delivery.HYBRID)
MAP_URL = "https://www.openstreetmap.org/search"
KINDS = {
    "application/pdf": "PDF",
    "text/plain": "Text",
    "text/csv": "CSV",
    "image/png": "Picture",
    "image/jpeg": "Picture",
}


class MachineTimes(NamedTuple):
    """When it begins and ends, for machines; the end may be empty."""

    begins: str
    ends: str


def machine_times(event: Event) -> MachineTimes | None:
    """For browsers, which know their own time zone. Days without clock times are the same there."""
    if event.all_day:
        return None
    return MachineTimes(_iso(event.begins_at), _iso(event.ends_at) if event.ends_at else "")


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def map_link(event: Event) -> str:
    """Where the place is looked up on a map; empty when nobody goes there."""
    parts = [part for part in (event.location, event.city) if part]
    if event.delivery not in ON_SITE or not parts:
        return ""
    return f"{MAP_URL}?{urlencode({'query': ', '.join([*parts, 'Montana'])})}"


class FileLink(NamedTuple):
    """A file or a link that goes with an event, and what to expect of it."""

    label: str
    url: str
    note: str
    is_elsewhere: bool


def file_links(resources: Iterable[Resource]) -> list[FileLink]:
    """Without links that are no web pages."""
    found = []
    for resource in resources:
        if resource.file:
            note = f"{_kind(resource)}, {filesizeformat(resource.size or 0)}"
            address = reverse("events:file", args=[resource.pk])
            found.append(FileLink(resource.label, address, note, is_elsewhere=False))
        elif link := web_link(resource.url):
            found.append(FileLink(resource.label, link.url, link.host, is_elsewhere=True))
    return found


def _kind(resource: Resource) -> str:
    ending = PurePath(resource.file_name).suffix.removeprefix(".").upper()
    return KINDS.get(resource.content_type) or ending or "File"


class RecordingInfo(NamedTuple):
    """Where a recording is watched, once it can be, and what it earns until when."""

    link: Link | None
    note: str


def recording_info(event: Event, now: dt.datetime, *, earns_credit: bool) -> RecordingInfo | None:
    """Nothing is told of a recording of an event that was called off."""
    available_at, until_at = event.recording_available_at, event.recording_until_at
    if event.state == EventState.CANCELLED:
        return None
    if available_at and now < available_at:
        return RecordingInfo(None, f"Available from {_day(available_at)} on.")
    link = web_link(event.recording_url)
    if link is None and not rules.has_recording(event, now):
        return None
    if not earns_credit or not until_at:
        return RecordingInfo(link, "" if link else "Available from the sponsor.")
    verb = "It earns credit until" if now < until_at else "It earned credit until"
    return RecordingInfo(link, f"{verb} {_day(until_at)}, {format_time(until_at)}.")


def _day(moment: dt.datetime) -> str:
    return format_day(timezone.localdate(moment))


class EditorLink(NamedTuple):
    """Where somebody looks after an event."""

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
    """What those who look after an event of the calendar do with it, called off or not."""
    names = PUBLISHED_EVENT_LINKS if event.state == EventState.PUBLISHED else CANCELLED_EVENT_LINKS
    if event.state == EventState.PUBLISHED and not rules.is_over(event):
        names = [*names, ("Cancel the event", "events:call_off")]
    return [EditorLink(label, reverse(name, args=[event.pk])) for label, name in names]
