"""Days and years in Montana's time zone."""

import datetime as dt

from dateutil.relativedelta import relativedelta
from django.utils import timezone

JULY = 7


def today() -> dt.date:
    """Return today's date in the portal's time zone."""
    return timezone.localdate()


def in_montana(local: dt.datetime) -> dt.datetime:
    """Return the moment of a Mountain time without a time zone.

    When clocks go back in autumn, an hour occurs twice; this is the first one. Raises ValueError
    for a time that clocks skip in spring.
    """
    return in_zone(local, timezone.get_default_timezone())


def in_zone(local: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Return the moment of a time in `zone`, as `in_montana` does."""
    moment = local.replace(tzinfo=zone, fold=0)
    if local.year in (dt.MINYEAR, dt.MAXYEAR):  # converting these can overflow
        return moment
    if moment.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(f"{local} did not exist in {zone}")
    return moment


def day_of_end(moment: dt.datetime) -> dt.date:
    """Return the day in Montana on which something that ended at `moment` ended.

    Midnight belongs to the day before. The database computes the same (DayOfEnd in
    events/models/event.py).
    """
    return timezone.localdate(moment.astimezone(dt.UTC) - dt.timedelta(microseconds=1))


def end_of_session(day: dt.date, end: dt.time) -> dt.datetime:
    """Return the end of a session on `day`, without a time zone. Midnight is the end of the day."""
    return dt.datetime.combine(day_after(day) if end == dt.time() else day, end)


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
