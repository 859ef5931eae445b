"""People of my library: people who share their progress, for their director or board chair."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.enums import PositionKind
from accounts.models import Position
from accounts.queries import leadership_positions
from aspen.clock import today
from aspen.formats import format_day
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from tracks.reports import directors
from tracks.reports.boards import hours_of
from tracks.reports.queries import members_of
from tracks.reports.views import rows_on_page

PER_PAGE = 25


@require_safe
def library_people(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Progress and certificates of the people who agreed; others are not even counted."""
    positions = leadership_positions(request.user)
    if not positions:
        raise Http404
    directed = [each for each in positions if each.kind == PositionKind.DIRECTOR]
    chaired = [each for each in positions if each.kind == PositionKind.BOARD_CHAIR]
    page = paginate(directors.people_who_agreed(directed), request, size=PER_PAGE)
    context = {
        "directed": _names(directed),
        "page": page,
        "people": directors.director_rows(page),
        "boards": [_board(position) for position in chaired],
        "printed_on": format_day(today()),
    }
    return render(request, "tracks/library_people.html", context)


def _names(positions: Iterable[Position]) -> str:
    return "; ".join(str(position.organization) for position in positions)


def _board(position: Position) -> dict[str, Any]:
    year = today().year
    members = members_of(position.organization_id, year, agreed_only=True)
    table, _, _ = hours_of(members, year)
    return {
        "name": str(position.organization),
        "title": table.title,
        "columns": table.columns,
        "rows": rows_on_page(table.columns, table.rows),
    }
