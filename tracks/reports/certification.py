"""People who are certified, expired or in progress, by federation and library."""

from typing import Any

from django.urls import reverse

from aspen.files.tables import GROUP_ROW, PLAIN_ROW, TOTAL_ROW, Column, LazyRows, Table, TableRow
from tracks.reports import charts, queries
from tracks.reports.base import (
    PEOPLE_PER_PAGE,
    FilterValues,
    Report,
    ReportFilter,
    ReportFilters,
    format_people,
    number_of,
    place_arguments,
    place_filter,
    report_url,
    track_filter,
)
from tracks.reports.charts import Chart, ChartBar, Series

STATUS_CHOICES = {
    "certified": (queries.CERTIFIED, "Certified"),
    "sent": (queries.SENT, "Record sent"),
    "expired": (queries.EXPIRED, "Expired"),
    "in-progress": (queries.IN_PROGRESS, "In progress"),
}
PHRASES = ("certified", "sent a record", "expired", "in progress")


def certification_report(values: FilterValues) -> Report:
    track = number_of(values["track"])
    counts = queries.certification_counts(track)
    federations = queries.all_federations()
    libraries = queries.libraries_by_id(each.library for each in counts.libraries if each.library)
    by_library = {each.library: each for each in counts.libraries}
    by_federation = {each.federation: each for each in counts.federations}
    rows, bars = [], []
    for federation, name in federations.items():
        if federation not in by_federation:
            continue
        total = by_federation[federation]
        bars.append(ChartBar(name, total.figures))
        label = "No position" if federation == queries.NO_LIBRARY else "All libraries"
        rows.append(_status_row(total, name, label, GROUP_ROW, values, f"f{federation}"))
        rows += [
            _status_row(by_library[pk], name, library, PLAIN_ROW, values, f"l{pk}")
            for pk, library in libraries.items()
            if by_library[pk].federation == federation
        ]
    rows.append(_status_row(counts.total, "All", "Everyone", TOTAL_ROW, values, ""))
    columns = [Column("Federation"), Column("Library")]
    columns += [Column(label, True) for _, label in STATUS_CHOICES.values()]
    columns.append(Column("People", True))
    summary = ", ".join(
        f"{figure:,} {phrase}" for figure, phrase in zip(counts.total.figures, PHRASES, strict=True)
    )
    series = [Series(label, slug) for slug, (_, label) in STATUS_CHOICES.items()]
    chart = Chart("status", "People by federation", f"{summary}.", series, bars)
    return Report(
        summary=f"{format_people(sum(counts.total.figures))}: {summary}.",
        chart=charts.draw_bars(chart) if bars else None,
        tables=[Table("libraries", "People by federation and library", columns, rows)],
        notes=[
            "Each person counts once, in the first group that applies: certified (has a valid "
            "certificate), record sent (it is with the CE Coordinator or the supervisor), expired "
            "(the last certificate is no longer valid), or in progress (follows a track). For all "
            "tracks together, the person's best track counts.",
            "People count at every library where they have a current position. Someone who works "
            "at two libraries counts at both, but only once in the federation and in the total.",
        ],
    )


def _status_row(
    count: queries.CertificationCount,
    federation: str,
    library: str,
    kind: str,
    values: FilterValues,
    place: str,
) -> TableRow:
    figures = count.figures
    links = {
        number: report_url("people", standing=slug, track=values["track"], place=place)
        for number, slug in enumerate(STATUS_CHOICES, start=2)
        if figures[number - 2]
    }
    return TableRow((federation, library, *figures, sum(figures)), kind, links)


def certification_people_filters() -> ReportFilters:
    statuses = [(slug, label) for slug, (_, label) in STATUS_CHOICES.items()]
    return {
        "standing": ReportFilter("Status", statuses),
        **track_filter(),
        **place_filter(),
    }


def certification_people_report(values: FilterValues) -> Report:
    status, label = STATUS_CHOICES[values["standing"]]
    track = number_of(values["track"])
    people = queries.people_with_status(status, track=track, **place_arguments(values))
    rows = LazyRows(people, _person_row)
    columns = [Column("Name"), Column("Libraries"), Column("Last certificate valid until")]
    return Report(
        title=f"People: {label.lower()}",
        summary=f"{format_people(len(rows))}.",
        tables=[Table("people", "People", columns, rows, PEOPLE_PER_PAGE)],
    )


def _person_row(person: Any) -> TableRow:
    return TableRow(
        (person.display_name, "; ".join(person.libraries), person.expires_on or ""),
        links={0: reverse("admin:accounts_user_change", args=[person.pk])},
    )
