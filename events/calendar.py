"""Where in the calendar somebody is, and the month's grid, as plain values.

Nothing here asks the database. Every string is made once, here: date filters in templates are what
makes long lists slow.
"""

import calendar
import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from django.urls import reverse
from django.utils import timezone

from events.enums import EventState
from events.models import EARLIEST, LATEST, Event
from events.queries import CreditLine

MONTH, LIST = "month", "list"
# More events than this on one day and the last line says how many more there are.
LINES_A_DAY = 4
MIDNIGHT = dt.time()
WEEK = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


# ---------- What was asked for ----------


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """Where in the calendar somebody is, and the filters that go along from page to page."""

    view: str
    month: dt.date
    day: dt.date | None
    words: str
    category: str
    type: str
    delivery: str
    past: bool
    page: int

    def query(self) -> str:
        """The parameters as in an address, without the page: "" or ending in an ampersand."""
        at_list = self.view == LIST
        values = {
            "view": LIST if at_list else "",
            "month": "" if at_list or self.month == this_month() else f"{self.month:%Y-%m}",
            "day": self.day.isoformat() if at_list and self.day else "",
            "q": self.words if at_list else "",
            "category": self.category,
            "type": self.type,
            "delivery": self.delivery,
            "past": "1" if at_list and self.past and not self.day else "",
        }
        given = {name: value for name, value in values.items() if value}
        return f"{urlencode(given)}&" if given else ""

    def url(self, **changes: object) -> str:
        """The address of the same choice but for `changes`, on its first page."""
        query = dataclasses.replace(self, **changes).query().removesuffix("&")  # type: ignore[arg-type]
        address = reverse("events:calendar")
        return f"{address}?{query}" if query else address

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.category or self.type or self.delivery)

    @property
    def without_filters(self) -> str:
        """The address of the same place in the calendar without any filter."""
        return self.url(words="", category="", type="", delivery="")


def this_month() -> dt.date:
    return timezone.localdate().replace(day=1)


# ---------- The month ----------


class Span(NamedTuple):
    """When an event takes place: all that is needed to put it on its days."""

    pk: int
    begins_at: dt.datetime
    ends_at: dt.datetime | None
    all_day: bool

    def days(self) -> tuple[dt.date, dt.date]:
        """First and last day in Mountain time. What ends at midnight ends the day before."""
        begin = timezone.localtime(self.begins_at)
        end = timezone.localtime(self.ends_at) if self.ends_at else begin
        if end > begin and end.time() == MIDNIGHT and not self.all_day:
            return begin.date(), max(begin.date(), end.date() - dt.timedelta(days=1))
        return begin.date(), end.date()


@dataclasses.dataclass(frozen=True, slots=True)
class DayPlan:
    """Which events a day shows, in their order, and how many more it has."""

    shown: list[int]
    more: int


def last_of(month: dt.date) -> dt.date:
    return month + relativedelta(day=31)


class Entry(NamedTuple):
    """An event on one of its days, in the order in which the day shows them."""

    has_time: bool
    begins_at: dt.datetime
    is_short: bool
    pk: int


def plan(spans: Iterable[Span], month: dt.date) -> dict[dt.date, DayPlan]:
    """Put events on the days of `month` (its first day) that they cover.

    Within a day first what has no clock time there (days only, or begun before), then by time, and
    a conference before its first session.
    """
    days: dict[dt.date, list[Entry]] = {}
    end_of_month = last_of(month)
    for span in spans:
        first, last = span.days()
        day = max(first, month)
        while day <= min(last, end_of_month):
            has_time = day == first and not span.all_day
            entry = Entry(has_time, span.begins_at, first == last, span.pk)
            days.setdefault(day, []).append(entry)
            day += dt.timedelta(days=1)
    return {day: _first_lines(sorted(entries)) for day, entries in days.items()}


def _first_lines(entries: list[Entry]) -> DayPlan:
    """All of them, or so many that the line "+3 more" takes no more room than the others."""
    room = LINES_A_DAY if len(entries) <= LINES_A_DAY else LINES_A_DAY - 1
    return DayPlan([entry.pk for entry in entries[:room]], max(0, len(entries) - room))


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One event on one day of the month."""

    url: str
    title: str
    time: str
    credits: Sequence[CreditLine]
    mine: str
    is_cancelled: bool
    css: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month's table."""

    number: int
    iso: str
    before_number: str
    is_today: bool
    css: str
    lines: list[Line]
    more: int
    more_url: str
    more_day: str


def month_grid(
    choice: Choice,
    plans: Mapping[dt.date, DayPlan],
    events: Iterable[Event],
    credits: Mapping[int, Sequence[CreditLine]],
    mine: Mapping[int, str],
) -> list[list[Cell]]:
    """The weeks of the month, Sunday first. `mine` has the word for a person's own events."""
    by_id = {event.pk: event for event in events}
    urls = {pk: event.get_absolute_url() for pk, event in by_id.items()}
    today = timezone.localdate()

    def line(pk: int, day: dt.date) -> Line:
        event, word = by_id[pk], mine.get(pk, "")
        cancelled = event.state == EventState.CANCELLED
        css = {"is-mine": bool(word), "is-cancelled": cancelled}
        return Line(
            url=urls[pk],
            title=event.title,
            time=_time_on(event, day),
            credits=credits.get(pk, ()),
            mine=word,
            is_cancelled=cancelled,
            css=_names(css),
        )

    def cell(day: dt.date) -> Cell:
        inside = (day.year, day.month) == (choice.month.year, choice.month.month)
        day_plan = (plans.get(day) if inside else None) or DayPlan([], 0)
        css = {
            "is-other": not inside,
            "is-past": inside and day < today,
            "is-today": inside and day == today,
            "is-empty": not day_plan.shown,
        }
        return Cell(
            number=day.day,
            iso=day.isoformat(),
            before_number=f"{day:%a, %b} ",
            is_today=inside and day == today,
            css=_names(css),
            lines=[line(pk, day) for pk in day_plan.shown],
            more=day_plan.more,
            more_url=choice.url(view=LIST, day=day) if day_plan.more else "",
            more_day=f"{day:%B} {day.day}",
        )

    weeks = calendar.Calendar(calendar.SUNDAY).monthdatescalendar(
        choice.month.year, choice.month.month
    )
    return [[cell(day) for day in week] for week in weeks]


def _names(css: Mapping[str, bool]) -> str:
    return " ".join(name for name, holds in css.items() if holds)


def _time_on(event: Event, day: dt.date) -> str:
    """When the event begins on that day, as short as people write it: 9am, 1:30pm."""
    begin = timezone.localtime(event.begins_at)
    if event.all_day or begin.date() != day:
        return ""
    minutes = f":{begin:%M}" if begin.minute else ""
    return f"{begin.hour % 12 or 12}{minutes}{begin:%p}".lower()


@dataclasses.dataclass(frozen=True, slots=True)
class MonthLinks:
    """Where the month's links lead; empty beyond the calendar's first and last year."""

    name: str
    previous: str
    previous_url: str
    next: str
    next_url: str
    today_url: str


def month_links(choice: Choice) -> MonthLinks:
    before = choice.month - relativedelta(months=1)
    after = choice.month + relativedelta(months=1)
    return MonthLinks(
        name=f"{choice.month:%B %Y}",
        previous=f"{before:%B %Y}",
        previous_url=choice.url(month=before) if before >= EARLIEST.date() else "",
        next=f"{after:%B %Y}",
        next_url=choice.url(month=after) if after < LATEST.date() else "",
        today_url=choice.url(month=this_month()),
    )
