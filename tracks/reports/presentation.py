"""Report tables as templates/tracks/reports/table.html shows them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.core.paginator import Page

from aspen.files.tables import Column, Table, TableRow, format_cell


class ShownCell(NamedTuple):
    label: str
    text: str
    is_number: bool
    url: str


class ShownRow(NamedTuple):
    kind: str
    cells: list[ShownCell]


class ShownTable(NamedTuple):
    """A table, or one page of a long one."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: list[ShownRow]
    page: Page | None


def shown_table(table: Table, page: Page | None = None) -> ShownTable:
    """Return the table with the page's rows, or with all rows."""
    rows: Iterable[TableRow] = table.rows if page is None else page
    shown = [ShownRow(row.kind, _cells(table.columns, row)) for row in rows]
    return ShownTable(table.key, table.title, table.columns, shown, page)


def _cells(columns: Sequence[Column], row: TableRow) -> list[ShownCell]:
    return [
        ShownCell(column.label, format_cell(cell), column.is_number, row.links.get(place, ""))
        for place, (column, cell) in enumerate(zip(columns, row.cells, strict=True))
    ]
