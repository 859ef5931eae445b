"""A person's credits as a page and as files, and the history of each credit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.queries import library_name_of
from aspen.clock import today
from aspen.formats import format_credits, format_day
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from credits import checks, history
from credits.enums import LIVE
from credits.links import line_address
from credits.models import Claim, Credit
from events import actions as event_actions
from events import queries as event_queries
from events.models import Category
from tracks.counting import credits as own_credits
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.counting.credits import TranscriptLine
from tracks.enums import ACTIVE
from tracks.models import Participation
from tracks.transcript import files, presentation
from tracks.transcript import totals as transcripts
from tracks.transcript.files import FORMATS, TranscriptFile
from tracks.transcript.forms import TranscriptForm
from tracks.transcript.totals import Transcript

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

PER_PAGE = 25
MAX_COMING_UP = 10
COMING_FIELDS = tuple(f"event__{name}" for name in ("title", "begins_at", "ends_at", "all_day"))


class TranscriptQuery(NamedTuple):
    """The person's credits, filtered as requested."""

    lines: list[TranscriptLine]
    participations: list[Participation]
    categories: list[Category]
    form: TranscriptForm
    transcript: Transcript


def _transcript_query(request: AuthenticatedHttpRequest, person: User) -> TranscriptQuery:
    event_actions.settle_due(person=person)
    participations = list(counting_queries.active_or_certified_participations(person))
    categories = list(event_queries.categories())
    lines = own_credits.transcript_lines(person)
    form = TranscriptForm(
        request.GET,
        participations=participations,
        categories=categories,
        years=list(dict.fromkeys(line.earned_on.year for line in lines)),
    )
    transcript = transcripts.arrange_transcript(lines, participations, form.choice())
    return TranscriptQuery(lines, participations, categories, form, transcript)


@require_safe
def my_credits(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show all of the person's credits, and the upcoming events they are registered for."""
    person = request.user
    result = _transcript_query(request, person)
    totals = transcripts.totals_of_lines(result.lines)
    listed = result.transcript.listed
    opened = parse_id(request.GET.get("open", ""))
    place = next((n for n, (_, line) in enumerate(listed) if line.id == opened), None)
    page = paginate(
        listed, request, size=PER_PAGE, number=None if place is None else place // PER_PAGE + 1
    )
    coming = event_queries.upcoming_registrations(person).prefetch_related(None)
    upcoming = list(coming.only(*COMING_FIELDS)[: MAX_COMING_UP + 1])
    query = urlencode(result.form.query_params())
    credits = _credits(person, [line.id for _, line in page], with_details=True)
    groups = presentation.groups_on_page(
        page, credits, result.participations, result.categories, reader=person
    )
    context = {
        "totals": totals,
        "summary": counting_presentation.totals_text(totals),
        "printed_on": format_day(today()),
        "form": result.form,
        "applied_filters": result.form.applied_filters(),
        "query": f"{query}&" if query else "",
        "files": f"?{query}" if query else "",
        "has_credits": bool(result.lines),
        "groups": groups,
        "has_groups": len(result.transcript.groups) > 1,
        "credits": [row for group in groups for year in group.years for row in year.rows],
        "page": page,
        "opened": opened,
        "warnings": _warnings(credits[opened].claim) if place is not None and opened else [],
        "upcoming": [presentation.upcoming_row(each) for each in upcoming[:MAX_COMING_UP]],
        "more_upcoming": len(upcoming) > MAX_COMING_UP,
        "has_track": any(each.state in ACTIVE for each in result.participations),
    }
    return render(request, "tracks/credits.html", context)


def _warnings(claim: Claim) -> list[checks.CheckResult]:
    """Return the warnings about the claim of the opened line. They take a few queries."""
    return checks.check_claims([claim])[claim.pk] if claim.state in LIVE else []


def _credits(
    person: User, ids: Sequence[int], *, with_details: bool = False
) -> "dict[int, PostedCredit]":
    """Return the person's credits with these ids, by id, with everything that a row shows."""
    credits = own_credits.credits_with_postings(person).filter(pk__in=ids)
    if with_details:
        credits = own_credits.with_details(credits)
    return {credit.pk: credit for credit in own_credits.load_ended_by(credits)}


@require_safe
def transcript(request: AuthenticatedHttpRequest, format: str) -> HttpResponse:
    """Serve the person's credits as a file, with the same filters as the page."""
    if format not in FORMATS:
        raise Http404
    person = request.user
    result = _transcript_query(request, person)
    credits = _credits(person, [line.id for _, line in result.transcript.listed])
    content = TranscriptFile(
        person=person,
        library=library_name_of(person),
        day=today(),
        filters=", ".join(text for text, _ in result.form.applied_filters()),
        summary=counting_presentation.totals_text(transcripts.totals_of_lines(result.lines)),
        transcript=result.transcript,
        categories=result.categories,
        rows=files.transcript_rows(result.transcript, credits, result.participations),
    )
    content_type, make = FORMATS[format]
    response = HttpResponse(make(content), content_type=content_type)
    name = f"ce-credits-{today():%Y-%m-%d}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
def credit(request: AuthenticatedHttpRequest, credit_id: int) -> HttpResponse:
    """Show one credit with its history to staff. Its owner goes to its line in My credits."""
    reader = request.user
    owner = _owner(credit_id, reader)
    if owner == reader:
        return redirect(line_address(credit_id))
    participations = list(counting_queries.active_or_certified_participations(owner))
    credit = _credits(owner, [credit_id], with_details=True)[credit_id]
    context = {
        "credit": counting_presentation.credit_row(credit, participations),
        "credits": format_credits(credit.amount),
        "entries": history.credit_history(credit, reader=reader),
        "owner": owner,
    }
    return render(request, "tracks/credit.html", context)


def _owner(credit_id: int, reader: User) -> User:
    """Return the credit's owner. Raises Http404 if the viewer cannot see it."""
    credit = get_object_or_404(Credit.objects.select_related("person"), pk=credit_id)
    if credit.person_id != reader.pk and not (
        reader.is_staff and reader.has_perm("credits.view_claim")
    ):
        raise Http404
    return credit.person
