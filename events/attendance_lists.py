"""Reading the attendance lists of webinar tools: CSV files that no two tools write alike."""

import csv
import io
import re
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from aspen.errors import Refused

BYTES_AT_MOST = 5 * 1024 * 1024
ROWS_AT_MOST = 20_000
LONGEST_LINE = 5_000
REFUSED_AT_MOST = 200
MINUTES_AT_MOST = 100_000
# What a tool writes for somebody who registered and did not come.
NO_TIME = {"-", "--", "–", "n/a"}
# Tools put a summary above the table; the heading is looked for in so many lines.
LINES_BEFORE = 30
DELIMITERS = ",;\t"
EMAIL = {"email", "emailaddress", "useremail", "attendeeemail", "mail", "participantemail"}
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
# What a PDF, a ZIP (and so every office file), an image, an old office file begins with.
DISGUISED = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\xd0\xcf\x11\xe0")


class Sheet(NamedTuple):
    """A list as it was read.

    `rows` are [address in lower case, whole minutes, line], one per address, in the order of the
    file; the minutes of a person who came and went are added up. `refused` are [line, reason].
    """

    rows: list[list[str | int]]
    refused: list[list[str | int]]


def read(data: bytes) -> Sheet:
    """Read a list. Raises Refused, with what to do, when the file is none."""
    if len(data) > BYTES_AT_MOST:
        raise Refused("This file is larger than 5 MB. Split it and upload the parts.", field="file")
    if data.startswith(DISGUISED):
        raise Refused(
            "This is not a CSV file. Open it in your spreadsheet program and save it as CSV.",
            field="file",
        )
    text = _text(data)
    # Strictly: a quotation mark that is never closed would take the next people along.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        return _table(lines)
    except csv.Error as error:
        raise Refused(
            f"The file cannot be read as CSV beyond line {lines.line_num}: a quotation mark there, "
            "or above, is not closed or stands in the middle of a field. Nothing was kept. Take "
            "the mark out, or save the list anew from a spreadsheet program.",
            field="file",
        ) from error


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refused("This is not a text file. Save the list as CSV (UTF-8).", field="file")


def _delimiter(text: str) -> str:
    """Whatever separates the heading; where there is none, whatever occurs most."""
    beginning = text[:20_000]
    lines = beginning.splitlines()[:LINES_BEFORE]
    for delimiter in DELIMITERS:
        if any(_columns(line.replace('"', "").split(delimiter)) for line in lines):
            return delimiter
    return max(DELIMITERS, key=beginning.count)


def _table(lines: Any) -> Sheet:
    columns: tuple[int, int] | None = None
    rows: dict[str, list[str | int]] = {}
    seconds: dict[str, int] = {}
    refused: list[list[str | int]] = []
    count = 0
    for cells in lines:
        if columns is None:
            columns = _columns(cells)
            if columns is None and lines.line_num >= LINES_BEFORE:
                break
            continue
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > ROWS_AT_MOST:
            raise Refused(
                f"The list has more than {ROWS_AT_MOST:,} rows. Split it and upload the parts.",
                field="file",
            )
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
    names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in cells]
    email = next((index for index, name in enumerate(names) if name in EMAIL), None)
    minutes = next((index for index, name in enumerate(names) if name in MINUTES), None)
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

    if len(cells) <= max(columns) or sum(map(len, cells)) > LONGEST_LINE:
        refuse("The row has other columns than the heading.")
        return
    address, time = (cells[index].strip() for index in columns)
    address = address.lower()
    try:
        validate_email(address)
    except ValidationError:
        refuse("There is no e-mail address." if not address else "This is no e-mail address.")
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
