"""Claim several sessions at an outside conference in one form."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from aspen.formats import counted
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, checks
from credits.forms.conference import (
    ConferenceForm,
    OutsideSessionForm,
    SessionFormSet,
    filled_in_rows,
)
from credits.views import presentation
from events import actions as event_actions
from events import queries as event_queries

BLANK_ROWS = 4


@require_http_methods(["GET", "HEAD", "POST"])
def conference(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Claim one session per row, all or nothing. Invalid rows stay as entered."""
    categories = {category.pk: category for category in event_queries.categories()}
    options: dict[str, Any] = {"form_kwargs": {"categories": categories}, "prefix": "s"}
    if request.method != "POST":
        return _page(request, ConferenceForm(), SessionFormSet(initial=_blank_rows(), **options))
    form, formset = ConferenceForm(request.POST), SessionFormSet(request.POST, **options)
    if "more" in request.POST:
        entered = [{name: row[name].value() for name in row.fields} for row in formset.forms]
        unbound = ConferenceForm(initial=request.POST.dict())
        return _page(request, unbound, SessionFormSet(initial=entered + _blank_rows(), **options))
    if not all([form.is_valid(), formset.is_valid()]):
        return _page(request, form, formset)
    rows = filled_in_rows(formset)
    if not rows:
        form.add_error(None, "Enter at least one session.")
        return _page(request, form, formset)
    return _save(request, form, formset, rows)


def _save(
    request: AuthenticatedHttpRequest,
    form: ConferenceForm,
    formset: Any,
    rows: Sequence[OutsideSessionForm],
) -> HttpResponse:
    person = request.user
    facts = [row.facts(**form.cleaned_data) for row in rows]
    proposed = [(event_actions.unsaved_custom_event(each), each.amount) for each in facts]
    by_row = checks.check_proposed_claims(proposed, person=person)
    results = [result for row in by_row for result in row]
    if results and request.POST.get("confirmed") != checks.check_fingerprint(results):
        return _page(request, form, formset, results)
    with refusal_as_form_error(form):
        claims = actions.claim_outside_conference(sessions=facts, by=person)
        messages.success(request, _saved_message(len(claims)))
        return redirect("tracks:credits")
    return _page(request, form, formset)


def _saved_message(number: int) -> str:
    if number == 0:
        return "You already saved these sessions. They were not added again."
    sessions = counted(number, "session was", "sessions were")
    return f"{sessions} saved and listed. Each will stay Pending until staff approve it."


def _blank_rows() -> list[dict[str, Any]]:
    return [{} for _ in range(BLANK_ROWS)]


def _page(
    request: AuthenticatedHttpRequest,
    form: ConferenceForm,
    formset: Any,
    results: Sequence[checks.CheckResult] = (),
) -> HttpResponse:
    errors = [
        (number, row.fields[name].label, field_errors[0], row[name].auto_id)
        for number, row in enumerate(formset.forms, 1)
        if formset.is_bound
        for name, field_errors in row.errors.items()
    ]
    context = {
        "form": form,
        "formset": formset,
        "errors": errors,
        "warnings": presentation.warning_rows(results),
        "confirmed": checks.check_fingerprint(results),
    }
    return render(request, "credits/conference.html", context)
