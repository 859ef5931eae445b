"""The rules of each certification track, for everyone who is signed in."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from aspen.clock import today
from aspen.web.request import AuthenticatedHttpRequest
from tracks.counting import queries as counting_queries
from tracks.rule_sets import presentation

LIST_HEADINGS = {
    "in_force": "In force",
    "coming": "Upcoming",
    "past": "Earlier rules",
}


@require_safe
def rules(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every rule set by track: those in force, then coming, then past ones."""
    day = today()
    tracks: dict[int, dict[str, Any]] = {}
    for rule_set in counting_queries.rule_sets():
        track = tracks.setdefault(
            rule_set.track_id,
            {"name": str(rule_set.track), "lists": {key: [] for key in LIST_HEADINGS}},
        )
        shown = presentation.rule_set_row(rule_set, day)
        track["lists"][shown["state"]].append(shown)
    context = {
        "tracks": [
            {
                "name": track["name"],
                "lists": [
                    (LIST_HEADINGS[key], rows) for key, rows in track["lists"].items() if rows
                ],
            }
            for track in tracks.values()
        ]
    }
    return render(request, "tracks/rules.html", context)


@require_safe
def rule_set(request: AuthenticatedHttpRequest, rule_set_id: int) -> HttpResponse:
    """One rule set with a chart and an example, and links to the track's others."""
    day = today()
    shown = get_object_or_404(counting_queries.rule_sets(), pk=rule_set_id)
    others = counting_queries.rule_sets().filter(track=shown.track_id).exclude(pk=shown.pk)
    context = {
        "rules": presentation.rule_set_page(shown, day),
        "others": [presentation.rule_set_row(other, day) for other in others],
    }
    return render(request, "tracks/rule_set.html", context)
