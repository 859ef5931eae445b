"""The public events calendar."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.contrib.auth.decorators import login_not_required
from django.db.models import BooleanField, Case, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.clock import today
from aspen.formats import counted, format_day
from aspen.web import paging
from events import queries
from events.calendar import grid, presentation, search
from events.calendar.facts import EventFacts, facts_about, signed_in_person
from events.calendar.feed_forms import filter_parameters
from events.calendar.forms import FILTER_PHRASES, CalendarForm, read_choice
from events.calendar.grid import (
    LIST,
    MONTH,
    WATCH,
    WEEK,
    CalendarChoice,
    MonthPage,
    format_event_count,
)
from events.calendar.page_cache import cached_until_changed
from events.calendar.presentation import MONTH_FIELDS, ROW_FIELDS
from events.calendar.words import week_of
from events.enums import Delivery, EventState, RegistrationState
from events.models import Category, CreditOffer, Event

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _InGroup(TypedDict):
        group: int
        place: int

    EventInGroup = WithAnnotations[Event, _InGroup]

# Short enough for a phone: the heights are tested in tests/browser/test_calendar_heights.py.
PAGE_SIZE = 10
# How many rows each group of a search has, and how many past events are looked at for one.
GROUP_SIZE, MAX_PAST = 3, 40
SOONEST_FIRST = paging.Order("begins_at")
NEWEST_FIRST = paging.Order("begins_at", is_descending=True)
# Used instead of "without …".
RELAXED_FILTER_LABELS = {
    "earns_credit": "with or without credit",
    "has_recording": "with or without a recording",
}


class Tab(NamedTuple):
    label: str
    url: str
    is_current: bool


class FilterMenu(NamedTuple):
    """A menu of filters. Its label says what is set."""

    label: str
    is_set: bool
    has_errors: bool
    fields: list[BoundField]


class CalendarPage(NamedTuple):
    """The context of templates/events/calendar.html, except the month, week or list."""

    form: CalendarForm
    choice: CalendarChoice
    errors: list[str]
    feed_query: str
    categories: Sequence[Category]
    tabs: list[Tab]
    menus: list[FilterMenu]
    past_url: str
    has_errors: bool
    view: str
    # The query string of the search to save, or empty if there is nothing to save.
    saved_query: str
    # (text, URL without this filter)
    applied_filters: list[tuple[str, str]]
    # (word, filter that it means, URL of a search for the word itself)
    readings: list[tuple[str, str, str]]
    also_searched: list[str]


class OtherSide(NamedTuple):
    """A link from a search of upcoming events to the same search of past events, or vice versa."""

    text: str
    url: str


class Found(NamedTuple):
    """The events that a search finds: recordings, a page of results, and past events."""

    watch: list[Event]
    page: paging.KeysetPage[Event]
    past: list[Event]
    other_side: OtherSide | None


class PastTraining(NamedTuple):
    """The past dates of one training: the latest, and all of them if there are several."""

    row: presentation.EventRow
    dates: list[presentation.EventRow]
    others: str


class ListPage(NamedTuple):
    """The context of templates/events/list.html."""

    heading: str
    event_count: str
    is_similar: bool
    rows: list[presentation.EventRow]
    page: paging.KeysetPage[Event]
    query: str
    other_side: OtherSide | None
    alternatives: list[tuple[str, str]]
    # (heading, rows); a list that is not in order of time is one group without a heading.
    groups: list[tuple[str, list[presentation.EventRow]]]
    is_search: bool
    watch: list[presentation.EventRow]
    trainings: list[PastTraining]


@login_not_required
@require_safe
@cached_until_changed
def calendar(request: HttpRequest) -> HttpResponse:
    """Show a month, a list, recordings to watch now, or a search in these three groups."""
    person = signed_in_person(request)
    form, choice, choices = read_choice(request.GET, person)
    if choice.view == WEEK:
        sunday, saturday = week_of(choice.day or today())
        return redirect(choice.url(view=LIST, day=None, since=sunday, until=saturday))
    show: dict[str, Callable[[CalendarChoice, User | None], MonthPage | ListPage]]
    show = {MONTH: _month, WATCH: _list, LIST: _list}
    page = _page(form, choice, choices.categories)
    context = page._asdict() | show[choice.view](choice, person)._asdict()
    return render(request, "events/calendar.html", context)


# ---------- Filters and tabs ----------


def _page(
    form: CalendarForm, choice: CalendarChoice, categories: Sequence[Category]
) -> CalendarPage:
    # A search from the month opens the list. Other searches keep the view.
    keeps_view = choice.view != MONTH or choice.words
    return CalendarPage(
        form=form,
        choice=choice,
        errors=form.errors_of_hidden_fields(choice),
        feed_query=filter_parameters(choice).removesuffix("&"),
        categories=categories,
        tabs=_tabs(choice),
        menus=_menus(form, choice),
        past_url=choice.url(view=LIST, past=True, day=None),
        has_errors=bool(form.errors),
        view=choice.view if keeps_view else "",
        saved_query=choice.query().removesuffix("&")
        if choice.is_filtered and not form.errors
        else "",
        applied_filters=[
            (text, choice.without(name).url()) for name, text in form.applied_filters(choice)
        ],
        readings=[
            (each.typed, each.text, choice.url(words=each.literally))
            for each in search.understood(choice).readings
        ],
        also_searched=list(dict.fromkeys(each.also for each in choice.synonyms)),
    )


def _menus(form: CalendarForm, choice: CalendarChoice) -> list[FilterMenu]:
    labels = dict(form.applied_filters(choice))
    menus = []
    for title, names in form.MENUS.items():
        fields = [form[name] for name in names]
        if title == "When":
            fields.append(form["month" if choice.view == MONTH else "day"])
        chosen = [labels[filter] for filter in map(form.filter_name, names) if filter in labels]
        what = {0: "", 1: f": {chosen[0]}" if chosen else ""}.get(len(chosen), f": {len(chosen)}")
        errors = any(field.errors for field in fields)
        menus.append(FilterMenu(title + what, bool(chosen), errors, fields))
    return menus


def _tabs(choice: CalendarChoice) -> list[Tab]:
    """Return links to the calendar's views that keep the filters."""
    month = choice.url(view=MONTH, month=_month_of(choice))
    return [
        Tab("List", choice.url(view=LIST, past=False, day=None), choice.view == LIST),
        Tab("Month", month, choice.view == MONTH),
        Tab("Watch now", choice.url(view=WATCH, past=False, day=None), choice.view == WATCH),
    ]


