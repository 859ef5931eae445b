"""Create New…: enter training that is not on the calendar, save drafts and change training."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.db.last_change import UNDO_WINDOW
from aspen.errors import Refused
from aspen.formats import counted, format_amount, format_credits, format_day, format_time
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from aspen.web.undo import success_with_undo
from credits import actions, checks, queries
from credits.enums import ClaimRole, ClaimState
from credits.forms.college import CollegeForm
from credits.forms.custom import CustomEventForm, HoursForm, SimilarForm, reused_values
from credits.models import Claim, Draft
from credits.signals import claims_in_sent_records
from credits.views import presentation
from credits.views.common import draft_fields
from events import actions as event_actions
from events import queries as event_queries
from events import similar_titles
from events.enums import EventState
from events.models import CollegeWork, Event
from events.rules import length_in_hours
from events.uploads import was_cut_off

MAX_EARLIER_TRAININGS = 3
# The session key of the draft that the person discarded last.
DISCARDED = "discarded_draft"


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Report training that is not on the calendar.

    Show any warnings before saving. "Save anyway" confirms them.
    """
    person = request.user
    if "keep" in request.POST or "discard" in request.POST:
        return _draft(request, person)
    if request.method != "POST":
        draft = Draft.objects.filter(person=person).first()
        return _page(request, _initial_form(request, person, draft), draft=draft)
    form = CustomEventForm(request.POST, request.FILES, by=person, too_large=was_cut_off(request))
    if not form.is_valid() or "look" in request.POST:
        form.keep_files()
        return _page(request, form)
    results = _check(form, person)
    if results and request.POST.get("confirmed") != checks.check_fingerprint(results):
        form.keep_files()
        return _page(request, form, results)
    try:
        claim = _save(form, person)
    except actions.AlreadyClaimed as refusal:
        return _redirect_already_saved(request, refusal.claim)
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        form.keep_files()
        return _page(request, form)
    form.delete_waiting_files()
    messages.success(
        request,
        format_html(
            "“{}” was saved and its credit is listed. The credit will stay Pending until staff "
            'approve the training. Until then, you can <a href="{}">edit the training</a>.',
            claim.event.title,
            reverse("credits:revise", args=[claim.event_id]),
        ),
    )
    return redirect("tracks:credits")


def _save(form: CustomEventForm, person: User) -> Claim:
    data = form.cleaned_data
    return actions.claim_custom_event(
        facts=form.facts(), role=data["role"], note=data["note"], files=form.all_files(), by=person
    )


def _check(
    form: CustomEventForm | CollegeForm, person: User, claim: Claim | None = None
) -> list[checks.CheckResult]:
    """Return the warnings about the training as it was entered in a valid form.

    `claim` is the claim that the form changes, if any.
    """
    event = event_actions.unsaved_custom_event(form.facts())
    if claim:
        event.pk = claim.event_id
    [results] = checks.check_proposed_claims(
        [(event, form.credits())],
        person=person,
        claim_id=claim.pk if claim else None,
        role=form.cleaned_data.get("role", ClaimRole.ATTENDEE),
    )
    return results


def _initial_form(
    request: AuthenticatedHttpRequest, person: User, draft: Draft | None
) -> CustomEventForm:
    """Return a form with values from form recovery, an earlier training or the draft, if any."""
    initial: dict[str, Any] | None = form_recovery.recovered_form(request)
    if initial is None and "again" in request.GET:
        claims = queries.own_trainings(person).filter(pk=parse_id(request.GET["again"]) or 0)
        initial = reused_values(get_object_or_404(claims))
    if initial is None and draft:
        initial = draft.typed
    return CustomEventForm(initial=initial)


def _page(
    request: AuthenticatedHttpRequest,
    form: CustomEventForm,
    results: Sequence[checks.CheckResult] = (),
    *,
    draft: Draft | None = None,
) -> HttpResponse:
    person = request.user
    earlier = [] if form.is_bound else queries.own_trainings(person)[:MAX_EARLIER_TRAININGS]
    context = {
        "form": form,
        "shows_errors": "look" not in request.POST,
        "similar": _similar(person, request.POST),
        "warnings": presentation.warning_rows(results),
        "confirmed": checks.check_fingerprint(results),
        "draft_saved_at": _saved_at(draft) if draft else "",
        "earlier": [(claim.pk, claim.event.title) for claim in earlier],
        "is_first": not form.is_bound and not earlier,
        "is_copy": "again" in request.GET,
        "opened": timezone.now().isoformat(),
    }
    return render(request, "credits/create.html", context)


