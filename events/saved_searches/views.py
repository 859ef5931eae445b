"""Saving a search of the calendar, and removing it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from events.calendar.forms import read_choice
from events.calendar.grid import list_of
from events.calendar.search import from_stored, stored
from events.models import SavedSearch
from events.saved_searches import actions
from events.saved_searches.emails import id_of_stop_token

ALL = "all events"


def save(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Save the search in the URL's parameters. A GET only shows it."""
    form, choice, _ = read_choice(request.GET, request.user)
    if request.method == "POST":
        if form.errors:
            messages.error(request, "This search has errors. Correct them, then save it.")
            return redirect(f"{reverse('events:calendar')}?{request.GET.urlencode()}")
        name = ", ".join(label for _, label in form.applied_filters(choice)) or ALL
        with refusal_as_message(request):
            mine = SavedSearch.objects.filter(person=request.user, filters=stored(choice))
            if mine.exists():
                # Undo would remove the search that was saved before.
                messages.info(request, f"You had saved this search before: {name}.")
                return redirect(choice.url())
            saved = actions.save_search(filters=choice, name=name, by=request.user)
            success_with_undo(
                request,
                f"Saved. Once a week, we e-mail you new training for this search: {name}. Your "
                "profile lists your saved searches.",
                reverse("events:remove_search", args=[saved.pk]),
            )
    return redirect(choice.url())


def remove(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Remove a saved search. A GET changes nothing."""
    saved = get_object_or_404(SavedSearch, pk=pk, person=request.user)
    if request.method == "POST":
        actions.remove_search(search_id=saved.pk, by=request.user)
        query = list_of(from_stored(saved.filters)).query().removesuffix("&")
        success_with_undo(
            request,
            f"We no longer e-mail you about this search: {saved.name}.",
            f"{reverse('events:save_search')}?{query}",
        )
    return redirect("accounts:profile")


# The signed token is the authorization, including for the unsubscribe button of e-mail programs
# (RFC 8058).
@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Remove the token's saved search."""
    search_id = id_of_stop_token(token)
    if search_id is None:
        raise Http404
    if request.method == "POST":
        actions.remove_search(search_id=search_id, by=None)
        if "List-Unsubscribe" not in request.POST:  # e-mail programs do not follow redirects
            return redirect(request.path)
    saved = SavedSearch.objects.filter(pk=search_id).first()
    return render(request, "events/stop_search.html", {"saved": saved})
