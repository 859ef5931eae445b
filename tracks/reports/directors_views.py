"""People at my library: people who share their progress, for their director or board chair."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.enums import PositionKind
from accounts.models import Position
from accounts.queries import leadership_positions
from aspen.clock import today
from aspen.files.tables import Column
from aspen.formats import format_day
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from tracks.reports import directors
from tracks.reports.boards import hours_table
from tracks.reports.presentation import ShownRow, shown_table
from tracks.reports.queries import board_members

PER_PAGE = 25


class MembersTable(NamedTuple):
    """The hours of the board members who share their progress."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: list[ShownRow]


@require_safe
def library_people(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the progress and certificates of people who agreed to share them.

    People who did not agree are not even counted.
    """
    positions = leadership_positions(request.user)
    if not positions:
        raise Http404
    director_positions = [each for each in positions if each.kind == PositionKind.DIRECTOR]
    chair_positions = [each for each in positions if each.kind == PositionKind.BOARD_CHAIR]
    page = paginate(directors.people_sharing_progress(director_positions), request, size=PER_PAGE)
    context = {
        "libraries": _names(director_positions),
        "page": page,
        "people": directors.director_rows(page),
        "boards": [_board(position) for position in chair_positions],
        "printed_on": format_day(today()),
    }
    return render(request, "tracks/library_people.html", context)


def _names(positions: Iterable[Position]) -> str:
    return "; ".join(str(position.organization) for position in positions)


def _board(position: Position) -> MembersTable:
    year = today().year
    members = board_members(position.organization_id, year, sharing_only=True)
    table = shown_table(hours_table(members, year))
    return MembersTable(str(position.organization), table.title, table.columns, table.rows)
