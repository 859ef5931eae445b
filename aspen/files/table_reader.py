"""Reading the tables that other programs write, as CSV or XLSX files.

Uploads are read whole (`read_tables`). The importers stream their rows, and share the detection of
encodings and delimiters and the cleaning of cells.
"""

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aspen.errors import Refused
from aspen.files.workbook import is_workbook, sheet_rows
from aspen.text import clean_text

MAX_ROWS = 20_000
MAX_COLUMNS = 1_000
MAX_LIST_LINE_LENGTH = 5_000
SHOWN_ROWS = 5  # how many rows previews show as they were read
# Some tools put a summary above the table, so search this many lines for the heading.
MAX_LINES_BEFORE_HEADING = 30
DELIMITERS = "\t;,"
SAMPLE_LINES = 200
SAMPLE_BYTES = 64 * 1024
EMAIL_HEADINGS = {"email", "emailaddress", "useremail", "attendeeemail", "mail", "participantemail"}
# A table with one of these columns is about the meeting. Its e-mail address is the host's.
MEETING_HEADINGS = {"meetingid", "webinarid"}
OLD_OFFICE_SIGNATURE = b"\xd0\xcf\x11\xe0"
# The first bytes of PDF, images, and old Office files.
BINARY_SIGNATURES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", OLD_OFFICE_SIGNATURE)
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Reads bytes that are not UTF-8 as the characters below, so that `repaired` finds them.
KEEP_BYTES = "surrogateescape"
UNDECODED = re.compile("[\udc80-\udcff]")
SEPARATOR_LINE = re.compile(r'"?sep=(?P<delimiter>[,;\t])"?[\r\n]*', re.IGNORECASE)
# Some tools write ="001" so that spreadsheet programs keep the zeros.
QUOTED_FORMULA = re.compile(r'="(?P<text>[^"]*)"')
NUMBERED_TITLE = re.compile(r"\d{1,2}\. \S")
# A number, date, time or duration, as opposed to a heading.
VALUE = re.compile(r"(?=.*\d)[\d\s.,:/+()%$hmsdTZP–-]*(?:[AP]\.?M\.?)?", re.IGNORECASE)

UNREADABLE_TEXT = "This is not a text file. Save the list as CSV (UTF-8)."


class TableRow(NamedTuple):
    """A row's line number in the file or sheet, and its cleaned cells."""

    line: int
    cells: list[str]


class UnderstoodRow(NamedTuple):
    """How a row was read, as text for previews: includes/understood_rows.html shows it.

    `note` says how an ambiguous cell was read, or why the row was refused.
    """

    line: int
    text: str
    note: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}{f' ({self.note})' if self.note else ''}"


class ReadTable(NamedTuple):
    """One of the tables in a file, with the section's or sheet's title, if any."""

    title: str
    rows: list[TableRow]


def read_tables(data: bytes, *, megabytes: int) -> list[ReadTable]:
    """Return the tables in an uploaded CSV or XLSX file, in the file's order.

    Lines that are blank are left out. A sheet, a section title, or a heading row after a blank
    line starts a table; see `split_tables`. Cells are cleaned; see `clean_cell`. Raises Refused,
    with advice on what to do, if the file cannot be read.
    """
    if len(data) > megabytes * 1024 * 1024:
        raise Refused(
            f"This file is larger than {megabytes} MB. Split it and upload the parts.",
            field="file",
        )
    if data.startswith(BINARY_SIGNATURES):
        raise Refused(
            "This is not a CSV or XLSX file. Open it in your spreadsheet program and save it as "
            "CSV or XLSX.",
            field="file",
        )
    tables = []
    left = MAX_ROWS
    for title, rows in _sheets(data):
        found = split_tables(title, _limited(rows, left))
        left -= sum(len(table.rows) for table in found)
        tables.extend(found)
    return tables


def _sheets(data: bytes) -> Iterator[tuple[str, Iterable[TableRow]]]:
    if not is_workbook(data):
        yield "", text_rows(decode(data))
        return
    rows = sheet_rows(io.BytesIO(data))
    for title, group in itertools.groupby(rows, key=lambda row: row.sheet):
        yield title, (TableRow(row.line, [clean_cell(cell) for cell in row.cells]) for row in group)


def _limited(rows: Iterable[TableRow], most: int) -> Iterator[TableRow]:
    """Yield the rows, and only the first of blank ones that follow each other. Raises Refused."""
    count, after_blank = 0, False
    for row in rows:
        is_blank = not any(row.cells)
        count += not is_blank
        if count > most:
            raise too_many_rows()
        if any(row.cells[MAX_COLUMNS:]):
            raise Refused(
                f"Line {row.line} has more than {MAX_COLUMNS:,} cells. Check that this is a list.",
                field="file",
            )
        if not (is_blank and after_blank):
            yield row
        after_blank = is_blank


def too_many_rows() -> Refused:
    return Refused(
        f"The list has more than {MAX_ROWS:,} rows. Split it and upload the parts.",
        field="file",
    )


# ---------- Text ----------


def find_encoding(start: bytes) -> str:
    """Return the encoding of a text file that begins with these bytes.

    Without a byte order mark, text in which every other byte is NUL is UTF-16. All else is read as
    UTF-8, with KEEP_BYTES; `repaired` then reads lines that are not UTF-8 as Windows-1252.
    """
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    nuls = start[0::2].count(0), start[1::2].count(0)
    if nuls[1] > len(start) // 4 and not nuls[0]:
        return "utf-16-le"
    if nuls[0] > len(start) // 4 and not nuls[1]:
        return "utf-16-be"
    return "utf-8"


