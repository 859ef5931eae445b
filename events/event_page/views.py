"""The event page."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import format_short_day
from aspen.web import context
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from events import permissions, queries, rules
from events.calendar import feeds, presentation
from events.calendar.facts import EventFacts, facts_about, signed_in_person
from events.calendar.next_step import how_to_join, next_step, web_link
from events.calendar.presentation import ROW_FIELDS
from events.catalog import queries as catalog_queries
from events.enums import EventState, Origin
from events.event_page import actions, details
from events.models import Event
from events.signals import earlier_claim_for, ever_claimed_event_ids_for

MAX_SESSIONS = 300


@login_not_required
@require_safe
def detail(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Show the event page. Any slug works."""
    person = signed_in_person(request)
    events = permissions.with_is_managed(
        catalog_queries.with_catalog_years(queries.with_has_questions(queries.with_page())),
        person,
        context.manages_events(request),
    )
    events = events.select_related("parent", "organization").defer("search", "parent__search")
    event = get_object_or_404(events, pk=pk)
    if event.state == EventState.MERGED:
        return _redirect_to_surviving(person, event)
    if not _may_see(person, event):
        return _redirect_to_claim(person, event)
    page = _page(request, person, event)
    response = render(request, "events/detail.html", page._asdict())
    if page.how_to_join:
        patch_cache_control(response, private=True, no_store=True)
    return response


def _page(request: HttpRequest, person: User | None, event: Event) -> details.EventPage:
    sessions = list(queries.sessions_of(event).only(*ROW_FIELDS, "parent_id")[: MAX_SESSIONS + 1])
    has_more = len(sessions) > MAX_SESSIONS
    del sessions[MAX_SESSIONS:]
    facts = facts_about(person, [event, *sessions])
    counts = facts.counts_by_event.get(event.pk, queries.NO_REGISTRATIONS)
    states = details.page_states(event, counts, facts.now)
    # In a demonstration, the header says it for all events.
    if event.is_demonstration and not settings.DEMO:
        states.append(presentation.DEMONSTRATION)
    starred = queries.starred_ids(person, sessions) if person and sessions else set()
    program = presentation.conference_program(event, sessions, facts, starred=starred)
    to_claim = details.has_button(program, "claim")
    others = queries.other_dates(event)
    step = next_step(event, facts)
    how = how_to_join(event, counts, facts.now, is_managed=event.is_managed)  # type: ignore[attr-defined]
    recording = details.recording_info(event, facts.now, earns_credit=event.pk in facts.credits)
    earlier = earlier_claim_for(person, event)
    structured_data = _json_ld(request, event, facts)
    can_add_to_calendar = bool(structured_data) and not rules.is_over(event)
    certificate_url = details.certificate_url(event, facts)
    return details.EventPage(
        event=event,
        url=event.get_absolute_url(),
        states=states,
        row=presentation.event_row(event, facts, event.parent),
        next_step=step,
        blue=details.blue_button(step, how, recording),
        earlier=earlier,
        claimed_on=format_short_day(earlier.claimed_on) if earlier else "",
        has_questions=event.has_questions,  # type: ignore[attr-defined]
        has_choice=rules.attendance_modes(event) != ("",),
        emails_how_to_join=step.kind in ("register", "sign_in_register")
        and bool(rules.joining_facts(event)),
        can_act=bool(
            step.kind
            or (step.note and not to_claim)
            or how
            or (recording and recording.link)
            or certificate_url
            or can_add_to_calendar
        ),
        can_add_to_calendar=can_add_to_calendar,
        json_ld=structured_data,
        places_left=presentation.places_left(event, counts, facts.now),
        how_to_join=how,
        contact=details.contact_link(event),
        times=details.machine_times(event),
        map=details.map_link(event),
        files=details.file_links(event.resources.order_by("id")),
        editor_links=details.editor_links(event) if event.is_managed else [],  # type: ignore[attr-defined]
        undo_url=details.undo_publishing_url(person, event) if person and event.is_managed else "",  # type: ignore[attr-defined]
        program=program,
        program_lead=details.program_lead(program),
        has_sessions_to_claim=to_claim,
        has_sessions_to_sign_in=details.has_button(program, "sign_in"),
        program_limit=MAX_SESSIONS if has_more else None,
        recording=recording,
        catalog_years=catalog_queries.catalog_years_shown(event),
        source_link=web_link(event.source_url),
        type=details.type_of(event),
        organizer=details.organizer_of(event),
        other_dates=[presentation.event_row(other, facts) for other in others],
        certificate_url=certificate_url,
    )


