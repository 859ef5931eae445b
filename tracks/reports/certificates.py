"""Certificates that expire, and a year's list of certificates."""

import datetime as dt
from typing import Any

from dateutil.relativedelta import relativedelta
from django.urls import reverse

from aspen.clock import today
from aspen.files.tables import TOTAL_ROW, Column, LazyRows, Table, TableRow
from aspen.formats import counted, format_day
from tracks.reports import charts, queries
from tracks.reports.base import (
    PEOPLE,
    Answers,
    Questions,
    Report,
    ReportQuestion,
    number_of,
    place_of,
    place_question,
    report_url,
    track_names,
    track_question,
    track_series,
)
from tracks.reports.charts import Chart, ChartBar

QUARTERS = 8
LAST_QUARTER = 10  # begins in October
NAMES = 500


def _quarters() -> list[dt.date]:
    """The first days of this quarter, the next seven, and the one after them."""
    now = today()
    first = dt.date(now.year, 1 + (now.month - 1) // 3 * 3, 1)
    return [first + relativedelta(months=3 * number) for number in range(QUARTERS + 1)]


def _quarter(day: dt.date) -> str:
    return f"Q{1 + (day.month - 1) // 3}"


def expiring_report(chosen: Answers) -> Report:
    *quarters, end = _quarters()
    counts = queries.by_quarter(queries.expiring_certificates(quarters[0], end, **place_of(chosen)))
    tracks = track_names()
    rows: list[TableRow] = []
    bars: list[ChartBar] = []
    for day in quarters:
        figures = [counts.get((day, track), 0) for track in tracks]
        begins = not bars and day.month < LAST_QUARTER
        bars.append(
            # Label each year once, and the first only if the next leaves it room.
            ChartBar(_quarter(day), figures, str(day.year) if day.month == 1 or begins else "")
        )
        links = {
            number: report_url(
                "expiring-people", quarter=day.isoformat(), track=track, place=chosen["place"]
            )
            for number, track in enumerate([*tracks, ""], start=1)
            if (figures[number - 1] if track else sum(figures))
        }
        rows.append(TableRow((f"{_quarter(day)} {day.year}", *figures, sum(figures)), links=links))
    sums = [sum(counts.get((day, track), 0) for day in quarters) for track in tracks]
    rows.append(TableRow(("All", *sums, sum(sums)), TOTAL_ROW))
    columns = [Column("Quarter"), *(Column(name, True) for name in tracks.values())]
    columns.append(Column("All", True))
    number = counted(sum(sums), "certificate expires", "certificates expire")
    answer = f"{number} by {format_day(end - dt.timedelta(days=1))}."
    chart = Chart(
        "expiring", "Certificates that expire, by quarter", answer, track_series(tracks), bars
    )
    return Report(
        answer=answer,
        chart=charts.draw_columns(chart) if sum(sums) else None,
        tables=[Table("quarters", "Certificates that expire, by quarter", columns, rows)],
        notes=[
            "A certificate counts on its last day. It is left out once its holder has one for "
            "the same track that is valid longer. The first quarter counts from today.",
            "A library's certificates are those of people who have a present position there.",
        ],
    )


def expiring_people_questions() -> Questions:
    quarters = [(day.isoformat(), f"{_quarter(day)} {day.year}") for day in _quarters()[:-1]]
    return {"quarter": ReportQuestion("Quarter", quarters), **track_question(), **place_question()}


def expiring_people_report(chosen: Answers) -> Report:
    begin = dt.date.fromisoformat(chosen["quarter"])
    end = begin + relativedelta(months=3)
    found = (
        queries.expiring_certificates(
            begin, end, track=number_of(chosen["track"]), **place_of(chosen)
        )
        .select_related("person", "participation__track")
        .annotate(libraries=queries.library_names_per_person("person"))
        .order_by("expires_on", "number")
    )
    rows = LazyRows(found, _certificate_row)
    columns = [Column(label) for label in ("Name", "Libraries", "Track", "Number", "Valid until")]
    count = counted(len(rows), "certificate")
    return Report(
        title=f"Certificates that expire in {_quarter(begin)} {begin.year}",
        answer=f"{count}.",
        tables=[Table("people", "Certificates", columns, rows, PEOPLE)],
    )


def _certificate_row(found: Any) -> TableRow:
    return TableRow(
        (
            *(
                found.person.display_name,
                "; ".join(found.libraries),
                found.participation.track.name,
            ),
            *(found.number, found.expires_on),
        ),
        links={0: reverse("admin:tracks_certificate_change", args=[found.pk])},
    )


def annual_list_questions() -> Questions:
    years = [(str(year), str(year)) for year in queries.years_issued()]
    return {"year": ReportQuestion("Year", years)}


def annual_list_report(chosen: Answers) -> Report:
    year = int(chosen["year"])
    hidden = queries.unlisted_count(year)
    more = f"and {hidden:,} who {'is' if hidden == 1 else 'are'} not listed by name"
    last = [TableRow((more, "", "", ""))] if hidden else []
    listed = LazyRows(queries.listed_certificates(year), _listed_row, last)
    columns = [Column(label) for label in ("Name", "Track", "Number", "Issued")]
    tracks = track_names()
    counts = queries.issued_by_year()
    years = sorted({each for each, _ in counts} | {year})
    figures = {each: [counts.get((each, track), 0) for track in tracks] for each in years}
    rows = [TableRow((str(each), *figures[each], sum(figures[each]))) for each in reversed(years)]
    issued = sum(figures[year])
    answer = f"{counted(issued, 'certificate was', 'certificates were')} issued"
    latest = years[-charts.FEW_COLUMNS :]
    chart = Chart(
        "issued",
        "Certificates issued, by year",
        f"{answer} in {year}.",
        track_series(tracks),
        [ChartBar(str(each), figures[each]) for each in latest],
    )
    by_year = [Column("Year"), *(Column(name, True) for name in tracks.values())]
    return Report(
        title=f"Certificates issued in {year}",
        answer=f"{answer} in {year}.",
        chart=charts.draw_columns(chart) if any(map(sum, figures.values())) else None,
        tables=[
            Table("years", chart.title, [*by_year, Column("All", True)], rows),
            Table("list", f"Certificates issued in {year}", columns, listed, NAMES),
        ],
        notes=[
            "People are listed by the name they chose to be listed by. Certificates that were "
            "revoked, or reissued under another name, are left out."
        ],
    )


def _listed_row(found: Any) -> TableRow:
    track = found.participation.track.name
    return TableRow((found.listed_as, track, found.number, found.issued_on))
