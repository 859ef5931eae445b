"""Choosing certification tracks, one at a time or several at once."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Position, User
from accounts.queries import positions_of
from aspen.clock import today
from aspen.formats import counted, format_day
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTOR_TRACK, directors_deadline
from tracks.enums import RuleSetKind
from tracks.following import actions, recommended
from tracks.following.forms import ChooseForm, ChooseSeveralForm, RolesForm
from tracks.following.presentation import OfferedTrack
from tracks.models import Participation, RuleSet, Track


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the tracks the person follows and can choose. Choosing one posts archived credits."""
    person = request.user
    if request.method == "POST":
        follow = _follow if "track" in request.POST else _follow_several
        return follow(request, person)
    participations = list(counting_queries.active_participations(person))
    followed = [str(participation.track) for participation in participations]
    positions = list(positions_of(person))
    matching = recommended.positions_by_track(positions)
    roles = RolesForm(
        request.GET if "asked" in request.GET else None,
        preset=recommended.preselected_roles(matching),
    )
    reasons = recommended.why_recommended(roles.selected(), matching)
    resumable: dict[int, Participation] = {}
    for participation in counting_queries.resumable_participations(person, today()):
        resumable.setdefault(participation.track_id, participation)
    offered = []
    for rule_set in counting_queries.rule_sets_for(person, today()):
        track = rule_set.track
        if track.name not in followed:
            why = filter(None, (reasons.get(track.name), _deadline(rule_set, positions)))
            offered.append(OfferedTrack(rule_set, " ".join(why), resumable.get(track.pk)))
    context = {
        "followed": [
            counting_presentation.track_summary(each, today())
            for each in counting_queries.track_progress_of(participations, today())
        ],
        "roles": roles,
        "changes": recommended.recommended_changes(followed, matching),
        "offered": sorted(offered, key=lambda track: not track.why),
    }
    return render(request, "tracks/choose.html", context)


def _deadline(rule_set: RuleSet, positions: Iterable[Position]) -> str:
    """Return a sentence about a new director's deadline, or "" for people certified before."""
    since = recommended.director_since(positions)
    if rule_set.track.name != DIRECTOR_TRACK or rule_set.kind == RuleSetKind.RENEWAL or not since:
        return ""
    deadline = directors_deadline(since)
    if deadline < today():
        return ""
    return (
        "New directors have four years to become certified, so your deadline is "
        f"{format_day(deadline)}."
    )


def _follow(request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
    form = ChooseForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the tracks on this page.")
        return redirect("tracks:choose")
    track: Track = form.cleaned_data["track"]
    with refusal_as_message(request):
        participation, is_new = actions.select_track(track=track, by=person)
        if is_new:
            messages.success(request, _now_followed([participation]))
        else:
            messages.info(request, f"You already follow {track}. Nothing was changed.")
        return redirect(participation)
    return redirect("tracks:choose")


def _follow_several(request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
    """Follow the selected tracks and show a message for each refusal."""
    form = ChooseSeveralForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Select at least one of the tracks on this page.")
        return redirect("tracks:choose")
    result = actions.select_tracks(tracks=form.cleaned_data["tracks"], by=person)
    for refusal in result.refusals:
        messages.error(request, refusal)
    for participation in result.already_followed:
        messages.info(request, f"You already follow {participation.track}.")
    if result.started:
        messages.success(request, _now_followed(result.started))
    if len(result.started) == 1 and not result.refusals:
        return redirect(result.started[0])
    return redirect("tracks:choose")


def _now_followed(participations: list[Participation]) -> str:
    """Return, for example, “You now follow Library Staff. 3 credit lines were posted to it.”"""
    tracks = counting_presentation.join_names(
        [str(participation.track) for participation in participations]
    )
    number = counting_queries.postings_of(participations).count()
    posted = counted(number, "credit line was", "credit lines were")
    them = "it" if len(participations) == 1 else "them"
    return f"You now follow {tracks}. {posted} posted to {them}."
