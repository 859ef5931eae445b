"""Trustees' three hours a year, by board and by person."""

from aspen.clock import today
from aspen.files.tables import TOTAL_ROW, Column, Table, TableRow
from aspen.formats import counted
from tracks.counting.progress import ZERO
from tracks.reports import charts, queries
from tracks.reports.base import (
    FilterValues,
    Report,
    ReportFilter,
    ReportFilters,
    format_people,
    number_of,
    report_url,
)
from tracks.reports.charts import Chart, ChartBar, Series
from tracks.reports.queries import TRUSTEE_HOURS

YEARS = 10


def year_filter() -> ReportFilters:
    now = today().year
    return {
        "year": ReportFilter("Year", [(str(now - ago), str(now - ago)) for ago in range(YEARS)])
    }


def boards_report(values: FilterValues) -> Report:
    year = int(values["year"])
    boards = queries.board_hours(year)
    federations = queries.all_federations()
    with_quorum = sum(board.has_quorum for board in boards)
    rows = [
        TableRow(
            (
                *(federations[board.federation], board.name, board.members, board.with_hours),
                *("Reached" if board.has_quorum else "Not reached", board.hours),
            ),
            links={1: report_url("board", board=board.library, year=year)},
        )
        for board in boards
    ]
    members = sum(board.members for board in boards)
    with_hours = sum(board.with_hours for board in boards)
    hours = sum((board.hours for board in boards), ZERO)
    if boards:
        quorums = f"{with_quorum:,} of {len(boards):,}"
        rows.append(TableRow(("All", "All boards", members, with_hours, quorums, hours), TOTAL_ROW))
    bars = []
    for pk, name in federations.items():
        has_quorum = [board.has_quorum for board in boards if board.federation == pk]
        if has_quorum:
            bars.append(ChartBar(name, [has_quorum.count(True), has_quorum.count(False)]))
    of_boards = f"{with_quorum:,} of {counted(len(boards), 'board')}"
    summary = f"{of_boards} had a quorum with three hours or more in {year}."
    series = [Series("Quorum reached", "certified"), Series("Not reached", "in-progress")]
    chart = Chart("boards", "Boards by federation", summary, series, bars)
    columns = [
        *(Column("Federation"), Column("Board"), Column("Members", True)),
        *(Column("With three hours", True), Column("Quorum"), Column("Hours", True)),
    ]
    return Report(
        summary=summary,
        chart=charts.draw_bars(chart) if bars else None,
        tables=[Table("boards", f"Trustees' hours in {year}, by board", columns, rows)],
        notes=[
            "Trustees should have three hours of continuing education a year, certified or not. "
            "One credit is one hour and counts in the year it was earned. Pending credits are "
            "included.",
            "A board's members are its trustees and its chair: the current ones or, for an earlier "
            "year, those in office on its last day. A board has a quorum when more than half of "
            "its members have three hours or more.",
        ],
    )


def board_filter() -> ReportFilters:
    boards = [(str(pk), name) for pk, name in queries.libraries_with_boards().items()]
    return {"board": ReportFilter("Board", [("", "Choose one"), *boards]), **year_filter()}


def board_report(values: FilterValues) -> Report:
    year, library = int(values["year"]), number_of(values["board"])
    if library is None:
        return Report(title="A board's hours", summary="Choose a board.", tables=[])
    [(_, name)] = queries.libraries_by_id([library]).items()
    members = queries.board_members(library, year)
    with_hours = sum(member.hours >= TRUSTEE_HOURS for member in members)
    summary = f"{with_hours} of {format_people(len(members))} had three hours or more in {year}"
    if members:
        quorum = "reached" if with_hours * 2 > len(members) else "not reached"
        summary += f": quorum {quorum}"
    chart = Chart(
        "hours",
        f"Hours in {year}",
        f"{summary}.",
        [Series("Up to three hours", "certified"), Series("More than three", "in-progress")],
        [
            ChartBar(
                member.name,
                [min(member.hours, TRUSTEE_HOURS), max(member.hours - TRUSTEE_HOURS, ZERO)],
            )
            for member in members
        ],
    )
    return Report(
        title=f"Board of {name}",
        summary=f"{summary}.",
        chart=charts.draw_bars(chart) if any(member.hours for member in members) else None,
        tables=[hours_table(members, year)],
    )


def hours_table(members: list[queries.Member], year: int) -> Table:
    """Return a table of a board's members with their hours in a year."""
    rows = [
        TableRow(
            (each.name, each.kinds, each.hours, "Yes" if each.hours >= TRUSTEE_HOURS else "No")
        )
        for each in members
    ]
    columns = [
        *(Column("Name"), Column("Position")),
        *(Column("Hours", True), Column("Three hours")),
    ]
    return Table("members", f"Hours in {year}", columns, rows)
