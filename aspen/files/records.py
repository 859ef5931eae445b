"""Reading the rows of CSV and XLSX files one at a time, for imports.

Each record keeps its text, so that rejects are written as they were in the file.
"""

import csv
import hashlib
import io
import itertools
import json
from collections import Counter, deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

from aspen.errors import Refused
from aspen.files.parsing import iso_moment
from aspen.files.table_reader import (
    BINARY_SIGNATURES,
    KEEP_BYTES,
    MAX_LINES_BEFORE_HEADING,
    SAMPLE_BYTES,
    UNDECODED,
    clean_cell,
    find_delimiter,
    find_encoding,
    repaired,
    separator_line,
)
from aspen.files.workbook import is_workbook, sheet_rows
from aspen.formats import counted

MAX_LINE_LENGTH = 1_000_000  # characters; longer lines are not read into memory
MAX_RECORD_LINES = 100  # physical lines of one row; more means an unclosed quotation mark
LOST_CHARACTER = "\ufffd"
REASON_COLUMN = "reason"  # the first column of a rejects file, before the original ones
UNREADABLE = (
    "This is not a CSV or XLSX file. In a spreadsheet program, save it as “CSV UTF-8” or as XLSX."
)


class UnreadableFile(Exception):
    """Raised if a whole file is rejected. `str()` says why."""


@dataclass(frozen=True)
class CsvRecord:
    """A row of the file: its first line number, its text, and its cells or an error.

    The text is as in the file if that has commas between the cells, and otherwise rewritten so.
    """

    line: int
    text: str
    cells: list[str] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class CsvRow:
    """A row's cleaned values by column."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def digest(self, columns: tuple[str, ...]) -> str:
        """Return a 64-character digest of the row's values in these columns."""
        text = json.dumps([self[column] for column in columns])
        return hashlib.sha256(text.encode()).hexdigest()


def _physical_lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers. Lines that are too long are truncated.

    Lines that are not UTF-8 are read as Windows-1252 if possible.
    """
    for number in itertools.count(1):
        try:
            line = rest = file.readline(MAX_LINE_LENGTH)
            while len(rest) == MAX_LINE_LENGTH and not rest.endswith(("\n", "\r")):
                rest = file.readline(MAX_LINE_LENGTH)
        except OSError as error:
            raise UnreadableFile(f"Reading the file failed: {error.strerror}.") from error
        if not line:
            return
        with suppress(UnicodeDecodeError):
            line = repaired(line)
        yield number, line


def read_records(file: TextIO, delimiter: str = ",") -> Generator[CsvRecord, None, None]:
    """Yield the rows of a CSV file, including the header but not blank lines.

    A quoted field can span lines. If a quotation mark is never closed, only that line is lost,
    and reading continues with the next one.
    """
    lines = _physical_lines(file)
    waiting: deque[tuple[int, str]] = deque()
    while first := (waiting.popleft() if waiting else next(lines, None)):
        number, text = first
        if not text.strip() or (number == 1 and separator_line(text)):
            continue
        taken: list[tuple[int, str]] = []
        record = _parse(number, [text], delimiter)
        while record is None and len(taken) < MAX_RECORD_LINES:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            record = _parse(number, [text, *(line for _, line in taken)], delimiter)
        if record is None:
            record = CsvRecord(number, text, error="a quotation mark is never closed")
        if record.error:
            waiting.extendleft(reversed(taken))
            record = CsvRecord(number, text.replace(delimiter, ","), error=record.error)
        if record.error or any(cell.strip() for cell in record.cells):
            yield record


def _parse(number: int, lines: list[str], delimiter: str) -> CsvRecord | None:
    """Return the record in these lines, or None if it continues on the next line."""
    text = "".join(lines)
    if len(lines[0]) == MAX_LINE_LENGTH:
        return CsvRecord(
            number, text, error=f"the line is longer than {MAX_LINE_LENGTH:,} characters"
        )
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None
        return CsvRecord(number, text, error=_csv_error(str(error)))
    return CsvRecord(number, text if delimiter == "," else _csv_text(cells), cells)


def _csv_text(cells: list[str]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerow(cells)
    return file.getvalue()


def _csv_error(message: str) -> str:
    if "field limit" in message:
        return f"a field is longer than {csv.field_size_limit():,} characters"
    return "there is a quotation mark in the middle of a field; double it or remove it"


def why_not_storable(text: str) -> str:
    """Return the reason why a string cannot be stored, or an empty string."""
    if UNDECODED.search(text):
        return "this line is not text in UTF-8; save the file as “CSV UTF-8”"
    if LOST_CHARACTER in text:
        return f"this line contains “{LOST_CHARACTER}” for a character that was lost; enter it"
    if "\0" in text:
        return "this line contains a NUL character, which cannot be stored"
    return ""


def find_header(records: Iterator[CsvRecord], columns: tuple[str, ...]) -> CsvRecord | None:
    """Return the record with the column names, which can be below a title, or else the first."""
    first = None
    for record in itertools.islice(records, MAX_LINES_BEFORE_HEADING):
        if set(columns) <= set(_column_names(record)):
            return record
        first = first or record
    return first


def _column_names(record: CsvRecord) -> list[str]:
    return [clean_cell(cell).lower() for cell in record.cells]


def read_header(record: CsvRecord | None, columns: tuple[str, ...]) -> list[str]:
    """Return the column names in the file's order. Raises UnreadableFile."""
    if record is None:
        raise UnreadableFile("The file is empty.")
    if record.error or why_not_storable(record.text):
        raise UnreadableFile(UNREADABLE)
    names = _column_names(record)
    if missing := [name for name in columns if name not in names]:
        raise UnreadableFile(
            f"The first line must list the columns. Missing: {', '.join(missing)}. "
            "A column can be empty, but it cannot be omitted."
        )
    if twice := sorted(name for name, count in Counter(names).items() if name and count > 1):
        raise UnreadableFile(f"The heading lists a column twice: {', '.join(twice)}.")
    return names


