"""The events calendar, for everybody."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.formats import format_day
from aspen.web import paging
from events import queries
from events.calendar import grid as pages
from events.calendar import presentation, search
from events.calendar.feed_forms import filter_parameters
from events.calendar.forms import FIELD_NAMES, CalendarForm
from events.calendar.grid import CalendarChoice, format_event_count
from events.calendar.page_cache import cached_until_changed
from events.calendar.presentation import MONTH_FIELDS, ROW_FIELDS, facts_about, signed_in_person
from events.enums import RegistrationState
from events.models import Event

PAGE_SIZE = 25
SOONEST_FIRST = paging.Order("begins_at")
NEWEST_FIRST = paging.Order("begins_at", is_descending=True)
# What to say in place of "without …".
RELAXED_FILTER_LABELS = {
    "earns_credit": "also without credit",
    "has_recording": "also without a recording",
}


@login_not_required
@require_safe
@cached_until_changed
def calendar(request: HttpRequest) -> HttpResponse:
    """The month, the week, or the list of what is to come, is past, or falls on a day."""
    categories = list(queries.categories())
    form = CalendarForm(request.GET, categories=categories, suggestions=search.name_suggestions())
    choice = form.choice()
    person = signed_in_person(request)
    show = {pages.MONTH: _month, pages.WEEK: _week, pages.LIST: _list}[choice.view]
    context = {
        "form": form,
        "choice": choice,
        "errors": form.errors_out_of_sight(choice),
        "feed_query": filter_parameters(choice).removesuffix("&"),
        "categories": categories,
        "tabs": _tabs(choice),
        **_filters(form, choice),
        **show(choice, person),
    }
    return render(request, "events/calendar.html", context)


# ---------- The filters ----------


def _filters(form: CalendarForm, choice: CalendarChoice) -> dict[str, Any]:
    """The fields, and what is set by them with the address that drops it."""
    more = [form[name] for name in form.MORE]
    main = [*form.MAIN, "month" if choice.view == pages.MONTH else "day"]
    if choice.view == pages.WEEK:
        form["day"].label = "In the week of"
    # Words typed in the month are looked for in the list; once there are some, the view stays.
    keeps_view = choice.view != pages.MONTH or choice.words
    applied_filters = form.applied_filters(choice)
    return {
        "filters": [form[name] for name in main],
        "more_filters": more,
        "more_is_open": any(field.value() or field.errors for field in more),
        "has_errors": bool(form.errors),
        "view": choice.view if keeps_view else "",
        "applied_filters": [(text, choice.without(name).url()) for name, text in applied_filters],
    }


def _tabs(choice: CalendarChoice) -> list[dict[str, Any]]:
    """The ways to look at the calendar; filters go along."""
    # From a day on, or on one day, is neither side of today.
    at_side = choice.view == pages.LIST and not choice.day
    day = choice.day or _day_in(choice)
    tabs: list[tuple[str, dict[str, object], bool]] = [
        ("Month", {"view": pages.MONTH, "month": _month_of(choice)}, choice.view == pages.MONTH),
        ("Week", {"view": pages.WEEK, "day": day}, choice.view == pages.WEEK),
        (
            "Upcoming",
            {"view": pages.LIST, "past": False, "day": None},
            at_side and not choice.past and not choice.since,
        ),
        ("Past", {"view": pages.LIST, "past": True, "day": None}, at_side and choice.past),
    ]
    return [
        {"label": label, "url": choice.url(**changes), "is_current": is_current}
        for label, changes, is_current in tabs
    ]


def _day_in(choice: CalendarChoice) -> dt.date | None:
    """The day whose week shows what the month shows: none for the present month."""
    is_elsewhere = choice.view == pages.MONTH and choice.month != pages.current_month()
    return choice.month if is_elsewhere else None


def _month_of(choice: CalendarChoice) -> dt.date:
    return choice.day.replace(day=1) if choice.day else choice.month


# ---------- Which events ----------


def _within(choice: CalendarChoice) -> QuerySet[Event]:
    """What fits the filters where in the calendar somebody is, in no order yet."""
    return _in_period(search.filtered_calendar(choice), choice)


def _in_period(events: QuerySet[Event], choice: CalendarChoice) -> QuerySet[Event]:
    if choice.view == pages.MONTH:
        return queries.between(events, choice.month, pages.last_day_of_month(choice.month))
    if choice.view == pages.WEEK:
        return queries.between(events, *pages.week_of(choice.day))
    if choice.day:
        return queries.between(events, choice.day, choice.day)
    if choice.past:
        return queries.past(events)
    # Whoever says from when on does not mean from now on.
    return events if choice.since else queries.upcoming(events)


def _alternatives(choice: CalendarChoice) -> list[tuple[str, CalendarChoice]]:
    """What to ask instead when nothing is found: one filter less, or another time."""
    dropped = [
        (RELAXED_FILTER_LABELS.get(name, f"without {FIELD_NAMES[name]}"), choice.without(name))
        for name in choice.filters_set
    ]
    if len(dropped) > 1:
        dropped.append(("without filters", choice.without(*search.FILTER_NAMES)))
    upcoming = choice.but(view=pages.LIST, day=None, past=False, since=None)
    at_side = choice.view == pages.LIST and not choice.day
    others = []
    if not at_side or choice.past or choice.since:
        others.append(("coming up", upcoming))
    if not (at_side and choice.past):
        others.append(("past", upcoming.but(past=True)))
    return dropped + others


def _relaxed_filters(choice: CalendarChoice) -> list[tuple[str, str]]:
    """Where there is something when here is nothing, with how much: one query."""
    instead = _alternatives(choice)
    numbers = search.count_each([_within(other) for _, other in instead])
    return [
        (f"{text[0].upper()}{text[1:]}: {format_event_count(number)}", other.url())
        for (text, other), number in zip(instead, numbers, strict=True)
        if number
    ]


# ---------- Month and week ----------


def _month(choice: CalendarChoice, person: User | None) -> dict[str, Any]:
    """What the month needs. Only the events it has room for are read in full."""
    plans = _plan(
        choice, choice.month, pages.last_day_of_month(choice.month), room=pages.MONTH_LINES_PER_DAY
    )
    found, known = _planned(plans, MONTH_FIELDS, person)
    return {
        "weekdays": [(name[:3], name[3:]) for name in pages.WEEKDAYS],
        "weeks": pages.month_grid(choice, plans, found, known.credits, _own(known)),
        "links": pages.month_links(choice),
        "links_label": "Months",
        "is_empty": not plans,
        "relaxed": [] if plans else _relaxed_filters(choice),
    }


def _week(choice: CalendarChoice, person: User | None) -> dict[str, Any]:
    """What the week needs: the rows of its days."""
    plans = _plan(choice, *pages.week_of(choice.day), room=pages.WEEK_LINES_PER_DAY)
    found, known = _planned(plans, ROW_FIELDS, person)
    rows = {event.pk: presentation.event_row(event, known, event.parent) for event in found}
    return {
        "days": pages.week_days(choice, plans, found, rows),
        "links": pages.week_links(choice),
        "links_label": "Weeks",
        "is_empty": not plans,
        "relaxed": [] if plans else _relaxed_filters(choice),
    }


Plans = Mapping[dt.date, pages.DayPlan]


def _plan(choice: CalendarChoice, first: dt.date, last: dt.date, *, room: int) -> Plans:
    times = _within(choice).order_by("begins_at", "id")
    spans = times.values_list("id", "begins_at", "ends_at", "all_day")
    return pages.plan_days((pages.EventSpan(*row) for row in spans), first, last, room=room)


def _planned(
    plans: Plans, fields: tuple[str, ...], person: User | None
) -> tuple[list[Event], presentation.EventFacts]:
    """The events that the days show, and what is known about them."""
    shown = {pk for plan in plans.values() for pk in plan.shown}
    events = Event.objects.filter(pk__in=shown)
    if "parent__title" in fields:
        events = events.select_related("parent")
    found = list(events.only(*fields).order_by("begins_at", "id"))
    return found, facts_about(person, found)


def _own(known: presentation.EventFacts) -> dict[int, str]:
    """The word that marks a person's own events, by event id."""
    registered = {
        pk: "Registered"
        for pk, standing in known.counts_by_event.items()
        if standing.state == RegistrationState.CONFIRMED
    }
    return registered | dict.fromkeys(known.claimed, "Credit listed")


