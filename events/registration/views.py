"""Registering, and what one has registered for, for people who signed in."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.files import qr
from aspen.web import form_recovery
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import queries
from events.attendance import actions as attendance_actions
from events.calendar import presentation as calendar_presentation
from events.calendar.presentation import facts_about
from events.enums import KeyPurpose, RegistrationState
from events.models import Event, Question, Registration
from events.registration import actions, keys
from events.registration.forms import QuestionsForm
from events.signals import claimed_event_ids_for

PER_PAGE = 25


@form_recovery.recover_after_sign_in
def register(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a place, or the last one on the waitlist; an organizer who asks questions has a form.

    Who comes back from signing in arrives by GET and sees the event, or its questions, again.
    """
    person = request.user
    event = get_object_or_404(queries.events_visible_to(person), pk=pk)
    questions = list(queries.questions_of(event))
    if not questions:
        if request.method == "POST":
            _take_place(request, event, person, {})
        # Not get_absolute_url(): the event may be called "Register", and that leads here.
        return redirect("events:detail", event.pk)
    return _with_questions(request, event, person, questions)


def _take_place(
    request: AuthenticatedHttpRequest, event: Event, person: User, answers: dict[int, str]
) -> Refused | None:
    try:
        registration = actions.register(event_id=event.pk, by=person, answers=answers)
    except Refused as refusal:
        if refusal.field is None:
            messages.error(request, str(refusal))
        return refusal
    messages.success(request, _registered(event, registration))
    return None


def _registered(event: Event, registration: Registration) -> str:
    if registration.state == RegistrationState.WAITLISTED:
        return (
            "You are on the waitlist. As soon as a place is yours, you are registered by itself "
            "and told by mail."
        )
    if not event.offers.exists():
        return "You are registered."
    return "You are registered. When the event is over, your credit is listed by itself."


def _with_questions(
    request: AuthenticatedHttpRequest, event: Event, person: User, questions: list[Question]
) -> HttpResponse:
    registration = queries.registration_of(person, event)
    given = dict(registration.answers.values_list("question_id", "text")) if registration else {}
    moment = calendar_presentation.next_step(event, facts_about(person, [event]))
    if registration is None and moment.kind not in ("register", "join"):
        if moment.note:
            messages.warning(request, moment.note)
        return redirect("events:detail", event.pk)
    form = QuestionsForm(
        request.POST if request.method == "POST" else None,
        questions=questions,
        given=given,
        initial=form_recovery.recovered_form(request),
    )
    if request.method == "POST" and form.is_valid():
        refusal = (
            _change_answers(request, event, person, form.answers())
            if registration
            else _take_place(request, event, person, form.answers())
        )
        if refusal is None or refusal.field is None:
            return redirect("events:detail", event.pk)
        form.add_error(refusal.field, str(refusal))
    context = {
        "event": event,
        "url": event.get_absolute_url(),
        "day": calendar_presentation.day_and_times(event),
        "form": form,
        "is_change": registration is not None,
        "is_waitlist": moment.kind == "join",
    }
    return render(request, "events/register.html", context)


def _change_answers(
    request: AuthenticatedHttpRequest, event: Event, person: User, answers: dict[int, str]
) -> Refused | None:
    try:
        actions.answer_questions(event_id=event.pk, answers=answers, by=person)
    except Refused as refusal:
        if refusal.field is None:
            messages.error(request, str(refusal))
        return refusal
    messages.success(request, "Your answers are saved.")
    return None


def cancel(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Give the place back, or leave the waitlist."""
    person = request.user
    event = get_object_or_404(queries.events_visible_to(person), pk=pk)
    if request.method == "POST":
        before = queries.registration_of(person, event)
        waited = before is not None and before.state == RegistrationState.WAITLISTED
        with refusal_as_message(request):
            actions.cancel_registration(event_id=event.pk, by=person)
            messages.success(
                request,
                "You left the waitlist."
                if waited
                else "Your registration is cancelled; your place is free again.",
            )
    return redirect("events:detail", event.pk)


# ---------- My registrations ----------


@require_safe
def my_registrations(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What one is registered for, and was; the personal feed, and the code to check in with."""
    person = request.user
    attendance_actions.settle_due(person=person)
    coming = list(queries.coming_registrations(person))
    page = paginate(queries.past_registrations(person), request, size=PER_PAGE)
    past = list(page.object_list)
    events = [registration.event for registration in [*coming, *past]]
    known = facts_about(person, events)
    claimed = claimed_event_ids_for(person, events)
    feed, badge = queries.keys_of(person)
    context = {
        "coming": [
            (calendar_presentation.event_row(each.event, known), each.event.pk, each.has_questions)  # type: ignore[attr-defined]
            for each in coming
        ],
        "past": [
            (
                calendar_presentation.event_row(
                    each.event, known, without=[calendar_presentation.OVER]
                ),
                calendar_presentation.attendance_outcome(
                    each, known, is_claimed=each.event.pk in claimed
                ),
            )
            for each in past
        ],
        "page": page,
        "feed": _absolute("events:personal_feed", feed.token) if feed else "",
        "badge": qr.inline_svg(_absolute("events:badge", badge.token)) if badge else "",
    }
    return render(request, "events/my_registrations.html", context)


def _absolute(name: str, token: str) -> str:
    return settings.ADDRESS + reverse(name, args=[token])


@require_http_methods(["GET", "HEAD", "POST"])
def change_key(request: AuthenticatedHttpRequest, purpose: KeyPurpose) -> HttpResponse:
    """Make, renew or turn off one of the personal addresses, as the button pressed says."""
    person = request.user
    names = {KeyPurpose.FEED: "calendar address", KeyPurpose.BADGE: "check-in code"}
    if request.method != "POST":  # comes back from signing in
        return redirect("events:my_registrations")
    if "off" in request.POST:
        keys.revoke_key(purpose=purpose, by=person)
        messages.success(request, f"Your {names[purpose]} is turned off.")
    else:
        keys.renew_key(purpose=purpose, by=person)
        messages.success(request, f"Your {names[purpose]} is new; an older one is turned off.")
    return redirect(reverse("events:my_registrations") + f"#{purpose.value}")
