"""The Continuing Education page, and the page with a track's progress."""

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.models import User
from aspen import formats
from aspen.clock import today
from aspen.formats import format_credits, format_day
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from credits import queries as credit_queries
from credits.forms import ClaimSearchForm
from events import actions as event_actions
from events import queries as event_queries
from tracks.certification import certificates, record
from tracks.certification import presentation as certification_presentation
from tracks.certification import queries as certification_queries
from tracks.counting import credits, suggestions
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE, ParticipationState
from tracks.following import actions as following_actions
from tracks.models import Participation

if TYPE_CHECKING:
    from tracks.certification.queries import AnnotatedSubmission

MAX_LISTED = 300
PER_PAGE = 25


@require_safe
@vary_on_headers("HX-Request")
def dashboard(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show Continuing Education: progress, events to claim, Create New… and recent credits.

    An htmx request gets only the filtered list of events to claim.
    """
    person = request.user
    if request.htmx:  # type: ignore[attr-defined]
        claimable = _claimable_events(request, person)
        return render(request, "tracks/pick_again.html", {"claimable": claimable})
    event_actions.settle_due(person=person)
    participations = list(counting_queries.active_or_certified_participations(person))
    active = [each for each in participations if each.state in ACTIVE]
    latest_submissions = certification_queries.latest_of(active)
    summaries = [
        counting_presentation.track_summary(track, today())
        for track in counting_queries.track_progress_of(active, today())
    ]
    statuses = [
        certification_presentation.status_of(
            each.participation,
            latest_submissions.get(each.participation.pk),
            complete=each.complete,
        )
        for each in summaries
    ]
    totals = credits.credit_totals(person)
    recent_credits = credits.credits_with_postings(person)[:5]
    context = {
        "answer": counting_presentation.opening_text(summaries, totals),
        "tracks": list(zip(summaries, statuses, strict=True)),
        "waiting": certification_queries.unanswered_questions(person),
        "totals": totals,
        "credits": [
            counting_presentation.credit_row(credit, participations) for credit in recent_credits
        ],
        "returned": counting_queries.returned_events(person),
        "certificates": [
            certificates.certificate_facts(each)
            for each in counting_queries.certificates_of(person)
        ],
        "claimable": _claimable_events(request, person),
    }
    return render(request, "tracks/dashboard.html", context)


class ClaimableEvent(NamedTuple):
    """An option in the list of events to claim."""

    id: int
    label: str


class ClaimableEvents(NamedTuple):
    """The list of events to claim, filtered by the search words in `find`."""

    events: list[ClaimableEvent]
    has_more: bool
    count_text: str
    find: str
    errors: list[str]


def _claimable_events(request: AuthenticatedHttpRequest, person: User) -> ClaimableEvents:
    form = ClaimSearchForm(request.GET)
    find = form.cleaned_data["find"] if form.is_valid() else ""
    events = event_queries.search_title_or_sponsor(credit_queries.claimable_by(person), find)
    options = [
        ClaimableEvent(
            event.pk,
            f"{format_day(event.last_day)} – {event.title} "
            f"({format_credits(event.credits_offered)})",  # type: ignore[attr-defined]
        )
        for event in event_queries.with_credits_offered(events)[: MAX_LISTED + 1]
    ]
    return ClaimableEvents(
        events=options[:MAX_LISTED],
        has_more=len(options) > MAX_LISTED,
        count_text=_count_text(len(options)),
        find=find,
        errors=[str(error) for error in form.errors.get("find", [])],
    )


def _count_text(number: int) -> str:
    if number > MAX_LISTED:
        return f"More than {MAX_LISTED} events on the list."
    return f"{formats.counted(number, 'event')} on the list."


def leave(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Leave a track and archive its credits. A GET, as after sign-in, redirects to the track."""
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if participation.state == ParticipationState.LEFT:
        messages.info(request, f"You have already left {participation.track}.")
        return redirect("tracks:choose")
    if request.method != "POST":
        return redirect(participation)
    with refusal_as_message(request):
        following_actions.leave_track(participation_id=participation.pk, by=person)
        success_with_undo(
            request,
            f"You no longer follow {participation.track}. We have kept your credits. Until "
            f"{format_day(participation.closes_on)}, you can resume the track where you left off.",
            reverse("tracks:resume", args=[participation.pk]),
        )
        return redirect("tracks:choose")
    return redirect(participation)


def resume(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Resume a track in the same period. A GET, as after sign-in, redirects to the track."""
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if request.method != "POST":
        return redirect(participation)
    with refusal_as_message(request):
        following_actions.resume_track(participation_id=participation.pk, by=person)
        number = participation.postings.count()
        credit_lines = formats.counted(number, "credit line was", "credit lines were")
        messages.success(
            request, f"You are following {participation.track} again. {credit_lines} posted to it."
        )
        return redirect(participation)
    return redirect("tracks:choose")


@require_safe
def track_progress(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Show a track's progress, the status of its record and which credits count.

    For a past period, show the result instead.
    """
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if participation.state not in ACTIVE:
        return _past_period(request, participation)
    event_actions.settle_due(person=person)
    [track] = counting_queries.track_progress_of([participation], today())
    page = paginate(credits.credits_with_postings(person), request, size=PER_PAGE)
    submissions = list(certification_queries.submissions_of([participation]))
    context = {
        "track": counting_presentation.track_summary(track, today()),
        "suggestions": suggestions.suggest_trainings(person, track, timezone.now()),
        "participation": participation,
        "is_open": participation.state == ParticipationState.OPEN,
        "printed_on": format_day(today()),
        "credits": [counting_presentation.counting_row(credit, participation) for credit in page],
        "page": page,
        "years": certification_presentation.year_states(
            list(certification_queries.year_questions(participation))
        ),
        **_record_status(participation, submissions, complete=track.progress.is_complete),
    }
    return render(request, "tracks/progress.html", context)


def _past_period(request: AuthenticatedHttpRequest, participation: Participation) -> HttpResponse:
    """Show a certified, revoked or left period, with the credits on its certificate."""
    submissions = list(certification_queries.submissions_of([participation]))
    is_left = participation.state == ParticipationState.LEFT
    to_resume = counting_queries.resumable_participations(request.user, today())
    context = {
        "participation": participation,
        "period": (
            f"{format_day(participation.counts_from)} to {format_day(participation.closes_on)}"
        ),
        "rules": counting_presentation.rule_set_text(participation.rule_set),
        "can_resume": is_left and to_resume.filter(pk=participation.pk).exists(),
        "closes_on": format_day(participation.closes_on),
        "is_left": is_left,
        **_record_status(participation, submissions, complete=False),
    }
    if participation.state == ParticipationState.CERTIFIED:
        certified = participation.certificates.filter(revoked_at=None).get().record
        categories = [line.category for line in participation.rule_set.requirements.all()]
        context["record"] = record.record_page(certified, categories)
    return render(request, "tracks/past_period.html", context)


def _record_status(
    participation: Participation, submissions: "list[AnnotatedSubmission]", *, complete: bool
) -> dict[str, Any]:
    """Return the template context for the record's status, stages and earlier submissions."""
    latest = submissions[0] if submissions else None
    status = certification_presentation.status_of(participation, latest, complete=complete)
    return {
        "status": status,
        "stages": certification_presentation.stages_of(participation, latest) if status else [],
        "earlier_submissions": certification_presentation.earlier_submissions(submissions),
    }
