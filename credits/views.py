"""Claiming: the review page with Save, the green button, and Create New…"""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from aspen import kept, words
from aspen.errors import Refused
from aspen.http import person_of
from credits import actions, queries
from credits.enums import ClaimSource, ClaimState
from credits.forms import CustomEventForm, PickForm, SessionsForm, SimilarForm, SourceForm
from credits.models import Claim
from events import actions as event_actions
from events import presentation
from events import queries as event_queries
from events.enums import EventState
from events.models import Event
from events.rules import has_taken_place

MOST = 300  # sessions of a conference on one page


@require_safe
def pick(request: HttpRequest) -> HttpResponse:
    """From the list on the Continuing Education page to the review of one event."""
    form = PickForm(request.GET)
    if not form.is_valid():
        messages.error(request, "Choose an event in the list first, then continue.")
        return redirect("tracks:panel")
    return redirect("credits:claim", form.cleaned_data["event"])


@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, event_id: int) -> HttpResponse:
    """Review the record of an event and save the claim; the green button posts here directly."""
    events = event_queries.on_calendar().select_related("parent")
    event = get_object_or_404(events.prefetch_related(event_queries.OFFERS), pk=event_id)
    person = person_of(request)
    if request.method != "POST":
        return _review(request, event, claimed=queries.live_claim(person, event) is not None)
    source = SourceForm(request.POST)
    way = source.cleaned_data["source"] if source.is_valid() else ClaimSource.CALENDAR
    try:
        actions.claim_event(event_id=event.pk, source=ClaimSource(way), by=person)
    except actions.AlreadyClaimed as refusal:
        messages.info(request, f"“{event.title}”: {refusal}")
        return redirect(_listed())
    except Refused as refusal:
        messages.error(request, f"“{event.title}”: {refusal}")
        return redirect("credits:claim", event.pk)
    messages.success(request, f"Your credit is listed: “{event.title}”.")
    return redirect(_listed())


def _listed() -> str:
    """Where the person sees that the credit is listed."""
    return f"{reverse('tracks:credits')}#listed"


def _review(request: HttpRequest, event: Event, *, claimed: bool) -> HttpResponse:
    offers = list(event.offers.all())
    reason = queries.why_not_claim(person_of(request), event)
    context = {
        "event": event,
        "url": event.get_absolute_url(),
        "when": words.when(event.begins_at, event.ends_at, all_day=event.all_day),
        "offers": [(offer.category, words.credits(offer.amount)) for offer in offers],
        "claimed": claimed,
        "reason": "" if claimed else reason or "",
    }
    return render(request, "credits/review.html", context)


def withdraw(request: HttpRequest, claim_id: int) -> HttpResponse:
    """Take back a claim that was made by mistake. By GET comes who had to sign in first."""
    person = person_of(request)
    claim = get_object_or_404(queries.visible_to(person).select_related("event"), pk=claim_id)
    if request.method != "POST":
        return redirect("tracks:credits")
    try:
        actions.withdraw_claim(claim_id=claim.pk, by=person)
    except Refused as refusal:
        messages.error(request, f"“{claim.event.title}”: {refusal}")
    else:
        messages.success(request, f"“{claim.event.title}” is taken back. It stays in your list.")
    return redirect("tracks:credits")


