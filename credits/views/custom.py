"""Create New…: training that is not on the calendar, its draft, and sending it again."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import (
    counted,
    format_amount,
    format_credits,
    format_day,
    format_time,
    format_time_range,
)
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from credits import actions, checks, queries, rules
from credits.enums import ClaimState
from credits.forms.college import CollegeForm
from credits.forms.custom import CustomEventForm, HoursForm, SimilarForm, reused_values
from credits.models import Claim, Draft
from credits.views.common import check_result_rows, draft_fields, listed_message
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import CollegeWork, Event
from events.rules import has_taken_place, length_in_hours
from events.uploads import was_ended

MAX_REUSE_OFFERS = 3


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Create New…: report a training that is not on the calendar.

    What looks odd is said once before it is saved; "Save all the same" saves it.
    """
    person = request.user
    if "keep" in request.POST or "throw" in request.POST:
        return _draft(request, person)
    if request.method != "POST":
        draft = Draft.objects.filter(person=person).first()
        return _page(request, _initial_form(request, person, draft), draft=draft)
    form = CustomEventForm(request.POST, request.FILES, by=person, too_large=was_ended(request))
    if not form.is_valid() or "look" in request.POST:
        form.put_aside()
        return _page(request, form)
    remarks = _check(form, person)
    if remarks and request.POST.get("confirmed") != checks.check_fingerprint(remarks):
        form.put_aside()
        return _page(request, form, remarks)
    try:
        claim = _save(form, person)
    except actions.AlreadyClaimed as refusal:
        return _saved_before(request, refusal.claim)
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        form.put_aside()
        return _page(request, form)
    form.done()
    messages.success(
        request,
        f"“{claim.event.title}” is saved and its credit is listed. It stays Pending until "
        "staff have approved the training.",
    )
    return redirect(listed_message())


def _save(form: CustomEventForm, person: User) -> Claim:
    data = form.cleaned_data
    return actions.claim_custom_event(
        facts=form.facts(), role=data["role"], note=data["note"], files=form.all_files(), by=person
    )


def _check(form: CustomEventForm, person: User) -> list[checks.CheckResult]:
    """What to say before it is saved."""
    facts = form.facts()
    credits = rules.ROLE_FACTORS[form.cleaned_data["role"]] * facts.amount
    return checks.check_proposed([(event_actions.build_event(facts), credits)], person=person)[0]


def _initial_form(
    request: AuthenticatedHttpRequest, person: User, draft: Draft | None
) -> CustomEventForm:
    """The form as it comes: as sent while signed out, as an earlier training, or the draft."""
    initial: dict[str, Any] | None = form_recovery.recovered_form(request)
    if initial is None and "again" in request.GET:
        mine = queries.own_trainings(person).filter(pk=parse_id(request.GET["again"]) or 0)
        initial = reused_values(get_object_or_404(mine))
    if initial is None and draft:
        initial = draft.typed
    return CustomEventForm(initial=initial)


def _page(
    request: AuthenticatedHttpRequest,
    form: CustomEventForm,
    remarks: Sequence[checks.CheckResult] = (),
    *,
    draft: Draft | None = None,
) -> HttpResponse:
    person = request.user
    looking = "look" in request.POST
    trainings = [] if form.is_bound else queries.own_trainings(person)[:MAX_REUSE_OFFERS]
    context = {
        "form": form,
        "shows_errors": not looking,
        "similar": _similar(person, request.POST),
        "remarks": check_result_rows(remarks),
        "confirmed": checks.check_fingerprint(remarks),
        "draft_kept": _moment_in_words(draft) if draft else "",
        "again": [(claim.pk, claim.event.title) for claim in trainings],
        "is_again": "again" in request.GET,
        "opened": timezone.now().isoformat(),
    }
    return render(request, "credits/create.html", context)


def _saved_before(request: AuthenticatedHttpRequest, claim: Claim) -> HttpResponse:
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
    return redirect(listed_message())


# ---------- While it is typed ----------


