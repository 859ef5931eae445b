"""The welcome page, which people see after they sign in for the first time.

It is here because it needs data of all apps: libraries and positions, tracks, and help tickets.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts import actions as account_actions
from accounts.enums import PositionKind
from accounts.models import Position
from accounts.queries import library_name_of, positions_of, welcome_draft_of
from aspen.clock import today
from aspen.web import form_recovery
from aspen.web.context import LIBRARY
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from events.uploads import was_cut_off
from helpdesk import actions, welcome_presentation
from helpdesk.actions import MissingLibrary, WelcomeAnswers
from helpdesk.welcome_forms import YES, WelcomeForm
from tracks.counting import queries as counting_queries
from tracks.counting.presentation import join_names
from tracks.models import Track


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@form_recovery.recover_after_sign_in
def welcome(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Ask where a new person works, which track fits, and for credits from before.

    Searching for a library and skipping the page keep the answers. An htmx request gets only the
    libraries that match the search, or only the tracks that fit.
    """
    person = request.user
    positions = list(positions_of(person))
    followed = [
        participation.track.name for participation in counting_queries.active_participations(person)
    ]
    asks = {"asks_position": not positions, "asks_track": not followed}
    if request.method == "POST":
        form = WelcomeForm(
            request.POST, request.FILES, by=person, too_large=was_cut_off(request), **asks
        )
        return _answer(request, form, positions, followed)
    typed = form_recovery.recovered_form(request) or welcome_draft_of(person)
    form = WelcomeForm(initial=typed | request.GET.dict(), **asks)
    if request.htmx and not positions:  # type: ignore[attr-defined]
        return _part(request, form, positions)
    return _page(request, form, positions, followed)


def _answer(
    request: AuthenticatedHttpRequest,
    form: WelcomeForm,
    positions: Sequence[Position],
    followed: Sequence[str],
) -> HttpResponse:
    person = request.user
    if "search" in request.POST:
        account_actions.save_welcome_draft(typed=form.typed(), by=person)
        found = urlencode({"find": request.POST.get("find", "")})
        return redirect(f"{reverse('welcome')}?{found}#library")
    if "skip" in request.POST:
        account_actions.skip_welcome(typed=form.typed(), by=person)
        messages.info(request, "You can answer the questions later. Your profile has a link.")
        return redirect("home")
    if form.is_valid():
        with refusal_as_form_error(form):
            answers = _answers(request, form, positions)
            tickets = actions.answer_welcome(answers=answers, by=person)
            form.delete_waiting_files()
            request.session[LIBRARY] = library_name_of(person)
            messages.success(request, _all_set(answers))
            if tickets:
                messages.info(request, "We have your request. The answer will appear under Help.")
            return redirect("home")
    form.keep_files()
    account_actions.save_welcome_draft(typed=form.typed(), by=person)
    return _page(request, form, positions, followed)


def _answers(
    request: AuthenticatedHttpRequest, form: WelcomeForm, positions: Sequence[Position]
) -> WelcomeAnswers:
    data = form.cleaned_data
    kind = PositionKind(data["kind"]) if data.get("kind") else None
    missing = None
    if name := data.get("library_name"):
        missing = MissingLibrary(name, data["library_town"], kind.label if kind else "")
    tracks: list[Track] = []
    if "track" in form.fields and data["track"] == YES:
        rule_sets = counting_queries.rule_sets_for(request.user, today())
        tracks = welcome_presentation.track_question(form, rule_sets, positions).tracks
    return WelcomeAnswers(
        organization=data.get("organization"),
        kind=kind,
        missing=missing,
        tracks=tracks,
        has_past_credits=form.has_past_credits,
        note=data["note"],
        files=form.all_files(),
    )


def _all_set(answers: WelcomeAnswers) -> str:
    parts = []
    if answers.tracks:
        parts.append(f"You follow {join_names([track.name for track in answers.tracks])}.")
    if answers.organization:
        parts.append(f"{answers.organization.name} is your library.")
    return " ".join(["You are all set.", *parts, "You can change this in your profile."])


def _part(
    request: AuthenticatedHttpRequest, form: WelcomeForm, positions: Sequence[Position]
) -> HttpResponse:
    if "find" in request.GET:
        libraries = welcome_presentation.found_libraries(form)
        return render(request, "helpdesk/welcome_found.html", {"libraries": libraries})
    rule_sets = counting_queries.rule_sets_for(request.user, today())
    question = welcome_presentation.track_question(form, rule_sets, positions)
    return render(request, "helpdesk/welcome_track.html", {"question": question})


def _page(
    request: AuthenticatedHttpRequest,
    form: WelcomeForm,
    positions: Sequence[Position],
    followed: Sequence[str],
) -> HttpResponse:
    context: dict[str, object] = {
        "form": form,
        "positions": positions,
        "followed": followed,
        "past": welcome_presentation.past_tiles(form),
        "has_sent": bool(form["note"].value() or form.errors or form.waiting),
    }
    if not positions:
        context["libraries"] = welcome_presentation.found_libraries(form)
        context["kinds"] = welcome_presentation.kind_tiles(form)
    if not followed:
        rule_sets = counting_queries.rule_sets_for(request.user, today())
        context["question"] = welcome_presentation.track_question(form, rule_sets, positions)
    return render(request, "helpdesk/welcome.html", context)
