"""Who is certified, in progress or expired, by federation and library."""

from typing import Any

from django.urls import reverse

from aspen.files.tables import ALL, GROUP, LINE, Column, Row, Rows, Table
from tracks.reports import charts, queries
from tracks.reports.base import (
    PEOPLE,
    Chosen,
    Question,
    Questions,
    Report,
    address,
    number_of,
    of_place,
    of_track,
    people,
    place_of,
)
from tracks.reports.charts import Bar, Chart, Series

STANDINGS = {
    "certified": (queries.CERTIFIED, "Certified"),
    "sent": (queries.SENT, "Record sent"),
    "expired": (queries.EXPIRED, "Expired"),
    "in-progress": (queries.IN_PROGRESS, "In progress"),
}
PHRASES = ("certified", "sent a record", "expired", "in progress")


def certification(chosen: Chosen) -> Report:
    track = number_of(chosen["track"])
    found = queries.standings(track)
    federations = queries.federations()
    libraries = queries.libraries(each.library for each in found.libraries if each.library)
    by_library = {each.library: each for each in found.libraries}
    by_federation = {each.federation: each for each in found.federations}
    rows, bars = [], []
    for federation, name in federations.items():
        if federation not in by_federation:
            continue
        sums = by_federation[federation]
        bars.append(Bar(name, sums.figures))
        label = "No position" if federation == queries.NO_LIBRARY else "All libraries"
        rows.append(_standing_row(sums, name, label, GROUP, chosen, f"f{federation}"))
        rows += [
            _standing_row(by_library[pk], name, library, LINE, chosen, f"l{pk}")
            for pk, library in libraries.items()
            if by_library[pk].federation == federation
        ]
    rows.append(_standing_row(found.total, "All", "Everybody", ALL, chosen, ""))
    columns = [Column("Federation"), Column("Library")]
    columns += [Column(label, True) for _, label in STANDINGS.values()]
    columns.append(Column("People", True))
    answer = ", ".join(
        f"{figure:,} {phrase}" for figure, phrase in zip(found.total.figures, PHRASES, strict=True)
    )
    series = [Series(label, slug) for slug, (_, label) in STANDINGS.items()]
    chart = Chart("standing", "People by federation", f"{answer}.", series, bars)
    return Report(
        answer=f"{people(sum(found.total.figures))}: {answer}.",
        chart=charts.bars(chart) if bars else None,
        tables=[Table("libraries", "People by federation and library", columns, rows)],
        notes=[
            "Everybody counts once, in the first of these that fits: certified (holds a "
            "certificate that is valid today), record sent (with the CE Coordinator or the "
            "supervisor), expired (the last certificate has run out), in progress (follows a "
            "track). For all tracks it is the best of a person's tracks.",
            "People count where they have a present position: somebody at two libraries counts "
            "at both, but once in the federation and once in all.",
        ],
    )


def _standing_row(
    standing: queries.Standing, federation: str, library: str, kind: str, chosen: Chosen, place: str
) -> Row:
    figures = standing.figures
    links = {
        number: address("people", standing=slug, track=chosen["track"], place=place)
        for number, slug in enumerate(STANDINGS, start=2)
        if figures[number - 2]
    }
    return Row((federation, library, *figures, sum(figures)), kind, links)


def ask_people() -> Questions:
    standings = [(slug, label) for slug, (_, label) in STANDINGS.items()]
    return {"standing": Question("Standing", standings), **of_track(), **of_place()}


def standing_people(chosen: Chosen) -> Report:
    standing, label = STANDINGS[chosen["standing"]]
    track = number_of(chosen["track"])
    found = queries.people_standing(standing, track=track, **place_of(chosen))
    rows = Rows(found, _person_row)
    columns = [Column("Name"), Column("Libraries"), Column("Last certificate valid until")]
    return Report(
        title=f"People: {label.lower()}",
        answer=f"{people(len(rows))}.",
        tables=[Table("people", "People", columns, rows, PEOPLE)],
    )


def _person_row(person: Any) -> Row:
    return Row(
        (person.display_name, "; ".join(person.libraries), person.expires_on or ""),
        links={0: reverse("admin:accounts_user_change", args=[person.pk])},
    )
