"""Pages for an event's questions, files and links, and file downloads."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from aspen.web import form_recovery
from aspen.web.confirm import ask_first, is_confirmed
from aspen.web.edit_conflicts import Conflict, kept_message, merge_edits, seen_values
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from events import permissions, queries, uploads
from events.calendar.facts import signed_in_person
from events.editing import material
from events.editing.actions import locked_for_editing
from events.editing.material_forms import FileForm, LinkForm, QuestionFormSet
from events.event_page import details
from events.models import Event, Resource
from events.permissions import get_editor, get_managed_event

BLANK_QUESTIONS = 3


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def questions(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Edit all registration questions in one form, with blank ones at the end."""
    get_editor(request)
    event = get_managed_event(request, pk)
    if request.method == "POST":
        return _save_questions(request, event)
    rows = _question_rows(event)
    if typed := form_recovery.recovered_data(request):
        sheet = QuestionFormSet(typed, initial=rows, prefix="q")
        return _questions_page(request, event, sheet, typed.get("seen", ""), conflicts=())
    blank: list[dict[str, Any]] = [{} for _ in range(BLANK_QUESTIONS)]
    sheet = QuestionFormSet(initial=[*rows, *blank], prefix="q")
    return _questions_page(request, event, sheet, _seen(rows), conflicts=())


def _question_rows(event: Event) -> list[dict[str, Any]]:
    return [
        {
            "id": each.pk,
            "label": each.label,
            "kind": each.kind,
            "choices": "\n".join(each.choices),
            "is_required": each.is_required,
        }
        for each in event.questions.order_by("position")
    ]


def _seen(rows: list[dict[str, Any]]) -> str:
    return seen_values(Form(), [QuestionFormSet(initial=rows, prefix="q")])


def _save_questions(request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
    """Store the questions. What a colleague changed since the page was opened stays."""
    with locked_for_editing(event_id=event.pk):
        rows = _question_rows(event)
        shown = QuestionFormSet(initial=rows, prefix="q")
        merged = merge_edits(request.POST, Form(), [shown])
        sheet = QuestionFormSet(merged.data, initial=rows, prefix="q")
        if sheet.is_valid() and not merged.conflicts:
            new = [form.question() for form in sheet if form.cleaned_data.get("label")]
            with refusal_as_message(request):
                material.ask_questions(event_id=event.pk, questions=new, by=request.user)
                messages.success(request, "The questions were saved.")
                if merged.kept:
                    messages.info(request, kept_message(merged.kept))
                return redirect("events:questions", event.pk)
    return _questions_page(request, event, sheet, merged.data["seen"], conflicts=merged.conflicts)


def _questions_page(
    request: AuthenticatedHttpRequest,
    event: Event,
    sheet: Any,
    seen: str | list[object],
    *,
    conflicts: Sequence[Conflict],
) -> HttpResponse:
    answered = dict(queries.answers_per_question(event))
    context = {
        "event": event,
        "sheet": sheet,
        "rows": [(form, answered.get(_number(form["id"].value()), 0)) for form in sheet],
        "seen": seen,
        "conflicts": [message for _, message in conflicts],
    }
    return render(request, "events/manage/questions.html", context)


def _number(value: Any) -> int:
    return parse_id(str(value or "")) or 0


@require_http_methods(["GET", "HEAD", "POST"])
def files(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Add and remove an event's files and links."""
    get_editor(request)
    event = get_managed_event(request, pk)
    link = LinkForm(request.POST if "add_link" in request.POST else None)
    ended = uploads.was_cut_off(request)
    file = (
        FileForm(request.POST, request.FILES, too_large=ended)
        if "add_file" in request.POST or ended
        else FileForm()
    )
    resources = event.resources.order_by("pk")
    if request.method == "POST" and "remove" in request.POST and not is_confirmed(request):
        resource = resources.filter(pk=parse_id(request.POST["remove"]) or 0).first()
        if resource:
            return ask_first(
                request,
                question=f"Remove “{resource.label}”?",
                consequence="It is deleted permanently. To bring it back, add it again.",
                button="Remove",
                back=reverse("events:files", args=[event.pk]),
            )
    if request.method == "POST" and _apply_change(request, event, link, file):
        return redirect("events:files", event.pk)
    context = {
        "event": event,
        "resources": [(each.pk, *details.file_links([each])) for each in resources],
        "link": link,
        "file": file,
    }
    return render(request, "events/manage/files.html", context)


def _apply_change(
    request: AuthenticatedHttpRequest, event: Event, link: LinkForm, file: FileForm
) -> bool:
    """Add or remove a file or link. Return False if the form has errors to show."""
    person = request.user
    form = link if link.is_bound else file
    with refusal_as_form_error(form):
        if link.is_bound and link.is_valid():
            label, url = link.cleaned_data["link_label"], link.cleaned_data["url"]
            material.add_link(event_id=event.pk, label=label, url=url, by=person)
            messages.success(request, f"“{label}” was added.")
        elif file.is_bound and file.is_valid():
            added = material.add_file(event_id=event.pk, by=person, **file.cleaned_data)
            messages.success(request, f"“{added.label}” was added.")
        elif number := parse_id(request.POST.get("remove", "")):
            material.remove_resource(event_id=event.pk, resource_id=number, by=person)
            messages.success(request, "The file or link was removed.")
        else:
            return not form.is_bound
        return True
    return False


@login_not_required
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
    """Serve an uploaded file, always as an attachment, so that it never renders on our site."""
    resource = get_object_or_404(Resource.objects.exclude(file=""), pk=pk)
    person = signed_in_person(request)
    events = queries.events_visible_to(person).filter(pk=resource.event_id)
    if not events.exists():
        managing = permissions.managed_by(person) if person else Event.objects.none()
        get_object_or_404(managing, pk=resource.event_id)
    response = FileResponse(
        resource.file.open("rb"),
        as_attachment=True,
        filename=resource.file_name,
        content_type=resource.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
