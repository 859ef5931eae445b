"""Today: the first page of a signed-in person."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.clock import today as current_day
from aspen.formats import format_credits, format_day
from aspen.web import waiting
from aspen.web.request import AuthenticatedHttpRequest
from credits import queries as credit_queries
from events import actions as event_actions
from events import queries as event_queries
from events.calendar.presentation import short_day, short_times
from events.enums import HintKind, RegistrationState
from events.models import Category, CreditOffer, Event
from tracks.certification import queries as certification_queries
from tracks.certification.certificates import NEW_FOR
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.counting import suggestions
from tracks.enums import ACTIVE

# Why the page asks whether the person took part in an event.
WHY_ASKED = {
    HintKind.JOINED: "You opened the meeting",
    HintKind.WATCHED: "You opened the recording",
    RegistrationState.WAITLISTED: "You were on the waitlist",
    RegistrationState.CANCELLED: "You canceled your registration",
    RegistrationState.CONFIRMED: "You were registered",
}
LISTED = 3  # how many events each part of the page lists


@require_safe
def today(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show progress, what comes next, what waits for the person, and training that is needed."""
    person = request.user
    event_actions.settle_due(person=person)
    now = timezone.now()
    participations = counting_queries.active_or_certified_participations(person)
    active = [each for each in participations if each.state in ACTIVE]
    tracks = counting_queries.track_progress_of(active, current_day())
    unfinished = next((each for each in tracks if not each.progress.is_complete), None)
    suggested = suggestions.suggest_trainings(person, unfinished, now) if unfinished else []
    missed = credit_queries.probably_attended(person)
    context = {
        "greeting": _greeting(timezone.localtime(now).hour),
        "day": format_day(current_day()),
        "newly_certified": [
            each
            for each in participations
            if each.certified_on and each.certified_on > current_day() - NEW_FOR
        ],
        "tracks": [counting_presentation.track_summary(each, current_day()) for each in tracks],
        "next": [_coming_row(each) for each in event_queries.coming_up(person)[:LISTED]],
        **waiting_for(person),
        "taken_part": [
            (event_row(each), why_asked(each), _credits(each.offers.all()))
            for each in missed[:LISTED]
        ],
        "suggestions": suggested[:LISTED],
        "suggested_for": str(unfinished.participation.track) if unfinished else "",
    }
    return render(request, "tracks/today.html", context)


def waiting_for(person: User) -> dict[str, list[Any]]:
    """Return the questions to answer and the training to change. One query for each kind there is.

    The person's counts for the menu say which there are.
    """
    has_questions = waiting.number_of("questions", person)
    has_training = waiting.number_of("training", person)
    return {
        "questions": list(certification_queries.unanswered_questions(person))
        if has_questions
        else [],
        "returned": list(counting_queries.returned_events(person)) if has_training else [],
    }


def _greeting(hour: int) -> str:
    if hour < 12:
        return "Good morning"
    return "Good afternoon" if hour < 18 else "Good evening"


def why_asked(event: Event) -> str:
    """Return why pages ask about an event with annotations of with_signs_of()."""
    return WHY_ASKED[event.opened or event.place]  # type: ignore[attr-defined]


def _credits(offers: Iterable[CreditOffer]) -> list[tuple[Category, str]]:
    return [(each.category, format_credits(each.amount)) for each in offers]


class EventRow(NamedTuple):
    id: int
    url: str
    title: str
    day: str
    times: str
    where: str


def _coming_row(event: Event) -> EventRow:
    """Return the row of an event from coming_up()."""
    row = event_row(event)
    if not event.is_starred:  # type: ignore[attr-defined]
        return row
    return row._replace(where=" · ".join(filter(None, [row.where, "Starred"])))


def event_row(event: Event) -> EventRow:
    delivery = event.get_delivery_display() if event.delivery else ""
    return EventRow(
        id=event.pk,
        url=event.get_absolute_url(),
        title=event.title,
        day=short_day(event, timezone.now()),
        times=short_times(event),
        where=" · ".join(filter(None, [delivery, event.city])),
    )
