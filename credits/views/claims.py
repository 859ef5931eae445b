"""The note and files of a claim, and evidence downloads."""

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from aspen.web.undo import success_with_undo
from credits import actions, queries
from credits.forms.claiming import NoteForm
from credits.forms.files import EvidenceForm
from credits.links import claim_address
from credits.models import Claim, Evidence
from credits.views import presentation
from events.uploads import private_file, was_cut_off


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """Save a claim's note, and add or remove evidence. Everything else leads to the claim's line.

    The forms are on the line. A form with errors is shown here, with what was entered.
    """
    person = request.user
    claims = queries.claims_visible_to(person).select_related("event")
    claim = get_object_or_404(claims, pk=claim_id)
    note, files = NoteForm(initial={"note": claim.note}), EvidenceForm()
    done = True
    if request.method == "POST":
        if "save_note" in request.POST:
            note = NoteForm(request.POST)
            done = note.is_valid() and _save_note(request, claim, note)
        elif "remove" in request.POST:
            done = _remove_file(request, claim, parse_id(request.POST["remove"]))
        else:
            too_large = was_cut_off(request)
            files = EvidenceForm(request.POST, request.FILES, by=person, too_large=too_large)
            done = files.is_valid() and _add_files(request, claim, files)
            if not done:
                files.keep_files()
    if done:
        return redirect(claim_address(claim))
    context = {"page": presentation.claim_page(claim), "note": note, "files": files}
    return render(request, "credits/claim.html", context)


def _save_note(request: AuthenticatedHttpRequest, claim: Claim, form: NoteForm) -> bool:
    text = form.cleaned_data["note"]
    with refusal_as_form_error(form, field="note"):
        actions.set_claim_note(claim_id=claim.pk, note=text, by=request.user)
        messages.success(request, "Your note was saved." if text else "Your note was removed.")
        return True
    return False


def _add_files(request: AuthenticatedHttpRequest, claim: Claim, form: EvidenceForm) -> bool:
    with refusal_as_form_error(form, field="evidence"):
        files = form.all_files()
        added = actions.add_evidence(claim_id=claim.pk, files=files, by=request.user)
        form.delete_waiting_files()
        if added:
            names = ", ".join(f"“{each.file_name}”" for each in added)
            messages.success(request, f"{names} {'was' if len(added) == 1 else 'were'} added.")
        else:
            messages.info(request, "These files were already added.")
        return True
    return False


def _remove_file(request: AuthenticatedHttpRequest, claim: Claim, evidence_id: int | None) -> bool:
    with refusal_as_message(request):
        removed = actions.remove_evidence(evidence_id=evidence_id or 0, by=request.user)
        if removed and removed.copy:
            url = reverse("credits:restore_evidence", args=[claim.pk])
            success_with_undo(request, "The file was removed.", url, ticket=removed.copy.ticket)
        elif removed:
            messages.success(
                request, "The file was removed. No copy could be kept, so this cannot be undone."
            )
    return True


def restore_evidence(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """Add a file again that was just removed. A GET, as after sign-in, changes nothing."""
    claim = get_object_or_404(queries.claims_visible_to(request.user), pk=claim_id)
    if request.method == "POST":
        ticket = request.GET.get("ticket", "")
        with refusal_as_message(request):
            restored = actions.restore_evidence(claim_id=claim.pk, ticket=ticket, by=request.user)
            messages.success(request, f"“{restored.file_name}” was added again.")
    return redirect(claim_address(claim))


@require_safe
def download(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse | FileResponse:
    """Serve an evidence file to its owner or to staff who can view claims."""
    person = request.user
    files = Evidence.objects.all()
    if not (person.is_staff and person.has_perm("credits.view_claim")):
        files = files.filter(person=person)
    file = get_object_or_404(files, pk=pk)
    return private_file(file.file.open("rb"), file.file_name, file.content_type)
