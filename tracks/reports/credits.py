"""Credits by CE category and month."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from aspen.clock import JULY, fiscal_year, today
from aspen.files.tables import GROUP_ROW, PLAIN_ROW, Column, Table, TableRow
from aspen.formats import format_credits
from events.models import Category
from events.queries import categories
from tracks.counting.progress import ZERO
from tracks.reports import charts, queries
from tracks.reports.base import (
    Answers,
    Questions,
    Report,
    ReportQuestion,
    number_of,
    track_question,
)
from tracks.reports.charts import Chart, ChartBar, Series

MONTHS = 24
FISCAL, CALENDAR = "fiscal", "calendar"


def credits_questions() -> Questions:
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items() if pk > 0]
    return {
        "federation": ReportQuestion("Federation", [("", "All federations"), *federations]),
        **track_question(),
        "years": ReportQuestion(
            "Years", [(FISCAL, "Fiscal years (July to June)"), (CALENDAR, "Calendar years")]
        ),
    }


def credits_report(chosen: Answers) -> Report:
    begins = JULY if chosen["years"] == FISCAL else 1
    months = _months(begins)
    sums = queries.credits_by_month(
        months[0],
        track=number_of(chosen["track"]),
        federation=number_of(chosen["federation"].removeprefix("f")),
    )
    named = list(categories())
    rows: list[TableRow] = []
    for month in months:
        if month.month == begins:
            year = [each for each in months if 0 <= _months_between(month, each) < 12]
            rows.append(
                _credits_row(_year(month, begins), "All months", year, named, sums, GROUP_ROW)
            )
        label = f"{month:%B %Y}"
        year_begin = month - relativedelta(months=(month.month - begins) % 12)
        rows.append(_credits_row(_year(year_begin, begins), label, [month], named, sums))
    latest = months[-MONTHS:]
    bars = [
        ChartBar(
            f"{month:%b}", [sums.get((month, each.pk), ZERO) for each in named], str(month.year)
        )
        for month in latest
    ]
    total = sum((Decimal(sum(bar.figures)) for bar in bars), ZERO)
    answer = f"{format_credits(total)} earned since {latest[0]:%B %Y}."
    series = [Series(each.name, f"cat-{each.slug}", each.shape) for each in named]
    chart = Chart("credits", "Credits by month and CE category", answer, series, bars)
    columns = [Column("Year"), Column("Month"), *(Column(each.name, True) for each in named)]
    return Report(
        answer=answer,
        chart=charts.draw_columns(chart) if total else None,
        tables=[Table("months", chart.title, [*columns, Column("All", True)], rows)],
        notes=[
            "Credits that count, Pending ones included, by the month in which they were earned. "
            "Declined and withdrawn ones are left out.",
            "A federation's credits are those of people who work at one of its libraries at "
            "present; a track's are those posted to it.",
        ],
    )


def _months(begins: int) -> list[dt.date]:
    """First days of the last 24 months, and of the earlier months of the first year."""
    last = today().replace(day=1)
    first = last - relativedelta(months=MONTHS - 1)
    first -= relativedelta(months=(first.month - begins) % 12)
    return [
        first + relativedelta(months=number) for number in range(_months_between(first, last) + 1)
    ]


def _months_between(first: dt.date, second: dt.date) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


def _year(first: dt.date, begins: int) -> str:
    """2026, or FY 2027 for the fiscal year that begins in July 2026."""
    return f"FY {fiscal_year(first)}" if begins == JULY else str(first.year)


def _credits_row(
    year: str,
    label: str,
    months: list[dt.date],
    named: list[Category],
    sums: Mapping[tuple[dt.date, int], Decimal],
    kind: str = PLAIN_ROW,
) -> TableRow:
    amounts = [sum((sums.get((month, each.pk), ZERO) for month in months), ZERO) for each in named]
    return TableRow((year, label, *amounts, sum(amounts, ZERO)), kind)