def _redirect_already_saved(request: AuthenticatedHttpRequest, claim: Claim) -> HttpResponse:
    """Redirect a person who saves the same training twice."""
    if claim.state == ClaimState.RETURNED:
        messages.warning(
            request,
            "You already saved this training, and staff asked for changes. What you just entered "
            "was not saved. Edit the training here and resubmit it.",
        )
        return redirect("credits:revise", claim.event_id)
    messages.info(request, "You already saved this training. Your original entry is on your list.")
    return redirect("tracks:credits")


# ---------- Filling in the form ----------


def _draft(request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
    if "discard" in request.POST:
        discarded = Draft.objects.filter(person=person).first()
        actions.delete_draft(by=person)
        if discarded:
            at = timezone.now().timestamp()
            request.session[DISCARDED] = {"typed": discarded.typed, "at": at}
            success_with_undo(request, "Draft discarded.", reverse("credits:undo_discard"))
        return redirect("credits:create")
    if actions.save_draft(typed=draft_fields(request.POST), by=person) is None:
        messages.info(request, "There is nothing to save as a draft yet.")
        return redirect("credits:create")
    files = " Drafts do not include files. Choose them when you save." if request.FILES else ""
    messages.success(request, f"Draft saved. You can continue here.{files}")
    return redirect("credits:create")


def undo_discard(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Bring back the draft that was just discarded. A GET, as after sign-in, changes nothing."""
    if request.method == "POST":
        discarded = request.session.pop(DISCARDED, None)
        oldest = (timezone.now() - UNDO_WINDOW).timestamp()
        if discarded is None or discarded["at"] < oldest:
            messages.error(request, "A discarded draft is kept for one day only.")
        elif Draft.objects.filter(person=request.user).exists():
            request.session[DISCARDED] = discarded
            messages.error(
                request,
                "You have started another draft. Finish or discard that one first.",
            )
        else:
            actions.save_draft(typed=discarded["typed"], by=request.user)
            messages.success(request, "Your draft is back.")
    return redirect("credits:create")


def draft(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Save the form as a draft while the person fills it in (htmx)."""
    if request.method != "POST":
        return redirect("credits:create")
    person = request.user
    if _saved_since(person, request.POST.get("opened", "")):
        return HttpResponse(content_type="text/plain; charset=utf-8")
    saved = actions.save_draft(typed=draft_fields(request.POST), by=person)
    text = f"Draft saved at {format_time(saved.kept_at)}." if saved else ""
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _saved_since(person: User, opened: str) -> bool:
    """Return whether the person has saved a training since opening the page.

    On a slow connection, the page's last draft can arrive after the form itself.
    """
    try:
        moment = parse_datetime(opened)
    except ValueError:
        return False
    if moment is None or timezone.is_naive(moment):
        return False
    return queries.own_trainings(person).filter(claimed_at__gt=moment).exists()


def _saved_at(draft: Draft) -> str:
    return f"{format_day(timezone.localdate(draft.kept_at))}, {format_time(draft.kept_at)}"


@require_safe
def credits_preview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the usual credits for the hours entered, and fill in a blank credit value (htmx)."""
    form = HoursForm(request.GET)
    default = form.default_credits()
    field = None
    if default is not None and not request.GET.get("amount", "").strip():
        field = CustomEventForm(initial={"amount": format_amount(default)})["amount"]
    context = {
        "length": "" if default is None else _length(form),
        "default": "" if default is None else format_credits(default),
        "field": field,
    }
    return render(request, "credits/credits_preview.html", context)


def _length(form: HoursForm) -> str:
    """Return the length as text, for example "1 hour 20 minutes"."""
    hours = length_in_hours(form.cleaned_data["begins_at"], form.cleaned_data["ends_at"])
    parts = zip(divmod(round(hours * 60), 60), ("hour", "minute"), strict=True)
    return " ".join(counted(number, unit) for number, unit in parts if number)


@require_safe
def similar(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show events with similar titles while the person types a title (htmx)."""
    context = {"similar": _similar(request.user, request.GET)}
    return render(request, "credits/similar.html", context)


def _similar(person: User, data: QueryDict) -> list[presentation.SimilarRow]:
    """Return calendar events and approved custom events with a similar title."""
    form = SimilarForm(data)
    if not form.is_valid():
        return []
    title, claimable = form.cleaned_data["title"], event_queries.open_to_claims()
    events = list(similar_titles.events_with_similar_title(title, among=claimable))
    return presentation.similar_rows(person, events)


# ---------- Changing ----------


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Change a custom event that waits for a decision, or change and resubmit a returned one.

    Show any warnings before saving. "Save anyway" confirms them.
    """
    person = request.user
    event = get_object_or_404(event_queries.custom_event_of(person, event_id))
    if reason := event_actions.why_not_revise(event, person):
        messages.info(request, reason)
        return redirect("tracks:credits")
    claim = queries.live_claim(person, event)
    form = _revision_form(request, event, claim)
    results: list[checks.CheckResult] = []
    if request.method == "POST":
        if form.is_valid():
            results = _check(form, person, claim) if claim else []
            is_confirmed = request.POST.get("confirmed") == checks.check_fingerprint(results)
            if (is_confirmed or not results) and _revise(request, event, form):
                return redirect("tracks:credits")
        form.keep_files()
        event.refresh_from_db()
    return _revision_page(request, event, claim, form, results)


def _revision_form(
    request: AuthenticatedHttpRequest, event: Event, claim: Claim | None
) -> CustomEventForm | CollegeForm:
    is_course = CollegeWork.objects.filter(event=event).exists()
    form_class: type[CustomEventForm | CollegeForm] = CollegeForm if is_course else CustomEventForm
    if request.method != "POST":
        return form_class.for_event(event, claim, initial=form_recovery.recovered_form(request))
    return form_class.for_event(
        event,
        claim,
        request.POST,
        request.FILES,
        by=request.user,
        too_large=was_cut_off(request),
    )


def _revise(
    request: AuthenticatedHttpRequest, event: Event, form: CustomEventForm | CollegeForm
) -> bool:
    """Save the form, and return whether it was saved. A second press of Save changes nothing."""
    seen = request.POST.get("seen", "")
    is_repeated = event.state == EventState.PENDING and not form.has_changed()
    if seen and seen != event_queries.custom_event_version(event) and is_repeated:
        messages.info(request, f"“{event.title}” was already saved and is waiting for approval.")
        return True
    data = form.cleaned_data
    with refusal_as_form_error(form):
        actions.revise_custom_training(
            event_id=event.pk,
            facts=form.facts(),
            seen=seen,
            role=data.get("role", ClaimRole.ATTENDEE),
            note=data.get("note", ""),
            files=form.all_files() if "evidence" in form.fields else (),
            by=request.user,
        )
        form.delete_waiting_files()
        done = "was saved" if event.state == EventState.PENDING else "was resubmitted"
        title = form.facts().title
        messages.success(request, f"“{title}” {done} and is waiting for approval.")
        return True
    return False


def _revision_page(
    request: AuthenticatedHttpRequest,
    event: Event,
    claim: Claim | None,
    form: CustomEventForm | CollegeForm,
    results: Sequence[checks.CheckResult],
) -> HttpResponse:
    is_returned = event.state == EventState.DRAFT
    context = {
        "form": form,
        "heading": "Edit and resubmit" if is_returned else "Edit training",
        "is_course": isinstance(form, CollegeForm),
        "button": "Save and resubmit" if is_returned else "Save",
        "returned": event.decision_reason if is_returned else "",
        "claim_id": claim.pk if claim else None,
        "is_in_sent_record": bool(claim and claims_in_sent_records([claim.pk])),
        # The form cannot claim another event instead, because this one is claimed already.
        "warnings": [each._replace(instead_id=None) for each in presentation.warning_rows(results)],
        "confirmed": checks.check_fingerprint(results),
        "seen": event_queries.custom_event_version(event),
    }
    return render(request, "credits/revise.html", context)
