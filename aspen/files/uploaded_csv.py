"""Lists of people as life delivers them: CSV files that no two tools write alike."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from aspen.errors import Refused

MAX_ROWS = 20_000
MAX_LIST_LINE_LENGTH = 5_000
MAX_EMAIL_LENGTH = 254
# Tools put a summary above the table; the heading is looked for in so many lines.
MAX_LINES_BEFORE_HEADING = 30
DELIMITERS = ",;\t"
EMAIL_HEADINGS = {"email", "emailaddress", "useremail", "attendeeemail", "mail", "participantemail"}
# What a PDF, a ZIP (and so every office file), an image, an old office file begins with.
BINARY_SIGNATURES = (
    b"%PDF",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\xd0\xcf\x11\xe0",
)


def decode_upload(data: bytes, *, megabytes: int) -> str:
    """The text of an uploaded list. Raises Refused, with what to do, when it is none."""
    if len(data) > megabytes * 1024 * 1024:
        raise Refused(
            f"This file is larger than {megabytes} MB. Split it and upload the parts.",
            field="file",
        )
    if data.startswith(BINARY_SIGNATURES):
        raise Refused(
            "This is not a CSV file. Open it in your spreadsheet program and save it as CSV.",
            field="file",
        )
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


def csv_reader(text: str, is_heading: Callable[[list[str]], bool]) -> Any:
    """A csv reader of the text, with whatever separates the heading.

    Where there is no heading, whatever occurs most. It reads strictly: a quotation mark that is
    never closed would take the next people along. See `torn`.
    """
    beginning = text[:20_000]
    lines = beginning.splitlines()[:MAX_LINES_BEFORE_HEADING]
    delimiter = max(DELIMITERS, key=beginning.count)
    for each in DELIMITERS:
        if any(is_heading(line.replace('"', "").split(each)) for line in lines):
            delimiter = each
            break
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def malformed_csv(table: Any) -> Refused:
    """What to do about a table that raised csv.Error."""
    return Refused(
        f"The file cannot be read as CSV beyond line {table.line_num}: a quotation mark there, "
        "or above, is not closed or stands in the middle of a field. Nothing was kept. Take "
        "the mark out, or save the list again from a spreadsheet program.",
        field="file",
    )


def find_column(cells: list[str], names: set[str]) -> int | None:
    """Which column of a heading has one of these names, which are written with letters only."""
    letters = (re.sub(r"[^a-z]", "", cell.lower()) for cell in cells)
    return next((index for index, name in enumerate(letters) if name in names), None)


def too_many_rows() -> Refused:
    return Refused(
        f"The list has more than {MAX_ROWS:,} rows. Split it and upload the parts.",
        field="file",
    )


def why_not_an_email(address: str) -> str:
    """What is wrong with an e-mail address, or nothing."""
    if not address:
        return "There is no e-mail address."
    try:
        validate_email(address)
    except ValidationError:
        return "This is no e-mail address."
    return "" if len(address) <= MAX_EMAIL_LENGTH else "This e-mail address is too long."
