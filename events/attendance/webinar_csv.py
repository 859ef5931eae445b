"""Read the attendance lists that webinar tools export, as CSV files in many formats."""

import csv
import re
from typing import Any, NamedTuple

from aspen.errors import Refused
from aspen.files import uploaded_csv
from aspen.text import clean_email

MEGABYTES = 5
MAX_BYTES = MEGABYTES * 1024 * 1024
MAX_REFUSED = 200
MAX_MINUTES = 100_000
# What tools write for people who registered but did not attend.
NO_TIME = {"-", "--", "–", "n/a"}
MINUTES_HEADINGS = {
    "minutes",
    "duration",
    "durationminutes",
    "totaldurationminutes",
    "totalduration",
    "timeinsessionminutes",
    "timeinsession",
    "attendanceduration",
    "attendanceminutes",
    "attendedminutes",
    "totaltime",
    "inmeetingduration",
}
# "start" and "end" are not included because they are often the event's own times.
JOINED_HEADINGS = {"join", "joined", "jointime", "joindatetime", "joinedat", "firstjoin"}
LEFT_HEADINGS = {"leave", "left", "leavetime", "leavedatetime", "leftat", "lastleave"}
CLOCK_DURATION = re.compile(r"^(?:(\d{1,3}):)?(\d{1,3}):(\d{2})$")
SPOKEN_DURATION = re.compile(
    r"^(?:(?P<h>\d{1,3})\s*h(?:ours?|rs?)?)?\s*(?:(?P<m>\d{1,4})\s*m(?:in(?:ute)?s?)?\.?)?"
    r"\s*(?:(?P<s>\d{1,5})\s*s(?:ec(?:ond)?s?)?\.?)?$",
    re.IGNORECASE,
)


class AttendanceRows(NamedTuple):
    """The contents of an attendance list.

    `rows` are [lowercase e-mail address, whole minutes, line] in file order. There is one row per
    address, with the minutes of all visits added up. `refused` are [line, reason] and include
    repeated visits.
    """

    rows: list[list[str | int]]
    refused: list[list[str | int]]


def read_attendance_list(data: bytes) -> AttendanceRows:
    """Parse an attendance list. Raises Refused if the file cannot be read as one."""
    text = uploaded_csv.decode_upload(data, megabytes=MEGABYTES)
    table = uploaded_csv.csv_reader(text, lambda cells: _columns(cells) is not None)
    try:
        return _table(table)
    except csv.Error as error:
        raise uploaded_csv.malformed_csv(table) from error


def _table(lines: Any) -> AttendanceRows:
    rows: _Rows | None = None
    count = 0
    for cells in lines:
        if rows is None:
            columns = _columns(cells)
            if columns is not None:
                rows = _Rows(columns)
            elif lines.line_num >= uploaded_csv.MAX_LINES_BEFORE_HEADING:
                break
            continue
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > uploaded_csv.MAX_ROWS:
            raise uploaded_csv.too_many_rows()
        rows.add(cells, lines.line_num)
    if rows is None:
        raise Refused(
            "The file has no columns for e-mail address and minutes. The first row must list "
            "them, such as “Email, Minutes”.",
            field="file",
        )
    return rows.attendance()


class ColumnIndexes(NamedTuple):
    """Column numbers. Not every tool records when people joined and left."""

    email: int
    minutes: int
    joined: int | None
    left: int | None


def _columns(cells: list[str]) -> ColumnIndexes | None:
    email, minutes = (
        uploaded_csv.find_column(cells, uploaded_csv.EMAIL_HEADINGS),
        uploaded_csv.find_column(cells, MINUTES_HEADINGS),
    )
    if email is None or minutes is None:
        return None
    return ColumnIndexes(
        email,
        minutes,
        uploaded_csv.find_column(cells, JOINED_HEADINGS),
        uploaded_csv.find_column(cells, LEFT_HEADINGS),
    )


class _Rows:
    """The people and refused rows collected from the file."""

    def __init__(self, columns: ColumnIndexes) -> None:
        self.columns = columns
        self.people: dict[str, list[str | int]] = {}
        self.seconds: dict[str, int] = {}
        self.visits: dict[tuple[str | int, ...], int] = {}
        self.refused: list[list[str | int]] = []

    def refuse(self, line: int, reason: str) -> None:
        if len(self.refused) < MAX_REFUSED:
            self.refused.append([line, reason])
        elif len(self.refused) == MAX_REFUSED:
            self.refused.append([line, "More rows were skipped. They are not listed."])

    def add(self, cells: list[str], line: int) -> None:
        indexes = [index for index in self.columns if index is not None]
        if len(cells) <= max(indexes) or sum(map(len, cells)) > uploaded_csv.MAX_LIST_LINE_LENGTH:
            self.refuse(line, "The columns do not match the heading row.")
            return
        address = clean_email(cells[self.columns.email])
        if reason := uploaded_csv.why_not_an_email(address):
            self.refuse(line, reason)
            return
        length = _seconds(cells[self.columns.minutes].strip())
        if length is None:
            self.refuse(line, "The time is not a duration such as 55, 0:55:00 or 55 min.")
            return
        if first := self._same_visit(cells, address, length, line):
            self.refuse(line, f"Same visit as on line {first}. It counts once.")
            return
        self.people.setdefault(address, [address, 0, line])
        self.seconds[address] = self.seconds.get(address, 0) + length

    def _same_visit(self, cells: list[str], address: str, length: int, line: int) -> int | None:
        """Return the earlier line with the same visit. Rows without times never match."""
        moments = [
            cells[index].strip() if index is not None else ""
            for index in (self.columns.joined, self.columns.left)
        ]
        if not moments[0]:
            return None
        first = self.visits.setdefault((address, *moments, length), line)
        return first if first != line else None

    def attendance(self) -> AttendanceRows:
        for address, row in self.people.items():
            row[1] = min(self.seconds[address] // 60, MAX_MINUTES)
        return AttendanceRows(list(self.people.values()), self.refused)


def _seconds(text: str) -> int | None:
    """Parse a duration into seconds.

    Examples: 55 · 55.5 · 55,5 · 0:55:00 · 1 h 5 min · 65 minutes 30 seconds
    """
    if text.lower() in NO_TIME:
        return 0
    if match := CLOCK_DURATION.match(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    if re.fullmatch(r"\d{1,6}([.,]\d{1,6})?", text):
        return int(float(text.replace(",", ".")) * 60)
    match = SPOKEN_DURATION.match(text)
    if text and match and any(match.groups()):
        parts = match.groupdict(default="0")
        return int(parts["h"]) * 3600 + int(parts["m"]) * 60 + int(parts["s"])
    return None
