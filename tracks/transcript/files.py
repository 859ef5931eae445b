"""Transcripts as PDF, CSV and XLSX, with the same numbers as the page."""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import xlsxwriter

from accounts.models import User
from aspen.files import pdf
from aspen.files.tables import escape_formula, to_one_line
from aspen.formats import format_amount, format_day
from credits import history
from events.models import Category
from tracks.counting import presentation as counting_presentation
from tracks.models import Participation
from tracks.transcript.totals import Transcript, TranscriptGroup, sum_columns, sums_table

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

TITLE = "Continuing education credits"
COLUMNS = (
    *("Period", "Year", "Earned on", "Event", "Role", "CE category"),
    *("Credits", "Counted", "Status", "Note"),
)


class TranscriptRow(NamedTuple):
    """One credit in a file. `counted` is the amount that the totals include."""

    group: TranscriptGroup
    earned_on: dt.date
    title: str
    sponsor: str
    role: str
    category: str
    amount: Decimal
    counted: Decimal
    state: str
    note: str


class TranscriptFile(NamedTuple):
    """The content of a transcript file. `filters` lists the labels of the applied filters."""

    person: User
    library: str
    day: dt.date
    filters: str
    summary: str
    transcript: Transcript
    categories: Sequence[Category]
    rows: list[TranscriptRow]


def transcript_rows(
    transcript: Transcript,
    credits: "Mapping[int, PostedCredit]",
    participations: list[Participation],
) -> list[TranscriptRow]:
    """Return a transcript's rows in the order in which the page lists them.

    Takes no query if the credits come from own_credits.load_ended_by().
    """
    return [
        _row(group, credits[line.id], participations, sponsor=line.sponsor)
        for group, line in transcript.listed
    ]


def _row(
    group: TranscriptGroup,
    credit: "PostedCredit",
    participations: list[Participation],
    *,
    sponsor: str,
) -> TranscriptRow:
    ending = history.how_credit_ended(credit)
    row = counting_presentation.credit_row(credit, participations, ending=ending)
    in_title = {f"Posted to {each.track}" for each in participations}
    in_title |= {counting_presentation.counted_in(each) for each in participations}
    notes = [row.reason, *(each for each in row.tracks if each not in in_title)]
    return TranscriptRow(
        group=group,
        earned_on=credit.earned_on,
        title=row.title,
        sponsor=sponsor,
        role=row.role,
        category=str(credit.category),
        amount=credit.amount,
        counted=credit.amount if group.counts else Decimal(0),
        state=row.state.text,
        note=" ".join(note for note in notes if note),
    )


def _texts(row: TranscriptRow) -> list[str]:
    """Return the row's cells as text in the order of COLUMNS, without line breaks."""
    texts = (row.group.title, row.title, row.role, row.category, row.state, row.note)
    return [to_one_line(text) for text in texts]


# ---------- Spreadsheets ----------


def transcript_csv(content: TranscriptFile) -> bytes:
    """Write one line per credit. Text that a spreadsheet would treat as a formula is escaped."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in content.rows:
        period, title, role, category, state, note = (escape_formula(text) for text in _texts(row))
        writer.writerow(
            [
                *(period, row.earned_on.year, row.earned_on.isoformat(), title, role, category),
                *(format_amount(row.amount), format_amount(row.counted), state, note),
            ]
        )
    return f"\ufeff{file.getvalue()}".encode()


def transcript_xlsx(content: TranscriptFile) -> bytes:
    """Write one sheet with a row per credit and another with the totals.

    Text is never written as a formula.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"title": f"{TITLE}: {to_one_line(content.person.display_name)}"})
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("Credits")
        _write_header(sheet, COLUMNS, bold, widths=(26, 7, 12, 60, 11, 34, 9, 9, 14, 60))
        for line, row in enumerate(content.rows, start=1):
            period, title, role, category, state, note = _texts(row)
            for column, text in zip(
                (0, 3, 4, 5, 8, 9), (period, title, role, category, state, note), strict=True
            ):
                sheet.write_string(line, column, text)
            sheet.write_number(line, 1, row.earned_on.year)
            sheet.write_datetime(line, 2, dt.datetime.combine(row.earned_on, dt.time()), day)
            sheet.write_number(line, 6, row.amount)
            sheet.write_number(line, 7, row.counted)
        _sums_sheet(book.add_worksheet("Totals"), content, bold)
    return file.getvalue()


def _write_header(sheet: Any, columns: Sequence[str], bold: Any, *, widths: Sequence[int]) -> None:
    sheet.freeze_panes(1, 0)
    for column, (label, width) in enumerate(zip(columns, widths, strict=True)):
        sheet.write_string(0, column, label, bold)
        sheet.set_column(column, column, width)


def _sums_header(content: TranscriptFile) -> list[str]:
    return ["Period and year", *sum_columns(content.categories)]


def _sums_sheet(sheet: Any, content: TranscriptFile, bold: Any) -> None:
    columns = _sums_header(content)
    _write_header(sheet, columns, bold, widths=[30, *(len(each) + 2 for each in columns[1:])])
    for line, row in enumerate(sums_table(content.transcript, content.categories), start=1):
        format = None if row.kind == "year" else bold
        sheet.write_string(line, 0, row.label, format)
        for column, amount in enumerate(row.amounts.values(), start=1):
            sheet.write_number(line, column, amount, format)


# ---------- PDF ----------


def transcript_pdf(content: TranscriptFile) -> bytes:
    return pdf.render("transcript.typ", _pdf_data(content))


def _pdf_data(content: TranscriptFile) -> dict[str, Any]:
    by_group: dict[int, list[list[str]]] = {}
    for row in content.rows:
        by_group.setdefault(id(row.group), []).append(_cells(row))
    sums = sums_table(content.transcript, content.categories) if content.rows else []
    return {
        "title": TITLE,
        "name": content.person.display_name,
        "library": content.library,
        "printed_on": format_day(content.day),
        "filters": content.filters,
        "summary": content.summary,
        "sums_header": _sums_header(content),
        "sums": [
            {"kind": row.kind, "cells": [row.label, *(text for _, text in row.texts)]}
            for row in sums
        ],
        "groups": [
            {
                "title": group.title,
                "note": group.note,
                "total": format_amount(group.all.total) if group.counts else "",
                "rows": by_group[id(group)],
            }
            for group in content.transcript.groups
        ],
    }


def _cells(row: TranscriptRow) -> list[str]:
    _, title, role, category, state, note = _texts(row)
    return [
        format_day(row.earned_on),
        f"{title} ({role})" if role else title,
        to_one_line(row.sponsor),
        category,
        format_amount(row.amount),
        note if note.startswith(state) else ". ".join(filter(None, (state, note))),
    ]


FORMATS = {
    "pdf": ("application/pdf", transcript_pdf),
    "csv": ("text/csv; charset=utf-8", transcript_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", transcript_xlsx),
}