def to_row(record: CsvRecord, header: list[str], moments: tuple[str, ...] = ()) -> CsvRow:
    """Return the record's cells by column. Raises Refused if there are too few or too many."""
    if reason := why_not_storable(record.text) or record.error:
        raise Refused(reason)
    cells = [clean_cell(cell) for cell in record.cells]
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise Refused(
            f"this line has {counted(len(cells), 'field')}, but the heading has {len(header)}; "
            "check for an extra or missing comma"
        )
    values = dict(zip(header, cells, strict=False))
    values |= {column: iso_moment(values[column]) for column in moments if column in values}
    return CsvRow(record.line, values)


@contextmanager
def open_records(path: Path) -> Iterator[Iterator[CsvRecord]]:
    """Open a CSV or XLSX file for reading its rows. Raises UnreadableFile."""
    try:
        file = io.BufferedReader(path.open("rb", buffering=0), SAMPLE_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(f"{path} cannot be read: {reason.lower()}.") from error
    with file:
        start = file.peek(SAMPLE_BYTES)[:SAMPLE_BYTES]
        if start.startswith(BINARY_SIGNATURES):
            raise UnreadableFile(UNREADABLE)
        if is_workbook(start):
            with closing(_workbook_records(file)) as records:
                yield records
        else:
            with _open_csv(file, start) as records:
                yield records


@contextmanager
def _open_csv(file: IO[bytes], start: bytes) -> Iterator[Generator[CsvRecord, None, None]]:
    encoding = find_encoding(start)
    errors = "replace" if encoding.startswith("utf-16") else KEEP_BYTES
    delimiter = find_delimiter(start.decode(encoding, "replace"))
    with (
        io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as lines,
        closing(read_records(lines, delimiter)) as records,
    ):
        yield records


def _workbook_records(file: IO[bytes]) -> Generator[CsvRecord, None, None]:
    """Yield the rows of all sheets as CSV text.

    Each has as many cells as the widest row above it, because sheets leave out empty cells.
    """
    width = 0
    try:
        for row in sheet_rows(file):
            if not any(row.cells):
                continue
            width = max(width, len(row.cells))
            cells = row.cells + [""] * (width - len(row.cells))
            yield CsvRecord(row.line, _csv_text(cells), cells)
    except Refused as error:
        raise UnreadableFile(str(error)) from error
