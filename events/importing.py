"""Import of events from CSV or XLSX files, one event per row.

An event is matched by its number in the old portal or, without one, by source, title and start
time. A row that has not changed since the last import is skipped, so that changes made by staff
are not lost.
"""

import datetime as dt
import re
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from aspen.clock import day_of_end
from aspen.errors import Refused
from aspen.files import csv_import
from aspen.files.csv_import import FirstLines, RowOutcome, content_digest
from aspen.files.parsing import parse_moment
from aspen.files.records import CsvRow
from aspen.formats import format_amount, format_time_range
from aspen.halves import NOT_IN_HALVES, validate_halves
from aspen.text import clean_line, clean_web_address, validate_web_address
from events.editing.publishing import import_event
from events.enums import Delivery, EventState, EventType, Origin, RegistrationMode
from events.models import CALENDAR_ENDS, CALENDAR_STARTS, Category, Event
from events.queries import lock_events, midnight
from events.rules import last_day_of

# Columns that a file can omit, by event field. The fields then stay as they are.
OPTIONAL_COLUMNS = {
    "joining_url": "joining_address",
    "meeting_id": "meeting_id",
    "passcode": "passcode",
    "joining_phone": "telephone",
    "recording_minutes": "recording_minutes",
    "recording_last_day": "recording_last_day",
}
# Event fields that have a different column name in the file.
COLUMNS = {"description": "summary", **OPTIONAL_COLUMNS}
CANCELLED_TITLE = re.compile(r"cancell?ed\s*[-–—:]\s*", re.IGNORECASE)
CANCELLED_SUMMARY = re.compile(r"cancell?ed\b", re.IGNORECASE)
# "2023 MLA Conference: Why Diversity …" is a session of the "2023 MLA Conference".
SESSION_PATTERN = re.compile(
    r"(?P<conference>(?:19|20)\d\d\b[^:]*\b"
    r"(?:Conference|Symposium|Institute|Summit|Retreat|Convention|Congress)): +(?P<title>.+)",
    re.IGNORECASE,
)
URL_PATTERN = re.compile(r"https?://[^\s<>\"]+")
MAX_URL_LENGTH = 500
MAX_AMOUNT = Decimal("999.5")
TYPES_BY_VALUE = {value.lower(): value for value in ("", *(each.value for each in EventType))}
DELIVERIES_BY_VALUE = {value.lower(): value for value in ("", *(each.value for each in Delivery))}
REGISTRATION_MODES = {
    "": "",
    "not necessary": RegistrationMode.NONE.value,
    "external link": RegistrationMode.EXTERNAL.value,
    "register here": RegistrationMode.EXTERNAL.value,
}


@dataclass(frozen=True)
class ParsedEvent:
    """A parsed row: event fields, credits by category id and the conference's title."""

    values: dict[str, Any]
    offers: dict[int, Decimal]
    conference: str


