"""Formatting dates and amounts."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine

from aspen.formats import (
    counted,
    format_amount,
    format_credits,
    format_day,
    format_short_day,
    format_time,
    format_time_range,
    format_waiting_time,
)

UTC = dt.UTC


def at(text: str) -> dt.datetime:
    """Return a time in UTC. Montana is seven hours behind in winter and six in summer."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0.5", "0.5 credits"),
        ("1.0", "1 credit"),
        ("1.5", "1.5 credits"),
        ("10.0", "10 credits"),
        ("60", "60 credits"),
        ("100.0", "100 credits"),
        ("0.0", "0 credits"),
    ],
)
def test_amounts_have_no_trailing_zeros(number: str, expected: str) -> None:
    assert format_credits(Decimal(number)) == expected
    assert format_amount(Decimal(number)) == expected.split()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(0, "day"), "0 days"),
        (counted(1, "day"), "1 day"),
        (counted(1000, "day"), "1,000 days"),
        (counted(1, "person is", "people are"), "1 person is"),
        (counted(1200, "person is", "people are"), "1,200 people are"),
    ],
)
def test_a_number_with_its_noun(text: str, expected: str) -> None:
    assert text == expected


def test_a_day() -> None:
    assert format_day(dt.date(2026, 12, 3)) == "Thu, Dec 3, 2026"
    assert format_day(dt.date(2028, 2, 29)) == "Tue, Feb 29, 2028"


@time_machine.travel("2026-12-03 12:00-07:00", tick=False)
def test_a_short_day_has_its_year_only_if_it_is_another() -> None:
    assert format_short_day(dt.date(2026, 11, 28)) == "Sat, Nov 28"
    assert format_short_day(dt.date(2025, 11, 28)) == "Nov 28, 2025"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-12-03 07:00", "12:00 AM"),
        ("2026-12-03 16:05", "9:05 AM"),
        ("2026-12-03 19:00", "12:00 PM"),
        ("2026-12-04 06:59", "11:59 PM"),
        ("2026-07-03 15:05", "9:05 AM"),
        # Clocks go forward on March 8 at 2 AM, and back on November 1 at 2 AM.
        ("2026-03-08 08:59", "1:59 AM"),
        ("2026-03-08 09:00", "3:00 AM"),
        ("2026-11-01 07:30", "1:30 AM"),
        ("2026-11-01 08:30", "1:30 AM"),
        ("2026-11-01 09:30", "2:30 AM"),
    ],
)
def test_times_are_in_mountain_time(moment: str, expected: str) -> None:
    assert format_time(at(moment)) == expected


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        # no end
        ("2026-12-03 16:00", None, "Thu, Dec 3, 2026, 9:00 AM"),
        # one day
        ("2026-12-03 16:00", "2026-12-03 18:00", "Thu, Dec 3, 2026, 9:00–11:00 AM"),
        ("2026-12-03 16:00", "2026-12-03 21:30", "Thu, Dec 3, 2026, 9:00 AM–2:30 PM"),
        ("2026-12-03 18:00", "2026-12-03 19:00", "Thu, Dec 3, 2026, 11:00 AM–12:00 PM"),
        ("2026-12-03 19:00", "2026-12-03 20:00", "Thu, Dec 3, 2026, 12:00–1:00 PM"),
        # several days
        (
            "2026-08-17 15:00",
            "2026-08-19 22:00",
            "Mon, Aug 17, 2026, 9:00 AM – Wed, Aug 19, 2026, 4:00 PM",
        ),
        # an evening that is already the next day in UTC, and New Year's Eve
        ("2026-12-04 01:00", "2026-12-04 03:00", "Thu, Dec 3, 2026, 6:00–8:00 PM"),
        ("2027-01-01 06:00", "2027-01-01 06:30", "Thu, Dec 31, 2026, 11:00–11:30 PM"),
        (
            "2027-01-01 06:00",
            "2027-01-01 07:30",
            "Thu, Dec 31, 2026, 11:00 PM – Fri, Jan 1, 2027, 12:30 AM",
        ),
        # the nights of 23 and 25 hours
        ("2026-03-08 08:00", "2026-03-08 10:00", "Sun, Mar 8, 2026, 1:00–4:00 AM"),
        ("2026-11-01 07:00", "2026-11-01 09:00", "Sun, Nov 1, 2026, 1:00–2:00 AM"),
    ],
)
def test_a_time_range(begins: str, ends: str | None, expected: str) -> None:
    assert format_time_range(at(begins), at(ends) if ends else None, all_day=False) == expected


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("2026-12-03 07:00", None, "Thu, Dec 3, 2026"),
        ("2026-12-03 07:00", "2026-12-04 06:59", "Thu, Dec 3, 2026"),
        ("2026-08-17 06:00", "2026-08-20 05:59", "Mon, Aug 17 – Wed, Aug 19, 2026"),
        ("2026-12-30 07:00", "2027-01-03 06:59", "Wed, Dec 30, 2026 – Sat, Jan 2, 2027"),
        # days of 23 and 25 hours
        ("2026-03-08 07:00", "2026-03-09 05:59", "Sun, Mar 8, 2026"),
        ("2026-11-01 06:00", "2026-11-02 06:59", "Sun, Nov 1, 2026"),
    ],
)
def test_an_all_day_range(begins: str, ends: str | None, expected: str) -> None:
    assert format_time_range(at(begins), at(ends) if ends else None, all_day=True) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-12-03T07:00Z", "received today"),  # midnight in Montana
        ("2026-12-03T06:59Z", "waiting 1 day"),
        ("2026-11-03T12:00Z", "waiting 30 days"),
        ("2026-12-05T12:00Z", "received today"),
    ],
)
def test_waiting_times(since: str, expected: str) -> None:
    with time_machine.travel("2026-12-03T18:00Z", tick=False):
        assert format_waiting_time(dt.datetime.fromisoformat(since)) == expected