def repaired(text: str) -> str:
    """Return a line or row, read as Windows-1252 if it has bytes that are not UTF-8.

    Raises UnicodeDecodeError if it is neither.
    """
    if not UNDECODED.search(text):
        return text
    return text.encode("utf-8", KEEP_BYTES).decode("cp1252")


def decode(data: bytes) -> str:
    """Return the text of a file. Raises Refused if it is not a text file."""
    encoding = find_encoding(data[:SAMPLE_BYTES])
    errors = "strict" if encoding.startswith("utf-16") else KEEP_BYTES
    try:
        text = data.decode(encoding, errors)
        if UNDECODED.search(text):
            text = "".join(map(repaired, text.splitlines(keepends=True)))
    except UnicodeDecodeError:
        raise Refused(UNREADABLE_TEXT, field="file") from None
    if "\0" in text:
        raise Refused(UNREADABLE_TEXT, field="file")
    return text


def separator_line(line: str) -> str:
    """Return the delimiter that a line such as “sep=;” declares, or an empty string."""
    match = SEPARATOR_LINE.fullmatch(line)
    return match["delimiter"] if match else ""


def find_delimiter(sample: str) -> str:
    """Return the delimiter that gives the most rows the same number of cells as the row before.

    `sample` is the beginning of a file. A first line such as “sep=;” decides.
    """
    lines = list(itertools.islice(io.StringIO(sample, newline=""), SAMPLE_LINES))
    if lines and (declared := separator_line(lines[0])):
        return declared
    return max(DELIMITERS[::-1], key=lambda each: _uniformity(lines, each))


def _uniformity(lines: list[str], delimiter: str) -> tuple[int, int]:
    rows = csv.reader(lines, delimiter=delimiter)
    widths: list[int] = []
    with contextlib.suppress(csv.Error):
        widths.extend(len(row) for row in rows if row)
    same = sum(one == next_one > 1 for one, next_one in itertools.pairwise(widths))
    return same, max(widths, default=0)


def text_rows(text: str) -> Iterator[TableRow]:
    """Yield the rows of a delimited text, including blank ones. Raises Refused.

    Reading is strict, because an unclosed quotation mark would swallow the rows after it.
    """
    lines = io.StringIO(text, newline="")
    table = csv.reader(lines, delimiter=find_delimiter(text[:SAMPLE_BYTES]), strict=True)
    line = 1
    if separator_line(text.partition("\n")[0]):
        lines.readline()
        line = 2
    first = line
    try:
        for cells in table:
            yield TableRow(line, [clean_cell(cell) for cell in cells])
            line = first + table.line_num
    except csv.Error as error:
        raise Refused(
            f"The file cannot be read as CSV past line {line}. A quotation mark on that line "
            "is not closed, or is in the middle of a field. Nothing was saved. Remove the "
            "quotation mark, or save the list again from a spreadsheet program.",
            field="file",
        ) from error


def clean_cell(text: str) -> str:
    """Return a cell's text, which can have several lines, cleaned as in aspen/text.py."""
    if text.isascii() and text.isprintable() and "=" not in text:  # most cells of a long file
        return text.strip()
    if match := QUOTED_FORMULA.fullmatch(text.strip()):
        text = match["text"]
    return clean_text(text)


# ---------- Tables ----------


def split_tables(title: str, rows: Iterable[TableRow]) -> list[ReadTable]:
    """Divide the rows of a file or sheet into tables.

    A section title such as “2. Participants” or “Attendee Details” starts a table, and becomes its
    title. So does a row after a blank line, if it can be a heading. Other rows after a blank line
    belong to the table above, because people leave blank lines in lists.
    """
    tables: list[ReadTable] = []
    after_blank = False
    for row, following in itertools.pairwise(itertools.chain(rows, [TableRow(0, [])])):
        if not any(row.cells):
            after_blank = True
            continue
        if _is_section_title(row.cells, following.cells):
            tables.append(ReadTable(row.cells[0], []))
        elif not tables or (after_blank and tables[-1].rows and _can_be_heading(row.cells)):
            tables.append(ReadTable(title, [row]))
        else:
            tables[-1].rows.append(row)
        after_blank = False
    return [table for table in tables if table.rows]


def _is_section_title(cells: list[str], following: list[str]) -> bool:
    if not cells[0] or any(cells[1:]) or "@" in cells[0]:
        return False
    return bool(NUMBERED_TITLE.match(cells[0])) or _can_be_heading(following)


def _can_be_heading(cells: list[str]) -> bool:
    if sum(map(bool, cells)) < 2:
        return False
    return not any("@" in cell or VALUE.fullmatch(cell) for cell in cells)


# ---------- Columns ----------


def find_people(table: ReadTable) -> tuple[int, int] | None:
    """Return the indexes of the heading row and the e-mail column, if the table lists people."""
    for index, (_, cells) in enumerate(table.rows[:MAX_LINES_BEFORE_HEADING]):
        column = find_column(cells, EMAIL_HEADINGS)
        if column is not None and find_column(cells, MEETING_HEADINGS) is None:
            return index, column
    return None


def has_address(rows: Iterable[TableRow], column: int | None) -> bool:
    """Return whether a row has an e-mail address in this column."""
    if column is None:
        return False
    return any("@" in cell for _, cells in rows for cell in cells[column : column + 1])


def find_column(cells: list[str], names: set[str]) -> int | None:
    """Return the index of the first column with one of these names (letters only), or None."""
    letters = map(heading_letters, cells)
    return next((index for index, name in enumerate(letters) if name in names), None)


def heading_letters(cell: str) -> str:
    """Return what headings are compared by: their letters, in lower case."""
    return re.sub(r"[^a-z]", "", cell.lower())