class EventImporter:
    """Imports one event per row. Finds or creates the conferences that sessions belong to."""

    columns: tuple[str, ...] = (
        *("source_url", "aspen_event_id", "title", "event_type", "begin", "end", "location"),
        *("city", "delivery", "sponsor", "credits", "registration", "audience", "recording"),
        "summary",
    )
    moments: tuple[str, ...] = ("begin", "end", "recording_last_day")

    def __init__(self) -> None:
        categories = Category.objects.order_by("position")
        self.categories = {category.name.lower(): category for category in categories}
        self.stored = FirstLines()
        self.known: dict[str, tuple[int, str]] = {}
        self.conferences: dict[str, Event] = {}

    def prepare(self, rows: list[CsvRow]) -> None:
        """Load existing events and conferences for these rows. Two queries."""
        events = Event.objects.filter(
            import_key__in={event_import_key(row) for row in rows}
        ).order_by()
        self.known = {
            str(key): (pk, digest)
            for key, pk, digest in events.values_list("import_key", "pk", "import_digest")
        }
        titles = {conference_title(row) for row in rows} - {""}
        keys = {conference_key(title) for title in titles}
        conferences = Event.objects.alias(lower=Lower("title")).filter(
            Q(
                lower__in={title.lower() for title in titles},
                type=EventType.CONFERENCE,
                origin=Origin.CALENDAR,
                parent=None,
            )
            | Q(import_key__in=keys)
        )
        self.conferences = {}
        for event in conferences.order_by("-pk"):
            self._remember_conference(event)

    def apply(self, row: CsvRow) -> RowOutcome:
        optional = (column for column in OPTIONAL_COLUMNS.values() if column in row.values)
        key, digest = event_import_key(row), row.digest((*self.columns, *optional))
        event_id, digest_before = self.known.get(key, (None, ""))
        outcome = RowOutcome.UNCHANGED
        if digest_before != digest:
            self.stored.refuse_second(key, "event")
            outcome = self._store(row, event_id, key, digest)
        self.stored.add(key, row.line)
        return outcome

    def _store(self, row: CsvRow, event_id: int | None, key: str, digest: str) -> RowOutcome:
        facts = parse_event_row(row, self.categories)
        if event_id is None and facts.values["type"] == EventType.CONFERENCE:
            # An earlier session may have created this conference.
            created_key = conference_key(facts.values["title"])
            conference = self.conferences.get(created_key)
            if conference and conference.import_key == created_key:
                event_id = conference.pk
        # Only sessions write two events. A savepoint for every row would be slow.
        with transaction.atomic() if facts.conference else nullcontext():
            parent = self._conference(facts, event_id) if facts.conference else None
            event = import_event(
                event_id=event_id,
                values=facts.values
                | {"parent": parent, "import_key": key, "import_digest": digest},
                offers=facts.offers,
            )
        for stored in (event, parent):
            if stored and stored.type == EventType.CONFERENCE:
                self._remember_conference(stored)
        self.known[key] = event.pk, digest
        return RowOutcome.NEW if event_id is None else RowOutcome.CHANGED

    def explain(self, error: csv_import.NotStored) -> str:
        return csv_import.explain_error(error, COLUMNS, Event)

    def describe(self, row: CsvRow) -> str:
        facts = parse_event_row(row, self.categories)
        values = facts.values
        names = {category.pk: category.name for category in self.categories.values()}
        when = format_time_range(values["begins_at"], values["ends_at"], all_day=values["all_day"])
        credits = [f"{names[pk]} {format_amount(amount)}" for pk, amount in facts.offers.items()]
        cancelled = " (canceled)" if values["state"] == EventState.CANCELLED else ""
        return "; ".join([values["title"] + cancelled, when, *credits])

    def _remember_conference(self, event: Event) -> None:
        """Remember the conference by title and by key, in case staff renamed it."""
        self.conferences[conference_key(event.title)] = event
        if event.import_key:
            self.conferences.setdefault(event.import_key, event)

    def _conference(self, facts: ParsedEvent, session_id: int | None) -> Event:
        """Find or create a session's conference.

        A conference that was created for its sessions is extended to cover all their days. Locks
        both events before writing either, because events come before people in the lock order.
        """
        first, last = _days(facts.values)
        key = conference_key(facts.conference)
        conference = self.conferences.get(key)
        if conference and session_id:
            lock_events([conference.pk, session_id])
        values: dict[str, Any] = {"import_key": key, "all_day": True}
        if conference is None:
            values |= {"title": facts.conference, "type": EventType.CONFERENCE}
            values |= {name: facts.values[name] for name in ("sponsor", "city")}
        elif conference.import_key != key:
            return conference
        else:
            days = _days(
                {name: getattr(conference, name) for name in ("begins_at", "ends_at", "all_day")}
            )
            first, last = min(first, days[0]), max(last, days[1])
            if days == (first, last):
                return conference
        values |= {"begins_at": midnight(first), "ends_at": midnight(last)}
        return import_event(
            event_id=conference.pk if conference else None, values=values, offers=None
        )


# ---------- Matching events ----------


def event_import_key(row: CsvRow) -> str:
    """Return the key that identifies an event, whether or not it is canceled."""
    if row["aspen_event_id"]:
        return f"aspen:{row['aspen_event_id']}"
    title, _ = clean_title(row["title"])
    return f"row:{content_digest(row['source_url'], title, row['begin'])}"


def conference_key(title: str) -> str:
    """Return the key for a conference known only from its sessions."""
    return f"conference:{content_digest(title.lower())}"


def conference_title(row: CsvRow) -> str:
    """Return the title of the conference that a row is or belongs to, or an empty string."""
    title, _ = clean_title(row["title"])
    if row["event_type"].lower() == EventType.CONFERENCE.lower():
        return title
    session = SESSION_PATTERN.match(title)
    return session["conference"] if session else ""


