"""Reading the attendance lists of webinar tools: CSV files that no two tools write alike."""

import csv
import re
from typing import Any, NamedTuple

from aspen import lists
from aspen.errors import Refused

MEGABYTES = 5
BYTES_AT_MOST = MEGABYTES * 1024 * 1024
REFUSED_AT_MOST = 200
MINUTES_AT_MOST = 100_000
# What a tool writes for somebody who registered and did not come.
NO_TIME = {"-", "--", "–", "n/a"}
MINUTES = {
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
CLOCK = re.compile(r"^(?:(\d{1,3}):)?(\d{1,3}):(\d{2})$")
SPOKEN = re.compile(
    r"^(?:(?P<h>\d{1,3})\s*h(?:ours?|rs?)?)?\s*(?:(?P<m>\d{1,4})\s*m(?:in(?:ute)?s?)?\.?)?"
    r"\s*(?:(?P<s>\d{1,5})\s*s(?:ec(?:ond)?s?)?\.?)?$",
    re.IGNORECASE,
)


class Sheet(NamedTuple):
    """A list as it was read.

    `rows` are [address in lower case, whole minutes, line], one per address, in the order of the
    file; the minutes of a person who came and went are added up. `refused` are [line, reason].
    """

    rows: list[list[str | int]]
    refused: list[list[str | int]]


def read(data: bytes) -> Sheet:
    """Read a list. Raises Refused, with what to do, when the file is none."""
    text = lists.text_of(data, megabytes=MEGABYTES)
    table = lists.table(text, lambda cells: _columns(cells) is not None)
    try:
        return _table(table)
    except csv.Error as error:
        raise lists.torn(table) from error


def _table(lines: Any) -> Sheet:
    columns: tuple[int, int] | None = None
    rows: dict[str, list[str | int]] = {}
    seconds: dict[str, int] = {}
    refused: list[list[str | int]] = []
    count = 0
    for cells in lines:
        if columns is None:
            columns = _columns(cells)
            if columns is None and lines.line_num >= lists.LINES_BEFORE:
                break
            continue
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > lists.ROWS_AT_MOST:
            raise lists.too_many()
        _take(cells, columns, lines.line_num, rows, seconds, refused)
    if columns is None:
        raise Refused(
            "No column for the e-mail address and the minutes was found. The first row has to "
            "name them, for example: Email, Minutes.",
            field="file",
        )
    for address, row in rows.items():
        row[1] = min(seconds[address] // 60, MINUTES_AT_MOST)
    return Sheet(list(rows.values()), refused)


def _columns(cells: list[str]) -> tuple[int, int] | None:
    email, minutes = lists.column(cells, lists.EMAIL), lists.column(cells, MINUTES)
    return None if email is None or minutes is None else (email, minutes)


def _take(
    cells: list[str],
    columns: tuple[int, int],
    line: int,
    rows: dict[str, list[str | int]],
    seconds: dict[str, int],
    refused: list[list[str | int]],
) -> None:
    def refuse(reason: str) -> None:
        if len(refused) < REFUSED_AT_MOST:
            refused.append([line, reason])
        elif len(refused) == REFUSED_AT_MOST:
            refused.append([line, "From here on more rows cannot be read; they are not shown."])

    if len(cells) <= max(columns) or sum(map(len, cells)) > lists.LONGEST_LINE:
        refuse("The row has other columns than the heading.")
        return
    address, time = (cells[index].strip() for index in columns)
    address = address.lower()
    if reason := lists.why_no_address(address):
        refuse(reason)
        return
    length = _seconds(time)
    if length is None:
        refuse("The time is not in minutes, like 55, 0:55:00 or 55 min.")
        return
    rows.setdefault(address, [address, 0, line])
    seconds[address] = seconds.get(address, 0) + length


def _seconds(text: str) -> int | None:
    """55 · 55.5 · 55,5 · 0:55:00 · 1 h 5 min · 65 minutes 30 seconds, as seconds."""
    if text.lower() in NO_TIME:
        return 0
    if match := CLOCK.match(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    if re.fullmatch(r"\d{1,6}([.,]\d{1,6})?", text):
        return int(float(text.replace(",", ".")) * 60)
    match = SPOKEN.match(text)
    if text and match and any(match.groups()):
        parts = match.groupdict(default="0")
        return int(parts["h"]) * 3600 + int(parts["m"]) * 60 + int(parts["s"])
    return None
