"""Reading uploaded lists of people: CSV files, which differ from tool to tool."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError

from aspen.errors import Refused
from aspen.text import validate_email_address

MAX_ROWS = 20_000
MAX_LIST_LINE_LENGTH = 5_000
MAX_EMAIL_LENGTH = 254
# Some tools put a summary above the table, so search this many lines for the heading.
MAX_LINES_BEFORE_HEADING = 30
DELIMITERS = ",;\t"
EMAIL_HEADINGS = {"email", "emailaddress", "useremail", "attendeeemail", "mail", "participantemail"}
# The first bytes of PDF, ZIP (which includes Office files), images, and old Office files.
BINARY_SIGNATURES = (
    b"%PDF",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\xd0\xcf\x11\xe0",
)


def decode_upload(data: bytes, *, megabytes: int) -> str:
    """Return the text of an uploaded list.

    Raises Refused, with advice on what to do, if it is not a text file.
    """
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
    """Return a CSV reader that uses the heading's delimiter, or else the most frequent one.

    It is strict, because an unclosed quotation mark would swallow the rows after it; see
    `malformed_csv`.
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
    """Return the refusal to raise when reading `table` raised csv.Error."""
    return Refused(
        f"The file cannot be read as CSV past line {table.line_num}. A quotation mark on that line "
        "or above it is not closed, or is in the middle of a field. Nothing was saved. Remove "
        "the quotation mark, or save the list again from a spreadsheet program.",
        field="file",
    )


def find_column(cells: list[str], names: set[str]) -> int | None:
    """Return the index of the first column with one of these names (letters only), or None."""
    letters = (re.sub(r"[^a-z]", "", cell.lower()) for cell in cells)
    return next((index for index, name in enumerate(letters) if name in names), None)


def too_many_rows() -> Refused:
    return Refused(
        f"The list has more than {MAX_ROWS:,} rows. Split it and upload the parts.",
        field="file",
    )


def why_not_an_email(address: str) -> str:
    """Return what is wrong with a cleaned e-mail address, or an empty string."""
    if not address:
        return "There is no e-mail address."
    try:
        validate_email_address(address)
    except ValidationError:
        return "This is not an e-mail address."
    return "" if len(address) <= MAX_EMAIL_LENGTH else "This e-mail address is too long."
