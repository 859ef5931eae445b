"""Pages for attendance lists: upload, preview, second look, undo, and matching people."""

import csv
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from aspen.files.tables import escape_formula
from aspen.formats import counted
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import permissions, rules, uploads
from events.attendance import list_actions, list_presentation
from events.attendance.forms import (
    ApplyListForm,
    ConfirmListForm,
    MatchForm,
    UploadListForm,
    posted_attendees,
)
from events.attendance.list_plans import (
    Attendee,
    ListPlan,
    counting_lists,
    plan_lists,
    rows_of,
)
from events.attendance.matching import proposals
from events.attendance.report_shapes import MAX_BYTES
from events.models import AttendanceList, Event

MATCHES_PER_PAGE = 25
APPLIED = "The list was applied. {} marked. Credits will follow within minutes."


def _event(request: AuthenticatedHttpRequest, pk: int) -> Event:
    managed = permissions.managed_by(request.user).defer("search", "description")
    return get_object_or_404(managed, pk=pk)


def _list(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> tuple[Event, AttendanceList]:
    event = _event(request, pk)
    return event, get_object_or_404(AttendanceList, pk=list_id, event=event)


def _plan(event: Event, stored: AttendanceList) -> ListPlan:
    """Return what the list says together with those that count."""
    lists = counting_lists(event)
    if stored.pk not in {each.pk for each in lists}:
        lists.append(stored)
    return plan_lists(event, lists, current=stored)


def _people_were(number: int) -> str:
    return counted(number, "person was", "people were")


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Upload an attendance list and continue to its preview."""
    event = _event(request, pk)
    form = UploadListForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        initial={"threshold": rules.default_threshold(event)},
        too_large=uploads.was_cut_off(request),
    )
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        with refusal_as_form_error(form):
            stored = list_actions.store_attendance_list(
                event_id=event.pk,
                file_name=file.name,
                data=file.read(MAX_BYTES + 1),
                threshold=form.cleaned_data["threshold"],
                by=request.user,
            )
            return redirect("events:list", event.pk, stored.pk)
    earlier = AttendanceList.objects.filter(event=event).defer("rows", "refused", "notes")
    context = {
        "event": event,
        "form": form,
        "earlier": list_presentation.stored_lists(earlier.order_by("-uploaded_at", "-id")[:20]),
    }
    return render(request, "events/attendance/upload.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Preview what a list will change, and apply it. Many absences need a second look first."""
    event, stored = _list(request, pk, list_id)
    form = ApplyListForm(
        request.POST if request.method == "POST" else None,
        initial={"absentees": stored.absentees, "walk_ins": stored.walk_ins},
    )
    if request.method == "POST" and form.is_valid():
        return _apply_or_look_again(request, event, stored, form.cleaned_data)
    plan = _plan(event, stored)
    context = {
        "event": event,
        "list": stored,
        "form": form,
        "threshold": plan.threshold,
        "number_of_lists": len(plan.lists),
        "first_rows": list_presentation.first_rows(stored),
        "warning": list_presentation.why_other_event(event, stored),
        "groups": list_presentation.match_groups(plan, stored),
        "has_matches": bool(plan.unmatched or plan.matches),
        "can_undo": stored.counts and list_actions.why_not_undo(stored, timezone.now()) is None,
    }
    return render(request, "events/attendance/preview.html", context)


def _apply_or_look_again(
    request: AuthenticatedHttpRequest, event: Event, stored: AttendanceList, options: dict[str, Any]
) -> HttpResponseRedirect:
    with refusal_as_message(request):
        if list_actions.why_not_apply(event) is None:
            changes = list_actions.preview_changes(event, stored, by=request.user, **options)
            if changes.need_second_look:
                chosen = urlencode({name: "on" for name, value in options.items() if value})
                return redirect(
                    f"{reverse('events:confirm_list', args=[event.pk, stored.pk])}?{chosen}"
                )
        number = list_actions.apply_attendance_list(list_id=stored.pk, by=request.user, **options)
        messages.success(request, APPLIED.format(_people_were(number)))
        return redirect("events:roster", event.pk)
    return redirect("events:list", event.pk, stored.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Show how many people would lose what if the list was applied, and apply it."""
    event, stored = _list(request, pk, list_id)
    form = ConfirmListForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid() or list_actions.why_not_apply(event):
        return redirect("events:list", event.pk, stored.pk)
    if request.method == "POST":
        with refusal_as_message(request):
            number = list_actions.apply_attendance_list(
                list_id=stored.pk, by=request.user, **form.cleaned_data
            )
            messages.success(request, APPLIED.format(_people_were(number)))
            return redirect("events:roster", event.pk)
    options = {name: value for name, value in form.cleaned_data.items() if name != "seen"}
    changes = list_actions.preview_changes(event, stored, by=request.user, **options)
    context = {
        "event": event,
        "list": stored,
        "options": [name for name, value in options.items() if value],
        "seen": changes.version,
        "look": list_presentation.second_look(changes),
        "unmatched": len(changes.plan.unmatched),
    }
    return render(request, "events/attendance/confirm.html", context)


@require_POST
def undo(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Undo a list within a day."""
    event, stored = _list(request, pk, list_id)
    with refusal_as_message(request):
        number = list_actions.undo_attendance_list(list_id=stored.pk, by=request.user)
        messages.success(
            request,
            f"The list was undone. {_people_were(number)} changed back. Credits will follow within "
            "minutes.",
        )
    return redirect("events:list", event.pk, stored.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def match(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Match people on a list whose listed name or address belongs to no account."""
    event, stored = _list(request, pk, list_id)
    plan = _plan(event, stored)
    everyone = [*plan.unmatched, *_matched(plan)]
    page = paginate(everyone, request, size=MATCHES_PER_PAGE)
    attendees: list[Attendee] = list(page.object_list)
    if request.method == "POST":
        attendees = posted_attendees(everyone, request.POST)
    registrations = [*plan.places.values(), *plan.others.values()]
    proposed = proposals({each.alias: each.label for each in attendees}, registrations, event)
    form = MatchForm(
        request.POST if request.method == "POST" else None,
        attendees=attendees,
        proposals=proposed,
        matches=plan.matches,
    )
    if request.method == "POST" and form.is_valid():
        with refusal_as_form_error(form):
            number = list_actions.match_attendees(
                list_id=stored.pk, matches=form.matches(), by=request.user
            )
            messages.success(request, f"{counted(number, 'match', 'matches')} saved.")
            return redirect("events:list", event.pk, stored.pk)
    context = {"event": event, "list": stored, "form": form, "page": page}
    return render(request, "events/attendance/match.html", context)


def _matched(plan: ListPlan) -> list[Attendee]:
    """Return the people on the list who were matched by hand, so that matches can be changed."""
    assert plan.current
    seen: dict[str, Attendee] = {}
    for row in rows_of(plan.current):
        if row.alias in plan.matches:
            minutes = plan.minutes[plan.matches[row.alias].person_id]
            seen.setdefault(
                row.alias, Attendee(row.alias, row.name, row.address, minutes, row.line)
            )
    return list(seen.values())


@require_safe
def unmatched_rows_csv(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Download the people on a list that match no account, as CSV."""
    event, stored = _list(request, pk, list_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unknown-people.csv"'
    rows = csv.writer(response)
    rows.writerow(["Name", "Email", "Minutes", "Line"])
    for each in _plan(event, stored).unmatched:
        cells = (each.name, each.address, each.minutes, each.line)
        rows.writerow([escape_formula(str(cell)) for cell in cells])
    return response
