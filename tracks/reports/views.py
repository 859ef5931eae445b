"""Reports for staff: each a chart, tables with its figures, and the tables as files.

Anyone without the permission gets a 404.
"""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from aspen.clock import today
from aspen.files.tables import FORMATS, Column, Table, TableRow, format_cell
from aspen.formats import format_day
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from tracks.reports.base import ReportForm
from tracks.reports.registry import KINDS, Report, ReportKind

VIEW = "tracks.view_reports"


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    _require_permission(request)
    kinds = [
        {"url": reverse("tracks:report", args=[name]), "title": kind.title, "about": kind.about}
        for name, kind in KINDS.items()
        if not kind.part_of
    ]
    return render(request, "tracks/reports/index.html", {"kinds": kinds})


@require_safe
def report(request: AuthenticatedHttpRequest, name: str) -> HttpResponse:
    kind, form, made = _requested_report(request, name)
    query = form.query_string()
    context = {
        "name": name,
        "title": made.title or kind.title,
        "report": made,
        "above": _link(kind.part_of) if kind.part_of else None,
        "form": form,
        "applied_filters": ", ".join(form.applied_filters()),
        "printed_on": format_day(today()),
        "tables": [_on_page(table, request) for table in made.tables],
        "query": f"{query}&" if query else "",
        "files": f"?{query}" if query else "",
    }
    return render(request, "tracks/reports/report.html", context)


@require_safe
def report_file(
    request: AuthenticatedHttpRequest, name: str, table: str, format: str
) -> HttpResponse:
    """One table of a report, with all its rows, as a file."""
    _, _, made = _requested_report(request, name)
    found = next((each for each in made.tables if each.key == table), None)
    if found is None or format not in FORMATS:
        raise Http404
    content_type, make = FORMATS[format]
    response = HttpResponse(make(found), content_type=content_type)
    file_name = f"{name}-{table}-{today():%Y-%m-%d}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _requested_report(
    request: AuthenticatedHttpRequest, name: str
) -> tuple[ReportKind, ReportForm, Report]:
    _require_permission(request)
    kind = KINDS.get(name)
    if kind is None:
        raise Http404
    form = ReportForm(request.GET, kind.questions())
    return kind, form, kind.make(form.chosen())


def _require_permission(request: AuthenticatedHttpRequest) -> None:
    if not request.user.has_perm(VIEW):
        raise Http404


def _link(name: str) -> dict[str, str]:
    return {"url": reverse("tracks:report", args=[name]), "title": KINDS[name].title}


def _on_page(table: Table, request: AuthenticatedHttpRequest) -> dict[str, Any]:
    """A table for the template; of a long one, the requested page."""
    page = paginate(table.rows, request, size=table.size) if table.size else None
    return {
        "key": table.key,
        "title": table.title,
        "columns": table.columns,
        "rows": rows_on_page(table.columns, table.rows if page is None else page),
        "page": page,
    }


def rows_on_page(columns: Any, rows: Any) -> list[dict[str, Any]]:
    return [{"kind": row.kind, "cells": _cells(columns, row)} for row in rows]


def _cells(columns: list[Column], row: TableRow) -> list[dict[str, Any]]:
    return [
        {
            "label": column.label,
            "text": format_cell(cell),
            "is_number": column.is_number,
            "url": row.links.get(place, ""),
        }
        for place, (column, cell) in enumerate(zip(columns, row.cells, strict=True))
    ]
