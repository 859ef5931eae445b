"""What the calendar shows: the view, date and filters, and the month or week as plain values.

This module runs no queries. It builds strings because date filters in templates are slow.
"""

import calendar
import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from django.urls import reverse
from django.utils import timezone

from aspen.formats import counted, format_days
from aspen.web.paging import Key
from events.calendar.presentation import EventRow
from events.calendar.search import FILTER_NAMES, Filters
from events.calendar.words import WEEK as WEEK_LENGTH
from events.calendar.words import Days, week_of
from events.enums import EventState
from events.models import CALENDAR_ENDS, CALENDAR_STARTS, Event
from events.queries import CategoryAmount
from events.rules import last_day_of

MONTH, LIST, WATCH = "month", "list", "watch"
# An earlier view, whose address redirects to the list.
WEEK = "week"
# If a day has more events, its last line shows how many more.
MONTH_LINES_PER_DAY = 4
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


# ---------- The choice ----------


@dataclasses.dataclass(frozen=True, kw_only=True)
class CalendarChoice(Filters):
    """The part of the calendar to show, and the active filters."""

    view: str
    month: dt.date
    day: dt.date | None = None
    past: bool = False
    page: int = 1
    after: Key | None = None
    before: Key | None = None

    def query(self) -> str:
        """Return the query string without the page. It is empty or ends in an ampersand."""
        # A search without a view shows the list.
        has_view = self.view != MONTH or self.words
        has_month = self.view == MONTH and self.month != opening_month()
        has_past = self.view == LIST and self.past and not self.day
        values = {
            "view": self.view if has_view else "",
            "month": f"{self.month:%Y-%m}" if has_month else "",
            "day": self.day.isoformat() if self.day and self.view != MONTH else "",
            "q": self.words,
            "category": self.category,
            "type": self.type,
            "delivery": self.delivery,
            "sponsor": self.sponsor,
            "federation": self.federation,
            "city": self.city,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "credit": "1" if self.earns_credit else "",
            "recording": "1" if self.has_recording else "",
            "fits": "1" if self.fits_track else "",
            "past": "1" if has_past else "",
        }
        given = {name: value for name, value in values.items() if value}
        return f"{urlencode(given)}&" if given else ""

    def url(self, **changes: object) -> str:
        """Return the URL of this choice with `changes`, starting at the first page."""
        query = self.replace(**changes).query().removesuffix("&")
        url = reverse("events:calendar")
        return f"{url}?{query}" if query else url

    def replace(self, **changes: object) -> "CalendarChoice":
        """Return a copy with `changes`, starting at the first page."""
        first_page = {"page": 1, "after": None, "before": None}
        return dataclasses.replace(self, **first_page | changes)  # type: ignore[arg-type]

    def without(self, *names: str) -> "CalendarChoice":
        """Return a copy without the given filters, starting at the first page."""
        return self.replace(**{name: getattr(NO_FILTERS, name) for name in names})

    @property
    def active_filters(self) -> list[str]:
        """The names of the active filters, in display order."""
        return [name for name in FILTER_NAMES if getattr(self, name)]

    @property
    def has_menu_filters(self) -> bool:
        """Whether a filter is active that can be seen only in the menus."""
        return bool(set(self.active_filters) - {"words", "fits_track"})

    @property
    def is_filtered(self) -> bool:
        return bool(self.active_filters)

    @property
    def without_filters(self) -> str:
        """The URL of this choice without filters."""
        return self.without(*FILTER_NAMES).url()


NO_FILTERS = Filters()


def list_of(filters: Filters) -> CalendarChoice:
    """Return the list of the coming events that match the filters."""
    values: dict[str, Any] = {name: getattr(filters, name) for name in FILTER_NAMES}
    return CalendarChoice(view=LIST, month=opening_month(), **values)


def opening_month() -> dt.date:
    """Return the month that the calendar opens on: this one, or the next one in its last week.

    The first row of the next month still has today.
    """
    return week_of(timezone.localdate()).last.replace(day=1)


