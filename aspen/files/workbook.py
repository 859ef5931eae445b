"""Reading the cells of XLSX workbooks as text."""

import datetime as dt
import functools
import warnings
import zipfile
from collections.abc import Iterator
from typing import IO, Any, NamedTuple
from xml.parsers import expat

import openpyxl
from openpyxl.styles.numbers import is_datetime
from openpyxl.utils.datetime import from_excel, to_excel

from aspen.errors import Refused

ZIP_SIGNATURE = b"PK\x03\x04"
CHUNK = 64 * 1024
# A small ZIP file can unpack to gigabytes, and openpyxl keeps a row, the shared strings, and all
# that is outside the rows in memory. These limits leave room for 20,000 rows of 30 columns.
MAX_UNPACKED_MEGABYTES = 100
MAX_ELEMENTS = 2_000_000
MAX_ROW_ELEMENTS = 100_000
MAX_OTHER_ELEMENTS = 200_000
MAX_CELLS = 1_000_000
MAX_LINES = 1_048_576  # of a sheet, as in Excel
MAX_SHEETS = 50

TOO_LARGE = "This workbook is too large. Save the sheet with the list as CSV, or split it."
DAMAGED = (
    "This workbook cannot be read. It may be damaged or protected with a password. Open it in "
    "your spreadsheet program and save it as CSV (UTF-8)."
)


class SheetRow(NamedTuple):
    """A row of a sheet, with the number that the spreadsheet program shows."""

    sheet: str
    line: int
    cells: list[str]


def is_workbook(start: bytes) -> bool:
    """Return whether a file that begins with these bytes can be an XLSX workbook."""
    return start.startswith(ZIP_SIGNATURE)


def sheet_rows(file: IO[bytes]) -> Iterator[SheetRow]:
    """Yield the rows of all visible sheets. Blank rows that follow each other are one.

    Formulas give the values that were saved with them. Days are ISO text, times of day and
    durations are H:MM:SS, and numbers have no grouping. Nothing outside the file is opened.
    Raises Refused if the file is damaged, or too large to be read safely.
    """
    try:
        _check_parts(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which are not needed
            yield from _rows(file)
    except Refused:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged part leads to
        raise Refused(DAMAGED, field="file") from error


def _rows(file: IO[bytes]) -> Iterator[SheetRow]:
    book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    cells = 0
    for sheet in book.worksheets[:MAX_SHEETS]:
        if sheet.sheet_state != "visible":
            continue
        blank = False
        sheet.reset_dimensions()  # some programs write wrong ones, which would hide rows
        for line, row in enumerate(sheet.iter_rows(), start=1):
            cells += len(row)
            if cells > MAX_CELLS or line > MAX_LINES:
                raise Refused(TOO_LARGE, field="file")
            if row or not blank:
                yield SheetRow(sheet.title, line, [_cell_text(cell, book.epoch) for cell in row])
            blank = not row


def _cell_text(cell: Any, epoch: dt.datetime) -> str:
    value = cell.value
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, (int, float)):
        return _number_text(value)
    if isinstance(value, dt.datetime):
        return _moment_text(value, cell.number_format, epoch)
    if isinstance(value, dt.time):
        return duration_text(dt.timedelta(days=to_excel(value)))
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    return str(value)


def _number_text(value: float) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


# Returns “date”, “time” or “datetime” for a number format.
_kind_of = functools.lru_cache(maxsize=256)(is_datetime)


def _moment_text(value: dt.datetime, number_format: str, epoch: dt.datetime) -> str:
    kind = _kind_of(number_format)
    if kind == "time":  # more than a day, in a format such as h:mm
        return duration_text(dt.timedelta(days=to_excel(value, epoch)))
    moment = _to_second(value)
    if kind == "date" and moment.time() == dt.time():
        return moment.date().isoformat()
    return moment.isoformat(sep=" ")


def duration_text(length: dt.timedelta) -> str:
    """Return a duration as H:MM:SS, to the nearest second, with any number of hours."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def serial_to_moment(serial: float) -> dt.datetime:
    """Return the time that a spreadsheet program stores as this number of days since 1900."""
    return _to_second(from_excel(serial))


def _to_second(moment: dt.datetime) -> dt.datetime:
    return (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0)


# ---------- Parts that are not safe to read ----------


def _check_parts(file: IO[bytes]) -> None:
    """Raise Refused if a part of the workbook declares entities or is too large.

    Takes the sizes from the ZIP directory, beyond which `zipfile` never unpacks.
    """
    elements = 0
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > MAX_UNPACKED_MEGABYTES * 1024 * 1024:
            raise Refused(TOO_LARGE, field="file")
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels")):
                scan = _PartScan(strings="sharedstrings" in part.filename.lower())
                with archive.open(part) as content:
                    scan.read(content)
                elements += scan.elements
                if elements > MAX_ELEMENTS:
                    raise Refused(TOO_LARGE, field="file")


class _PartScan:
    """Counts the elements of an XML part without building them."""

    def __init__(self, *, strings: bool) -> None:
        self.elements = self.in_row = self.outside_rows = 0
        self.inside_row = False
        self.max_outside = MAX_ELEMENTS if strings else MAX_OTHER_ELEMENTS

    def read(self, content: IO[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        while chunk := content.read(CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _doctype(self, *_: object) -> None:
        raise Refused(DAMAGED, field="file")

    def _start(self, name: str, _: object) -> None:
        self.elements += 1
        if name.endswith(" row"):
            self.inside_row, self.in_row = True, 0
        if self.inside_row:
            self.in_row += 1
        else:
            self.outside_rows += 1
        if (
            self.in_row > MAX_ROW_ELEMENTS
            or self.outside_rows > self.max_outside
            or self.elements > MAX_ELEMENTS
        ):
            raise Refused(TOO_LARGE, field="file")

    def _end(self, name: str) -> None:
        if name.endswith(" row"):
            self.inside_row = False
