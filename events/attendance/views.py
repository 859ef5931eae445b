"""Pages for organizers: roster, walk-ins, sign-in sheet, check-in code and lists."""

import csv
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.queries import person_with_email
from aspen.errors import Refused
from aspen.files import qr
from aspen.files.tables import escape_formula
from aspen.formats import counted, format_time
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import permissions, rules, uploads
from events.attendance import actions, list_actions, queries
from events.attendance.forms import (
    ApplyListForm,
    MarkAttendanceForm,
    RosterSearchForm,
    UploadListForm,
    WalkInForm,
)
from events.attendance.presentation import roster_row
from events.attendance.webinar_csv import MAX_BYTES
from events.calendar import presentation as calendar_presentation
from events.enums import ATTENDANCE_LABELS, Attendance
from events.models import AttendanceList, Event, Registration

PER_PAGE = 100
MAX_WAITLIST_SHOWN = 100
MAX_LINES = 200
UNKNOWN = "Unknown: no account uses this address"
BLANK_LINES = 10


def _event(request: AuthenticatedHttpRequest, pk: int) -> Event:
    managed = permissions.managed_by(request.user).defer("search", "description")
    return get_object_or_404(managed, pk=pk)


def _answers(
    request: AuthenticatedHttpRequest, event: Event, registrations: list[Registration]
) -> dict[int, list[tuple[str, str]]]:
    reads = queries.may_read_accommodation(request.user, event)
    return queries.answers_by_registration(registrations, with_accommodation=reads)


