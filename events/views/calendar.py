"""The events calendar, for everybody."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen import words
from events import calendar as pages
from events import presentation, queries
from events.enums import RegistrationState
from events.forms.calendar import CalendarForm
from events.models import Event
from events.views.common import MONTH_FIELDS, ROW_FIELDS, known_about, visitor

PAGE_SIZE = 25


@login_not_required
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """The month, or the list of what is to come, is past, falls on a day, or matches words."""
    categories = list(queries.categories())
    form = CalendarForm(request.GET, categories=categories)
    choice = form.choice()
    events = queries.filtered(
        queries.on_calendar(),
        category=choice.category,
        type=choice.type,
        delivery=choice.delivery,
    )
    is_list = choice.view == pages.LIST
    context = {
        "form": form,
        "filters": [form[name] for name in _filter_names(is_list)],
        "errors": form.errors_out_of_sight(choice),
        "choice": choice,
        "is_list": is_list,
        "categories": categories,
        "tabs": _tabs(choice),
        **(_list if is_list else _month)(events, choice, visitor(request)),
    }
    return render(request, "events/calendar.html", context)


def _filter_names(is_list: bool) -> list[str]:
    return ["q", "category", "type", "delivery", "day" if is_list else "month"]


def _tabs(choice: pages.Choice) -> list[dict[str, Any]]:
    """The three ways to look at the calendar; filters go along."""
    is_list = choice.view == pages.LIST
    on_past = is_list and choice.past and not choice.day
    on_upcoming = is_list and not choice.past and not choice.day
    return [
        {
            "label": "Month",
            "url": choice.url(view=pages.MONTH),
            "is_current": not is_list,
        },
        {
            "label": "Upcoming",
            "url": choice.url(view=pages.LIST, past=False, day=None),
            "is_current": on_upcoming,
        },
        {
            "label": "Past",
            "url": choice.url(view=pages.LIST, past=True, day=None),
            "is_current": on_past,
        },
    ]


def _month(events: QuerySet[Event], choice: pages.Choice, person: User | None) -> dict[str, Any]:
    """What the month needs. Only the events it has room for are read in full."""
    inside = queries.between(events, choice.month, pages.last_of(choice.month))
    times = inside.order_by("begins_at", "id").values_list("id", "begins_at", "ends_at", "all_day")
    plans = pages.plan((pages.Span(*row) for row in times), choice.month)
    shown = {pk for plan in plans.values() for pk in plan.shown}
    found = list(Event.objects.filter(pk__in=shown).only(*MONTH_FIELDS).order_by("begins_at", "id"))
    known = known_about(person, found)
    return {
        "weekdays": [(name[:3], name[3:]) for name in pages.WEEK],
        "weeks": pages.month_grid(choice, plans, found, known.credits, _own(known)),
        "links": pages.month_links(choice),
        "is_empty": not plans,
    }


def _own(known: presentation.Known) -> dict[int, str]:
    """The word that marks a person's own events, by event id."""
    registered = {
        pk: "Registered"
        for pk, standing in known.standings.items()
        if standing.state == RegistrationState.CONFIRMED
    }
    return registered | dict.fromkeys(known.claimed, "Credit listed")


def _list(events: QuerySet[Event], choice: pages.Choice, person: User | None) -> dict[str, Any]:
    """What the list needs: one page of rows, and how many more the other side of today has."""
    if choice.day:
        chosen = queries.between(events, choice.day, choice.day).order_by("begins_at", "id")
    else:
        chosen = queries.past(events) if choice.past else queries.upcoming(events)
    if choice.words:
        chosen = queries.search(chosen, choice.words)
    paginator = Paginator(chosen.select_related("parent").only(*ROW_FIELDS), PAGE_SIZE)
    page = paginator.get_page(choice.page)
    found = list(page.object_list)
    known = known_about(person, found)
    return {
        "heading": _heading(choice),
        "count": _number(paginator.count),
        "rows": [
            presentation.row(event, known, event.parent, without=_goes_without_saying(choice))
            for event in found
        ],
        "page": page,
        "query": choice.query(),
        "other_side": _other_side(events, choice),
    }


def _goes_without_saying(choice: pages.Choice) -> list[presentation.Label]:
    return [presentation.OVER] if choice.past and not choice.day else []


def _heading(choice: pages.Choice) -> str:
    if choice.day:
        return f"Events on {words.day(choice.day)}"
    side = "Past events" if choice.past else "Upcoming events"
    return f"{side} for “{choice.words}”, best match first" if choice.words else side


def _number(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _other_side(events: QuerySet[Event], choice: pages.Choice) -> dict[str, str] | None:
    """When words were searched: how many hits lie on the other side of today, and where."""
    if not choice.words or choice.day:
        return None
    other = queries.upcoming(events) if choice.past else queries.past(events)
    count = queries.search(other, choice.words).count()
    if not count:
        return None
    side = "upcoming" if choice.past else "past"
    return {
        "text": f"{count:,} {side} event{'s' if count > 1 else ''} for “{choice.words}”",
        "url": choice.url(past=not choice.past),
    }
