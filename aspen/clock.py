"""Days and years in Montana's time zone."""

import datetime as dt

from dateutil.relativedelta import relativedelta
from django.utils import timezone

JULY = 7


def today() -> dt.date:
    """Return today's date in the portal's time zone."""
    return timezone.localdate()


def day_of_end(moment: dt.datetime) -> dt.date:
    """Return the day in Montana on which something that ended at `moment` ended.

    Midnight belongs to the day before. The database computes the same (DayOfEnd in
    events/models/event.py).
    """
    return timezone.localdate(moment.astimezone(dt.UTC) - dt.timedelta(microseconds=1))


def day_after(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def fiscal_year(day: dt.date) -> int:
    """Return Montana's fiscal year for a day.

    It runs from July 1 to June 30 and is named for the year it ends in.
    """
    return day.year + (day.month >= JULY)


def years_before(day: dt.date, years: int) -> dt.date:
    """Return the same day `years` earlier, or February 28 if that year has no February 29."""
    return day - relativedelta(years=years)


def years_after(day: dt.date, years: int) -> dt.date:
    """Return the same day `years` later, or February 28 if that year has no February 29."""
    return day + relativedelta(years=years)
