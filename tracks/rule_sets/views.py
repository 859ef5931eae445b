"""The rules of each certification track, for everyone."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from aspen.clock import today
from tracks.counting import queries as counting_queries
from tracks.models import Track
from tracks.rule_sets import presentation

LIST_HEADINGS = {
    "in_force": "In force",
    "coming": "Upcoming",
    "past": "Earlier rules",
}


@login_not_required
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """List all rule sets by track: those in force, then upcoming ones, then past ones."""
    day = today()
    tracks: dict[Track, dict[str, list[presentation.RuleSetRow]]] = {}
    for rule_set in counting_queries.rule_sets():
        lists = tracks.setdefault(rule_set.track, {state: [] for state in LIST_HEADINGS})
        row = presentation.rule_set_row(rule_set, day)
        lists[row.state.value].append(row)
    with_headings = [
        (track, [(LIST_HEADINGS[state], rows) for state, rows in lists.items() if rows])
        for track, lists in tracks.items()
    ]
    return render(request, "tracks/rules.html", {"tracks": with_headings})


@login_not_required
@require_safe
def rule_set(request: HttpRequest, rule_set_id: int) -> HttpResponse:
    """Show one rule set with a chart and an example, and links to the other rules for the track."""
    day = today()
    rule_set = get_object_or_404(counting_queries.rule_sets(), pk=rule_set_id)
    others = counting_queries.rule_sets().filter(track=rule_set.track_id).exclude(pk=rule_set.pk)
    context = {
        "page": presentation.rule_set_page(rule_set, day),
        "others": [presentation.rule_set_row(other, day) for other in others],
    }
    return render(request, "tracks/rule_set.html", context)