def _redirect_to_claim(person: User | None, event: Event) -> HttpResponse:
    """Redirect to the claim page if the custom event is approved. Raise Http404 otherwise."""
    if person and event.state == EventState.PUBLISHED:
        return redirect("credits:claim", event.pk)
    raise Http404


def _may_see(person: User | None, event: Event) -> bool:
    """Return True for calendar events and for custom events that the person created or claimed."""
    if event.origin == Origin.CALENDAR:
        return True
    if person is None:
        return False
    return event.created_by_id == person.pk or bool(ever_claimed_event_ids_for(person, [event]))


def _redirect_to_surviving(person: User | None, event: Event) -> HttpResponse:
    """Redirect from a merged event to the event that now has its claims.

    The redirect is not cached, because merges can be undone.
    """
    survivor = queries.surviving_event(event)
    has_page = queries.with_page().exclude(state=EventState.MERGED).filter(pk=survivor.pk).exists()
    if not (has_page and _may_see(person, survivor)):
        raise Http404
    response = HttpResponsePermanentRedirect(survivor.get_absolute_url())
    patch_cache_control(response, no_cache=True, private=True)
    return response


def _json_ld(request: HttpRequest, event: Event, facts: EventFacts) -> str:
    """Return structured data for search engines, or an empty string if the event is not public."""
    if event.origin != Origin.CALENDAR or event.state not in feeds.PUBLIC_STATES:
        return ""
    address = request.build_absolute_uri("/").rstrip("/")
    return feeds.json_ld(event, facts.credits.get(event.pk, ()), address=address)


# ---------- Join and Watch ----------


@require_safe
def join(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Redirect a person with a place, or an organizer, to the meeting, and record a hint.

    This is a link and not a form, because the content security policy keeps forms on this site.
    """
    get_object_or_404(queries.events_visible_to(request.user), pk=pk)
    try:
        return _leave(actions.join_meeting(event_id=pk, by=request.user))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("events:detail", pk)


@login_not_required
@require_safe
def watch(request: HttpRequest, pk: int) -> HttpResponse:
    """Redirect to the recording. For a signed-in person, record a hint."""
    person = signed_in_person(request)
    get_object_or_404(queries.events_visible_to(person), pk=pk)
    try:
        return _leave(actions.watch_recording(event_id=pk, by=person))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("events:detail", pk)


def _leave(address: str) -> HttpResponse:
    """Redirect to another site, without telling it where the person comes from."""
    response = HttpResponseRedirect(address)
    response["Referrer-Policy"] = "no-referrer"
    patch_cache_control(response, private=True, no_store=True)
    return response


def dismiss(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Remember that the person did not take part. A GET, as after sign-in, changes nothing."""
    event = get_object_or_404(queries.events_visible_to(request.user), pk=pk)
    if request.method == "POST":
        with refusal_as_message(request):
            actions.dismiss(event_id=event.pk, by=request.user)
            success_with_undo(
                request,
                f"We will not ask you about “{event.title}” again.",
                reverse("events:undo_dismissal", args=[event.pk]),
                **({"back": 1} if "back" in request.POST else {}),
            )
    return redirect("tracks:dashboard" if "back" in request.POST else "home")


def undo_dismissal(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Undo `dismiss`. A GET, as after sign-in, changes nothing."""
    event = get_object_or_404(queries.events_visible_to(request.user), pk=pk)
    if request.method == "POST":
        actions.undo_dismissal(event_id=event.pk, by=request.user)
        messages.success(request, f"We will ask you about “{event.title}” again.")
    return redirect("tracks:dashboard" if "back" in request.GET else "home")


# ---------- Stars ----------


def star(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Star a session, and show it in its program. A GET, as after sign-in, changes nothing."""
    session = _session(pk)
    if request.method == "POST":
        with refusal_as_message(request, about=session.title):
            actions.star_session(event_id=pk, by=request.user)
            success_with_undo(
                request, f"You starred “{session.title}”.", reverse("events:unstar", args=[pk])
            )
    return _back_to_program(session)


def unstar(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Undo `star`. A GET, as after sign-in, changes nothing."""
    session = _session(pk)
    if request.method == "POST":
        actions.unstar_session(event_id=pk, by=request.user)
        text = f"“{session.title}” no longer has a star."
        success_with_undo(request, text, reverse("events:star", args=[pk]))
    return _back_to_program(session)


def _session(pk: int) -> Event:
    return get_object_or_404(queries.on_calendar().select_related("parent"), pk=pk)


def _back_to_program(session: Event) -> HttpResponse:
    """Redirect to the session's row on its conference's page."""
    page = (session.parent or session).get_absolute_url()
    return redirect(f"{page}#event-{session.pk}")
