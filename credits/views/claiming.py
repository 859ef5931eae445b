"""Claim an event or conference sessions, and withdraw claims."""

from decimal import Decimal

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import counted, format_day
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from credits import actions, checks, queries
from credits.enums import CheckKind, ClaimRole, ClaimSource
from credits.forms.claiming import ClaimForm, PickForm, SessionsForm, SourceForm
from credits.links import claim_address
from credits.views import presentation
from credits.views.common import draft_fields
from events import queries as event_queries
from events.models import Event
from events.uploads import was_cut_off

MAX_SESSIONS_LISTED = 300
EVENT_GONE = (
    "staff just merged this event with another one or removed it, so nothing was claimed. Look for "
    "the training in the list again."
)
DRAFT_SAVED = " Your Create New… entry was saved as a draft."


@require_safe
def pick(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Redirect from the list on the Continuing Education page to the chosen event's review page."""
    form = PickForm(request.GET)
    if not form.is_valid():
        messages.error(request, "Choose an event from the list first.")
        return redirect("tracks:dashboard")
    return redirect("credits:claim", form.cleaned_data["event"])


@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Show an event for review, and save the claim.

    The Add CE credit button posts here directly. So does its button in Create New…, with the
    note and files entered there.
    """
    events = event_queries.open_to_claims().select_related("parent")
    event = get_object_or_404(events.prefetch_related(event_queries.OFFERS), pk=event_id)
    person = request.user
    if request.method != "POST":
        return _review(request, event, ClaimForm(by=person))
    if request.POST.get("role") == ClaimRole.PRESENTER:
        messages.warning(
            request,
            f"“{event.title}” was not claimed. You chose Presenter, but you can claim this "
            "event only as an attendee. The organizer lists the presenters. If you are not listed, "
            f"open a help ticket.{DRAFT_SAVED}",
        )
        actions.save_draft(typed=draft_fields(request.POST), by=person)
        return redirect("credits:claim", event.pk)
    form = ClaimForm(request.POST, request.FILES, by=person, too_large=was_cut_off(request))
    if not form.is_valid():
        form.keep_files()
        return _review(request, event, form)
    if _is_again(request, event):
        form.keep_files()
        return _review(request, event, form)
    return _save(request, event, form)


def _is_again(request: AuthenticatedHttpRequest, event: Event) -> bool:
    """Return True if the person claimed the same training before and has not confirmed this one."""
    results = _check(event, request.user)
    is_confirmed = request.POST.get("confirmed") == checks.check_fingerprint(results)
    return not is_confirmed and any(each.kind == CheckKind.AGAIN for each in results)


def _check(event: Event, person: User) -> list[checks.CheckResult]:
    credits = sum((offer.amount for offer in event.offers.all()), Decimal())
    return checks.check_proposed_claims([(event, credits)], person=person)[0]


def _save(request: AuthenticatedHttpRequest, event: Event, form: ClaimForm) -> HttpResponse:
    source = SourceForm(request.POST)
    name = source.cleaned_data["source"] if source.is_valid() else ClaimSource.CALENDAR
    person = request.user
    try:
        actions.claim_event(
            event_id=event.pk,
            source=ClaimSource(name),
            note=form.cleaned_data["note"],
            files=form.all_files(),
            by=person,
        )
    except actions.AlreadyClaimed as refusal:
        messages.info(request, f"“{event.title}”: {refusal}")
        return redirect("tracks:credits")
    except Event.DoesNotExist:
        messages.error(request, f"“{event.title}”: {EVENT_GONE}{_keep_draft(request, person)}")
        return redirect("tracks:dashboard")
    except Refused as refusal:
        if refusal.field == "evidence":
            form.add_error("evidence", str(refusal))
            form.keep_files()
            return _review(request, event, form)
        messages.error(request, f"“{event.title}”: {refusal}{_keep_draft(request, person)}")
        return redirect("credits:claim", event.pk)
    form.delete_waiting_files()
    if "from_create_new" in request.POST:
        actions.delete_draft(by=person)
    messages.success(request, f"Your credit is listed: “{event.title}”.")
    return redirect("tracks:credits")


def _keep_draft(request: AuthenticatedHttpRequest, person: User) -> str:
    """Save a draft if the request came from Create New…. Return a note about it, or ""."""
    if "from_create_new" not in request.POST:
        return ""
    actions.save_draft(typed=draft_fields(request.POST), by=person)
    return DRAFT_SAVED


def _review(request: AuthenticatedHttpRequest, event: Event, form: ClaimForm) -> HttpResponse:
    person = request.user
    claim = queries.live_claim(person, event)
    why_not = "" if claim else queries.why_person_cannot_claim(person, event) or ""
    results: list[checks.CheckResult] = []
    if not claim and not why_not:
        results = _check(event, person)
    page = presentation.claim_review_page(
        event, person, claim=claim, why_not=why_not, results=results
    )
    context = {
        "page": page,
        "form": form,
        # From the list, or from the green button or Create New…, which ask only if in doubt.
        "from_list": request.method != "POST" or "source" in request.POST,
        "from_create_new": "from_create_new" in request.POST,
    }
    return render(request, "credits/review.html", context)


def withdraw(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """Withdraw a claim. After sign-in, a GET redirects to My credits and changes nothing."""
    person = request.user
    claim = get_object_or_404(
        queries.claims_visible_to(person).select_related("event"), pk=claim_id
    )
    if request.method != "POST":
        return redirect("tracks:credits")
    with refusal_as_message(request, about=claim.event.title):
        actions.withdraw_claim(claim_id=claim.pk, by=person)
        success_with_undo(
            request,
            f"“{claim.event.title}” was withdrawn. It stays on your list.",
            reverse("credits:undo_withdrawal", args=[claim.pk]),
        )
    return redirect("tracks:credits")


def undo_withdrawal(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """Restore a claim that was just withdrawn. A GET, as after sign-in, changes nothing."""
    person = request.user
    claim = get_object_or_404(
        queries.claims_visible_to(person).select_related("event"), pk=claim_id
    )
    if request.method == "POST":
        with refusal_as_message(request, about=claim.event.title):
            actions.undo_withdrawal(claim_id=claim.pk, by=person)
            messages.success(request, f"“{claim.event.title}” is listed in your credits again.")
    return redirect(claim_address(claim))


# ---------- Conference sessions ----------


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def claim_sessions(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Show a conference's sessions, and claim the chosen ones together."""
    conference = get_object_or_404(event_queries.on_calendar().defer("search"), pk=event_id)
    person = request.user
    sessions = list(
        event_queries.sessions_of(conference).defer("search", "description")[:MAX_SESSIONS_LISTED]
    )
    if not sessions:
        raise Http404
    claimed_or_why_not = queries.claimed_or_why_not(person, sessions)
    # All sessions are valid choices, so that the action can skip claimed ones and explain refusals.
    ids = [each.pk for each in sessions]
    if request.method == "POST":
        form = SessionsForm(request.POST, ids=ids)
    else:
        starred = event_queries.starred_ids(person, sessions)
        form = SessionsForm(ids=ids, initial={"sessions": starred})
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["sessions"]
        with refusal_as_form_error(form):
            claims = actions.claim_sessions(event_ids=chosen, by=person)
            messages.success(request, _listed_message(len(claims)))
            return redirect("tracks:credits")
    credits = event_queries.credit_lines(sessions)
    checked = {str(value) for value in form["sessions"].value() or ()}
    days: dict[str, list[presentation.SessionRow]] = {}
    for each in sessions:
        row = presentation.session_row(
            each,
            claimed_or_why_not[each.pk],
            credits.get(each.pk, ()),
            is_checked=str(each.pk) in checked,
        )
        days.setdefault(format_day(timezone.localdate(each.begins_at)), []).append(row)
    context = {
        "event": conference,
        "url": conference.get_absolute_url(),
        "form": form,
        "days": list(days.items()),
        "can_claim": not all(any(claimed_or_why_not[pk]) for pk in ids),
    }
    return render(request, "credits/sessions.html", context)


def _listed_message(number: int) -> str:
    if number == 0:
        return "These sessions are already listed in your credits."
    return f"{counted(number, 'session is', 'sessions are')} listed in your credits."
