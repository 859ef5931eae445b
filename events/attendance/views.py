"""Pages for organizers: roster, walk-ins, sign-in sheet and check-in code."""

import csv
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
from events import permissions, rules
from events.attendance import actions, queries
from events.attendance.forms import MarkAttendanceForm, RosterSearchForm, WalkInForm
from events.attendance.presentation import roster_row, waiting_rows
from events.calendar import presentation as calendar_presentation
from events.enums import ATTENDANCE_LABELS, Attendance, AttendanceMode, Delivery
from events.models import Event, Registration
from events.overlapping_places import other_places

PER_PAGE = 100
MAX_WAITLIST_SHOWN = 100
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
    search = {name: value for name, value in _search(form).items() if value}
    counts = queries.roster_counts(event)
    count = None if search else counts.registered
    page = paginate(queries.confirmed_places(event, **search), request, size=PER_PAGE, count=count)
    registrations = list(page.object_list)
    waiting = list(queries.waitlist(event)[: MAX_WAITLIST_SHOWN + 1]) if counts.waiting else []
    answers = _answers(request, event, registrations)
    others = other_places((each.person_id, event) for each in [*registrations, *waiting])
    why_not = rules.why_not_mark(event)
    context = {
        "event": event,
        "counts": counts,
        "search_form": form,
        "is_hybrid": event.delivery == Delivery.HYBRID,
        "is_search": bool(search),
        "rows": [roster_row(each, answers, others) for each in registrations],
        "page": page,
        "query": f"{urlencode(search)}&" if search else "",
        "waiting": waiting_rows(event, waiting[:MAX_WAITLIST_SHOWN], others),
        "can_mark": why_not is None,
        "why_not": why_not or "",
    }
    return render(request, "events/attendance/roster.html", context)


def _search(form: RosterSearchForm) -> dict[str, str]:
    return form.cleaned_data if form.is_valid() else {}


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
    """Show a printable sign-in sheet with registered people and blank lines for others.

    At a hybrid event, it has the people in the room, unless everyone is asked for.
    """
    event = _event(request, pk)
    is_hybrid = event.delivery == Delivery.HYBRID
    with_everyone = "everyone" in request.GET
    mode = AttendanceMode.IN_PERSON if is_hybrid and not with_everyone else ""
    people = [
        (str(each.person), each.library or "")  # type: ignore[attr-defined]
        for each in queries.confirmed_places(event, mode=mode)
    ]
    context = {
        "event": event,
        "place": calendar_presentation.format_place(event),
        "people": people,
        "is_hybrid": is_hybrid,
        "with_everyone": with_everyone,
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
    modes = ["Taking part"] if event.delivery == Delivery.HYBRID else []
    headings = ["Name", "Email", "Library", *modes, "Attendance", "Walk-in", "Minutes"]
    rows.writerow([*headings, *questions])
    for each in registrations:
        row = roster_row(each, answers)
        answered = dict(row.answers)
        cells = [
            row.name,
            row.email,
            row.library,
            *([row.mode] if modes else []),
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
