"""The home page, error pages, and two health checks."""

import dataclasses
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve
from django.utils import timezone

from aspen import health
from aspen.web import form_recovery
from aspen.web.request import AuthenticatedHttpRequest
from events.calendar.facts import EventFacts
from events.calendar.presentation import ROW_FIELDS, EventRow, event_row
from events.models import Event
from events.queries import credit_lines, on_calendar
from tracks.today import today

SIGNED_IN_AGAIN_MESSAGE = (
    "You signed in again after you opened this page, so nothing was saved. Check what you typed, "
    "and submit the form again."
)


@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """Show Today to signed-in people, and a search field and upcoming events to visitors."""
    if request.user.is_authenticated:
        return today(cast(AuthenticatedHttpRequest, request))
    events = list(
        on_calendar()
        .filter(begins_at__gte=timezone.now(), parent=None)
        .only(*ROW_FIELDS)
        .order_by("begins_at", "id")[:6]
    )
    return render(request, "home.html", {"next_events": _rows(events)})


def _rows(events: list[Event]) -> list[EventRow]:
    """Return the events' rows without a next step, which depends on the places left. One query."""
    facts = EventFacts(
        now=timezone.now(),
        is_signed_in=False,
        credits=credit_lines(events),
        counts_by_event={},
        claimed=set(),
    )
    return [dataclasses.replace(event_row(event, facts), step="") for event in events]


@login_not_required
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "accessibility.html")


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 while the process is up."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 if the portal can do its work, or 503 with what keeps it from doing so.

    Pages may work nevertheless, for example without the job worker.
    """
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError:
        return HttpResponse("no database\n", status=503, content_type="text/plain")
    if missing:
        return HttpResponse("migrations missing\n", status=503, content_type="text/plain")
    if problems := health.problems():
        lines = "".join(f"{problem}\n" for problem in problems)
        return HttpResponse(lines, status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Keep a form whose page is older than the last sign-in, and show it again, for its author.

    The form's token is no longer valid if the person signed out and in again in another tab.
    """
    view = resolve(request.path_info).func
    if not form_recovery.store_submitted_form(request, view):
        return render(request, "403_csrf.html", status=403)
    messages.warning(request, SIGNED_IN_AGAIN_MESSAGE)
    if request.user.is_authenticated:
        return redirect(request.get_full_path())
    return redirect_to_login(request.get_full_path())


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


@login_not_required
def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Render without a request, because the database or a context processor may have failed."""
    return render(None, "500.html", status=500)
