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
    FilterValues,
    Report,
    ReportFilter,
    ReportFilters,
    number_of,
    track_filter,
)
from tracks.reports.charts import Chart, ChartBar, Series

MONTHS = 24
FISCAL, CALENDAR = "fiscal", "calendar"


def credits_filters() -> ReportFilters:
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items() if pk > 0]
    return {
        "federation": ReportFilter("Federation", [("", "All federations"), *federations]),
        **track_filter(),
        "years": ReportFilter(
            "Years", [(FISCAL, "Fiscal years (July to June)"), (CALENDAR, "Calendar years")]
        ),
    }


def credits_report(values: FilterValues) -> Report:
    begins = JULY if values["years"] == FISCAL else 1
    months = _months(begins)
    amounts = queries.credits_by_month(
        months[0],
        track=number_of(values["track"]),
        federation=number_of(values["federation"].removeprefix("f")),
    )
    all_categories = list(categories())
    rows: list[TableRow] = []
    for month in months:
        first = month - relativedelta(months=(month.month - begins) % 12)
        year = _year(first, begins)
        if month == first:
            in_year = [each for each in months if 0 <= _months_between(first, each) < 12]
            rows.append(
                _credits_row(year, "All months", in_year, all_categories, amounts, GROUP_ROW)
            )
        rows.append(_credits_row(year, f"{month:%B %Y}", [month], all_categories, amounts))
    latest = months[-MONTHS:]
    bars = [
        ChartBar(
            f"{month:%b}",
            [amounts.get((month, each.pk), ZERO) for each in all_categories],
            str(month.year),
        )
        for month in latest
    ]
    total = sum((Decimal(sum(bar.figures)) for bar in bars), ZERO)
    summary = f"{format_credits(total)} earned since {latest[0]:%B %Y}."
    series = [Series(each.name, f"cat-{each.slug}", each.shape) for each in all_categories]
    chart = Chart("credits", "Credits by month and CE category", summary, series, bars)
    columns = [Column("Year"), Column("Month")]
    columns += [Column(each.name, True) for each in all_categories]
    return Report(
        summary=summary,
        chart=charts.draw_columns(chart) if total else None,
        tables=[Table("months", chart.title, [*columns, Column("All", True)], rows)],
        notes=[
            "Credits are listed by the month they were earned. Pending credits are included; "
            "declined and withdrawn ones are not.",
            "A federation's credits are those of people who now work at one of its libraries. A "
            "track's credits are those posted to it.",
        ],
    )


def _months(begins: int) -> list[dt.date]:
    """Return the first days of the last 24 months, and of any earlier months in the first year."""
    last = today().replace(day=1)
    first = last - relativedelta(months=MONTHS - 1)
    first -= relativedelta(months=(first.month - begins) % 12)
    return [
        first + relativedelta(months=number) for number in range(_months_between(first, last) + 1)
    ]


def _months_between(first: dt.date, second: dt.date) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


def _year(first: dt.date, begins: int) -> str:
    """Return "2026", or "FY 2027" for the fiscal year that started in July 2026."""
    return f"FY {fiscal_year(first)}" if begins == JULY else str(first.year)


def _credits_row(
    year: str,
    label: str,
    months: list[dt.date],
    categories: list[Category],
    amounts: Mapping[tuple[dt.date, int], Decimal],
    kind: str = PLAIN_ROW,
) -> TableRow:
    totals = [
        sum((amounts.get((month, category.pk), ZERO) for month in months), ZERO)
        for category in categories
    ]
    return TableRow((year, label, *totals, sum(totals, ZERO)), kind)
