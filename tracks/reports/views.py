"""Reports for staff, each with a chart and downloadable tables.

Anyone without the permission gets a 404.
"""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from aspen.clock import today
from aspen.files.tables import FORMATS, Table
from aspen.formats import format_day
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from tracks.reports.base import ReportForm, report_url
from tracks.reports.presentation import ShownTable, shown_table
from tracks.reports.registry import KINDS, Report, ReportKind

PERMISSION = "tracks.view_reports"


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    _require_permission(request)
    kinds = [(kind, report_url(name)) for name, kind in KINDS.items() if not kind.part_of]
    return render(request, "tracks/reports/index.html", {"kinds": kinds})


@require_safe
def report(request: AuthenticatedHttpRequest, name: str) -> HttpResponse:
    kind, form, report = _requested_report(request, name)
    query = form.query_string()
    context = {
        "name": name,
        "title": report.title or kind.title,
        "report": report,
        "parent": KINDS.get(kind.part_of),
        "parent_url": report_url(kind.part_of) if kind.part_of else "",
        "form": form,
        "applied_filters": ", ".join(form.applied_filters()),
        "printed_on": format_day(today()),
        "tables": [_requested_page(table, request) for table in report.tables],
        "query": f"{query}&" if query else "",
        "files": f"?{query}" if query else "",
    }
    return render(request, "tracks/reports/report.html", context)


@require_safe
def report_file(
    request: AuthenticatedHttpRequest, name: str, table: str, format: str
) -> HttpResponse:
    """Serve one table of a report as a file, with all its rows."""
    _, _, report = _requested_report(request, name)
    chosen = next((each for each in report.tables if each.key == table), None)
    if chosen is None or format not in FORMATS:
        raise Http404
    content_type, write = FORMATS[format]
    response = HttpResponse(write(chosen), content_type=content_type)
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
    form = ReportForm(request.GET, kind.filters())
    return kind, form, kind.build(form.filter_values())


def _require_permission(request: AuthenticatedHttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise Http404


def _requested_page(table: Table, request: AuthenticatedHttpRequest) -> ShownTable:
    """Return the whole table, or the requested page of a long one."""
    return shown_table(
        table, paginate(table.rows, request, size=table.size) if table.size else None
    )