# ---------- Parsing rows: each function raises Refused with the column and the reason ----------


def parse_event_row(row: CsvRow, categories: dict[str, Category]) -> ParsedEvent:
    """Parse a row of the events file. Raises Refused if a column is invalid."""
    if row["aspen_event_id"] and not re.fullmatch(r"[0-9]{1,18}", row["aspen_event_id"]):
        raise Refused(f"“{_short(row['aspen_event_id'])}” is not a number", field="aspen_event_id")
    title, cancelled = clean_title(row["title"])
    if not title:
        raise Refused("it is empty", field="title")
    offers = read_credits(row["credits"], categories)
    event_type = _choice(row, "event_type", TYPES_BY_VALUE)
    session = None if event_type == EventType.CONFERENCE else SESSION_PATTERN.match(title)
    if session:
        title, cancelled_too = clean_title(session["title"])
        cancelled = cancelled or cancelled_too
        event_type = event_type or (EventType.CONTINUING_EDUCATION.value if offers else "")
    cancelled = cancelled or bool(CANCELLED_SUMMARY.match(row["summary"]))
    when = read_days(row["begin"], row["end"])
    delivery = _choice(row, "delivery", DELIVERIES_BY_VALUE)
    values = {
        "title": title,
        "type": event_type,
        "state": EventState.CANCELLED.value if cancelled else EventState.PUBLISHED.value,
        "delivery": delivery,
        **{name: clean_line(row[name]) for name in ("location", "city", "sponsor", "audience")},
        "source_url": find_url(row["source_url"]),
        **when,
        **read_registration(row["registration"], row["summary"]),
        **read_recording(row["recording"], delivery, when),
        **read_optional_columns(row),
    }
    return ParsedEvent(values, offers, session["conference"] if session else "")


def clean_title(text: str) -> tuple[str, bool]:
    """Return the title without a leading “Canceled-”, and whether it had one."""
    text = clean_line(text)
    match = CANCELLED_TITLE.match(text)
    return (text[match.end() :], True) if match else (text, False)


def read_days(begin: str, end: str) -> dict[str, Any]:
    """Return the start and end as event fields.

    A start without a clock time makes an all-day event. An end without a clock time is ignored if
    it is on the same day as the start; if it is later, it makes an all-day event.
    """
    begins_at, begin_is_day = read_moment(begin, "begin")
    if not end:
        return {"begins_at": begins_at, "ends_at": None, "all_day": begin_is_day}
    ends_at, end_is_day = read_moment(end, "end")
    first = timezone.localdate(begins_at)
    last = timezone.localdate(ends_at) if end_is_day else max(first, day_of_end(ends_at))
    if last < first or (ends_at < begins_at and not end_is_day):
        raise Refused("it is before the start", field="end")
    if begin_is_day or (end_is_day and last > first):
        return {"begins_at": midnight(first), "ends_at": midnight(last), "all_day": True}
    return {"begins_at": begins_at, "ends_at": None if end_is_day else ends_at, "all_day": False}


def read_moment(text: str, column: str) -> tuple[dt.datetime, bool]:
    """Return the time in Mountain time, and whether only the day was given."""
    advice = "use 2026-05-11, 2026-05-11T09:00, 5/11/2026 or 5/11/2026 9:00 AM"
    if not text:
        raise Refused("it is empty", field=column)
    try:
        moment = parse_moment(text, timezone.get_default_timezone())
    except Refused as error:
        raise Refused(f"{error}; {advice}", field=column) from error
    if moment is None:
        raise Refused(f"“{_short(text)}” is not a date; {advice}", field=column)
    if not CALENDAR_STARTS.year <= moment.year < CALENDAR_ENDS.year:
        first, last = CALENDAR_STARTS.year, CALENDAR_ENDS.year - 1
        raise Refused(f"the year {moment.year} is not between {first} and {last}", field=column)
    if isinstance(moment, dt.datetime):
        return moment, False
    return midnight(moment), True


