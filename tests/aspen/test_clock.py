"""Days and years in Montana."""

import datetime as dt

import pytest
import time_machine

from aspen.clock import fiscal_year, today, years_after, years_before


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        # In the evening, UTC is a day ahead, and on New Year's Eve it is a year ahead.
        ("2026-12-31 23:59 -0700", "2026-12-31"),
        ("2027-01-01 06:59 +0000", "2026-12-31"),
        ("2027-01-01 07:00 +0000", "2027-01-01"),
        # Daylight saving time, from March 8 to November 1: an hour earlier.
        ("2026-07-02 05:59 +0000", "2026-07-01"),
        ("2026-07-02 06:00 +0000", "2026-07-02"),
        ("2026-03-08 06:59 +0000", "2026-03-07"),
        ("2026-03-09 05:59 +0000", "2026-03-08"),
        ("2026-11-01 05:59 +0000", "2026-10-31"),
        ("2026-11-02 06:59 +0000", "2026-11-01"),
    ],
)
def test_today_is_the_day_in_montana(moment: str, day: str) -> None:
    with time_machine.travel(dt.datetime.strptime(moment, "%Y-%m-%d %H:%M %z"), tick=False):
        assert today() == dt.date.fromisoformat(day)


@pytest.mark.parametrize(
    ("day", "year"),
    [
        ("2026-06-30", 2026),
        ("2026-07-01", 2027),
        ("2026-12-31", 2027),
        ("2027-01-01", 2027),
        ("2027-06-30", 2027),
        ("2028-02-29", 2028),
    ],
)
def test_a_fiscal_year_begins_in_july_and_is_named_for_its_end(day: str, year: int) -> None:
    assert fiscal_year(dt.date.fromisoformat(day)) == year


def test_adding_years_keeps_the_day() -> None:
    assert years_before(dt.date(2026, 11, 23), 4) == dt.date(2022, 11, 23)
    assert years_after(dt.date(2026, 11, 23), 4) == dt.date(2030, 11, 23)
    assert years_before(dt.date(2027, 1, 1), 1) == dt.date(2026, 1, 1)
    assert years_after(dt.date(2026, 12, 31), 0) == dt.date(2026, 12, 31)


def test_a_leap_day_becomes_the_28th() -> None:
    leap = dt.date(2028, 2, 29)
    assert years_before(leap, 4) == dt.date(2024, 2, 29)
    assert years_after(leap, 4) == dt.date(2032, 2, 29)
    assert years_before(leap, 1) == dt.date(2027, 2, 28)
    assert years_after(leap, 1) == dt.date(2029, 2, 28)
    # 2100 is not a leap year.
    assert years_after(dt.date(2096, 2, 29), 4) == dt.date(2100, 2, 28)
