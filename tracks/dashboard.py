"""The Continuing Education page, and the page with a track's progress."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.queries import positions_of
from aspen import formats
from aspen.clock import today
from aspen.formats import format_credits, format_day, format_short_day
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from credits import queries as credit_queries
from events import actions as event_actions
from events import queries as event_queries
from events.models import Category, Event
from tracks.certification import certificates, record
from tracks.certification import presentation as certification_presentation
from tracks.certification import queries as certification_queries
from tracks.counting import credits, suggestions
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE, ParticipationState
from tracks.following import actions as following_actions
from tracks.following.offers import offered_tracks
from tracks.models import Participation
from tracks.today import LISTED, EventRow, event_row, waiting_for, why_asked

if TYPE_CHECKING:
    from tracks.certification.queries import AnnotatedSubmission

MAX_LISTED = 300
LATEST = 5  # how many credits the page lists
PER_PAGE = 25
CATEGORY = ("name", "short_name", "slug", "shape")


@require_safe
def dashboard(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show Continuing Education: progress, events to claim, Create New… and the latest credits."""
    person = request.user
    event_actions.settle_due(person=person)
    participations = list(counting_queries.active_or_certified_participations(person))
    active = [each for each in participations if each.state in ACTIVE]
    is_certified = len(active) < len(participations)
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
    archived = Decimal(0) if active else credits.credit_totals(person).archived
    ended = _ended_events(person)
    latest_credits = credits.with_details(credits.credits_with_postings(person))[:LATEST]
    context = {
        "tracks": list(zip(summaries, statuses, strict=True)),
        **waiting_for(person),
        "archived": format_credits(archived) if archived else "",
        "offered": [] if active else offered_tracks(person, list(positions_of(person)), active),
        "credits": [
            counting_presentation.credit_row(
                credit,
                participations,
                details=counting_presentation.credit_details(credit, reader=person),
            )
            for credit in latest_credits
        ],
        "new_certificates": [
            certificates.own_certificate(each)
            for each in (counting_queries.certificates_of(person) if is_certified else [])
            if each.issued_at > timezone.now() - certificates.NEW_FOR and not each.revoked_at
        ],
        "claimable": _claimable_events(ended),
        "taken_part": _taken_part(ended),
    }
    return render(request, "tracks/dashboard.html", context)


class ClaimableEvent(NamedTuple):
    """An option in the list of events to claim."""

    id: int
    when: str
    title: str
    sponsor: str
    amount: str


class ClaimableEvents(NamedTuple):
    """The newest events to claim. `has_more` if there are others."""

    events: list[ClaimableEvent]
    has_more: bool


def _ended_events(person: User) -> list[Event]:
    """Return the newest events to claim, with their credit and signs that the person took part."""
    claimable = event_queries.with_offers(credit_queries.claimable_by(person))
    events = event_queries.with_credits_offered(claimable)
    return list(event_queries.with_signs_of(person, events)[: MAX_LISTED + 1])


def _claimable_events(events: list[Event]) -> ClaimableEvents:
    options = [
        ClaimableEvent(
            event.pk,
            format_short_day(event.last_day),
            event.title,
            event.sponsor,
            format_credits(event.credits_offered),  # type: ignore[attr-defined]
        )
        for event in events
    ]
    return ClaimableEvents(options[:MAX_LISTED], has_more=len(options) > MAX_LISTED)


def _taken_part(events: list[Event]) -> list[tuple[EventRow, str, list[tuple[Category, str]]]]:
    """Return the events to ask about, as Today does."""
    since = credit_queries.asked_since()
    asked = [event for event in events if _is_asked(event) and event.over_at >= since]
    return [(event_row(each), why_asked(each), _credits(each)) for each in asked[:LISTED]]


def _is_asked(event: Any) -> bool:
    return bool(event.opened or event.place) and not event.is_dismissed


def _credits(event: Any) -> list[tuple[Category, str]]:
    return [
        (
            Category(**{name: line[name] for name in CATEGORY}),
            format_credits(Decimal(str(line["amount"]))),
        )
        for line in event.offered
    ]


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
