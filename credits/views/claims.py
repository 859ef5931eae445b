"""The page of one claim: its state, its note, its evidence; and the files themselves."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.formats import format_credits, format_day, format_time_range
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from credits import actions, checks, queries
from credits.actions import evidence
from credits.enums import CLAIM_LABELS, LIVE, UNDECIDED, ClaimRole, ClaimSource, ClaimState
from credits.forms.claiming import NoteForm
from credits.forms.files import EvidenceForm
from credits.models import Claim, Evidence
from credits.views.common import check_result_rows
from events.enums import EventState, Origin
from events.uploads import was_ended


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: AuthenticatedHttpRequest, claim_id: int) -> HttpResponse:
    """One's own claim. Its forms post here: the note, files to add, a file to remove."""
    person = request.user
    mine = queries.claims_visible_to(person).select_related("event", "claimed_by")
    claim = get_object_or_404(mine, pk=claim_id)
    note, files = NoteForm(initial={"note": claim.note}), EvidenceForm()
    if request.method == "POST":
        if "save_note" in request.POST:
            note = NoteForm(request.POST)
            done = note.is_valid() and _save_note(request, claim, note)
        elif "remove" in request.POST:
            done = _remove_file(request, parse_id(request.POST["remove"]))
        else:
            too_large = was_ended(request)
            files = EvidenceForm(request.POST, request.FILES, by=person, too_large=too_large)
            done = files.is_valid() and _add_files(request, claim, files)
            if not done:
                files.put_aside()
        if done:
            return redirect("credits:detail", claim.pk)
    return _page(request, person, claim, note, files)


def _save_note(request: AuthenticatedHttpRequest, claim: Claim, form: NoteForm) -> bool:
    text = form.cleaned_data["note"]
    with refusal_as_form_error(form, field="note"):
        actions.note_claim(claim_id=claim.pk, note=text, by=request.user)
        messages.success(request, "Your note is saved." if text else "Your note is removed.")
        return True
    return False


def _add_files(request: AuthenticatedHttpRequest, claim: Claim, form: EvidenceForm) -> bool:
    with refusal_as_form_error(form, field="evidence"):
        files = form.all_files()
        added = actions.add_evidence(claim_id=claim.pk, files=files, by=request.user)
        form.done()
        if added:
            names = ", ".join(f"“{each.file_name}”" for each in added)
            messages.success(request, f"{names} {'is' if len(added) == 1 else 'are'} added.")
        else:
            messages.info(request, "These files are added already.")
        return True
    return False


def _remove_file(request: AuthenticatedHttpRequest, evidence_id: int | None) -> bool:
    with refusal_as_message(request):
        actions.remove_evidence(evidence_id=evidence_id or 0, by=request.user)
        messages.success(request, "The file is removed.")
    return True


def _page(
    request: AuthenticatedHttpRequest,
    person: User,
    claim: Claim,
    note: NoteForm,
    files: EvidenceForm,
) -> HttpResponse:
    event = claim.event
    is_open = event.origin == Origin.CALENDAR or event.created_by_id == person.pk
    stands = claim.state in LIVE
    is_own = event.origin == Origin.CUSTOM and event.created_by_id == person.pk
    context: dict[str, Any] = {
        "claim": claim,
        "event": event,
        "url": event.get_absolute_url() if is_open else "",
        "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        "state": CLAIM_LABELS[ClaimState(claim.state)],
        "claimed_on": format_day(timezone.localdate(claim.claimed_at)),
        "is_presenter": claim.role == ClaimRole.PRESENTER,
        "credits": [
            (credit.category, format_credits(credit.amount))
            for credit in claim.credits.filter(withdrawn_at=None)
            .select_related("category")
            .order_by("line")
        ],
        "evidence": [
            (each.pk, each.file_name, filesizeformat(each.size))
            for each in claim.evidence.order_by("pk")
        ],
        "remarks": check_result_rows(checks.check_claims([claim])[claim.pk]) if stands else [],
        "note": note,
        "files": files,
        "most": evidence.MAX_FILES,
        "stands": stands,
        "is_undecided": claim.state in UNDECIDED,
        "can_withdraw": claim.state == ClaimState.PENDING,
        "can_revise": is_own and event.state == EventState.DRAFT,
        "can_repeat": claim.source == ClaimSource.CUSTOM,
    }
    return render(request, "credits/claim.html", context)


@require_safe
def download(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse | FileResponse:
    """A file of evidence, for its person and for staff who see claims; nobody else knows of it.

    Always as an attachment: no browser opens it as a page of this site.
    """
    person = request.user
    found = Evidence.objects.all()
    if not (person.is_staff and person.has_perm("credits.view_claim")):
        found = found.filter(person=person)
    file = get_object_or_404(found, pk=pk)
    response = FileResponse(
        file.file.open("rb"),
        as_attachment=True,
        filename=file.file_name,
        content_type=file.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
