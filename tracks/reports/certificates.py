"""Expiring certificates, and the annual list of certificates."""

import datetime as dt
from typing import Any

from dateutil.relativedelta import relativedelta
from django.urls import reverse

from aspen.clock import today
from aspen.files.tables import TOTAL_ROW, Column, LazyRows, Table, TableRow
from aspen.formats import counted, format_day
from tracks.models import Certificate
from tracks.reports import charts, queries
from tracks.reports.base import (
    PEOPLE_PER_PAGE,
    FilterValues,
    Report,
    ReportFilter,
    ReportFilters,
    number_of,
    place_arguments,
    place_filter,
    report_url,
    track_filter,
    track_names,
    track_series,
)
from tracks.reports.charts import Chart, ChartBar

QUARTERS = 8
LAST_QUARTER = 10  # starts in October
NAMES_PER_PAGE = 500


def _quarters() -> list[dt.date]:
    """Return the first days of this quarter and the next eight. The last one only marks the end."""
    day = today()
    first = dt.date(day.year, 1 + (day.month - 1) // 3 * 3, 1)
    return [first + relativedelta(months=3 * number) for number in range(QUARTERS + 1)]


def _quarter(day: dt.date) -> str:
    return f"Q{1 + (day.month - 1) // 3}"


def expiring_report(values: FilterValues) -> Report:
    *quarters, end = _quarters()
    counts = queries.by_quarter(
        queries.expiring_certificates(quarters[0], end, **place_arguments(values))
    )
    tracks = track_names()
    rows: list[TableRow] = []
    bars: list[ChartBar] = []
    for day in quarters:
        figures = [counts.get((day, track), 0) for track in tracks]
        # Label each year once. The first has no room if the next year starts one column later.
        has_year = day.month == 1 or (not bars and day.month < LAST_QUARTER)
        bars.append(ChartBar(_quarter(day), figures, str(day.year) if has_year else ""))
        links = {
            number: report_url(
                "expiring-people", quarter=day.isoformat(), track=track, place=values["place"]
            )
            for number, track in enumerate([*tracks, ""], start=1)
            if (figures[number - 1] if track else sum(figures))
        }
        rows.append(TableRow((f"{_quarter(day)} {day.year}", *figures, sum(figures)), links=links))
    totals = [sum(counts.get((day, track), 0) for day in quarters) for track in tracks]
    rows.append(TableRow(("All", *totals, sum(totals)), TOTAL_ROW))
    columns = [Column("Quarter"), *(Column(name, True) for name in tracks.values())]
    columns.append(Column("All", True))
    certificates = counted(sum(totals), "certificate")
    summary = f"{certificates} will expire by {format_day(end - dt.timedelta(days=1))}."
    title = "Certificates expiring, by quarter"
    chart = Chart("expiring", title, summary, track_series(tracks), bars)
    return Report(
        summary=summary,
        chart=charts.draw_columns(chart) if sum(totals) else None,
        tables=[Table("quarters", title, columns, rows)],
        notes=[
            "A certificate is listed in the quarter in which it expires, unless its holder has "
            "another certificate for the same track that expires later. In the current quarter, "
            "only those that expire today or later are counted.",
            "A library's certificates are those of people who have a current position there.",
        ],
    )


def expiring_people_filters() -> ReportFilters:
    quarters = [(day.isoformat(), f"{_quarter(day)} {day.year}") for day in _quarters()[:-1]]
    return {"quarter": ReportFilter("Quarter", quarters), **track_filter(), **place_filter()}


def expiring_people_report(values: FilterValues) -> Report:
    start = dt.date.fromisoformat(values["quarter"])
    end = start + relativedelta(months=3)
    certificates = (
        queries.expiring_certificates(
            start, end, track=number_of(values["track"]), **place_arguments(values)
        )
        .select_related("person", "participation__track")
        .annotate(libraries=queries.library_names_per_person("person"))
        .order_by("expires_on", "number")
    )
    rows = LazyRows(certificates, _certificate_row)
    columns = [Column(label) for label in ("Name", "Libraries", "Track", "Number", "Valid until")]
    count = counted(len(rows), "certificate")
    return Report(
        title=f"Certificates expiring in {_quarter(start)} {start.year}",
        summary=f"{count}.",
        tables=[Table("people", "Certificates", columns, rows, PEOPLE_PER_PAGE)],
    )


def _certificate_row(certificate: Any) -> TableRow:
    """Return a certificate's table row. It must be annotated with the holder's `libraries`."""
    return TableRow(
        (
            certificate.person.display_name,
            "; ".join(certificate.libraries),
            certificate.participation.track.name,
            certificate.number,
            certificate.expires_on,
        ),
        links={0: reverse("admin:tracks_certificate_change", args=[certificate.pk])},
    )


def annual_list_filters() -> ReportFilters:
    years = [(str(year), str(year)) for year in queries.years_issued()]
    return {"year": ReportFilter("Year", years)}


def annual_list_report(values: FilterValues) -> Report:
    year = int(values["year"])
    unlisted = queries.unlisted_count(year)
    more = f"and {counted(unlisted, 'person', 'people')} not listed by name"
    last_rows = [TableRow((more, "", "", ""))] if unlisted else []
    listed = LazyRows(queries.listed_certificates(year), _listed_row, last_rows)
    columns = [Column(label) for label in ("Name", "Track", "Number", "Issued")]
    tracks = track_names()
    counts = queries.issued_by_year()
    years = sorted({each for each, _ in counts} | {year})
    figures = {each: [counts.get((each, track), 0) for track in tracks] for each in years}
    rows = [TableRow((str(each), *figures[each], sum(figures[each]))) for each in reversed(years)]
    issued = sum(figures[year])
    summary = f"{counted(issued, 'certificate was', 'certificates were')} issued in {year}."
    latest = years[-charts.FEW_COLUMNS :]
    chart = Chart(
        "issued",
        "Certificates issued, by year",
        summary,
        track_series(tracks),
        [ChartBar(str(each), figures[each]) for each in latest],
    )
    by_year = [Column("Year"), *(Column(name, True) for name in tracks.values())]
    return Report(
        title=f"Certificates issued in {year}",
        summary=summary,
        chart=charts.draw_columns(chart) if any(map(sum, figures.values())) else None,
        tables=[
            Table("years", chart.title, [*by_year, Column("All", True)], rows),
            Table("list", f"Certificates issued in {year}", columns, listed, NAMES_PER_PAGE),
        ],
        notes=[
            "People are listed under the name they chose. Certificates that were revoked, or "
            "replaced when they were reissued, are omitted."
        ],
    )


def _listed_row(certificate: Certificate) -> TableRow:
    track = certificate.participation.track.name
    return TableRow((certificate.listed_as, track, certificate.number, certificate.issued_on))