# ---------- The list ----------


def _list(choice: CalendarChoice, person: User | None) -> dict[str, Any]:
    """What the list needs: one page of rows, or what comes close, or what to ask instead."""
    page, other_side = _search_page(choice) if choice.words else (_dated_page(choice), None)
    rows = page.rows
    is_guess = not rows and not other_side and bool(choice.words)
    if is_guess:
        rows = _similar_page(choice)
    known = facts_about(person, rows)
    without = [presentation.OVER] if choice.past and not choice.day else []
    return {
        "heading": _heading(choice),
        "count": format_event_count(page.count),
        "is_guess": is_guess,
        "rows": [
            presentation.event_row(each, known, each.parent, without=without) for each in rows
        ],
        "page": page,
        "query": choice.query(),
        "other_side": other_side,
        "relaxed": [] if rows else _relaxed_list(choice, other_side),
    }


def _rows_of(events: QuerySet[Event]) -> QuerySet[Event]:
    return events.select_related("parent").only(*ROW_FIELDS)


def _dated_page(choice: CalendarChoice) -> paging.KeysetPage[Event]:
    """By date: a page that stays put while events are added and pass."""
    return paging.keyset_page(
        _rows_of(_within(choice)),
        NEWEST_FIRST if choice.past and not choice.day else SOONEST_FIRST,
        size=PAGE_SIZE,
        page=choice.page,
        after=choice.after,
        before=choice.before,
    )


