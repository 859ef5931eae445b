"""The page of one event."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen import context
from events import editors, feeds, particulars, presentation, queries
from events.enums import Origin
from events.models import Event
from events.views.common import ROW_FIELDS, known_about, visitor

SESSIONS_AT_MOST = 300


@login_not_required
@require_safe
def detail(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Everything known about an event. The slug is for readers; any will do."""
    person = visitor(request)
    visible = editors.with_is_managed(
        queries.with_asks(queries.visible_to(person)), person, context.organizes(request)
    )
    visible = visible.select_related("parent", "organization").defer("search", "parent__search")
    event = visible.filter(pk=pk).first()
    if event is None:
        return _approved_elsewhere(person, pk)
    found = queries.sessions_of(event).only(*ROW_FIELDS, "parent_id")
    sessions = list(found[: SESSIONS_AT_MOST + 1])
    has_more = len(sessions) > SESSIONS_AT_MOST
    del sessions[SESSIONS_AT_MOST:]
    known = known_about(person, [event, *sessions])
    standing = known.standings.get(event.pk, queries.NOBODY)
    labels = presentation.states(event, standing, known.now)
    if event.is_demonstration:
        labels.append(presentation.DEMONSTRATION)
    shown = {
        "event": event,
        "url": event.get_absolute_url(),
        "states": labels,
        "row": presentation.row(event, known, event.parent),
        "moment": presentation.moment(event, known),
        "asks": event.asks,  # type: ignore[attr-defined]
        "json_ld": _json_ld(request, event, known),
        "places": presentation.places(event, standing, known.now),
        "times": particulars.times(event),
        "map": particulars.map_link(event),
        "files": particulars.files(event.resources.order_by("id")),
        "work": particulars.work(event) if event.is_managed else [],  # type: ignore[attr-defined]
        "programme": (programme := presentation.programme(event, sessions, known)),
        "has_sessions_to_claim": any(
            row.credit == "claim" and known.is_signed_in for _, rows in programme for row in rows
        ),
        "programme_limit": SESSIONS_AT_MOST if has_more else None,
        "recording": particulars.recording(
            event, known.now, earns_credit=event.pk in known.credits
        ),
        "source": presentation.web_link(event.source_url),
        "other_dates": [presentation.row(other, known) for other in queries.other_dates(event)],
    }
    return render(request, "events/detail.html", shown)


def _approved_elsewhere(person: User | None, pk: int) -> HttpResponse:
    """Training that staff approved for somebody has no page here; whoever claims it reviews it."""
    if person and queries.open_to_claims().filter(pk=pk).exists():
        return redirect("credits:claim", pk)
    raise Http404


def _json_ld(request: HttpRequest, event: Event, known: presentation.Known) -> str:
    """For search engines; nothing for events that only their author sees."""
    if event.origin != Origin.CALENDAR or event.state not in feeds.PUBLIC:
        return ""
    address = request.build_absolute_uri("/").rstrip("/")
    return feeds.json_ld(event, known.credits.get(event.pk, ()), address=address)
