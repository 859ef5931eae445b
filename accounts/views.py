from collections.abc import Iterable
from typing import Any

from allauth.account import views as allauth_views
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import actions, queries
from accounts.enums import CONFIRMED, NOT_CONFIRMED, PRIMARY, PositionKind, Theme
from accounts.forms import (
    LibrarySearchForm,
    NameForm,
    PositionForm,
    RemindersForm,
    ShowsProgressForm,
    SignUpForm,
    ThemeForm,
)
from accounts.models import Position, User
from accounts.signals import profile_parts
from aspen.formats import format_day
from aspen.web.confirm import ask_first, is_confirmed
from aspen.web.context import LIBRARY, THEME
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo

MAX_LISTED = 500


class SignUpView(allauth_views.SignupView):
    """django-allauth's page, which creates the account and queues its e-mail together."""

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            return actions.all_or_nothing(super().form_valid, form)
        except IntegrityError:
            # The form was submitted twice, and the other request has just created the account.
            form.account_already_exists = True
            return actions.all_or_nothing(super().form_valid, form)


class EmailView(allauth_views.EmailView):
    """django-allauth's page with a label for each address's status."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add, remove or confirm an address and queue the e-mail about it together.

        Ask before an address is removed.
        """
        address = request.POST.get("email", "")
        if "action_remove" in request.POST and address and not is_confirmed(request):
            return ask_first(
                request,
                question=f"Remove {address}?",
                consequence="You can no longer sign in with this address. To use it again, add it "
                "and confirm it.",
                button="Remove",
                back=reverse("account_email"),
            )
        return actions.all_or_nothing(super().post, request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for radio in context["emailaddress_radios"]:
            address = radio["emailaddress"]
            radio["labels"] = [CONFIRMED if address.verified else NOT_CONFIRMED]
            if address.primary:
                radio["labels"].append(PRIMARY)
        return context


def profile(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the person's name, e-mail address and positions.

    A POST saves the name. An htmx request returns only the list of libraries that match the search.
    """
    person = request.user
    if request.method == "GET" and request.htmx:  # type: ignore[attr-defined]
        return render(request, "accounts/pick_again.html", _libraries(request, PositionForm()))
    form = NameForm(request.POST or None, initial={"display_name": person.display_name})
    if request.method == "POST" and form.is_valid():
        actions.rename(display_name=form.cleaned_data["display_name"], by=person)
        messages.success(request, "Your name was saved.")
        return redirect("accounts:profile")
    return _page(request, name_form=form)


def set_reminders(request: AuthenticatedHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("accounts:profile")
    form = RemindersForm(request.POST)
    form.is_valid()  # checkboxes are always valid
    actions.set_reminders(
        events=form.cleaned_data["wants_reminders"],
        certification=form.cleaned_data["wants_certification_reminders"],
        by=request.user,
    )
    messages.success(request, "Your reminder settings were saved.")
    return redirect("accounts:profile")


def set_shows_progress(request: AuthenticatedHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("accounts:profile")
    form = ShowsProgressForm(request.POST)
    agreed = form.is_valid() and form.cleaned_data["shows_progress"]
    actions.set_shows_progress(agreed=agreed, by=request.user)
    messages.success(
        request,
        "Your library's director can see your progress and certificates."
        if agreed
        else "Your library's director cannot see your progress and certificates.",
    )
    return redirect("accounts:profile")


def set_theme(request: AuthenticatedHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("accounts:profile")
    form = ThemeForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the colors in the list.")
        return redirect("accounts:profile")
    theme = form.cleaned_data["theme"]
    actions.set_theme(theme=Theme(theme) if theme else None, by=request.user)
    request.session[THEME] = theme
    messages.success(request, "Your colors were saved.")
    return redirect("accounts:profile")


# The signed token is the authorization, including for the unsubscribe button of e-mail programs
# (RFC 8058).
@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def reminders(request: HttpRequest, token: str, about: str) -> HttpResponse:
    """Turn off reminders about "events" or "certification" for the token's person."""
    person = queries.person_of_reminders_token(token)
    if person is None:
        raise Http404
    if request.method == "POST":
        actions.set_reminders(**{about: False}, by=person)
        if "List-Unsubscribe" not in request.POST:  # e-mail programs do not follow redirects
            return redirect(request.path)
    wanted = {
        "events": person.wants_reminders,
        "certification": person.wants_certification_reminders,
    }
    return render(request, "accounts/reminders.html", {"about": about, "wanted": wanted[about]})


def add_position(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Add a position and end those that it replaces.

    A GET, such as the one after signing in again, redirects to the profile.
    """
    if request.method != "POST":
        return redirect("accounts:profile")
    person = request.user
    positions = list(queries.all_positions_of(person))
    form = PositionForm(request.POST, positions=_to_end(positions))
    if not form.is_valid():
        return _page(request, position_form=form, positions=positions)
    with refusal_as_form_error(form):
        moved = actions.move(
            organization=form.cleaned_data["organization"],
            kind=PositionKind(form.cleaned_data["kind"]),
            since_on=form.cleaned_data["since_on"],
            ended=[int(pk) for pk in form.cleaned_data.get("ended", [])],
            by=person,
        )
        request.session[LIBRARY] = queries.library_name_of(person)
        success_with_undo(
            request,
            _moved_text(moved),
            reverse("accounts:undo_positions"),
            ticket=moved.ticket,
        )
        return redirect("accounts:profile")
    return _page(request, position_form=form, positions=positions)


def _moved_text(moved: actions.Move) -> str:
    ended = [
        f"The last day of {each} is {format_day(each.until_on)}."
        for each in moved.ended
        if each.until_on
    ]
    return " ".join([f"Your position was saved: {moved.position}.", *ended])


def end_position(request: AuthenticatedHttpRequest, position_id: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("accounts:profile")
    person = request.user
    try:
        with refusal_as_message(request):
            ticket = actions.end_position(position_id=position_id, by=person)
            request.session[LIBRARY] = queries.library_name_of(person)
            success_with_undo(
                request,
                "Today is the last day of this position. It stays on record.",
                reverse("accounts:undo_positions"),
                ticket=ticket,
            )
    except Position.DoesNotExist as error:
        raise Http404 from error
    return redirect("accounts:profile")


def undo_positions(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Undo the last change of the person's positions. A GET changes nothing."""
    if request.method == "POST":
        with refusal_as_message(request):
            restored = actions.undo_positions(ticket=request.GET.get("ticket", ""), by=request.user)
            request.session[LIBRARY] = queries.library_name_of(request.user)
            continued = [f"Your position continues: {position}." for position in restored]
            messages.success(request, " ".join(continued) or "The new position was removed.")
    return redirect("accounts:profile")


def _to_end(positions: Iterable[Position]) -> list[Position]:
    """Return the positions that a new one can replace."""
    return [each for each in positions if not each.ends_today_or_ended]


def _page(
    request: AuthenticatedHttpRequest,
    *,
    name_form: NameForm | None = None,
    position_form: PositionForm | None = None,
    positions: list[Position] | None = None,
) -> HttpResponse:
    person = request.user
    if positions is None:
        positions = list(queries.all_positions_of(person))
    name_form = name_form or NameForm(initial={"display_name": person.display_name})
    position_form = position_form or PositionForm(positions=_to_end(positions))
    past = [position for position in positions if position.has_ended]
    context = {
        "name_form": name_form,
        "has_errors": bool(name_form.errors or position_form.errors),
        "reminders_form": RemindersForm(initial=_values(person, RemindersForm)),
        "shows_progress_form": ShowsProgressForm(initial=_values(person, ShowsProgressForm)),
        "theme_form": ThemeForm(initial=_values(person, ThemeForm)),
        "positions": [position for position in positions if not position.has_ended],
        "past_positions": sorted(past, key=lambda position: str(position.until_on), reverse=True),
        **_libraries(request, position_form),
        **profile_parts(person),
    }
    return render(request, "accounts/profile.html", context)


def _values(person: User, form: type[forms.Form]) -> dict[str, Any]:
    """Return what the person has chosen for the fields of a form."""
    return {name: getattr(person, name) for name in form.base_fields}


def _libraries(request: HttpRequest, position_form: PositionForm) -> dict[str, Any]:
    """Return the context for choosing a library, with a search if there are too many to list."""
    form = LibrarySearchForm(request.GET)
    find = form.cleaned_data["find"] if form.is_valid() else ""
    libraries = list(queries.search_libraries(find)[: MAX_LISTED + 1])
    position_form.offer(libraries[:MAX_LISTED])
    has_more = len(libraries) > MAX_LISTED
    return {
        "position_form": position_form,
        "can_find": has_more or bool(find or form.errors),
        "listed": min(len(libraries), MAX_LISTED),
        "has_more": has_more,
        "find": find,
        "find_errors": form.errors.get("find", []),
    }
