"""Formatting of dates and amounts for pages and e-mails."""

import datetime as dt
from decimal import Decimal

from django.utils import timezone

from aspen.clock import day_of_end


def format_amount(credits: Decimal) -> str:
    """Return an amount of credits without trailing zeros: 4, 0.5, 1.5."""
    return f"{credits.normalize():f}"


def format_credits(number: Decimal) -> str:
    """Return an amount with its noun: 1 credit, 0.5 credits."""
    return f"{format_amount(number)} credit" if number == 1 else f"{format_amount(number)} credits"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 day, 1,200 days. `many` is for irregular plurals."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or f'{one}s'}"


def format_day(date: dt.date) -> str:
    """Return a date such as "Thu, Dec 3, 2026"."""
    return f"{date:%a, %b} {date.day}, {date.year}"


def format_short_day(date: dt.date) -> str:
    """Return “Tue, Nov 10”, or “Nov 10, 2025” if that is not in this year."""
    if date.year == timezone.localdate().year:
        return f"{date:%a, %b} {date.day}"
    return f"{date:%b} {date.day}, {date.year}"


def format_days(first: dt.date, last: dt.date) -> str:
    """Return a range such as "November 22–28, 2026" or "November 29 – December 5, 2026"."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first:%B} {first.day}–{last.day}, {first.year}"
    year = f", {first.year}" if first.year != last.year else ""
    return f"{first:%B} {first.day}{year} – {last:%B} {last.day}, {last.year}"


def format_length(minutes: int) -> str:
    """Return a length such as "35 minutes", "1 hour" or "1 h 30 min"."""
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return f"{hours} h {rest} min"
    return counted(hours, "hour") if hours else counted(rest, "minute")


def days_since(moment: dt.datetime) -> int:
    """Return the number of calendar days in Montana between the moment and now."""
    return (timezone.localdate() - timezone.localdate(moment)).days


def format_waiting_time(since: dt.datetime) -> str:
    """Return "waiting 3 days", "waiting 1 day" or "received today"."""
    days = days_since(since)
    return f"waiting {counted(days, 'day')}" if days >= 1 else "received today"


def format_time(moment: dt.datetime) -> str:
    """Return a time in Mountain time, such as "9:00 AM"."""
    local = timezone.localtime(moment)
    return f"{local.hour % 12 or 12}:{local:%M %p}"


def format_time_range(begins_at: dt.datetime, ends_at: dt.datetime | None, *, all_day: bool) -> str:
    """Return the start and end in Mountain time, without repeating the parts they share.

    Examples: "Thu, Dec 3, 2026, 9:00–11:00 AM" and "Mon, Aug 17 – Wed, Aug 19, 2026".
    """
    start = timezone.localtime(begins_at)
    end = timezone.localtime(ends_at) if ends_at else None
    if end is None or (all_day and end.date() == start.date()):
        return (
            format_day(start.date())
            if all_day
            else f"{format_day(start.date())}, {format_time(start)}"
        )
    if all_day:
        return f"{_first_day(start, end)} – {format_day(end.date())}"
    # An event that ends at midnight ends on the day before.
    if max(start.date(), day_of_end(end)) == start.date():
        return f"{format_day(start.date())}, {_hours(start, end)}"
    return " – ".join(f"{format_day(each.date())}, {format_time(each)}" for each in (start, end))


def _first_day(start: dt.datetime, end: dt.datetime) -> str:
    """Return the first day of a range, with its year only if the last day's is different."""
    if start.year != end.year:
        return format_day(start.date())
    return f"{start:%a, %b} {start.day}"


def _hours(start: dt.datetime, end: dt.datetime) -> str:
    if f"{start:%p}" == f"{end:%p}":
        return f"{format_time(start)[:-3]}–{format_time(end)}"
    return f"{format_time(start)}–{format_time(end)}"
