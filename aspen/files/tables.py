"""Tables as CSV and XLSX files."""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, overload

import xlsxwriter
from django.db.models import QuerySet

from aspen.formats import format_amount, format_day

CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")

# Spreadsheet programs treat these as the start of a formula (OWASP, CSV injection).
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(cell: str) -> str:
    """Return the string, escaped so that no spreadsheet program runs it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_PREFIXES) else cell


def to_one_line(text: str) -> str:
    """Return the string with line breaks and other control characters replaced by spaces."""
    return CONTROL_OR_BREAK.sub(" ", text).strip()


CellValue = str | int | Decimal | dt.date
GROUP_ROW, TOTAL_ROW, PLAIN_ROW = "group", "all", "line"
MAX_COLUMN_WIDTH = 60


class Column(NamedTuple):
    label: str
    is_number: bool = False


class TableRow(NamedTuple):
    """A table row. GROUP_ROW and TOTAL_ROW rows hold sums. `links` maps cell indexes to URLs."""

    cells: tuple[CellValue, ...]
    kind: str = PLAIN_ROW
    links: Mapping[int, str] = {}


class Table(NamedTuple):
    """A table to show on a page or download. `key` identifies it in URLs and file names.

    `size` is the number of rows per page; 0 shows all.
    """

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[TableRow]
    size: int = 0


class LazyRows(Sequence[TableRow]):
    """The rows of a long table, fetched when needed. Counting them takes one query."""

    def __init__(
        self, queryset: QuerySet, to_row: Callable[[Any], TableRow], last: Sequence[TableRow] = ()
    ) -> None:
        """`last` contains rows to add at the end."""
        self.queryset, self.to_row, self.last = queryset, to_row, list(last)
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = self.queryset.count()
        return self._count + len(self.last)

    @overload
    def __getitem__(self, index: int) -> TableRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TableRow]: ...
    def __getitem__(self, index: int | slice) -> TableRow | list[TableRow]:
        if isinstance(index, int):
            return self[index : index + 1][0]
        start, stop, _ = index.indices(len(self))
        count = len(self) - len(self.last)
        rows = [self.to_row(each) for each in self.queryset[start : min(stop, count)]]
        return rows + self.last[max(0, start - count) : max(0, stop - count)]

    def __iter__(self) -> Iterator[TableRow]:
        yield from map(self.to_row, self.queryset.iterator(chunk_size=2000))
        yield from self.last


def format_cell(cell: CellValue) -> str:
    """Return a cell as text for a page."""
    if isinstance(cell, dt.date):
        return format_day(cell)
    if isinstance(cell, Decimal):
        whole, dot, half = format_amount(cell).partition(".")
        return f"{int(whole):,}{dot}{half}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def table_csv(table: Table) -> bytes:
    """Return the table as CSV, with an apostrophe before text that would run as a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([column.label for column in table.columns])
    writer.writerows([_plain(cell) for cell in row.cells] for row in table.rows)
    return f"\ufeff{file.getvalue()}".encode()


def _plain(cell: CellValue) -> str:
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format_amount(cell)
    return escape_formula(to_one_line(cell)) if isinstance(cell, str) else str(cell)


def table_xlsx(table: Table) -> bytes:
    """Return the table as one sheet, with typed text, numbers and dates."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"title": table.title})
        bold = book.add_format({"bold": True})
        days = {
            kind: {"num_format": "yyyy-mm-dd", "bold": kind != PLAIN_ROW}
            for kind in (PLAIN_ROW, GROUP_ROW)
        }
        day = {kind: book.add_format(format) for kind, format in days.items()}
        sheet = book.add_worksheet("Figures")
        sheet.freeze_panes(1, 0)
        widths = [len(column.label) for column in table.columns]
        for place, column in enumerate(table.columns):
            sheet.write_string(0, place, column.label, bold)
        for line, row in enumerate(table.rows, start=1):
            for place, cell in enumerate(row.cells):
                widths[place] = max(widths[place], len(_plain(cell)))
                if isinstance(cell, dt.date):
                    format = day[PLAIN_ROW if row.kind == PLAIN_ROW else GROUP_ROW]
                    sheet.write_datetime(line, place, dt.datetime.combine(cell, dt.time()), format)
                    continue
                format = None if row.kind == PLAIN_ROW else bold
                if isinstance(cell, str):
                    sheet.write_string(line, place, to_one_line(cell), format)
                else:
                    sheet.write_number(line, place, cell, format)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, min(MAX_COLUMN_WIDTH, width + 2))
    return file.getvalue()


FORMATS: dict[str, tuple[str, Callable[[Table], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", table_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", table_xlsx),
}
