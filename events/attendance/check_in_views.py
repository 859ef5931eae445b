"""Check-in with the code shown in the room, or with a personal check-in code at the door."""

import re

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from aspen.web import rate_limits
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import permissions, queries
from events.attendance import actions
from events.attendance import queries as attendance_queries
from events.attendance.forms import CheckInCodeForm
from events.attendance.presentation import open_event_row
from events.calendar import presentation as calendar_presentation
from events.enums import ATTENDED
from events.models import Event, Registration

GUESS = "check_in_code"  # its limit is in ACCOUNT_RATE_LIMITS
SIX_LETTERS = re.compile("[A-Za-z]{6}")
UNKNOWN_CODE = "No event has this code. Check the screen or ask the organizer."


def _event_of_code(request: AuthenticatedHttpRequest, code: str) -> Event | None:
    """Return the event that has this code, or None, which counts as a wrong guess."""
    event = attendance_queries.event_of_code(code)
    if event is None:
        rate_limits.count_guess(request, GUESS)
    return event


@require_http_methods(["GET", "HEAD", "POST"])
def check_in(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Ask for the code shown in the room, and go to the event that has it."""
    form = CheckInCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not rate_limits.has_guesses_left(request, GUESS):
            return render(request, "429.html", status=429)
        event = _event_of_code(request, form.cleaned_data["code"])
        if event and event.check_in_code:
            return redirect("events:check_in_here", event.check_in_code)
        form.add_error("code", UNKNOWN_CODE)
    return render(request, "events/attendance/check_in.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def check_in_here(request: AuthenticatedHttpRequest, code: str) -> HttpResponse:
    """Show the event that has this code, and check the person in."""
    person = request.user
    if not SIX_LETTERS.fullmatch(code):
        raise Http404
    if not rate_limits.has_guesses_left(request, GUESS):
        return render(request, "429.html", status=429)
    event = _event_of_code(request, code)
    if event is None:
        messages.error(request, UNKNOWN_CODE)
        return redirect("events:check_in")
    if request.method == "POST":
        with refusal_as_message(request):
            actions.check_in(event_id=event.pk, code=code, by=person)
        return redirect("events:check_in_here", event.check_in_code)
    mine = queries.registration_of(person, event)
    is_checked_in = mine is not None and mine.attendance in ATTENDED
    context = {
        "event": event,
        "place": calendar_presentation.format_place(event),
        "is_checked_in": is_checked_in,
        "earns": event.offers.exists(),
        "why_not": ""
        if is_checked_in
        else attendance_queries.why_person_cannot_check_in(person, event) or "",
    }
    return render(request, "events/attendance/check_in_here.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def personal_check_in(request: AuthenticatedHttpRequest, token: str) -> HttpResponse:
    """Check in the person whose code was scanned, at an open event that the organizer chooses."""
    organizer = request.user
    person = attendance_queries.owner_of_personal_check_in_code(token)
    if person is None:
        raise Http404
    if not (permissions.may_publish(organizer) or permissions.may_propose(organizer)):
        if person == organizer:
            return render(request, "events/attendance/own_check_in_code.html")
        raise Http404
    events = list(attendance_queries.events_open_for_check_in(organizer))
    if request.method == "POST":
        return _check_in_by_organizer(request, events, person, token, by=organizer)
    own_registrations = Registration.objects.filter(person=person, event__in=events)
    registrations = {each.event_id: each for each in own_registrations.order_by("pk")}
    context = {
        "person": person,
        "events": [open_event_row(event, registrations.get(event.pk)) for event in events],
    }
    return render(request, "events/attendance/personal_check_in.html", context)


def _check_in_by_organizer(
    request: AuthenticatedHttpRequest, events: list[Event], person: User, token: str, *, by: User
) -> HttpResponse:
    selected = {str(event.pk): event for event in events}.get(request.POST.get("event", ""))
    if selected is None:
        messages.error(request, "This event is over.")
    else:
        event = get_object_or_404(permissions.managed_by(by), pk=selected.pk)
        with refusal_as_message(request):
            actions.check_in_by_organizer(event_id=event.pk, person=person, by=by)
            messages.success(request, f"{person} was checked in to “{event.title}”.")
    return redirect("events:personal_check_in", token)
