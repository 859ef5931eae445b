"""Correct an event's credit lines for everyone who claimed it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import User
from aspen.admin import staff_page
from aspen.db.audit import dry_run
from aspen.form_fields import LineField
from aspen.formats import counted, format_amount, format_day
from aspen.halves import HALF, validate_halves
from aspen.staff_queue import reason_field
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, queries
from credits.models import Claim
from events import queries as event_queries
from events.admin_presentation import event_time, format_credit_lines
from events.enums import EventState
from events.models import Category, Event

MAX_INTEGER = 2**31 - 1


class CreditLinesForm(forms.Form):
    """A reason, and an amount for each category (blank for none)."""

    reason = reason_field("Everyone who claimed the event can read this.")
    seen = LineField(max_length=200, widget=forms.HiddenInput)
    # The lines in the last preview. If they have changed since, preview again instead of saving.
    shown = LineField(max_length=200, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, categories: Iterable[Category], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = list(categories)
        for category in self.categories:
            self.fields[f"amount_{category.pk}"] = forms.DecimalField(
                label=category.name,
                required=False,
                max_digits=4,
                decimal_places=1,
                validators=[validate_halves],
                widget=forms.NumberInput(attrs={"step": str(HALF), "min": "0"}),
            )

    def amounts(self) -> list[forms.BoundField]:
        return [self[f"amount_{category.pk}"] for category in self.categories]

    def offers(self) -> dict[int, Decimal]:
        amounts = {each.pk: self.cleaned_data[f"amount_{each.pk}"] for each in self.categories}
        return {pk: amount for pk, amount in amounts.items() if amount}


@form_recovery.recover_after_sign_in
def correct_event_view(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Preview new credit lines for an event, then save them."""
    if not request.user.has_perm("credits.decide_claim"):
        raise PermissionDenied
    if event_id > MAX_INTEGER:
        raise Http404
    events = Event.objects.exclude(state=EventState.MERGED).prefetch_related(event_queries.OFFERS)
    event = get_object_or_404(events.defer("search"), pk=event_id)
    categories = list(event_queries.categories())
    offered = event_queries.offers_of(event)
    if request.method != "POST":
        initial: dict[str, Any] = {f"amount_{pk}": amount for pk, amount in offered.items()}
        initial["seen"] = queries.offers_as_text(offered)
        initial |= form_recovery.recovered_form(request) or {}
        initial["shown"] = ""
        return _page(request, event, CreditLinesForm(initial=initial, categories=categories))
    form = CreditLinesForm(request.POST, categories=categories)
    if not form.is_valid():
        return _page(request, event, form)
    shown = queries.offers_as_text(form.offers())
    with refusal_as_form_error(form):
        if "save" in request.POST and form.cleaned_data["shown"] == shown:
            return _save(request, event, form, by=request.user)
        preview = dry_run(lambda: _correct(event, form, by=request.user))
        data = request.POST.copy()
        data["shown"] = shown
        preview_form = CreditLinesForm(data, categories=categories)
        return _page(request, event, preview_form, preview=preview)
    return _page(request, event, form)


def _correct(event: Event, form: CreditLinesForm, *, by: User) -> actions.CorrectionResult:
    return actions.correct_event(
        event_id=event.pk,
        offers=form.offers(),
        reason=form.cleaned_data["reason"],
        seen=form.cleaned_data["seen"],
        by=by,
    )


def _save(request: HttpRequest, event: Event, form: CreditLinesForm, *, by: User) -> HttpResponse:
    result = _correct(event, form, by=by)
    claims = counted(result.claims, "claim was", "claims were")
    messages.success(
        request, f"The credits for “{event.title}” were corrected, and {claims} updated."
    )
    return HttpResponseRedirect(request.path)


def _page(
    request: HttpRequest,
    event: Event,
    form: CreditLinesForm,
    *,
    preview: actions.CorrectionResult | None = None,
) -> HttpResponse:
    names = {category.pk: category.name for category in form.categories}
    context = {
        "title": "Correct an event's credits",
        "event": event,
        "when": event_time(event),
        "credit": format_credit_lines(event) or "nothing",
        "claims": queries.claims_on_event(event).count(),
        "form": form,
        "preview": preview,
        "changes": [
            (_lines_text(before, names), _lines_text(after, names), number)
            for before, after, number in (preview.changes if preview else ())
        ],
        "corrections": [
            (format_day(timezone.localdate(at)), who, reason)
            for at, who, reason in queries.corrections_of(event)
        ],
    }
    return staff_page(request, "admin/credits/claim/correct_event.html", Claim, context)


def _lines_text(lines: Iterable[tuple[int, Decimal]], names: dict[int, str]) -> str:
    return "; ".join(f"{names[pk]} {format_amount(amount)}" for pk, amount in lines) or "nothing"