def _search_page(choice: CalendarChoice) -> tuple[paging.KeysetPage[Event], dict[str, str] | None]:
    """The best matches first; and how many the other side of today has, and where."""
    events = _within(choice)
    other = None
    # One day, or from a day on, has no other side.
    if not choice.day and (choice.past or not choice.since):
        other = choice.but(past=not choice.past)
    count, *rest = search.count_each([events, *([_within(other)] if other else [])])
    page = paging.page_numbered(
        search.search_ranked(_rows_of(events), choice.words),
        size=PAGE_SIZE,
        page=choice.page,
        count=count,
    )
    if other is None or not rest[0]:
        return page, None
    side = "upcoming" if choice.past else "past"
    text = f"{rest[0]:,} {side} event{'s' if rest[0] > 1 else ''} for “{choice.words}”"
    return page, {"text": text, "url": other.url()}


def _similar_page(choice: CalendarChoice) -> list[Event]:
    """What comes close to words that match nothing: a page and no more."""
    events = _rows_of(_in_period(search.filtered_calendar(choice.without("words")), choice))
    return list(search.search_similar(events, choice.words)[:PAGE_SIZE])


def _relaxed_list(
    choice: CalendarChoice, other_side: Mapping[str, str] | None
) -> list[tuple[str, str]]:
    """Without what `other_side` says already."""
    said = other_side["url"] if other_side else ""
    return [(text, url) for text, url in _relaxed_filters(choice) if url != said]


def _heading(choice: CalendarChoice) -> str:
    if choice.day:
        side = f"Events on {format_day(choice.day)}"
    elif choice.past:
        side = "Past events"
    elif choice.since:
        side = f"Events from {format_day(choice.since)}"
    else:
        side = "Upcoming events"
    return f"{side} for “{choice.words}”, best match first" if choice.words else side