# ---------- The month ----------


class EventSpan(NamedTuple):
    """An event's times, used to place the event on its days."""

    pk: int
    begins_at: dt.datetime
    ends_at: dt.datetime | None
    all_day: bool

    def days(self) -> tuple[dt.date, dt.date]:
        """Return the first and last day in Mountain time."""
        last = last_day_of(self.begins_at, self.ends_at, all_day=self.all_day)
        return timezone.localdate(self.begins_at), last


@dataclasses.dataclass(frozen=True, slots=True)
class DayPlan:
    """The ids of the events shown on a day, in order, and the number of other events."""

    shown: list[int]
    more: int


def days_of_grid(month: dt.date) -> Days:
    """Return the first and last day that the month's table shows, from a Sunday to a Saturday."""
    return Days(week_of(month).first, week_of(month + relativedelta(day=31)).last)


class DayEntry(NamedTuple):
    """An event on one of its days. Entries sort in display order."""

    has_time: bool
    begins_at: dt.datetime
    is_short: bool
    pk: int


def plan_days(
    spans: Iterable[EventSpan],
    first_day: dt.date,
    last_day: dt.date,
    *,
    max_lines: int = MONTH_LINES_PER_DAY,
) -> dict[dt.date, DayPlan]:
    """Place events on the days they cover, with at most `max_lines` lines a day.

    Within a day, events with no start time that day (all-day events and those that started
    earlier) come first. The others follow by time, with a conference before its first session.
    """
    days: dict[dt.date, list[DayEntry]] = {}
    for span in spans:
        first, last = span.days()
        day = max(first, first_day)
        while day <= min(last, last_day):
            has_time = day == first and not span.all_day
            entry = DayEntry(has_time, span.begins_at, first == last, span.pk)
            days.setdefault(day, []).append(entry)
            day += dt.timedelta(days=1)
    return {day: _first_lines(sorted(entries), max_lines) for day, entries in days.items()}


def _first_lines(entries: list[DayEntry], max_lines: int) -> DayPlan:
    """Return all entries if they fit. Otherwise leave the last line for "+3 more"."""
    shown = max_lines if len(entries) <= max_lines else max_lines - 1
    return DayPlan([entry.pk for entry in entries[:shown]], max(0, len(entries) - shown))


@dataclasses.dataclass(frozen=True, slots=True)
class MonthLine:
    """One event on one day of the month."""

    url: str
    title: str
    time: str
    credits: Sequence[CategoryAmount]
    mine: str
    is_cancelled: bool
    css: str


@dataclasses.dataclass(frozen=True, slots=True)
class MonthCell:
    """One day in the month table."""

    day: int
    # The day as shown. It has the month if that changes.
    number: str
    iso: str
    # For the agenda on phones.
    weekday: str
    before_number: str
    is_today: bool
    css: str
    lines: list[MonthLine]
    # The URL of the day's list, or empty if the day has no events.
    day_url: str
    count: str
    more: int
    more_day: str


