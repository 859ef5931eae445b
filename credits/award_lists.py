"""Reading whom staff want to award credits: a CSV file, or addresses as they are pasted."""

import csv
import re
from typing import Any, NamedTuple

from aspen.errors import Refused
from aspen.files import uploaded_csv

MEGABYTES = 10
BYTES_AT_MOST = MEGABYTES * 1024 * 1024
# So much of a line that was left out is kept, to recognize it.
KEPT = 300
QUOTED = re.compile(r'"[^"@]*"')


class Sheet(NamedTuple):
    """A list as it was read.

    `rows` are [address in lower case, line], one for each address. `refused` are
    [line, reason, text] of everything that was left out, in the order of the list.
    """

    rows: list[list[str | int]]
    refused: list[list[str | int]]


class _Reading:
    """Collects addresses, each once, and what was left out."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.refused: list[list[str | int]] = []
        self.count = 0

    def take(self, written: str, line: int, row: str = "") -> None:
        """The addresses written there, in a cell of a `row` or in a line of its own."""
        if len(row or written) > uploaded_csv.LONGEST_LINE:
            self.refuse(line, "This line is too long.", row or written)
            return
        for piece in _pieces(written):
            addresses = [word.strip("<>()[]'\".,:") for word in piece.split() if "@" in word]
            if not addresses:
                self.refuse(line, "There is no e-mail address.", row or piece.strip())
            for address in addresses:
                self._add(address.lower(), line, row or address)

    def _add(self, address: str, line: int, text: str) -> None:
        if reason := uploaded_csv.why_no_address(address):
            self.refuse(line, reason, text)
        elif first := self.lines.get(address):
            self.refuse(line, f"The same address as in line {first}; it counts once.", text)
        else:
            self._one_more()
            self.lines[address] = line

    def refuse(self, line: int, reason: str, text: str) -> None:
        self._one_more()
        self.refused.append([line, reason, text[:KEPT]])

    def _one_more(self) -> None:
        self.count += 1
        if self.count > uploaded_csv.ROWS_AT_MOST:
            raise uploaded_csv.too_many()

    def sheet(self) -> Sheet:
        return Sheet([[address, line] for address, line in self.lines.items()], self.refused)


def _pieces(written: str) -> list[str]:
    """What stands between commas and semicolons; a comma inside a name separates nothing."""
    bare = QUOTED.sub(" ", written)
    separator = r";|(?<=>)\s*," if "<" in bare else r"[,;]"
    return [piece for piece in re.split(separator, bare) if piece.strip()] or [""]


def read_text(text: str) -> Sheet:
    """Addresses with or without names, one or more in a line. Raises Refused when too many."""
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            reading.take(line, number)
    return reading.sheet()


def read_file(data: bytes) -> Sheet:
    """A CSV file whose heading names the addresses. Raises Refused, with what to do."""
    text = uploaded_csv.text_of(data, megabytes=MEGABYTES)
    table = uploaded_csv.table(
        text, lambda cells: uploaded_csv.column(cells, uploaded_csv.EMAIL) is not None
    )
    try:
        return _read_table(table)
    except csv.Error as error:
        raise uploaded_csv.torn(table) from error


def _read_table(rows: Any) -> Sheet:
    reading, column = _Reading(), None
    for cells in rows:
        if column is None:
            column = uploaded_csv.column(cells, uploaded_csv.EMAIL)
            if column is None and rows.line_num >= uploaded_csv.LINES_BEFORE:
                break
        elif any(cell.strip() for cell in cells):
            written = cells[column] if column < len(cells) else ""
            reading.take(written, rows.line_num, ", ".join(cell.strip() for cell in cells))
    if column is None:
        raise Refused(
            "No column for the e-mail address was found. The first row has to name it: Email. Or "
            "copy the addresses and paste them into the field above.",
            field="file",
        )
    return reading.sheet()
