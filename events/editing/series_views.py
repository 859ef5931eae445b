"""Pages to repeat an event, and to edit a conference's sessions in one sheet."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from aspen.errors import Refused
from aspen.formats import counted, format_time_range
from aspen.web import form_recovery
from aspen.web.edit_conflicts import Conflict, kept_message, merge_edits, seen_values
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import permissions, queries
from events.editing import series
from events.editing.actions import locked_for_editing
from events.editing.series_forms import DatesForm, RepeatForm, SessionFormSet
from events.editing.sessions import SessionInput, save_sessions
from events.enums import EventState
from events.models import Event
from events.permissions import get_editor, get_managed_event

BLANK_ROWS = 10


@require_http_methods(["GET", "HEAD", "POST"])
def repeat(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Ask for a rule, list its dates with checkboxes, then create drafts on the selected ones."""
    get_editor(request)
    source = get_managed_event(request, pk)
    posted = request.POST if request.method == "POST" else None
    form = RepeatForm(posted, source=source)
    dates: DatesForm | None = None
    skipped_months: list[str] = []
    if posted is not None and form.is_valid():
        moments = form.moments()
        skipped_months = form.months_without_a_date(moments)
        choices = [
            (each.isoformat(), format_time_range(each, None, all_day=source.all_day))
            for each in moments
        ]
        if "make" in posted:
            dates = DatesForm(posted, choices=choices)
            if dates.is_valid():
                return _create_drafts(request, source, dates)
        else:
            initial = {"dates": [value for value, _ in choices], "key": form.cleaned_data["key"]}
            dates = DatesForm(initial=initial, choices=choices)
    context = {
        "event": source,
        "form": form,
        "dates": dates,
        "skipped_months": skipped_months,
    }
    return render(request, "events/manage/repeat.html", context)


def _create_drafts(
    request: AuthenticatedHttpRequest, source: Event, dates: DatesForm
) -> HttpResponse:
    person = request.user
    with refusal_as_message(request):
        created = series.repeat_event(
            source_id=source.pk,
            begins=dates.cleaned_data["dates"],
            series_key=dates.cleaned_data["key"],
            by=person,
        )
        if not created:
            messages.info(request, "The series already includes these dates.")
            return redirect("events:manage")
        number = counted(len(created), "draft was", "drafts were")
        step = "Publish" if permissions.may_publish(person) else "Send to staff"
        messages.success(request, f"{number} created. “{step}” below applies to the whole series.")
        return redirect("events:preview", created[0].pk)
    return redirect("events:repeat", source.pk)


# ---------- Sessions ----------


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Edit a conference's sessions, one per row, with blank rows below. Saves all or nothing."""
    get_editor(request)
    parent = get_managed_event(request, pk)
    blank: list[dict[str, Any]] = [{} for _ in range(BLANK_ROWS)]
    if request.method != "POST":
        rows = _rows(parent)
        if recovered := form_recovery.recovered_data(request):
            sheet = _sheet(recovered, initial=rows)
            return _sessions_page(request, parent, sheet, recovered.get("seen", ""))
        seen = seen_values(Form(), [_sheet(initial=rows)])
        return _sessions_page(request, parent, _sheet(initial=rows + blank), seen)
    if "more" in request.POST:
        sheet = _sheet(request.POST, initial=[])
        typed = [{name: form[name].value() for name in form.fields} for form in sheet.forms]
        seen = request.POST.get("seen", "")
        return _sessions_page(request, parent, _sheet(initial=typed + blank), seen)
    return _save_sessions(request, parent)


def _rows(parent: Event) -> list[dict[str, Any]]:
    sessions = (
        Event.objects.filter(parent=parent)
        .exclude(state__in=[EventState.CANCELLED, EventState.DECLINED])
        .defer("search", "description")
        .prefetch_related(queries.OFFERS)
        .order_by("begins_at", "id")
    )
    return [_row(session) for session in sessions]


def _sheet(data: QueryDict | None = None, *, initial: list[dict[str, Any]]) -> Any:
    categories = {category.pk: category for category in queries.categories()}
    form_kwargs = {"categories": categories}
    return SessionFormSet(data, initial=initial, form_kwargs=form_kwargs, prefix="s")


def _save_sessions(request: AuthenticatedHttpRequest, parent: Event) -> HttpResponse:
    """Store the sheet. What a colleague changed since it was opened stays."""
    with locked_for_editing(event_id=parent.pk, sessions=True):
        rows = _rows(parent)
        merged = merge_edits(request.POST, Form(), [_sheet(initial=rows)])
        sheet = _sheet(merged.data, initial=rows)
        if sheet.is_valid() and not merged.conflicts:
            filled = [form.cleaned_data for form in sheet if form.cleaned_data.get("title")]
            new = [SessionInput(**data) for data in filled]
            try:
                number = save_sessions(parent_id=parent.pk, sessions=new, by=request.user)
            except (Refused, ValidationError) as error:
                messages.error(request, " ".join(getattr(error, "messages", [str(error)])))
            else:
                if merged.kept:
                    messages.info(request, kept_message(merged.kept))
                what = counted(number, "session was", "sessions were")
                if number:
                    messages.success(request, f"{what} saved.")
                else:
                    messages.info(request, "Nothing was changed.")
                return redirect("events:sessions", parent.pk)
    return _sessions_page(request, parent, sheet, merged.data["seen"], merged.conflicts)


def _sessions_page(
    request: AuthenticatedHttpRequest,
    parent: Event,
    sheet: Any,
    seen: str | list[object],
    conflicts: Sequence[Conflict] = (),
) -> HttpResponse:
    context = {
        "event": parent,
        "sheet": sheet,
        "seen": seen,
        "conflicts": [message for _, message in conflicts],
        "is_session": parent.parent_id is not None,
        "errors": [
            (number, label, error, form[name].auto_id)
            for number, form in enumerate(sheet.forms, 1)
            for name, errors in form.errors.items()
            for label, error in [(form.fields[name].label, errors[0])]
        ]
        if sheet.is_bound
        else [],
    }
    return render(request, "events/manage/sessions.html", context)


def _row(session: Event) -> dict[str, Any]:
    begin = timezone.localtime(session.begins_at)
    end = timezone.localtime(session.ends_at) if session.ends_at else None
    [offer, *_] = [*session.offers.all(), None]
    return {
        "id": session.pk,
        "title": session.title,
        "day": begin.date(),
        "begin": begin.time(),
        "end": end.time() if end else None,
        "room": session.room,
        "presenter": session.presenter,
        "category": offer.category_id if offer else None,
        "amount": offer.amount if offer else None,
    }
