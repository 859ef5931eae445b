"""Read the attendance lists that webinar tools export.

Known reports are data (`KNOWN_SHAPES`). Other lists are read by their headings: they need a column
for the address or the name, and columns for the minutes or for when people joined and left.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.utils import timezone

from aspen.errors import Refused
from aspen.files.parsing import parse_duration, parse_moment, why_not_an_email
from aspen.files.table_reader import (
    MAX_LIST_LINE_LENGTH,
    TableRow,
    has_address,
    heading_letters,
    read_tables,
)
from aspen.text import clean_email
from events.attendance.presence import ReportRow, name_alias

MEGABYTES = 5
MAX_BYTES = MEGABYTES * 1024 * 1024
MAX_REFUSED = 200
MAX_NOTES = 5
MAX_SECONDS = 100_000 * 60
MAX_NAME_LENGTH = 150
YEARS = range(1900, 2200)  # other years are mistakes, and some cannot be shown
# A total is shorter than the time from joining to leaving by more than rounding can explain.
ROUNDING = 2 * 60
TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s*[ap]\.?m\.?)?", re.IGNORECASE)
YES, NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}

# Headings, with their letters only.
HEADINGS = {
    "address": {
        "email",
        "emailaddress",
        "useremail",
        "attendeeemail",
        "mail",
        "participantemail",
        "participantidupn",
        "upn",
    },
    "name": {
        "name",
        "fullname",
        "displayname",
        "nameoriginalname",
        "usernameoriginalname",
        "username",
        "participant",
        "participantname",
        "attendee",
        "attendeename",
    },
    "first_name": {"firstname"},
    "last_name": {"lastname"},
    "duration": {
        "minutes",
        "duration",
        "durationminutes",
        "totaldurationminutes",
        "totalduration",
        "timeinsessionminutes",
        "timeinsession",
        "attendanceduration",
        "attendancedurationminutes",
        "attendanceminutes",
        "attendedminutes",
        "totaltime",
        "inmeetingduration",
    },
    # Only if there is no other duration.
    "hours": {"hours", "hoursattended", "durationhours"},
    # "start" and "end" are not included because they are often the event's own times.
    "joined": {"join", "joined", "jointime", "joindatetime", "joinedat", "timejoined"},
    "left": {"leave", "left", "leavetime", "leavedatetime", "leftat", "timeexited", "exittime"},
    "first_join": {"firstjoin", "firstjointime"},
    "last_leave": {"lastleave", "lastleavetime"},
    "attended": {"attended"},
    "waiting_room": {"inwaitingroom"},
    "action": {"useraction"},
    "timestamp": {"timestamp"},
}

MEANINGS = {heading: meaning for meaning, headings in HEADINGS.items() for heading in headings}


class KnownShape(NamedTuple):
    """A report of a tool: the headings that its table always has, with their letters only."""

    name: str
    headings: set[str]
    # False for a table about the meeting itself, whose columns look like those of a person.
    lists_people: bool = True


# The first shape whose headings a table has. Tests have a sample of each.
KNOWN_SHAPES = [
    KnownShape("Zoom meeting", {"topic", "participants"}, lists_people=False),
    KnownShape("Zoom meeting", {"topic", "uniqueviewers"}, lists_people=False),
    KnownShape("Zoom webinar report", {"attended", "usernameoriginalname", "timeinsessionminutes"}),
    KnownShape("Zoom webinar report", {"username", "jointime", "timeinsessionminutes"}),
    KnownShape("Zoom meeting report", {"nameoriginalname", "jointime", "leavetime"}),
    KnownShape("Zoom meeting report, total times", {"nameoriginalname", "totaldurationminutes"}),
    KnownShape("Teams list from the meeting", {"fullname", "useraction", "timestamp"}),
    KnownShape("Teams attendance report", {"name", "firstjoin", "lastleave", "inmeetingduration"}),
    KnownShape("Teams attendance report", {"name", "jointime", "leavetime", "duration", "role"}),
    KnownShape("Teams attendance report", {"fullname", "jointime", "leavetime", "duration"}),
    KnownShape("Webex attendance report", {"attendeeemail", "attendanceduration"}),
    KnownShape("GoTo Webinar report", {"attended", "interestrating", "timeinsession"}),
    KnownShape("GoTo Meeting report", {"emailaddress", "jointime", "timeinsessionminutes"}),
    KnownShape("Google Meet attendance report", {"firstname", "timejoined", "timeexited"}),
]
# How the preview names a report's tables, by words in their titles.
PARTS = {
    "attendee": "attendees",
    "panelist": "panelists",
    "host": "hosts",
    "other attended": "people without a registration",
    "activities": "joining and leaving",
    "participants": "participants",
}

NO_COLUMNS = (
    "The file has no columns for e-mail address and minutes. The first row must list them, such as "
    "“Email, Minutes”. Columns for the times at which people joined and left will do as well."
)


class Report(NamedTuple):
    """The contents of an attendance list.

    `shape` is what the preview calls it, or empty for an unknown report. `refused` are (line,
    reason) for rows that do not count. `notes` are (line, text), and say how some of the first
    durations were read.
    """

    shape: str
    rows: list[ReportRow]
    refused: list[tuple[int, str]]
    notes: list[tuple[int, str]]


class _Table(NamedTuple):
    """A table of people: its title, known shape, heading cells, columns by meaning, and rows."""

    title: str
    shape: str
    headings: list[str]
    columns: dict[str, int]
    rows: list[TableRow]

    @property
    def has_visits(self) -> bool:
        return {"joined", "left"} <= self.columns.keys() or "action" in self.columns


def read_report(data: bytes, *, begins_at: dt.datetime, ends_at: dt.datetime) -> Report:
    """Parse a list of the event between these times. Raises Refused if it cannot be read as one."""
    tables = list(_tables_of_people(data))
    if not tables:
        raise Refused(NO_COLUMNS, field="file")
    # A report that lists each visit may also have totals. They count only for people whose visits
    # are not listed, such as guests in the reports of Teams.
    tables.sort(key=lambda table: not table.has_visits)
    reader = _Reader(begins_at, ends_at)
    used = [table for table in tables if reader.read(table)]
    return Report(_shape_text(used or tables), reader.rows, reader.refused, reader.notes)


def _tables_of_people(data: bytes) -> Iterator[_Table]:
    """Yield the tables that list people. Each heading row starts one; other rows are ignored.

    A list can go on below a subheading, without another row of headings.
    """
    last: _Table | None = None
    for read in read_tables(data, megabytes=MEGABYTES):
        table, has_heading = None, False
        for row in read.rows:
            columns = _columns(row.cells)
            if columns is None:
                if table:
                    table.rows.append(row)
                continue
            if table:
                yield table
            has_heading = True
            shape = _known_shape(row.cells)
            lists_people = shape is None or shape.lists_people
            name = shape.name if shape else ""
            table = _Table(read.title, name, row.cells, columns, []) if lists_people else None
        if table:
            yield table
        if has_heading:
            last = table
        elif last and has_address(read.rows, last.columns.get("address")):
            last.rows.extend(read.rows)


def _columns(cells: list[str]) -> dict[str, int] | None:
    """Return the columns of a heading row by meaning, or None if it is not one for people."""
    columns: dict[str, int] = {}
    for index, cell in enumerate(cells):
        if meaning := MEANINGS.get(heading_letters(cell)):
            columns.setdefault(meaning, index)
    if "hours" in columns:
        columns.setdefault("duration", columns.pop("hours"))
    has_person = columns.keys() & {"address", "name", "first_name"}
    has_time = (
        "duration" in columns
        or {"joined", "left"} <= columns.keys()
        or {"action", "timestamp"} <= columns.keys()
    )
    return columns if has_person and has_time else None


def _known_shape(cells: list[str]) -> KnownShape | None:
    letters = set(map(heading_letters, cells))
    return next((shape for shape in KNOWN_SHAPES if shape.headings <= letters), None)


def _shape_text(tables: Iterable[_Table]) -> str:
    """Return a text such as "Zoom webinar report: attendees and panelists"."""
    shapes = list(dict.fromkeys(table.shape for table in tables if table.shape))
    titles = [table.title.lower() for table in tables]
    parts = [part for words, part in PARTS.items() if any(words in title for title in titles)]
    if not shapes:
        return ""
    return f"{shapes[0]}: {', '.join(parts)}" if parts else shapes[0]


class _Reader:
    """The rows collected from a report's tables."""

    def __init__(self, begins_at: dt.datetime, ends_at: dt.datetime) -> None:
        self.zone = timezone.get_default_timezone()
        first, last = (each.astimezone(self.zone).date() for each in (begins_at, ends_at))
        # The day of times that have none, such as "10:01 AM" in Google Meet's reports.
        self.day = first if (last - first).days < 2 else None
        self.rows: list[ReportRow] = []
        self.refused: list[tuple[int, str]] = []
        self.notes: list[tuple[int, str]] = []
        self.totals: dict[tuple[str, ...], int] = {}
        # The aliases and names of people with visits.
        self.visitors: set[str] = set()
        # In lists of actions: when a person who has not left yet joined.
        self.joined: dict[str, ReportRow] = {}

    def read(self, table: _Table) -> bool:
        """Read a table. Return whether any of its rows count."""
        count = len(self.rows)
        add = self._add_action if "action" in table.columns else self._add
        for row in table.rows:
            if max(table.columns.values()) >= len(row.cells) or (
                sum(map(len, row.cells)) > MAX_LIST_LINE_LENGTH
            ):
                self._refuse(row.line, "The columns do not match the heading row.")
                continue
            cells = {meaning: row.cells[index] for meaning, index in table.columns.items()}
            try:
                heading = table.headings[table.columns["duration"]] if "duration" in cells else ""
                add(row.line, cells, heading)
            except Refused as refusal:
                self._refuse(row.line, f"{refusal}.".replace("..", "."))
        # People who had not left when the list was exported stayed to the end.
        self.rows += self.joined.values()
        self.joined = {}
        if table.has_visits:
            self.visitors.update(*(_names(each) for each in self.rows[count:]))
        return len(self.rows) > count

    def _refuse(self, line: int, reason: str) -> None:
        if len(self.refused) < MAX_REFUSED:
            self.refused.append((line, reason))
        elif len(self.refused) == MAX_REFUSED:
            self.refused.append((line, "More rows were skipped. They are not listed."))

    def _person(self, line: int, cells: dict[str, str]) -> ReportRow:
        """Return a row without times. Raises Refused if it names no one."""
        full = " ".join([cells.get("first_name", ""), cells.get("last_name", "")])
        name = (cells.get("name") or full).strip()[:MAX_NAME_LENGTH]
        address = clean_email(cells.get("address", ""))
        if reason := why_not_an_email(address):
            if not name:
                raise Refused(reason)
            address = ""  # Tools write "--" or "Guest" for people without one.
        return ReportRow(line, address, name, None, None, None)

    def _add(self, line: int, cells: dict[str, str], heading: str) -> None:
        """Add a visit or a total. Raises Refused if the row cannot be read."""
        person = self._person(line, cells)
        if "joined" not in cells and self.visitors & _names(person):
            return
        if cells.get("waiting_room", "").lower() in YES:
            raise Refused("This time in the waiting room does not count.")
        if cells.get("attended", "").lower() in NO:
            self.rows.append(person._replace(seconds=0))
            return
        joined = self._moment(cells.get("joined") or cells.get("first_join", ""))
        left = self._moment(cells.get("left") or cells.get("last_leave", ""))
        seconds = self._seconds(line, cells["duration"], heading) if "duration" in cells else None
        is_total = "joined" not in cells or _is_total(joined, left, seconds)
        if seconds is None and (joined is None or is_total):
            raise Refused("The time is not a duration such as 55, 0:55:00 or 55 min.")
        if not is_total:
            self.rows.append(person._replace(joined=joined, left=left))
            return
        visit = (person.alias, cells.get("joined", ""), cells.get("left", ""), str(seconds))
        if visit[1] and (first := self.totals.setdefault(visit, line)) != line:
            raise Refused(f"Same visit as on line {first}. It counts once.")
        self.rows.append(person._replace(joined=joined, left=left, seconds=seconds))

    def _add_action(self, line: int, cells: dict[str, str], _heading: str) -> None:
        """Add a visit when the person leaves. Raises Refused if the row cannot be read."""
        person = self._person(line, cells)
        moment, action = self._moment(cells["timestamp"]), cells["action"].lower()
        if moment is None:
            raise Refused("The time cannot be read.")
        if action.startswith("join"):
            self.joined.setdefault(person.alias, person._replace(joined=moment))
        elif joined := self.joined.pop(person.alias, None):
            self.rows.append(joined._replace(left=moment))
        else:
            raise Refused("The person left without having joined.")

    def _moment(self, text: str) -> int | None:
        """Return the moment in seconds since 1970, or None if the text is not one."""
        if self.day and TIME_OF_DAY.fullmatch(text):
            text = f"{self.day} {text}"
        moment = parse_moment(text, self.zone)
        if not isinstance(moment, dt.datetime) or moment.year not in YEARS:
            return None
        return int(moment.timestamp())

    def _seconds(self, line: int, text: str, heading: str) -> int | None:
        read = parse_duration(text, heading)
        if read is None:
            return None
        if read.note and len(self.notes) < MAX_NOTES:
            self.notes.append((line, read.note))
        return min(read.seconds, MAX_SECONDS)


def _names(row: ReportRow) -> set[str]:
    """Return what a report may call the person in another of its tables."""
    return {row.alias, name_alias(row.name)} if row.name else {row.alias}


def _is_total(joined: int | None, left: int | None, seconds: int | None) -> bool:
    """Return whether the duration says more than the times: the person was away in between."""
    if joined is None or (left is None and seconds is not None):
        return True
    return seconds is not None and left is not None and seconds < left - joined - ROUNDING
