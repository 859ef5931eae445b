"""Reading CSV and XLSX files and importing them row by row.

Files are streamed, and a bad row never affects another. `import_file` passes each row to an
Importer. It reports rejected rows by line number and writes them, as they were in the file, to a
rejects file that can be corrected and imported, even after a spreadsheet program saved it.
"""

import csv
import enum
import hashlib
import io
import itertools
import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, TextIO

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection
from django.db.models import Model

from aspen.errors import Refused
from aspen.files.parsing import iso_moment
from aspen.files.table_reader import (
    BINARY_SIGNATURES,
    KEEP_BYTES,
    MAX_LINES_BEFORE_HEADING,
    SAMPLE_BYTES,
    SHOWN_ROWS,
    UNDECODED,
    UnderstoodRow,
    clean_cell,
    find_delimiter,
    find_encoding,
    repaired,
    separator_line,
)
from aspen.files.workbook import is_workbook, sheet_rows
from aspen.formats import counted

BATCH = 500
MAX_LINE_LENGTH = 1_000_000  # characters; longer lines are not read into memory
MAX_RECORD_LINES = 100  # physical lines of one row; more means an unclosed quotation mark
MAX_REPORTED = 50  # rejected rows listed on the terminal; the rejects file has all of them
STEP_ROWS, STEP_SECONDS = 1000, 1.0
LOST_CHARACTER = "\ufffd"
REASON_COLUMN = "reason"  # the first column of a rejects file, before the original ones
FIRST_FIELD = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n]*),')
OWN_REASON = re.compile(r'"?line [0-9]+: |,')
UNREADABLE = (
    "This is not a CSV or XLSX file. In a spreadsheet program, save it as “CSV UTF-8” or as XLSX."
)
NotStored = ValidationError | IntegrityError | DataError


class UnreadableFile(Exception):
    """Raised if a whole file is rejected. `str()` says why."""


class RowOutcome(enum.StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


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


def content_digest(*texts: str) -> str:
    """Return a 40-character key, made from these strings, for something without an ID."""
    return hashlib.sha1("|".join(texts).encode(), usedforsecurity=False).hexdigest()


class Importer(Protocol):
    """An importer for one kind of file.

    Rows have the days and times in the columns `moments` as ISO text, if they can be read.
    """

    columns: tuple[str, ...]
    moments: tuple[str, ...]

    def prepare(self, rows: list[CsvRow]) -> None:
        """Load the data that `apply` needs for the next rows, in a few queries."""

    def apply(self, row: CsvRow) -> RowOutcome:
        """Store the row completely or not at all. Raises Refused or one of the NotStored errors."""

    def explain(self, error: NotStored) -> str:
        """Explain in plain text why the row was not stored."""

    def describe(self, row: CsvRow) -> str:
        """Return what was understood of a row that was applied. No queries."""


@dataclass
class Tally:
    """The result of an import. `first_rows` says what was understood of the first rows."""

    counts: Counter[RowOutcome] = field(default_factory=Counter)
    rejected: int = 0
    rejects: Path | None = None
    first_rows: list[UnderstoodRow] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[outcome]:,} {outcome}" for outcome in RowOutcome)


class FirstLines:
    """The line number of the first row about each stored object.

    If two different rows were about one object, they would overwrite each other at every import, so
    the second is rejected. Only integers are stored, because nothing else in memory grows with the
    file.
    """

    def __init__(self) -> None:
        self._lines: dict[int, int] = {}

    def refuse_second(self, key: str, what: str) -> None:
        """Raise Refused if an earlier row of the file stored this object."""
        if line := self._lines.get(hash(key)):
            raise Refused(f"line {line} describes the same {what} differently")

    def add(self, key: str, line: int) -> None:
        self._lines.setdefault(hash(key), line)


# Reading


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
    values |= {column: iso_moment(values[column]) for column in moments}
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


# Applying


class Rejects(AbstractContextManager["Rejects"]):
    """Writes each rejected row, preceded by the reason. Creates no file if no rows are rejected.

    A rejects file is comma-separated UTF-8 with a byte order mark, so that spreadsheet programs
    read it correctly. It can be corrected and imported again; new reasons replace the old ones.
    """

    def __init__(self, path: Path, header: str, names: list[str]) -> None:
        """`header` is the text of the heading; `names` are its column names."""
        self.path, self.header, self.width = path, header, len(names)
        self.has_reasons = names[0] == REASON_COLUMN
        if self.has_reasons:
            self.header = FIRST_FIELD.sub("", header, count=1)
        self.file: TextIO | None = None

    def add(self, record: CsvRecord, reason: str) -> None:
        if self.file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.path.open("w", encoding="utf-8-sig", errors=KEEP_BYTES, newline="")
            self.file.write(f"{REASON_COLUMN},{_line(self.header)}")
        quoted = f"line {record.line}: {reason}".replace('"', '""')
        self.file.write(f'"{quoted}",{_line(self._without_reason(record))}')

    def _without_reason(self, record: CsvRecord) -> str:
        """Return the row without the reason from an earlier import.

        If someone has already removed the reason and its comma, the row is returned unchanged.
        """
        first = FIRST_FIELD.match(record.text) if self.has_reasons else None
        if first and (len(record.cells) >= self.width or OWN_REASON.match(record.text)):
            return record.text[first.end() :]
        return record.text

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.file is not None:
            self.file.close()


