"""Dates and amounts as people say them. Strings are made once, in Python, not in templates."""

import datetime as dt
from decimal import Decimal

from django.utils import timezone


def amount(credits: Decimal) -> str:
    """Credits without a needless zero: 4, 0.5, 1.5."""
    return f"{credits.normalize():f}"


def credits(number: Decimal) -> str:
    """An amount with its noun: 1 credit, 0.5 credits."""
    return f"{amount(number)} credit" if number == 1 else f"{amount(number)} credits"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 day, 1,200 days. `many` is for what takes more than an s."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or f'{one}s'}"


def day(date: dt.date) -> str:
    """Thu, Dec 3, 2026"""
    return f"{date:%a, %b} {date.day}, {date.year}"


def days_since(moment: dt.datetime) -> int:
    """How many midnights in Montana lie between the moment and now."""
    return (timezone.localdate() - timezone.localdate(moment)).days


def waits(since: dt.datetime) -> str:
    """waits 3 days, waits 1 day, came today"""
    days = days_since(since)
    return f"waits {counted(days, 'day')}" if days >= 1 else "came today"


def clock(moment: dt.datetime) -> str:
    """9:00 AM, in Mountain time."""
    local = timezone.localtime(moment)
    return f"{local.hour % 12 or 12}:{local:%M %p}"


def when(begins_at: dt.datetime, ends_at: dt.datetime | None, *, all_day: bool) -> str:
    """When something takes place, in Mountain time and without saying the same thing twice.

    Thu, Dec 3, 2026, 9:00–11:00 AM · Mon, Aug 17 – Wed, Aug 19, 2026
    """
    begin = timezone.localtime(begins_at)
    end = timezone.localtime(ends_at) if ends_at else None
    if end is None or (all_day and end.date() == begin.date()):
        return day(begin.date()) if all_day else f"{day(begin.date())}, {clock(begin)}"
    if all_day:
        return f"{_short(begin, end)} – {day(end.date())}"
    if end.date() == begin.date():
        return f"{day(begin.date())}, {_hours(begin, end)}"
    return f"{day(begin.date())}, {clock(begin)} – {day(end.date())}, {clock(end)}"


def _short(begin: dt.datetime, end: dt.datetime) -> str:
    """The first day of a range; the year only when the last day has another."""
    if begin.year != end.year:
        return day(begin.date())
    return f"{begin:%a, %b} {begin.day}"


def _hours(begin: dt.datetime, end: dt.datetime) -> str:
    if f"{begin:%p}" == f"{end:%p}":
        return f"{clock(begin)[:-3]}–{clock(end)}"
    return f"{clock(begin)}–{clock(end)}"
