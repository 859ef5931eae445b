"""People certified, in progress or expired, by federation and library."""

from typing import Any

from django.urls import reverse

from aspen.files.tables import GROUP_ROW, PLAIN_ROW, TOTAL_ROW, Column, LazyRows, Table, TableRow
from tracks.reports import charts, queries
from tracks.reports.base import (
    PEOPLE,
    Answers,
    Questions,
    Report,
    ReportQuestion,
    format_people,
    number_of,
    place_of,
    place_question,
    report_url,
    track_question,
)
from tracks.reports.charts import Chart, ChartBar, Series

STATUS_CHOICES = {
    "certified": (queries.CERTIFIED, "Certified"),
    "sent": (queries.SENT, "Record sent"),
    "expired": (queries.EXPIRED, "Expired"),
    "in-progress": (queries.IN_PROGRESS, "In progress"),
}
PHRASES = ("certified", "sent a record", "expired", "in progress")


def certification_report(chosen: Answers) -> Report:
    track = number_of(chosen["track"])
    found = queries.certification_counts(track)
    federations = queries.all_federations()
    libraries = queries.libraries_by_id(each.library for each in found.libraries if each.library)
    by_library = {each.library: each for each in found.libraries}
    by_federation = {each.federation: each for each in found.federations}
    rows, bars = [], []
    for federation, name in federations.items():
        if federation not in by_federation:
            continue
        sums = by_federation[federation]
        bars.append(ChartBar(name, sums.figures))
        label = "No position" if federation == queries.NO_LIBRARY else "All libraries"
        rows.append(_status_row(sums, name, label, GROUP_ROW, chosen, f"f{federation}"))
        rows += [
            _status_row(by_library[pk], name, library, PLAIN_ROW, chosen, f"l{pk}")
            for pk, library in libraries.items()
            if by_library[pk].federation == federation
        ]
    rows.append(_status_row(found.total, "All", "Everyone", TOTAL_ROW, chosen, ""))
    columns = [Column("Federation"), Column("Library")]
    columns += [Column(label, True) for _, label in STATUS_CHOICES.values()]
    columns.append(Column("People", True))
    answer = ", ".join(
        f"{figure:,} {phrase}" for figure, phrase in zip(found.total.figures, PHRASES, strict=True)
    )
    series = [Series(label, slug) for slug, (_, label) in STATUS_CHOICES.items()]
    chart = Chart("standing", "People by federation", f"{answer}.", series, bars)
    return Report(
        answer=f"{format_people(sum(found.total.figures))}: {answer}.",
        chart=charts.draw_bars(chart) if bars else None,
        tables=[Table("libraries", "People by federation and library", columns, rows)],
        notes=[
            "Each person counts once, in the first group that applies: certified (holds a "
            "valid certificate), record sent (with the CE Coordinator or the "
            "supervisor), expired (the last certificate has run out), in progress (follows a "
            "track). For all tracks together, the person's best track counts.",
            "People count where they have a present position: someone at two libraries counts "
            "at both, but once in the federation and once in all.",
        ],
    )


def _status_row(
    standing: queries.CertificationCount,
    federation: str,
    library: str,
    kind: str,
    chosen: Answers,
    place: str,
) -> TableRow:
    figures = standing.figures
    links = {
        number: report_url("people", standing=slug, track=chosen["track"], place=place)
        for number, slug in enumerate(STATUS_CHOICES, start=2)
        if figures[number - 2]
    }
    return TableRow((federation, library, *figures, sum(figures)), kind, links)


def certification_people_questions() -> Questions:
    standings = [(slug, label) for slug, (_, label) in STATUS_CHOICES.items()]
    return {
        "standing": ReportQuestion("Status", standings),
        **track_question(),
        **place_question(),
    }


def certification_people_report(chosen: Answers) -> Report:
    standing, label = STATUS_CHOICES[chosen["standing"]]
    track = number_of(chosen["track"])
    found = queries.people_with_status(standing, track=track, **place_of(chosen))
    rows = LazyRows(found, _person_row)
    columns = [Column("Name"), Column("Libraries"), Column("Last certificate valid until")]
    return Report(
        title=f"People: {label.lower()}",
        answer=f"{format_people(len(rows))}.",
        tables=[Table("people", "People", columns, rows, PEOPLE)],
    )


def _person_row(person: Any) -> TableRow:
    return TableRow(
        (person.display_name, "; ".join(person.libraries), person.expires_on or ""),
        links={0: reverse("admin:accounts_user_change", args=[person.pk])},
    )