def _month_of(choice: CalendarChoice) -> dt.date:
    return choice.day.replace(day=1) if choice.day else choice.month


# ---------- The events ----------


def _events_of(choice: CalendarChoice) -> QuerySet[Event]:
    """Return the events to show, unordered."""
    return _in_period(search.filtered_calendar(choice), choice)


def _in_period(events: QuerySet[Event], choice: CalendarChoice) -> QuerySet[Event]:
    if choice.view == MONTH:
        return queries.between(events, *grid.days_of_grid(choice.month))
    if choice.view == WATCH:
        return queries.watchable(events)
    if choice.day:
        return queries.between(events, choice.day, choice.day)
    if choice.past:
        return queries.past(events)
    # If a first day is given, it replaces today.
    return events if choice.since else queries.upcoming(events)


def _alternatives(choice: CalendarChoice) -> list[tuple[str, CalendarChoice]]:
    """Return choices to offer if there are no events: without a filter, or at another time."""
    broader = [
        (RELAXED_FILTER_LABELS.get(name, f"without {FILTER_PHRASES[name]}"), choice.without(name))
        for name in choice.active_filters
    ]
    if len(broader) > 1:
        broader.append(("without filters", choice.without(*search.FILTER_NAMES)))
    upcoming = choice.replace(view=LIST, day=None, past=False, since=None)
    is_list = choice.view == LIST and not choice.day
    others = []
    if not is_list or choice.past or choice.since:
        others.append(("coming up", upcoming))
    if not (is_list and choice.past):
        others.append(("past", upcoming.replace(past=True)))
    return broader + others


def _useful_alternatives(choice: CalendarChoice) -> list[tuple[str, str]]:
    """Return the alternatives that have events, as (text with count, URL) pairs. One query."""
    alternatives = _alternatives(choice)
    numbers = search.count_each([_events_of(other) for _, other in alternatives])
    return [
        (f"{text[0].upper()}{text[1:]}: {format_event_count(number)}", other.url())
        for (text, other), number in zip(alternatives, numbers, strict=True)
        if number
    ]


# ---------- The month ----------


def _month(choice: CalendarChoice, person: User | None) -> MonthPage:
    """Build the month page. Loads only the events that fit on it."""
    plans = _plan(
        choice,
        *grid.days_of_grid(choice.month),
        max_lines=grid.MONTH_LINES_PER_DAY,
    )
    events, facts = _load_planned(plans, MONTH_FIELDS, person)
    return MonthPage(
        weekdays=[(name[:3], name[3:]) for name in grid.WEEKDAYS],
        weeks=grid.month_grid(choice, plans, events, facts.credits, _own_event_labels(facts)),
        links=grid.month_links(choice),
        links_label="Months",
        is_empty=not plans,
        alternatives=[] if plans else _useful_alternatives(choice),
    )


