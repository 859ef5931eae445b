"""My credits as a page and as files, and the history of each credit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.queries import library_name_of
from aspen.clock import today
from aspen.formats import format_credits, format_day, format_time_range
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from credits import history
from credits.models import Credit
from events import actions as event_actions
from events import queries as event_queries
from events.models import Category, Registration
from tracks.counting import credits as own_credits
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.counting.credits import TranscriptLine
from tracks.enums import ACTIVE
from tracks.models import Participation
from tracks.transcript import files
from tracks.transcript import totals as transcripts
from tracks.transcript.files import FORMATS, TranscriptFile
from tracks.transcript.forms import TranscriptForm
from tracks.transcript.totals import Transcript, TranscriptGroup

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

PER_PAGE = 25
RECENT_SHOWN = 3
MAX_COMING_UP = 10
COMING_FIELDS = tuple(f"event__{name}" for name in ("title", "begins_at", "ends_at", "all_day"))


class RecentRow(NamedTuple):
    id: int
    title: str
    credits: str
    day: str


class UpcomingRow(NamedTuple):
    title: str
    url: str
    when: str


class TranscriptQuery(NamedTuple):
    """The person's credits, and the filters of a request applied to them."""

    lines: list[TranscriptLine]
    participations: list[Participation]
    categories: list[Category]
    form: TranscriptForm
    transcript: Transcript


def _transcript_query(request: AuthenticatedHttpRequest, person: User) -> TranscriptQuery:
    event_actions.settle_due(person=person)
    participations = list(counting_queries.counting_participations(person))
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
    """Every credit of the person, and upcoming events they are registered for."""
    person = request.user
    chosen = _transcript_query(request, person)
    totals = transcripts.totals_of_lines(chosen.lines)
    page = paginate(chosen.transcript.listed, request, size=PER_PAGE)
    coming = event_queries.upcoming_registrations(person).prefetch_related(None)
    upcoming = list(coming.only(*COMING_FIELDS)[: MAX_COMING_UP + 1])
    query = urlencode(chosen.form.query_params())
    names = [*(category.name for category in chosen.categories), "All"]
    groups = _groups(page, person, chosen.participations)
    context = {
        "totals": totals,
        "summary": counting_presentation.totals_in_words(totals),
        "lately": [
            _recent_row(each) for each in transcripts.recently_added(chosen.lines, RECENT_SHOWN)
        ],
        "printed_on": format_day(today()),
        "form": chosen.form,
        "applied_filters": chosen.form.applied_filters(),
        "query": f"{query}&" if query else "",
        "files": f"?{query}" if query else "",
        "has_credits": bool(chosen.lines),
        "categories": chosen.categories,
        "sums": _labelled(transcripts.sums_table(chosen.transcript, chosen.categories), names),
        "groups": groups,
        "credits": [row for group in groups for year in group["years"] for row in year["rows"]],
        "page": page,
        "upcoming": [_upcoming_row(each) for each in upcoming[:MAX_COMING_UP]],
        "more_upcoming": len(upcoming) > MAX_COMING_UP,
        "has_track": any(each.state in ACTIVE for each in chosen.participations),
    }
    return render(request, "tracks/credits.html", context)


def _labelled(rows: list[transcripts.SumRow], names: list[str]) -> list[dict[str, Any]]:
    """The sums, each amount with the name of its column."""
    return [
        {
            "kind": row.kind,
            "label": row.label,
            "labelled": list(zip(names, row.cells[1:], strict=True)),
        }
        for row in rows
    ]


def _recent_row(added: transcripts.RecentlyAdded) -> RecentRow:
    line = added.line
    return RecentRow(line.id, line.title, format_credits(added.amount), format_day(line.claimed_on))


def _upcoming_row(registration: Registration) -> UpcomingRow:
    event = registration.event
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    return UpcomingRow(event.title, event.get_absolute_url(), when)


def _credits(person: User, ids: Sequence[int]) -> "dict[int, PostedCredit]":
    """These credits of the person, by id, with everything a row shows."""
    credits = own_credits.credits_with_postings(person).filter(pk__in=ids)
    return {credit.pk: credit for credit in own_credits.with_ending_authors(credits)}


def _groups(listed: Any, person: User, participations: list[Participation]) -> list[dict[str, Any]]:
    """The groups of one page, with their years and rows."""
    credits = _credits(person, [line.id for _, line in listed])
    groups: list[dict[str, Any]] = []
    for group, line in listed:
        if not groups or groups[-1]["title"] != group.title:
            groups.append(_heading(group))
        years = groups[-1]["years"]
        year = str(line.earned_on.year)
        if not years or years[-1]["year"] != year:
            years.append({"year": year, "total": _total_of(group, year), "rows": []})
        credit = credits[line.id]
        ending = history.how_credit_ended(credit, reader=person)
        row = counting_presentation.credit_row(credit, participations, ending=ending)
        years[-1]["rows"].append(row)
    return groups


def _heading(group: TranscriptGroup) -> dict[str, Any]:
    total = format_credits(group.all.total) if group.counts else ""
    return {"title": group.title, "note": group.note, "total": total, "years": []}


def _total_of(group: TranscriptGroup, year: str) -> str:
    if not group.counts:
        return ""
    return next(format_credits(each.total) for each in group.years if each.label == year)


@require_safe
def transcript(request: AuthenticatedHttpRequest, format: str) -> HttpResponse:
    """All credits with the filters of the page, in one file."""
    if format not in FORMATS:
        raise Http404
    person = request.user
    chosen = _transcript_query(request, person)
    credits = _credits(person, [line.id for _, line in chosen.transcript.listed])
    paper = TranscriptFile(
        person=person,
        library=library_name_of(person),
        day=today(),
        filters=", ".join(text for text, _ in chosen.form.applied_filters()),
        summary=counting_presentation.totals_in_words(transcripts.totals_of_lines(chosen.lines)),
        transcript=chosen.transcript,
        categories=chosen.categories,
        rows=files.transcript_rows(chosen.transcript, credits, chosen.participations),
    )
    content_type, make = FORMATS[format]
    response = HttpResponse(make(paper), content_type=content_type)
    name = f"ce-credits-{today():%Y-%m-%d}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
def credit(request: AuthenticatedHttpRequest, credit_id: int) -> HttpResponse:
    """One credit: its facts, the tracks it counts in, and its history."""
    reader = request.user
    owner = _owner(credit_id, reader)
    participations = list(counting_queries.counting_participations(owner))
    found = _credits(owner, [credit_id])[credit_id]
    context = {
        "credit": counting_presentation.credit_row(found, participations),
        "credits": format_credits(found.amount),
        "entries": history.credit_history(found, reader=reader),
        "owner": owner,
        "is_own": owner == reader,
    }
    return render(request, "tracks/credit.html", context)


def _owner(credit_id: int, reader: User) -> User:
    """The owner of the credit. Raises Http404 for readers who may not see it."""
    credit = get_object_or_404(Credit.objects.select_related("person"), pk=credit_id)
    if credit.person_id != reader.pk and not (
        reader.is_staff and reader.has_perm("credits.view_claim")
    ):
        raise Http404
    return credit.person
