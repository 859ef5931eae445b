"""Days and years as people in Montana count them."""

import datetime as dt

from dateutil.relativedelta import relativedelta
from django.utils import timezone


def today() -> dt.date:
    """The present day in the portal's time zone."""
    return timezone.localdate()


def day_after(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def years_before(day: dt.date, years: int) -> dt.date:
    """The same day so many years earlier; 29 February becomes the 28th."""
    return day - relativedelta(years=years)


def years_after(day: dt.date, years: int) -> dt.date:
    """The same day so many years later; 29 February becomes the 28th."""
    return day + relativedelta(years=years)