def month_grid(
    choice: CalendarChoice,
    plans: Mapping[dt.date, DayPlan],
    events: Iterable[Event],
    credits: Mapping[int, Sequence[CategoryAmount]],
    mine: Mapping[int, str],
) -> list[list[MonthCell]]:
    """Return the month's weeks, Sunday first. `mine` maps ids of the person's events to labels."""
    by_id = {event.pk: event for event in events}
    urls = {pk: event.get_absolute_url() for pk, event in by_id.items()}
    today = timezone.localdate()
    grid = days_of_grid(choice.month)
    has_today = grid.first <= today <= grid.last

    def line(pk: int, day: dt.date) -> MonthLine:
        event, label = by_id[pk], mine.get(pk, "")
        cancelled = event.state == EventState.CANCELLED
        css = {"is-mine": bool(label), "is-cancelled": cancelled}
        return MonthLine(
            url=urls[pk],
            title=event.title,
            time=_time_on(event, day),
            credits=credits.get(pk, ()),
            mine=label,
            is_cancelled=cancelled,
            css=_class_names(css),
        )

    def cell(day: dt.date) -> MonthCell:
        in_month = (day.year, day.month) == (choice.month.year, choice.month.month)
        day_plan = plans.get(day) or DayPlan([], 0)
        css = {
            "is-other": not in_month,
            "is-past": in_month and day < today,
            # The agenda on phones begins today.
            "is-gone": has_today and day < today,
            "is-today": day == today,
            "is-empty": not day_plan.shown,
        }
        return MonthCell(
            day=day.day,
            number=f"{day:%b} {day.day}" if day.day == 1 or day == grid.first else str(day.day),
            iso=day.isoformat(),
            weekday=f"{day:%a}",
            before_number=f"{day:%A, %B} ",
            is_today=day == today,
            css=_class_names(css),
            lines=[line(pk, day) for pk in day_plan.shown],
            day_url=choice.url(view=LIST, day=day) if day_plan.shown else "",
            count=format_event_count(len(day_plan.shown) + day_plan.more),
            more=day_plan.more,
            more_day=f"{day:%B} {day.day}",
        )

    weeks = calendar.Calendar(calendar.SUNDAY).monthdatescalendar(
        choice.month.year, choice.month.month
    )
    return [[cell(day) for day in week] for week in weeks]


def format_event_count(count: int) -> str:
    return counted(count, "event")


def _class_names(css: Mapping[str, bool]) -> str:
    return " ".join(name for name, applies in css.items() if applies)


def _time_on(event: Event, day: dt.date) -> str:
    """Format the event's start time (9am, 1:30pm), or "" if it does not start on this day."""
    begin = timezone.localtime(event.begins_at)
    if event.all_day or begin.date() != day:
        return ""
    minutes = f":{begin:%M}" if begin.minute else ""
    return f"{begin.hour % 12 or 12}{minutes}{begin:%p}".lower()


@dataclasses.dataclass(frozen=True, slots=True)
class PeriodLinks:
    """Navigation for a month or week. URLs outside the calendar's years are empty."""

    name: str
    previous: str
    previous_url: str
    next: str
    next_url: str
    today: str
    today_url: str


def month_links(choice: CalendarChoice) -> PeriodLinks:
    before = choice.month - relativedelta(months=1)
    after = choice.month + relativedelta(months=1)
    return PeriodLinks(
        name=f"{choice.month:%B %Y}",
        previous=f"{before:%B %Y}",
        previous_url=choice.url(month=before) if before >= CALENDAR_STARTS.date() else "",
        next=f"{after:%B %Y}",
        next_url=choice.url(month=after) if after < CALENDAR_ENDS.date() else "",
        today="Today",
        today_url=choice.url(month=opening_month()),
    )


class MonthPage(NamedTuple):
    """The context of templates/events/month.html."""

    weekdays: list[tuple[str, str]]
    weeks: list[list[MonthCell]]
    links: PeriodLinks
    links_label: str
    is_empty: bool
    alternatives: list[tuple[str, str]]


# ---------- The list ----------


def list_groups(
    rows: Iterable[tuple[dt.date, EventRow]], today: dt.date
) -> list[tuple[str, list[EventRow]]]:
    """Group rows by week, and those after the next week by month. Return (heading, rows) pairs."""
    groups: dict[str, list[EventRow]] = {}
    for day, row in rows:
        groups.setdefault(_group_heading(day, today), []).append(row)
    return list(groups.items())


def _group_heading(day: dt.date, today: dt.date) -> str:
    following = week_of(today + WEEK_LENGTH)
    if day < following.first:
        return "This week"
    if day <= following.last:
        return format_days(*following).removesuffix(f", {today.year}")
    month = f"{day:%B %Y}".removesuffix(f" {today.year}")
    is_same_month = (day.year, day.month) == (following.last.year, following.last.month)
    return f"Later in {month}" if is_same_month else month
