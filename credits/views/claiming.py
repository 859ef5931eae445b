"""Claiming: the review page with Save, the green button, sessions of a conference, taking back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import counted, format_credits, format_day, format_time_range
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, checks, queries
from credits.enums import LISTED, ClaimRole, ClaimSource
from credits.forms.claiming import ClaimForm, PickForm, SessionsForm, SourceForm
from credits.views.common import check_result_rows, draft_fields, listed_message
from events import queries as event_queries
from events.calendar import presentation as calendar_presentation
from events.enums import Origin
from events.models import Event
from events.uploads import was_ended

MAX_SESSIONS_LISTED = 300  # sessions of a conference on one page
EVENT_GONE = (
    "staff merged it with another event, or took it away, at this very moment, so nothing was "
    "claimed. Look for it once more in the list."
)


@require_safe
def pick(request: AuthenticatedHttpRequest) -> HttpResponse:
    """From the list on the Continuing Education page to the review of one event."""
    form = PickForm(request.GET)
    if not form.is_valid():
        messages.error(request, "Choose an event in the list first, then continue.")
        return redirect("tracks:dashboard")
    return redirect("credits:claim", form.cleaned_data["event"])


@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Review the record of an event and save the claim; the green button posts here directly.

    So does "Claim this one" beside Create New…, with the note and files typed there.
    """
    events = event_queries.open_to_claims().select_related("parent")
    event = get_object_or_404(events.prefetch_related(event_queries.OFFERS), pk=event_id)
    person = request.user
    if request.method != "POST":
        return _review(request, event, ClaimForm(by=person))
    if request.POST.get("role") == ClaimRole.PRESENTER:
        messages.warning(
            request,
            f"“{event.title}” is not claimed: here it is claimed as an attendee, and you said that "
            "you presented it. Its organizer names the presenters; open a help ticket if you are "
            "missing. What you typed under Create New… is kept there as a draft.",
        )
        actions.keep_draft(typed=draft_fields(request.POST), by=person)
        return redirect("credits:claim", event.pk)
    form = ClaimForm(request.POST, request.FILES, by=person, too_large=was_ended(request))
    if not form.is_valid():
        form.put_aside()
        return _review(request, event, form)
    return _save(request, event, form)


def _save(request: AuthenticatedHttpRequest, event: Event, form: ClaimForm) -> HttpResponse:
    source = SourceForm(request.POST)
    way = source.cleaned_data["source"] if source.is_valid() else ClaimSource.CALENDAR
    person = request.user
    try:
        actions.claim_event(
            event_id=event.pk,
            source=ClaimSource(way),
            note=form.cleaned_data["note"],
            files=form.all_files(),
            by=person,
        )
    except actions.AlreadyClaimed as refusal:
        messages.info(request, f"“{event.title}”: {refusal}")
        return redirect(listed_message())
    except Event.DoesNotExist:
        messages.error(request, f"“{event.title}”: {EVENT_GONE}{_keep_draft(request, person)}")
        return redirect("tracks:dashboard")
    except Refused as refusal:
        if refusal.field == "evidence":
            form.add_error("evidence", str(refusal))
            form.put_aside()
            return _review(request, event, form)
        messages.error(request, f"“{event.title}”: {refusal}{_keep_draft(request, person)}")
        return redirect("credits:claim", event.pk)
    form.done()
    if "instead" in request.POST:
        actions.drop_draft(by=person)
    messages.success(request, f"Your credit is listed: “{event.title}”.")
    return redirect(listed_message())


def _keep_draft(request: AuthenticatedHttpRequest, person: User) -> str:
    """Keep what was typed under Create New… where the event that stood beside it is not claimed."""
    if "instead" not in request.POST:
        return ""
    actions.keep_draft(typed=draft_fields(request.POST), by=person)
    return " What you typed under Create New… is kept there as a draft."


def _review(request: AuthenticatedHttpRequest, event: Event, form: ClaimForm) -> HttpResponse:
    person = request.user
    claim = queries.live_claim(person, event)
    offers = list(event.offers.all())
    reason = "" if claim else queries.why_person_cannot_claim(person, event) or ""
    remarks: list[checks.CheckResult] = []
    if not claim and not reason:
        credits = sum((offer.amount for offer in offers), Decimal())
        [remarks] = checks.check_proposed([(event, credits)], person=person)
    is_open = event.origin == Origin.CALENDAR or event.created_by_id == person.pk
    context = {
        "event": event,
        "url": event.get_absolute_url() if is_open else "",
        "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        "offers": [(offer.category, format_credits(offer.amount)) for offer in offers],
        "claim": claim,
        "reason": reason,
        "remarks": check_result_rows(remarks),
        "form": form,
    }
    return render(request, "credits/review.html", context)


def withdraw(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """Take back a claim that was made by mistake. By GET comes who had to sign in first."""
    person = request.user
    claim = get_object_or_404(
        queries.claims_visible_to(person).select_related("event"), pk=claim_id
    )
    if request.method != "POST":
        return redirect("tracks:credits")
    with refusal_as_message(request, about=claim.event.title):
        actions.withdraw_claim(claim_id=claim.pk, by=person)
        messages.success(request, f"“{claim.event.title}” is taken back. It stays in your list.")
    return redirect("tracks:credits")


# ---------- The sessions of a conference ----------


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def claim_sessions(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """The sessions of a conference with a box each; those chosen are claimed together."""
    conference = get_object_or_404(event_queries.on_calendar().defer("search"), pk=event_id)
    person = request.user
    sessions = list(
        event_queries.sessions_of(conference).defer("search", "description")[:MAX_SESSIONS_LISTED]
    )
    if not sessions:
        raise Http404
    standing = queries.claim_outlooks(person, sessions)
    # Also those that cannot be claimed: a second submit is harmless, and a refusal has its reason.
    ids = [each.pk for each in sessions]
    form = SessionsForm(request.POST if request.method == "POST" else None, ids=ids)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["sessions"]
        with refusal_as_form_error(form):
            claims = actions.claim_sessions(event_ids=chosen, by=person)
            messages.success(request, _sessions_listed(len(claims)))
            return redirect(listed_message())
    credits = event_queries.credit_lines(sessions)
    ticked = {str(value) for value in form["sessions"].value() or ()}
    days: dict[str, list[dict[str, Any]]] = {}
    for each in sessions:
        row = _session_row(each, standing[each.pk], credits.get(each.pk, ()))
        row["is_ticked"] = str(each.pk) in ticked
        days.setdefault(format_day(timezone.localdate(each.begins_at)), []).append(row)
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
    return f"{counted(number, 'session is', 'sessions are')} listed in your credits."


def _session_row(
    event: Event, standing: queries.ClaimOutlook, lines: Sequence[event_queries.CreditLine]
) -> dict[str, Any]:
    day, times = calendar_presentation.day_and_times(event)
    return {
        "pk": event.pk,
        "title": event.title,
        "times": times or day,
        "room": event.room,
        "credits": calendar_presentation.credit_chips(lines),
        "claimed": LISTED if standing.is_claimed else None,
        "reason": "" if standing.is_claimed else standing.reason,
    }
