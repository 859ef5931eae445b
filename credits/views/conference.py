"""Claiming several sessions of an outside conference in one form."""

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
from credits.forms.conference import ConferenceForm, OutsideSessionForm, SessionFormSet, typed_rows
from credits.views import presentation
from credits.views.common import listed_message
from events import actions as event_actions
from events import queries as event_queries

BLANK_ROWS = 4


@require_http_methods(["GET", "HEAD", "POST"])
def conference(request: AuthenticatedHttpRequest) -> HttpResponse:
    """A row for each session; all are saved, or none. Invalid rows come back as entered."""
    categories = {category.pk: category for category in event_queries.categories()}
    options: dict[str, Any] = {"form_kwargs": {"categories": categories}, "prefix": "s"}
    if request.method != "POST":
        return _page(request, ConferenceForm(), SessionFormSet(initial=_blank(), **options))
    form, sheet = ConferenceForm(request.POST), SessionFormSet(request.POST, **options)
    if "more" in request.POST:
        typed = [{name: row[name].value() for name in row.fields} for row in sheet.forms]
        unbound = ConferenceForm(initial=request.POST.dict())
        return _page(request, unbound, SessionFormSet(initial=typed + _blank(), **options))
    if not all([form.is_valid(), sheet.is_valid()]):
        return _page(request, form, sheet)
    rows = typed_rows(sheet)
    if not rows:
        form.add_error(None, "Enter at least one session.")
        return _page(request, form, sheet)
    return _save(request, form, sheet, rows)


def _save(
    request: AuthenticatedHttpRequest,
    form: ConferenceForm,
    sheet: Any,
    rows: Sequence[OutsideSessionForm],
) -> HttpResponse:
    person = request.user
    facts = [row.facts(**form.cleaned_data) for row in rows]
    proposed = [(event_actions.build_event(each), each.amount) for each in facts]
    by_row = checks.check_proposed(proposed, person=person)
    results = [result for row in by_row for result in row]
    if results and request.POST.get("confirmed") != checks.check_fingerprint(results):
        return _page(request, form, sheet, results)
    with refusal_as_form_error(form):
        claims = actions.claim_outside_conference(sessions=facts, by=person)
        messages.success(request, _saved(len(claims)))
        return redirect(listed_message())
    return _page(request, form, sheet)


def _saved(number: int) -> str:
    if number == 0:
        return "You already saved these sessions. They are listed once."
    sessions = counted(number, "session was", "sessions were")
    return f"{sessions} saved and listed. They stay Pending until staff approve them."


def _blank() -> list[dict[str, Any]]:
    return [{} for _ in range(BLANK_ROWS)]


def _page(
    request: AuthenticatedHttpRequest,
    form: ConferenceForm,
    sheet: Any,
    results: Sequence[checks.CheckResult] = (),
) -> HttpResponse:
    errors = [
        (number, row.fields[name].label, messages_of[0], row[name].auto_id)
        for number, row in enumerate(sheet.forms, 1)
        if sheet.is_bound
        for name, messages_of in row.errors.items()
    ]
    context = {
        "form": form,
        "sheet": sheet,
        "errors": errors,
        "warnings": presentation.warning_rows(results),
        "confirmed": checks.check_fingerprint(results),
    }
    return render(request, "credits/conference.html", context)