Plans = Mapping[dt.date, grid.DayPlan]


def _plan(choice: CalendarChoice, first: dt.date, last: dt.date, *, max_lines: int) -> Plans:
    times = _events_of(choice).order_by("begins_at", "id")
    spans = times.values_list("id", "begins_at", "ends_at", "all_day")
    return grid.plan_days((grid.EventSpan(*row) for row in spans), first, last, max_lines=max_lines)


def _load_planned(
    plans: Plans, fields: tuple[str, ...], person: User | None
) -> tuple[list[Event], EventFacts]:
    """Load the events that fit on the days, and what to show about them."""
    shown = {pk for plan in plans.values() for pk in plan.shown}
    events = Event.objects.filter(pk__in=shown)
    if "parent__title" in fields:
        events = events.select_related("parent")
    rows = list(events.only(*fields).order_by("begins_at", "id"))
    return rows, facts_about(person, rows)


def _own_event_labels(facts: EventFacts) -> dict[int, str]:
    """Return labels for the person's own events, by event id."""
    registered = {
        pk: "Registered"
        for pk, counts in facts.counts_by_event.items()
        if counts.state == RegistrationState.CONFIRMED
    }
    return registered | dict.fromkeys(facts.claimed, "Credit listed")


# ---------- The list ----------


def _list(choice: CalendarChoice, person: User | None) -> ListPage:
    """Build a page of the list, or offer similar events or alternatives if it is empty."""
    is_search = bool(choice.words) and choice.view == LIST
    watch, page, past, other_side = (
        _search(choice) if is_search else Found([], _dated_page(choice), [], None)
    )
    rows = page.rows
    is_similar = is_search and not (rows or other_side or watch or past)
    if is_similar:
        rows = _similar_page(choice)
    facts = facts_about(person, [*rows, *watch, *past])
    without = [presentation.OVER] if choice.past and not choice.day else []

    def shown(events: Iterable[Event]) -> list[presentation.EventRow]:
        return [
            presentation.event_row(each, facts, each.parent, without=without) for each in events
        ]

    shown_rows = shown(rows)
    is_by_week = not (is_search or choice.past or choice.day or choice.view == WATCH)
    return ListPage(
        heading=_heading(choice),
        event_count=format_event_count(page.count),
        is_similar=is_similar,
        rows=shown_rows,
        page=page,
        query=choice.query(),
        other_side=other_side,
        alternatives=[] if rows or watch or past else _list_alternatives(choice, other_side),
        groups=_by_week(rows, shown_rows) if is_by_week else [("", shown_rows)],
        is_search=is_search,
        watch=shown(watch),
        trainings=_trainings(past, shown(past)),
    )


def _by_week(
    events: list[Event], rows: list[presentation.EventRow]
) -> list[tuple[str, list[presentation.EventRow]]]:
    days = (timezone.localdate(event.begins_at) for event in events)
    return grid.list_groups(zip(days, rows, strict=True), today())


def _attendable(events: QuerySet[Event]) -> QuerySet[Event]:
    """Keep only past events, live ones, that earn credit."""
    earning = CreditOffer.objects.values("event_id")
    live = queries.past(events).exclude(delivery=Delivery.RECORDED)
    return live.filter(state=EventState.PUBLISHED, pk__in=earning)


def _ranked(events: QuerySet[Event], choice: CalendarChoice) -> QuerySet[Event]:
    """Order by the words that are not filters. Without such words, keep the order of time."""
    words = search.understood(choice).words
    return search.search_ranked(events, words, choice.synonyms) if words else events


def _trainings(events: list[Event], rows: list[presentation.EventRow]) -> list[PastTraining]:
    """Join the dates of the same training, by title and sponsor, latest first."""
    dates: dict[tuple[str, str], list[tuple[Event, presentation.EventRow]]] = {}
    for event, row in zip(events, rows, strict=True):
        dates.setdefault((event.title.casefold(), event.sponsor.casefold()), []).append(
            (event, row)
        )
    trainings = []
    for same in list(dates.values())[:GROUP_SIZE]:
        latest = [row for _, row in sorted(same, key=lambda each: each[0].begins_at, reverse=True)]
        others = len(latest) - 1
        more = f"and {counted(others, 'more date')}" if others else ""
        trainings.append(PastTraining(latest[0], latest if others else [], more))
    return trainings


