"""Choosing a certification track."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.queries import positions_of
from aspen.clock import today
from aspen.formats import counted
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.following import actions, recommended
from tracks.following.forms import ChooseForm
from tracks.following.offers import offered_tracks
from tracks.models import Participation, Track


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the tracks the person follows and can choose. Choosing one posts archived credits."""
    person = request.user
    if request.method == "POST":
        return _follow(request, person)
    participations = list(counting_queries.active_participations(person))
    positions = list(positions_of(person))
    resumable = counting_queries.resumable_participations(person, today()).prefetch_related(None)
    context = {
        "followed": [
            counting_presentation.track_summary(each, today())
            for each in counting_queries.track_progress_of(participations, today())
        ],
        "changes": recommended.recommended_changes(
            [str(each.track) for each in participations], recommended.positions_by_track(positions)
        ),
        "offered": offered_tracks(person, positions, participations, resumable),
    }
    return render(request, "tracks/choose.html", context)


def _follow(request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
    form = ChooseForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the tracks on this page.")
        return redirect("tracks:choose")
    track: Track = form.cleaned_data["track"]
    with refusal_as_message(request):
        participation, is_new = actions.select_track(track=track, by=person)
        if is_new:
            messages.success(request, _now_followed(participation))
        else:
            messages.info(request, f"You already follow {track}. Nothing was changed.")
        return redirect(participation)
    return redirect("tracks:choose")


def _now_followed(participation: Participation) -> str:
    """Return, for example, “You now follow Library Staff. 3 credit lines were posted to it.”"""
    number = counting_queries.postings_of([participation]).count()
    posted = counted(number, "credit line was", "credit lines were")
    return f"You now follow {participation.track}. {posted} posted to it."