def read_credits(text: str, categories: dict[str, Category]) -> dict[int, Decimal]:
    """Parse credits by category id from “Library Administration=4.0; Technology=1.0”."""
    offers: dict[int, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, amount = (piece.strip() for piece in part.rpartition("="))
        category = categories.get(clean_line(name).lower())
        if category is None:
            known = ", ".join(str(category) for category in categories.values())
            raise Refused(
                f"“{_short(part)}” is not a category, “=” and an amount; the categories are "
                f"{known}",
                field="credits",
            )
        if category.pk in offers:
            raise Refused(f"{category} is listed twice", field="credits")
        offers[category.pk] = _amount(amount)
    return offers


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
        if not amount.is_finite() or amount > MAX_AMOUNT:
            raise Refused(f"“{_short(text)}” is not an amount of credits", field="credits")
        validate_halves(amount)
    except InvalidOperation:
        raise Refused(f"“{_short(text)}” is not an amount of credits", field="credits") from None
    except ValidationError:
        raise Refused(f"“{_short(text)}”: {NOT_IN_HALVES}", field="credits") from None
    return amount


def read_registration(text: str, summary: str) -> dict[str, Any]:
    """Return the registration fields read from the text.

    Unrecognized text is added to the description.
    """
    mode = REGISTRATION_MODES.get(text.lower())
    address = find_url(text)
    if mode is not None or address:
        return {
            "registration_mode": RegistrationMode.EXTERNAL.value if mode is None else mode,
            "registration_url": address,
            "description": summary,
        }
    return {
        "registration_mode": "",
        "registration_url": "",
        "description": f"{summary}\n\nRegistration: {text}".strip(),
    }


def read_recording(text: str, delivery: str, when: dict[str, Any]) -> dict[str, Any]:
    """Return the recording fields.

    A recorded course is available from its start, and any other recording from the event's end.
    """
    address = find_url(text)
    if not address and text.lower() not in ("", "yes", "no"):
        raise Refused(f"“{_short(text)}” is not “yes”, “no” or a web address", field="recording")
    available_at = None
    if delivery == Delivery.RECORDED:
        available_at = when["begins_at"]
    elif address or text.lower() == "yes":
        available_at = _over_at(when)
    return {"recording_available_at": available_at, "recording_url": address}


def read_optional_columns(row: CsvRow) -> dict[str, Any]:
    """Return the fields of the optional columns that the file has, cleaned as in the event's form.

    The reasons in Refused do not quote the values, because they let people into the event.
    """
    values: dict[str, Any] = {}
    for name, column in OPTIONAL_COLUMNS.items():
        if column not in row.values:
            continue
        if name == "recording_last_day":
            values[name] = _last_day(row[column], column)
        else:
            values[name] = _cleaned_as_in_form(name, row[column], column)
    return values


def _last_day(text: str, column: str) -> dt.date | None:
    try:
        return timezone.localdate(read_moment(text, column)[0]) if text else None
    except Refused:
        # The column may have been mistaken for that of the passcode.
        raise Refused("it is not a date, such as 2026-05-11", field=column) from None


def _cleaned_as_in_form(name: str, text: str, column: str) -> Any:
    field = Event._meta.get_field(name).formfield()  # type: ignore[union-attr]
    assert field is not None  # These fields can be edited.
    try:
        return field.clean(text)
    except ValidationError as error:
        raise Refused(" ".join(error.messages), field=column) from None


def find_url(text: str) -> str:
    """Return the first web address in `text`, or an empty string."""
    match = URL_PATTERN.search(text)
    address = clean_web_address(match[0].rstrip(".,;)")) if match else ""
    try:
        validate_web_address(address)
    except ValidationError:
        return ""
    return address if len(address) <= MAX_URL_LENGTH else ""


def _choice(row: CsvRow, column: str, choices: dict[str, str]) -> str:
    choice = choices.get(clean_line(row[column]).lower())
    if choice is None:
        allowed = ", ".join(filter(None, choices.values()))
        raise Refused(
            f"“{_short(row[column])}” is not a known {column.replace('_', ' ')}; use {allowed}, or "
            "leave it blank",
            field=column,
        )
    return choice


def _over_at(when: dict[str, Any]) -> dt.datetime:
    """Return an event's end, as the database computes it (OVER_AT in events/models/event.py)."""
    ends_at: dt.datetime | None = when["ends_at"]
    if ends_at and not when["all_day"]:
        return ends_at
    return midnight(_days(when)[1] + dt.timedelta(days=1))


def _days(when: dict[str, Any]) -> tuple[dt.date, dt.date]:
    """Return the first and last day in Mountain time."""
    return timezone.localdate(when["begins_at"]), last_day_of(
        when["begins_at"], when["ends_at"], all_day=when["all_day"]
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