def _row_fields_of(events: QuerySet[Event], choice: CalendarChoice) -> QuerySet[Event]:
    """Load what rows show. `fills_gap`: the event counts toward what the person misses first."""
    events = queries.with_has_questions(events.select_related("parent").only(*ROW_FIELDS))
    cases = [When(choice.track_fit.fills_gap, then=True)] if choice.track_fit else []
    fills_gap = Case(*cases, default=False, output_field=BooleanField())
    return events.annotate(fills_gap=fills_gap)


def _dated_page(choice: CalendarChoice) -> paging.KeysetPage[Event]:
    """Return a page in date order, which does not shift when events are added or end."""
    return paging.keyset_page(
        _row_fields_of(_events_of(choice), choice),
        NEWEST_FIRST if choice.view == WATCH or (choice.past and not choice.day) else SOONEST_FIRST,
        size=PAGE_SIZE,
        page=choice.page,
        after=choice.after,
        before=choice.before,
    )


def _search(choice: CalendarChoice) -> Found:
    """Return what a search finds, best match first: one page or, at first, three groups.

    Two queries.
    """
    events = _events_of(choice)
    other = None
    # A list of one day, or from a given day on, has no past or upcoming counterpart.
    if not choice.day and (choice.past or not choice.since):
        other = choice.replace(past=not choice.past)
    count, number = search.count_each(
        [events, _events_of(other) if other else Event.objects.none()]
    )
    results = _ranked(events.order_by("begins_at", "id"), choice)
    watch: list[Event] = []
    past: list[Event] = []
    rows: QuerySet[Event] | list[Event] = _row_fields_of(results, choice)
    is_first = choice.page == 1 and not (choice.past or choice.day or choice.since)
    # Every event is either coming or past.
    if is_first and count + number:
        found = search.filtered_calendar(choice)
        watch, rows, past = _load_groups(
            choice,
            [
                (queries.watchable(found).order_by("-begins_at", "-id"), GROUP_SIZE),
                (results, PAGE_SIZE),
                (_attendable(found), MAX_PAST),
            ],
        )
    page = paging.page_numbered(rows, size=PAGE_SIZE, page=choice.page, count=count)
    return Found(watch, page, past, _other_side(choice, other, number) if other else None)


def _other_side(choice: CalendarChoice, other: CalendarChoice, number: int) -> OtherSide | None:
    side = "upcoming" if choice.past else "past"
    text = f"{counted(number, f'{side} event')} for “{choice.words}”"
    return OtherSide(text, other.url()) if number else None


def _load_groups(
    choice: CalendarChoice, groups: Iterable[tuple[QuerySet[Event], int]]
) -> list[list[Event]]:
    """Load the best matches of each (events, limit). One query."""
    first, *others = (
        _numbered(_row_fields_of(_ranked(events, choice), choice), number)[:limit]
        for number, (events, limit) in enumerate(groups)
    )
    loaded: list[list[Event]] = [[] for _ in range(1 + len(others))]
    for event in first.union(*others, all=True).order_by("group", "place"):
        loaded[event.group].append(event)
    return loaded


def _numbered(events: QuerySet[Event], group: int) -> "QuerySet[EventInGroup]":
    """Annotate the group's number and each event's place in its order."""
    place = Window(RowNumber(), order_by=[str(field) for field in events.query.order_by])
    return events.annotate(group=Value(group), place=place)


def _similar_page(choice: CalendarChoice) -> list[Event]:
    """Return the first page of similar events for words that match nothing."""
    events = _in_period(search.filtered_calendar(choice.without("words")), choice)
    words = search.understood(choice).words
    similar = search.search_similar(events, words)
    return list(_row_fields_of(similar, choice)[:PAGE_SIZE])


def _list_alternatives(
    choice: CalendarChoice, other_side: OtherSide | None
) -> list[tuple[str, str]]:
    """Return the alternatives without `other_side`, which the page already shows."""
    shown = other_side.url if other_side else ""
    return [(text, url) for text, url in _useful_alternatives(choice) if url != shown]


def _heading(choice: CalendarChoice) -> str:
    if choice.view == WATCH:
        return "Watch now"
    if choice.day:
        side = f"Events on {format_day(choice.day)}"
    elif choice.past:
        side = "Past events"
    elif choice.since:
        side = f"Events from {format_day(choice.since)}"
    else:
        side = "Coming up"
    if choice.words and not (choice.day or choice.past or choice.since):
        return f"Training about “{choice.words}”"
    return f"{side} for “{choice.words}”, best match first" if choice.words else side