@kept.keep_typed
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Create New…: report a training that is not on the calendar."""
    form = CustomEventForm(request.POST or None, initial=kept.typed_before(request))
    looking = "look" in request.POST
    if request.method == "POST" and not looking and form.is_valid():
        try:
            made = actions.claim_custom_event(facts=form.facts(), by=person_of(request))
        except actions.AlreadyClaimed as refusal:
            return _saved_before(request, refusal.claim)
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(
                request,
                f"“{made.event.title}” is saved and its credit is listed. It stays Pending until "
                "staff have approved the training.",
            )
            return redirect(_listed())
    if looking:
        form = CustomEventForm(initial=request.POST.dict())
    context = {"form": form, "similar": _similar(request.POST), "returned": ""}
    return render(request, "credits/create.html", context)


def _saved_before(request: HttpRequest, claim: Claim) -> HttpResponse:
    """The same training a second time: where to change it, or that it stands as it was."""
    if claim.state == ClaimState.RETURNED:
        messages.warning(
            request,
            "You have saved this training already, and staff asked for changes. What you entered "
            "now is not saved; change it here and send it again.",
        )
        return redirect("credits:revise", claim.event_id)
    messages.info(
        request,
        "You have saved this training already; it is listed once, as you entered it first.",
    )
    return redirect(_listed())


@require_safe
def similar(request: HttpRequest) -> HttpResponse:
    """The part of Create New… that asks "Is it one of these?" while the title is typed."""
    return render(request, "credits/similar.html", {"similar": _similar(request.GET)})


def _similar(data: Any) -> list[dict[str, Any]]:
    form = SimilarForm(data)
    if not form.is_valid():
        return []
    return [
        {
            "title": event.title,
            "url": event.get_absolute_url(),
            "when": words.when(event.begins_at, event.ends_at, all_day=event.all_day),
            "sponsor": event.sponsor,
            "claim_id": event.pk if has_taken_place(event) and event.offers.all() else None,
        }
        for event in event_queries.similar_titles(form.cleaned_data["title"])
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: HttpRequest, event_id: int) -> HttpResponse:
    """Change a custom event that staff returned, and send it again."""
    person = person_of(request)
    mine = event_queries.custom_event_of(person, event_id).filter(state=EventState.DRAFT)
    event = get_object_or_404(mine)
    form = CustomEventForm.for_event(event, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            event_actions.resubmit_custom_event(event_id=event.pk, facts=form.facts(), by=person)
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, f"“{event.title}” is sent again and waits for approval.")
            return redirect("tracks:credits")
    context = {"form": form, "similar": [], "returned": event.decision_reason}
    return render(request, "credits/create.html", context)


# ---------- The sessions of a conference ----------


@kept.keep_typed
@require_http_methods(["GET", "HEAD", "POST"])
def claim_sessions(request: HttpRequest, event_id: int) -> HttpResponse:
    """The sessions of a conference with a box each; those chosen are claimed together."""
    conference = get_object_or_404(event_queries.on_calendar().defer("search"), pk=event_id)
    person = person_of(request)
    sessions = list(event_queries.sessions_of(conference).defer("search", "description")[:MOST])
    if not sessions:
        raise Http404
    standing = queries.standing_of(person, sessions)
    # Also those that cannot be claimed: a second submit is harmless, and a refusal has its reason.
    ids = [each.pk for each in sessions]
    form = SessionsForm(request.POST if request.method == "POST" else None, ids=ids)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["sessions"]
        try:
            claims = actions.claim_sessions(event_ids=chosen, by=person)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _sessions_listed(len(claims)))
            return redirect(_listed())
    credits = event_queries.credit_lines(sessions)
    ticked = {str(value) for value in form["sessions"].value() or ()}
    days: dict[str, list[dict[str, Any]]] = {}
    for each in sessions:
        row = _session_row(each, standing[each.pk], credits.get(each.pk, ()))
        row["is_ticked"] = str(each.pk) in ticked
        days.setdefault(words.day(timezone.localdate(each.begins_at)), []).append(row)
    context = {
        "event": conference,
        "url": conference.get_absolute_url(),
        "form": form,
        "days": list(days.items()),
        "can_claim": not all(any(standing[pk]) for pk in ids),
    }
    return render(request, "credits/sessions.html", context)


def _sessions_listed(number: int) -> str:
    if number == 0:
        return "These sessions are listed in your credits already."
    if number == 1:
        return "1 session is listed in your credits."
    return f"{number} sessions are listed in your credits."


def _session_row(
    event: Event, standing: queries.Standing, lines: Sequence[event_queries.CreditLine]
) -> dict[str, Any]:
    day, times = presentation.day_and_times(event)
    return {
        "pk": event.pk,
        "title": event.title,
        "times": times or day,
        "room": event.room,
        "credits": presentation.in_words(lines),
        "is_claimed": standing.is_claimed,
        "reason": "" if standing.is_claimed else standing.reason,
    }
