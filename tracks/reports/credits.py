"""Credits by CE category and month."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from aspen import formats
from aspen.clock import JULY, fiscal_year, today
from aspen.files.tables import GROUP, LINE, Column, Row, Table
from events.models import Category
from events.queries import categories
from tracks.counting.progress import ZERO
from tracks.reports import charts, queries
from tracks.reports.base import Chosen, Question, Questions, Report, number_of, of_track
from tracks.reports.charts import Bar, Chart, Series

MONTHS = 24
FISCAL, CALENDAR = "fiscal", "calendar"


def ask_credits() -> Questions:
    federations = [(f"f{pk}", name) for pk, name in queries.federations().items() if pk > 0]
    return {
        "federation": Question("Federation", [("", "All federations"), *federations]),
        **of_track(),
        "years": Question(
            "Years", [(FISCAL, "Fiscal years (July to June)"), (CALENDAR, "Calendar years")]
        ),
    }


def credits(chosen: Chosen) -> Report:
    begins = JULY if chosen["years"] == FISCAL else 1
    months = _months(begins)
    sums = queries.credits_by_month(
        months[0],
        track=number_of(chosen["track"]),
        federation=number_of(chosen["federation"].removeprefix("f")),
    )
    named = list(categories())
    rows: list[Row] = []
    for month in months:
        if month.month == begins:
            year = [each for each in months if 0 <= _apart(month, each) < 12]
            rows.append(_credits_row(_year(month, begins), "All months", year, named, sums, GROUP))
        label = f"{month:%B %Y}"
        year_begin = month - relativedelta(months=(month.month - begins) % 12)
        rows.append(_credits_row(_year(year_begin, begins), label, [month], named, sums))
    latest = months[-MONTHS:]
    bars = [
        Bar(f"{month:%b}", [sums.get((month, each.pk), ZERO) for each in named], str(month.year))
        for month in latest
    ]
    total = sum((Decimal(sum(bar.figures)) for bar in bars), ZERO)
    answer = f"{formats.credits(total)} earned since {latest[0]:%B %Y}."
    series = [Series(each.name, f"cat-{each.slug}", each.shape) for each in named]
    chart = Chart("credits", "Credits by month and CE category", answer, series, bars)
    columns = [Column("Year"), Column("Month"), *(Column(each.name, True) for each in named)]
    return Report(
        answer=answer,
        chart=charts.columns(chart) if total else None,
        tables=[Table("months", chart.title, [*columns, Column("All", True)], rows)],
        notes=[
            "Credits that count, Pending ones included, in the month in which they were earned. "
            "Declined and withdrawn ones are left out.",
            "A federation's credits are those of people who work at one of its libraries at "
            "present; a track's are those posted to it.",
        ],
    )


def _months(begins: int) -> list[dt.date]:
    """First days of the last 24 months, and of those before them in the same year."""
    last = today().replace(day=1)
    first = last - relativedelta(months=MONTHS - 1)
    first -= relativedelta(months=(first.month - begins) % 12)
    return [first + relativedelta(months=number) for number in range(_apart(first, last) + 1)]


def _apart(first: dt.date, second: dt.date) -> int:
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
    kind: str = LINE,
) -> Row:
    amounts = [sum((sums.get((month, each.pk), ZERO) for month in months), ZERO) for each in named]
    return Row((year, label, *amounts, sum(amounts, ZERO)), kind)