@require_http_methods(["GET", "HEAD", "POST"])
def roster(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show the roster, with buttons to mark attendance in each row."""
    event = _event(request, pk)
    if request.method == "POST":
        return _mark(request, event)
    form = RosterSearchForm(request.GET)
    find = form.cleaned_data["find"] if form.is_valid() else ""
    counts = queries.roster_counts(event)
    count = None if find else counts.registered
    page = paginate(queries.confirmed_places(event, find), request, size=PER_PAGE, count=count)
    registrations = list(page.object_list)
    waiting = list(queries.waitlist(event)[: MAX_WAITLIST_SHOWN + 1]) if counts.waiting else []
    answers = _answers(request, event, registrations)
    why_not = rules.why_not_mark(event)
    context = {
        "event": event,
        "counts": counts,
        "find": find,
        "rows": [roster_row(each, answers) for each in registrations],
        "page": page,
        "query": f"{urlencode({'find': find})}&" if find else "",
        "waiting": waiting[:MAX_WAITLIST_SHOWN],
        "can_mark": why_not is None,
        "why_not": why_not or "",
    }
    return render(request, "events/attendance/roster.html", context)


def _mark(request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
    form, fragment = MarkAttendanceForm(request.POST), ""
    with refusal_as_message(request):
        if reason := rules.why_not_mark(event):
            raise Refused(reason)
        if "everyone" in request.POST:
            number = actions.mark_remaining_present(event_id=event.pk, by=request.user)
            done = f"{_format_people(number)} marked present."
        elif form.is_valid():
            place = get_object_or_404(event.registrations, pk=form.cleaned_data["registration"])
            attendance = Attendance(form.cleaned_data["attendance"])
            actions.mark_attendance(
                registration_id=place.pk, attendance=attendance, by=request.user
            )
            done = f"{place.person}: {ATTENDANCE_LABELS[attendance].text.lower()}."
            fragment = f"#place-{place.pk}"
        else:
            raise Refused("Nothing was marked. Use the buttons next to a name.")
        messages.success(request, done)
    # Return to the same search and page.
    here = f"?{request.GET.urlencode()}" if request.GET else ""
    return redirect(f"{reverse('events:roster', args=[event.pk])}{here}{fragment}")


def _format_people(number: int) -> str:
    return counted(number, "person was", "people were")


@require_http_methods(["GET", "HEAD", "POST"])
def walk_in(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Add a person who came without registering."""
    event = _event(request, pk)
    form = WalkInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        person = person_with_email(form.cleaned_data["email"])
        if person is None:
            form.add_error(
                "email",
                "No account uses this address. The person can create an account at any time and "
                "then use Add CE credit.",
            )
        elif _add_walk_in(request, event, person, form):
            return redirect("events:roster", event.pk)
    return render(request, "events/attendance/walk_in.html", {"event": event, "form": form})


def _add_walk_in(
    request: AuthenticatedHttpRequest, event: Event, person: User, form: WalkInForm
) -> bool:
    with refusal_as_form_error(form):
        actions.add_walk_in(event_id=event.pk, person=person, by=request.user)
        messages.success(request, f"{person} was added to the roster as present.")
        return True
    return False


@require_safe
def sheet(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show a printable sign-in sheet with registered people and blank lines for others."""
    event = _event(request, pk)
    people = [
        (str(each.person), each.library or "")  # type: ignore[attr-defined]
        for each in queries.confirmed_places(event)
    ]
    context = {
        "event": event,
        "place": calendar_presentation.format_place(event),
        "people": people,
        "blanks": range(BLANK_LINES),
    }
    return render(request, "events/attendance/sheet.html", context)


@require_safe
def roster_file(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Download the roster as CSV. Cells are escaped so that they cannot run as formulas."""
    event = _event(request, pk)
    registrations = list(queries.confirmed_places(event))
    answers = _answers(request, event, registrations)
    questions = sorted({label for pairs in answers.values() for label, _ in pairs})
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = slugify(event.title)[:60] or "event"
    response["Content-Disposition"] = f'attachment; filename="roster-{name}.csv"'
    response.write("\ufeff")
    rows = csv.writer(response)
    rows.writerow(["Name", "Email", "Library", "Attendance", "Walk-in", "Minutes", *questions])
    for each in registrations:
        row = roster_row(each, answers)
        answered = dict(row.answers)
        cells = [
            row.name,
            row.email,
            row.library,
            row.mark.text,
            "yes" if row.walk_in else "",
            "" if row.minutes is None else row.minutes,
            *(answered.get(question, "") for question in questions),
        ]
        rows.writerow([escape_formula(str(cell)) for cell in cells])
    return response


# ---------- The code shown in the room ----------


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show the check-in code and its QR code; create, renew or turn off the code."""
    event = _event(request, pk)
    if request.method == "POST":
        if "off" in request.POST:
            actions.remove_event_check_in_code(event_id=event.pk, by=request.user)
            messages.success(request, "The check-in code has been turned off.")
        else:
            actions.new_event_check_in_code(event_id=event.pk, by=request.user)
        return redirect("events:code", event.pk)
    letters = event.check_in_code
    address = settings.ADDRESS + reverse("events:check_in_here", args=[letters]) if letters else ""
    context = {
        "event": event,
        "letters": letters,
        "qr_code": qr.inline_svg(address) if letters else "",
        "address": (settings.ADDRESS + reverse("events:check_in")).partition("://")[2],
        "opens": format_time(rules.check_in_opens(event)),
    }
    return render(request, "events/attendance/code.html", context)


# ---------- Attendance lists ----------


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
    earlier = AttendanceList.objects.filter(event=event).defer("rows", "refused")
    context = {
        "event": event,
        "form": form,
        "earlier": earlier.order_by("-uploaded_at", "-id")[:20],
    }
    return render(request, "events/attendance/upload.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Preview what a list will change, and apply it."""
    event = _event(request, pk)
    attendance_list = get_object_or_404(AttendanceList, pk=list_id, event=event)
    form = ApplyListForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusal_as_message(request):
            number = list_actions.apply_attendance_list(
                list_id=attendance_list.pk, by=request.user, **form.cleaned_data
            )
            messages.success(
                request,
                f"The list was applied. {_format_people(number)} marked. Credits will follow "
                "within minutes.",
            )
            return redirect("events:roster", event.pk)
        return redirect("events:list", event.pk, attendance_list.pk)
    groups = _groups(queries.match_attendance_list(attendance_list), attendance_list)
    context = {"event": event, "list": attendance_list, "form": form, "groups": groups}
    return render(request, "events/attendance/preview.html", context)


class MatchGroup(NamedTuple):
    """People on an attendance list with the same match result: their number and the first few."""

    label: str
    number: int
    lines: list[tuple[str, str]]
    is_unknown: bool = False


def _groups(match: queries.AttendanceMatch, attendance_list: AttendanceList) -> list[MatchGroup]:
    def marks(rows: Iterable[tuple[Registration, Attendance, int]]) -> list[tuple[str, str]]:
        return [(str(each.person), f"{minutes} min") for each, _, minutes in rows]

    present = [each for each in match.marks if each[1] != Attendance.ABSENT]
    absent = [each for each in match.marks if each[1] == Attendance.ABSENT]
    by_hand = [
        (
            str(each.person),
            f"{each.get_attendance_display()}; {minutes} min on the list",
        )
        for each, _, minutes in match.by_hand
    ]
    without_place = [
        (str(person), f"{person.email}, {minutes} min") for person, _, minutes in match.unregistered
    ]
    without_account = [
        (str(row[0]), f"{row[1]} min, line {row[2]}") for row in match.without_account
    ]
    groups = [
        ("Present", marks(present)),
        ("Absent: too few minutes", marks(absent)),
        ("Marked differently by hand or at check-in (kept unless you overwrite them)", by_hand),
        ("Registered but not on the list", [(str(each.person), "") for each in match.missing]),
        ("Not registered but have an account", without_place),
        (UNKNOWN, without_account),
        ("Skipped rows", [(f"Line {row[0]}", str(row[1])) for row in attendance_list.refused]),
    ]
    return [
        MatchGroup(label, len(lines), lines[:MAX_LINES], label == UNKNOWN)
        for label, lines in groups
    ]


@require_safe
def unmatched_rows_csv(request: AuthenticatedHttpRequest, pk: int, list_id: int) -> HttpResponse:
    """Download the rows of a list that match no account, as CSV."""
    event = _event(request, pk)
    attendance_list = get_object_or_404(AttendanceList, pk=list_id, event=event)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unknown-people.csv"'
    rows = csv.writer(response)
    rows.writerow(["Email", "Minutes", "Line"])
    for row in queries.match_attendance_list(attendance_list).without_account:
        rows.writerow([escape_formula(str(cell)) for cell in row])
    return response
