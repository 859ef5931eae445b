"""The page of one event."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from events import presentation, queries
from events.views.common import ROW_FIELDS, known_about, visitor

SESSIONS_AT_MOST = 300


@login_not_required
@require_safe
def detail(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Everything known about an event. The slug is for readers; any will do."""
    person = visitor(request)
    visible = queries.visible_to(person).select_related("parent").defer("search", "parent__search")
    event = get_object_or_404(visible, pk=pk)
    found = queries.sessions_of(event).only(*ROW_FIELDS, "parent_id")
    sessions = list(found[: SESSIONS_AT_MOST + 1])
    has_more = len(sessions) > SESSIONS_AT_MOST
    del sessions[SESSIONS_AT_MOST:]
    known = known_about(person, [event, *sessions])
    standing = known.standings.get(event.pk, presentation.NOBODY)
    labels = presentation.states(event, standing, known.now)
    if event.is_demonstration:
        labels.append(presentation.DEMONSTRATION)
    context = {
        "event": event,
        "url": event.get_absolute_url(),
        "states": labels,
        "row": presentation.row(event, known, event.parent),
        "moment": presentation.moment(event, known),
        "places": presentation.places(event, standing, known.now),
        "programme": presentation.programme(event, sessions, known),
        "programme_limit": SESSIONS_AT_MOST if has_more else None,
        "recording": presentation.web_link(event.recording_url),
        "source": presentation.web_link(event.source_url),
        "other_dates": [presentation.row(other, known) for other in queries.other_dates(event)],
    }
    return render(request, "events/detail.html", context)
