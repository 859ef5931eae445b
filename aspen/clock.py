"""Days and years as people in Montana count them."""

import datetime as dt

from dateutil.relativedelta import relativedelta
from django.utils import timezone

JULY = 7


def today() -> dt.date:
    """The present day in the portal's time zone."""
    return timezone.localdate()


def day_after(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def fiscal_year(day: dt.date) -> int:
    """Montana's fiscal year of a day: 1 July to 30 June, named by the year in which it ends."""
    return day.year + (day.month >= JULY)


def years_before(day: dt.date, years: int) -> dt.date:
    """The same day so many years earlier; 29 February becomes the 28th."""
    return day - relativedelta(years=years)


def years_after(day: dt.date, years: int) -> dt.date:
    """The same day so many years later; 29 February becomes the 28th."""
    return day + relativedelta(years=years)
