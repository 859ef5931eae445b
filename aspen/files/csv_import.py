"""Importing CSV and XLSX files row by row.

Files are streamed, and a bad row never affects another. `import_file` passes each row to an
Importer. It reports rejected rows by line number and writes them, as they were in the file, to a
rejects file that can be corrected and imported, even after a spreadsheet program saved it.
"""

import enum
import hashlib
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, TextIO

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection
from django.db.models import Model

from aspen.errors import Refused
from aspen.files.records import (
    REASON_COLUMN,
    CsvRecord,
    CsvRow,
    UnreadableFile,
    find_header,
    open_records,
    read_header,
    to_row,
)
from aspen.files.table_reader import (
    KEEP_BYTES,
    SHOWN_ROWS,
    UnderstoodRow,
)

BATCH = 500
MAX_REPORTED = 50  # rejected rows listed on the terminal; the rejects file has all of them
STEP_ROWS, STEP_SECONDS = 1000, 1.0
FIRST_FIELD = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n]*),')
OWN_REASON = re.compile(r'"?line [0-9]+: |,')
NotStored = ValidationError | IntegrityError | DataError


class RowOutcome(enum.StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


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
