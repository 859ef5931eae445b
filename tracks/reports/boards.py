"""Trustees' three hours a year, by board and by person."""

from typing import Any

from aspen.clock import today
from aspen.files.tables import TOTAL_ROW, Column, Table, TableRow
from aspen.formats import counted
from tracks.counting.progress import ZERO
from tracks.reports import charts, queries
from tracks.reports.base import (
    Answers,
    Questions,
    Report,
    ReportQuestion,
    format_people,
    number_of,
    report_url,
)
from tracks.reports.charts import Chart, ChartBar, Series

YEARS = 10


def year_question() -> Questions:
    now = today().year
    return {
        "year": ReportQuestion("Year", [(str(now - ago), str(now - ago)) for ago in range(YEARS)])
    }


def boards_report(chosen: Answers) -> Report:
    year = int(chosen["year"])
    boards = queries.board_hours(year)
    federations = queries.all_federations()
    reached = sum(board.has_quorum for board in boards)
    rows = [
        TableRow(
            (
                *(federations[board.federation], board.name, board.members, board.reached),
                *("Reached" if board.has_quorum else "Not reached", board.hours),
            ),
            links={1: report_url("board", board=board.library, year=year)},
        )
        for board in boards
    ]
    members, with_hours = sum(each.members for each in boards), sum(each.reached for each in boards)
    hours = sum((board.hours for board in boards), ZERO)
    if boards:
        quorums = f"{reached:,} of {len(boards):,}"
        rows.append(TableRow(("All", "All boards", members, with_hours, quorums, hours), TOTAL_ROW))
    bars = [
        ChartBar(name, [sum(each.has_quorum is has for each in of) for has in (True, False)])
        for pk, name in federations.items()
        if (of := [board for board in boards if board.federation == pk])
    ]
    number = counted(reached, "board has", "boards have")
    answer = f"{number} a quorum with three hours or more in {year}, of {len(boards):,}."
    series = [Series("Quorum reached", "certified"), Series("Not reached", "in-progress")]
    chart = Chart("boards", "Boards by federation", answer, series, bars)
    columns = [
        *(Column("Federation"), Column("Board"), Column("Members", True)),
        *(Column("With three hours", True), Column("Quorum"), Column("Hours", True)),
    ]
    return Report(
        answer=answer,
        chart=charts.draw_bars(chart) if bars else None,
        tables=[Table("boards", f"Trustees' hours in {year}, by board", columns, rows)],
        notes=[
            "Trustees should have three hours of continuing education a year, certified or not. A "
            "credit is an hour, in the year in which it was earned; Pending ones count.",
            "A board's members are its trustees and its chair: the present ones, or for an earlier "
            "year those on its last day. The quorum is reached when more than half of them have "
            "three hours.",
        ],
    )


def board_question() -> Questions:
    boards = [(str(pk), name) for pk, name in queries.libraries_with_boards().items()]
    return {"board": ReportQuestion("Board", [("", "Choose one"), *boards]), **year_question()}


def board_report(chosen: Answers) -> Report:
    year, library = int(chosen["year"]), number_of(chosen["board"])
    if library is None:
        return Report(title="A board's hours", answer="Choose a board.", tables=[])
    [(_, name)] = queries.libraries_by_id([library]).items()
    members = queries.members_of(library, year)
    table, chart, answer = hours_of(members, year)
    return Report(title=f"Board of {name}", answer=answer, chart=chart, tables=[table])


def hours_of(members: list[queries.Member], year: int) -> tuple[Table, dict[str, Any] | None, str]:
    """The hours of a board's members as a table, a chart and a sentence."""
    need = queries.TRUSTEE_HOURS
    rows = [
        TableRow((each.name, each.kinds, each.hours, "Yes" if each.hours >= need else "No"))
        for each in members
    ]
    reached = sum(each.hours >= need for each in members)
    answer = f"{reached} of {format_people(len(members))} had three hours or more in {year}"
    if members:
        quorum = "reached" if reached * 2 > len(members) else "not reached"
        answer += f": quorum {quorum}"
    columns = [
        *(Column("Name"), Column("Position")),
        *(Column("Hours", True), Column("Three hours")),
    ]
    chart = Chart(
        "hours",
        f"Hours in {year}",
        f"{answer}.",
        [Series("Up to three hours", "certified"), Series("Beyond", "in-progress")],
        [
            ChartBar(each.name, [min(each.hours, need), max(each.hours - need, ZERO)])
            for each in members
        ],
    )
    drawn = charts.draw_bars(chart) if any(each.hours for each in members) else None
    return Table("members", f"Hours in {year}", columns, rows), drawn, f"{answer}."
