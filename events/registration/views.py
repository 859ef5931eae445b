"""The views to register and cancel, and the My registrations page."""

from typing import NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.files import qr
from aspen.web import form_recovery
from aspen.web.confirm import ask_first, is_confirmed
from aspen.web.labels import Label
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from events import queries, rules
from events.attendance import actions as attendance_actions
from events.calendar import presentation
from events.calendar.facts import EventFacts, facts_about
from events.calendar.next_step import HowToJoin, how_to_join, next_step, switches
from events.calendar.presentation import EventRow
from events.enums import AttendanceMode, KeyPurpose, RegistrationState
from events.models import Event, Question, Registration
from events.overlapping_places import (
    SAME_TIME,
    OtherPlace,
    other_places_of,
    other_places_of_registrations,
)
from events.registration import actions, keys
from events.registration.forms import RegistrationForm, SwitchForm
from events.registration.presentation import mode_tiles, registered_text
from events.signals import claimed_event_ids_for

PER_PAGE = 25
REGISTERING = ("register", "join")  # kinds of next steps
# The field with the ids of the events at the same time that the page showed.
TOLD = "told"


@form_recovery.recover_after_sign_in
def register(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Register a person or add them to the waitlist.

    There is a form if the event is hybrid or the organizer has questions. If the person has a place
    at another event at the same time, the page says so first. People who had to sign in first
    return with GET and see the event or the form again.
    """
    person = request.user
    event = get_object_or_404(queries.events_visible_to(person), pk=pk)
    questions = list(queries.questions_of(event))
    has_choice = rules.attendance_modes(event) != ("",)
    if questions or has_choice:
        return _register_with_form(request, event, person, questions, has_choice=has_choice)
    if request.method == "POST":
        others = other_places_of(person, event)
        if not _was_told(request, others):
            facts = facts_about(person, [event])
            if next_step(event, facts).kind in REGISTERING:
                form = RegistrationForm(questions=[])
                return _register_page(request, event, form, others, facts)
        with refusal_as_message(request):
            _register(request, event, {}, None)
    # Not get_absolute_url(): with the title "Register", that is the address of this view.
    return redirect("events:detail", event.pk)


def _was_told(request: AuthenticatedHttpRequest, others: list[OtherPlace]) -> bool:
    """Return True if the submitted page showed all these places at the same time."""
    return {str(other.pk) for other in others} <= set(request.POST.getlist(TOLD))


def _register(
    request: AuthenticatedHttpRequest,
    event: Event,
    answers: dict[int, str],
    mode: AttendanceMode | None,
) -> None:
    registration = actions.register(event_id=event.pk, by=request.user, answers=answers, mode=mode)
    text = registered_text(registration)
    if registration.state == RegistrationState.CONFIRMED and event.offers.exists():
        text += " Your credit will be listed automatically after the event."
    messages.success(request, text)


def _register_with_form(
    request: AuthenticatedHttpRequest,
    event: Event,
    person: User,
    questions: list[Question],
    *,
    has_choice: bool,
) -> HttpResponse:
    registration = queries.registration_of(person, event)
    if registration and not questions:
        return redirect("events:detail", event.pk)
    saved = dict(registration.answers.values_list("question_id", "text")) if registration else {}
    facts = facts_about(person, [event])
    step = next_step(event, facts)
    if registration is None and step.kind not in REGISTERING:
        if step.note:
            messages.warning(request, step.note)
        return redirect("events:detail", event.pk)
    form = RegistrationForm(
        request.POST if request.method == "POST" else None,
        questions=questions,
        has_choice=has_choice and registration is None,
        saved=saved,
        initial=form_recovery.recovered_form(request),
    )
    others = [] if registration else other_places_of(person, event)
    if request.method == "POST" and form.is_valid() and _was_told(request, others):
        try:
            if registration:
                actions.answer_registration_questions(
                    event_id=event.pk, answers=form.answers(), by=person
                )
                messages.success(request, "Your answers have been saved.")
            else:
                _register(request, event, form.answers(), form.mode())
            return redirect("events:detail", event.pk)
        except Refused as refusal:
            if refusal.field not in form.fields:
                messages.error(request, str(refusal))
                return redirect("events:detail", event.pk)
            form.add_error(refusal.field, str(refusal))
    return _register_page(request, event, form, others, facts, is_change=bool(registration))


def _register_page(
    request: AuthenticatedHttpRequest,
    event: Event,
    form: RegistrationForm,
    others: list[OtherPlace],
    facts: EventFacts,
    *,
    is_change: bool = False,
) -> HttpResponse:
    """Show the form, and the person's other places at the same time."""
    context = {
        "event": event,
        "url": event.get_absolute_url(),
        "day": presentation.day_and_times(event),
        "form": form,
        "other_places": others,
        "told": TOLD,
        "is_change": is_change,
        "is_waitlist": next_step(event, facts).kind == "join",
        "tiles": mode_tiles(form, event, facts) if "attendance_mode" in form.fields else [],
        "questions": [field for field in form if field.name != "attendance_mode"],
    }
    return render(request, "events/register.html", context)


def cancel(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Cancel a registration, or leave the waitlist."""
    person = request.user
    event = get_object_or_404(queries.events_visible_to(person), pk=pk)
    if request.method == "POST":
        before = queries.registration_of(person, event)
        was_waiting = before is not None and before.state == RegistrationState.WAITLISTED
        with refusal_as_message(request):
            actions.cancel_registration(event_id=event.pk, by=person)
            success_with_undo(
                request,
                "You left the waitlist."
                if was_waiting
                else "Your registration has been canceled. Someone else can now have your place.",
                reverse("events:undo_cancel", args=[event.pk]),
            )
    return redirect("events:detail", event.pk)


def switch(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Let a registered person take part in the other way. Asks first if they would have to wait.

    A GET, as after sign-in, changes nothing.
    """
    person = request.user
    event = get_object_or_404(queries.events_visible_to(person), pk=pk)
    form = SwitchForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return redirect("events:detail", event.pk)
    mode = AttendanceMode(form.cleaned_data["mode"])
    if not is_confirmed(request) and (what := _switch_to_waitlist(person, event, mode)):
        return ask_first(
            request,
            question=what,
            consequence=f"{rules.ALL_TAKEN[mode]} Someone else can get what you give up, and we "
            "cannot give it back to you. We will e-mail you when it is your turn.",
            button="Join the waitlist",
            back=event.get_absolute_url(),
        )
    with refusal_as_message(request):
        registration = actions.switch_attendance_mode(
            event_id=event.pk, mode=mode, by=person, joins_waitlist=is_confirmed(request)
        )
        messages.success(request, registered_text(registration))
    return redirect("events:detail", event.pk)


def _switch_to_waitlist(person: User, event: Event, mode: AttendanceMode) -> str:
    """Return what to ask before a person joins this mode's waitlist, or "" if they need not."""
    counts = facts_about(person, [event]).counts_by_event.get(event.pk, queries.NO_REGISTRATIONS)
    if mode not in switches(event, counts):
        return ""  # The action says why not.
    keeps_place = mode == AttendanceMode.IN_PERSON and not counts.mode
    if keeps_place or not rules.has_to_wait(event, mode, *counts.of(mode)):
        return ""
    what = "place" if counts.state == RegistrationState.CONFIRMED else "place in line"
    return f"Give up your {what} and join the waitlist to take part {mode}?"


def undo_cancel(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Register a person again who just canceled. A GET, as after sign-in, changes nothing."""
    event = get_object_or_404(queries.events_visible_to(request.user), pk=pk)
    if request.method == "POST":
        with refusal_as_message(request):
            registration = actions.undo_cancellation(event_id=event.pk, by=request.user)
            for other in other_places_of(request.user, event):
                messages.warning(request, f"{other.told} It is at the same time.")
            if registration.state == RegistrationState.CONFIRMED:
                messages.success(request, "You are registered again.")
            else:
                messages.warning(
                    request,
                    "All places are taken now. You are on the waitlist, in your earlier place in "
                    "line.",
                )
    return redirect("events:detail", event.pk)


# ---------- My registrations ----------


class ComingRegistration(NamedTuple):
    row: EventRow
    has_questions: bool
    other_places: list[OtherPlace]
    how_to_join: HowToJoin | None


class PastRegistration(NamedTuple):
    row: EventRow
    outcome: Label


class MyRegistrations(NamedTuple):
    """The context of templates/events/my_registrations.html."""

    coming: list[ComingRegistration]
    past: list[PastRegistration]
    page: Page[Registration]
    feed: str
    check_in_code: str


@require_safe
def my_registrations(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the person's upcoming and past registrations, calendar address and check-in code."""
    person = request.user
    attendance_actions.settle_due(person=person)
    coming = list(queries.current_registrations(person))
    page = paginate(queries.past_registrations(person), request, size=PER_PAGE)
    past = list(page.object_list)
    events = [registration.event for registration in [*coming, *past]]
    facts = facts_about(person, events)
    claimed = claimed_event_ids_for(person, events)
    feed, check_in = queries.keys_of(person)
    others = other_places_of_registrations(coming)
    registrations = MyRegistrations(
        coming=[
            _coming_registration(each, facts, others.get((person.pk, each.event_id), []))
            for each in coming
        ],
        past=[
            PastRegistration(
                presentation.event_row(each.event, facts, without=[presentation.OVER]),
                presentation.attendance_outcome(each, facts, is_claimed=each.event.pk in claimed),
            )
            for each in past
        ],
        page=page,
        feed=_absolute("events:personal_feed", feed.token) if feed else "",
        check_in_code=qr.inline_svg(_absolute("events:personal_check_in", check_in.token))
        if check_in
        else "",
    )
    return render(request, "events/my_registrations.html", registrations._asdict())


def _coming_registration(
    registration: Registration, facts: EventFacts, others: list[OtherPlace]
) -> ComingRegistration:
    row = presentation.event_row(registration.event, facts)
    if others:
        row.states.append(SAME_TIME)
    counts = facts.counts_by_event.get(registration.event.pk, queries.NO_REGISTRATIONS)
    has_questions: bool = registration.has_questions  # type: ignore[attr-defined]
    return ComingRegistration(
        row, has_questions, others, how_to_join(registration.event, counts, facts.now)
    )


def _absolute(name: str, token: str) -> str:
    return settings.ADDRESS + reverse(name, args=[token])


@require_http_methods(["GET", "HEAD", "POST"])
def change_key(request: AuthenticatedHttpRequest, purpose: KeyPurpose) -> HttpResponse:
    """Create, replace or turn off the calendar address or the check-in code."""
    person = request.user
    names = {KeyPurpose.FEED: "calendar address", KeyPurpose.PERSONAL_CHECK_IN: "check-in code"}
    if request.method != "POST":  # after signing in
        return redirect("events:my_registrations")
    feed, badge = queries.keys_of(person)
    has_key = (feed if purpose == KeyPurpose.FEED else badge) is not None
    if has_key and not is_confirmed(request):
        turns_off = "off" in request.POST
        what = "Turn off" if turns_off else "Replace"
        return ask_first(
            request,
            question=f"{what} your {names[purpose]}?",
            consequence="The present one stops working for good, wherever you use it.",
            button=what,
            back=reverse("events:my_registrations") + f"#{purpose.value}",
        )
    if "off" in request.POST:
        keys.revoke_key(purpose=purpose, by=person)
        messages.success(request, f"Your {names[purpose]} has been turned off.")
    else:
        keys.renew_key(purpose=purpose, by=person)
        messages.success(
            request, f"You have a new {names[purpose]}. Any earlier one no longer works."
        )
    return redirect(reverse("events:my_registrations") + f"#{purpose.value}")
