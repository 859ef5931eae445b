"""The day on which an event ended, in Python and in the database."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from aspen.clock import day_of_end, fiscal_year
from aspen.formats import format_time_range
from credits.queries import with_earned_on
from events.calendar.presentation import day_and_times
from events.models import DayOfEnd, FiscalYear, MountainDay
from events.rules import last_day_of
from tests import factories as make

ZONE = ZoneInfo("America/Denver")
QUARTER_HOUR = dt.timedelta(minutes=15)
NEAR_MIDNIGHT = dt.timedelta(microseconds=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def year_of_quarter_hours() -> list[dt.datetime]:
    """Return every quarter hour of fiscal year 2027, with moments just before and after midnight.

    The year has both clock changes.
    """
    begin, end = at("2026-07-01T00:00").astimezone(dt.UTC), at("2027-07-01T00:00")
    moments = []
    while begin <= end:
        moments.append(begin)
        if begin.astimezone(ZONE).time() == dt.time():
            moments += [begin - NEAR_MIDNIGHT, begin + NEAR_MIDNIGHT]
        begin += QUARTER_HOUR
    return moments


@pytest.mark.django_db
def test_python_and_the_database_agree_over_a_year_of_quarter_hours() -> None:
    moments = year_of_quarter_hours()
    assert len(moments) > 35_000
    day, end = (
        function.template % {"expressions": "moment"} for function in (MountainDay, DayOfEnd)
    )
    year = FiscalYear.template % {"expressions": end}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {day}, {end}, {year} FROM unnest(%s) AS moment", [moments])
        rows = cursor.fetchall()
    ends = [day_of_end(moment) for moment in moments]
    assert rows == [
        (moment.astimezone(ZONE).date(), end, fiscal_year(end))
        for moment, end in zip(moments, ends, strict=True)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("begins_at", "ends_at", "all_day", "last_day"),
    [
        ("2026-06-30T22:00", "2026-07-01T00:00", False, "2026-06-30"),
        ("2026-06-30T22:00", "2026-07-01T00:01", False, "2026-07-01"),
        ("2026-06-30T22:00", "2026-06-30T23:00", False, "2026-06-30"),
        ("2026-06-29T09:00", "2026-07-01T00:00", False, "2026-06-30"),
        # A midnight without a length, an event without an end, and whole days.
        ("2026-07-01T00:00", "2026-07-01T00:00", False, "2026-07-01"),
        ("2026-07-01T00:00", None, False, "2026-07-01"),
        ("2026-07-01T00:00", "2026-07-01T00:00", True, "2026-07-01"),
        ("2026-06-30T00:00", "2026-07-01T00:00", True, "2026-07-01"),
        # The hours of both clock changes.
        ("2026-11-01T00:30", "2026-11-02T00:00", False, "2026-11-01"),
        ("2027-03-14T01:30", "2027-03-15T00:00", False, "2027-03-14"),
    ],
)
def test_midnight_belongs_to_the_day_before(
    begins_at: str, ends_at: str | None, all_day: bool, last_day: str
) -> None:
    begin, end = at(begins_at), at(ends_at) if ends_at else None
    event = make.event(begins_at=begin, ends_at=end, all_day=all_day)
    assert event.last_day == dt.date.fromisoformat(last_day)
    assert last_day_of(begin, end, all_day=all_day) == event.last_day


@pytest.mark.django_db
def test_credit_is_earned_in_the_fiscal_year_that_ends_at_midnight() -> None:
    event = make.event(begins_at=at("2026-06-30T22:00"), ends_at=at("2026-07-01T00:00"))
    claim = make.claim(make.person(), event)
    credit = with_earned_on(claim.credits.all()).get()
    assert credit.earned_on == dt.date(2026, 6, 30)
    assert fiscal_year(credit.earned_on) == 2026


def test_an_evening_that_ends_at_midnight_is_shown_on_one_day() -> None:
    begin, end = at("2026-06-30T22:00"), at("2026-07-01T00:00")
    assert format_time_range(begin, end, all_day=False) == ("Tue, Jun 30, 2026, 10:00 PM–12:00 AM")


@pytest.mark.django_db
def test_the_event_page_splits_the_day_from_the_times() -> None:
    event = make.event(begins_at=at("2026-06-30T22:00"), ends_at=at("2026-07-01T00:00"))
    assert day_and_times(event) == ("Tue, Jun 30, 2026", "10:00 PM–12:00 AM")