def _line(text: str) -> str:
    return text if text.endswith(("\n", "\r")) else f"{text}\n"


class ImportProgress:
    """Reports progress every thousand rows or every second, whichever comes first."""

    def __init__(self, report: Callable[[str], object]) -> None:
        self.report = report
        self.rows = self.reported = 0
        self.at = time.monotonic()

    def tick(self) -> None:
        self.rows += 1
        if self.rows - self.reported >= STEP_ROWS or time.monotonic() - self.at >= STEP_SECONDS:
            self.report(f"{self.rows:,} rows …")
            self.reported, self.at = self.rows, time.monotonic()


@contextmanager
def asynchronous_commits() -> Iterator[None]:
    """Commit without waiting for the disk, because each row has its own transaction.

    If the database server crashes, the last rows may be missing, and the import must be run again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        (before,) = cursor.fetchone()
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('synchronous_commit', %s, false)", [before])


def import_file(
    path: Path,
    importer: Importer,
    *,
    rejects: Path,
    report: Callable[[str], object],
    progress: Callable[[str], object],
) -> Tally:
    """Import every row of the file. Report rows that cannot be stored and write them to `rejects`.

    Raises UnreadableFile if the file is unusable. Nothing is stored then, unless a file that began
    well cannot be read to its end.
    """
    if rejects.exists() and path.exists() and rejects.samefile(path):
        raise UnreadableFile(
            "The rejects file would overwrite the input file. Choose another path for it."
        )
    tally = Tally()
    with open_records(path) as records, asynchronous_commits():
        first = find_header(records, importer.columns)
        header = read_header(first, importer.columns)
        assert first is not None
        # Sheets, and files that were joined, can repeat the heading.
        heading, width = first.cells, len(first.cells)
        rows = (record for record in records if record.cells[:width] != heading)
        ticker = ImportProgress(progress)
        with Rejects(rejects, first.text, header) as rejected:
            for batch in _batches(rows):
                _import_batch(batch, header, importer, rejected, tally, report, ticker)
        tally.rejects = rejects if tally.rejected else None
    if tally.rejected > MAX_REPORTED:
        report(f"… and {tally.rejected - MAX_REPORTED:,} more")
    return tally


def _batches(rows: Iterator[CsvRecord]) -> Iterator[list[CsvRecord]]:
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def _import_batch(
    batch: list[CsvRecord],
    header: list[str],
    importer: Importer,
    rejects: Rejects,
    tally: Tally,
    report: Callable[[str], object],
    progress: ImportProgress,
) -> None:
    good: list[tuple[CsvRecord, CsvRow]] = []
    refused: list[tuple[CsvRecord, str]] = []
    for record in batch:
        try:
            good.append((record, to_row(record, header, importer.moments)))
        except Refused as error:
            refused.append((record, str(error)))
    importer.prepare([row for _, row in good])
    for record, row in good:
        try:
            tally.counts[importer.apply(row)] += 1
            _describe_first_rows(row, importer, tally)
        except Refused as error:
            refused.append((record, f"{error.field}: {error}" if error.field else str(error)))
        except (ValidationError, IntegrityError, DataError) as error:
            refused.append((record, importer.explain(error)))
        progress.tick()
    for record, reason in sorted(refused, key=lambda item: item[0].line):
        rejects.add(record, reason)
        tally.rejected += 1
        if tally.rejected <= MAX_REPORTED:
            report(f"line {record.line}: {reason}")


def _describe_first_rows(row: CsvRow, importer: Importer, tally: Tally) -> None:
    if len(tally.first_rows) < SHOWN_ROWS:
        with suppress(Refused):  # an unchanged row can have values that are no longer accepted
            tally.first_rows.append(UnderstoodRow(row.line, importer.describe(row)))


def explain_error(error: NotStored, columns: dict[str, str], *models: type[Model]) -> str:
    """Return the message for a row that a field or constraint of these models rejected.

    `columns` maps fields of the model to columns of the file.
    """
    if isinstance(error, ValidationError):
        return " ".join(
            f"{columns.get(name, name)}: {' '.join(messages)}"
            for name, messages in error.message_dict.items()
        )
    broken = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    for constraint in itertools.chain.from_iterable(model._meta.constraints for model in models):
        if constraint.name == broken:
            return str(constraint.get_violation_error_message())
    return f"the database rejected this row ({broken}); someone may be adding it right now"