def _draft(request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
    if "throw" in request.POST:
        actions.drop_draft(by=person)
        messages.success(request, "The draft is thrown away.")
        return redirect("credits:create")
    if actions.keep_draft(typed=draft_fields(request.POST), by=person) is None:
        messages.info(request, "Nothing is typed yet, so there is no draft to keep.")
        return redirect("credits:create")
    files = " Files are not; choose them when you save." if request.FILES else ""
    messages.success(request, f"Your draft is kept. You find it here again.{files}")
    return redirect("credits:create")


def draft(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Keep what is typed so far, for the page itself (htmx). By GET comes who is elsewhere."""
    if request.method != "POST":
        return redirect("credits:create")
    person = request.user
    if _is_saved_meanwhile(person, request.POST.get("opened", "")):
        return HttpResponse(content_type="text/plain; charset=utf-8")
    kept_now = actions.keep_draft(typed=draft_fields(request.POST), by=person)
    text = f"Draft kept at {format_time(kept_now.kept_at)}." if kept_now else ""
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _is_saved_meanwhile(person: User, opened: str) -> bool:
    """Whether a training was saved since the page was opened: on a slow line the page's last
    words arrive after the form itself, and would make a draft of what is saved."""
    try:
        moment = parse_datetime(opened)
    except ValueError:
        return False
    if moment is None or timezone.is_naive(moment):
        return False
    return queries.own_trainings(person).filter(claimed_at__gt=moment).exists()


def _moment_in_words(draft: Draft) -> str:
    return f"{format_day(timezone.localdate(draft.kept_at))}, {format_time(draft.kept_at)}"


@require_safe
def credits_preview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What the hours typed so far are usually worth; fills the credit value while it is empty."""
    form = HoursForm(request.GET)
    proposed = form.proposed()
    field = None
    if proposed is not None and not request.GET.get("amount", "").strip():
        field = CustomEventForm(initial={"amount": format_amount(proposed)})["amount"]
    length = ""
    if proposed is not None:
        length = _length(
            length_in_hours(form.cleaned_data["begins_at"], form.cleaned_data["ends_at"])
        )
    context = {
        "length": length,
        "proposed": "" if proposed is None else format_credits(proposed),
        "field": field,
    }
    return render(request, "credits/credits_preview.html", context)


def _length(number: Any) -> str:
    """1 hour 20 minutes"""
    whole, minutes = divmod(round(number * 60), 60)
    parts = [(whole, "hour"), (minutes, "minute")]
    return " ".join(counted(n, unit) for n, unit in parts if n)


@require_safe
def similar(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The part of Create New… that asks "Is it one of these?" while the title is typed."""
    found = _similar(request.user, request.GET)
    return render(request, "credits/similar.html", {"similar": found})


def _similar(person: User, data: Any) -> list[dict[str, Any]]:
    """Events of the calendar and approved custom ones; how many claimed each, never who."""
    form = SimilarForm(data)
    if not form.is_valid():
        return []
    among = event_queries.open_to_claims()
    events = list(event_queries.events_with_similar_title(form.cleaned_data["title"], among=among))
    numbers = queries.claim_counts(events)
    mine = queries.claimed_event_ids(person, events)
    return [
        {
            "title": event.title,
            "url": event.get_absolute_url() if event.origin == Origin.CALENDAR else "",
            "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
            "sponsor": event.sponsor,
            "people": _people(numbers.get(event.pk, 0)),
            "is_claimed": event.pk in mine,
            "claim_id": event.pk if has_taken_place(event) and event.offers.all() else None,
        }
        for event in events
    ]


def _people(number: int) -> str:
    return f"{counted(number, 'person', 'people')} claimed this" if number else ""


# ---------- Sent again ----------


@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Change a custom event that staff returned, and send it again."""
    person = request.user
    event = get_object_or_404(event_queries.custom_event_of(person, event_id))
    if event.state != EventState.DRAFT:
        messages.info(request, _not_waiting(event))
        return redirect("tracks:credits")
    is_course = CollegeWork.objects.filter(event=event).exists()
    kind = CollegeForm if is_course else CustomEventForm
    form = kind.for_event(event, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusal_as_form_error(form):
            event_actions.resubmit_custom_event(event_id=event.pk, facts=form.facts(), by=person)
            messages.success(request, f"“{event.title}” is sent again and waits for approval.")
            return redirect("tracks:credits")
    claim = queries.live_claim(person, event)
    context = {
        "form": form,
        "returned": event.decision_reason,
        "claim_id": claim.pk if claim else None,
    }
    return render(request, "credits/revise.html", context)


def _not_waiting(event: Event) -> str:
    """Why there is nothing to change: it was sent again already, say by pressing twice."""
    if event.state == EventState.PENDING:
        return f"“{event.title}” is sent and waits for approval, as you entered it first."
    return (
        f"“{event.title}” does not wait for your changes any more, so nothing was changed. Open a "
        "help ticket if something is wrong."
    )
