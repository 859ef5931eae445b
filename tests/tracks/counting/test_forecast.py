"""The forecast: its arithmetic and its text."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from events.models import Category
from tests import factories as make
from tracks.actions import select_track
from tracks.counting import forecast
from tracks.counting.progress import DatedCredit, Progress, ProgressLine, sum_by_category

TODAY = dt.date(2026, 11, 23)
ADMINISTRATION, TECHNOLOGY = Category(pk=1, name="Administration"), Category(pk=4, name="Tech")


def reckon(
    *earned: tuple[str, int, str],
    closes: str = "2028-11-23",
    counts_from: str = "2020-11-23",
    minimum: str = "10",
    total: str = "20",
    today: dt.date = TODAY,
    years: int = 4,
) -> forecast.Forecast:
    """The pace of (day, category, credits) under: `minimum` in category 4, `total` in all."""
    counted = [DatedCredit(dt.date.fromisoformat(day), key, Decimal(n)) for day, key, n in earned]
    lines = [
        ProgressLine(ADMINISTRATION, earned=Decimal(0), minimum=Decimal(0)),
        ProgressLine(TECHNOLOGY, earned=Decimal(0), minimum=Decimal(minimum)),
    ]
    progress = Progress(lines, Decimal(total)).with_earned(sum_by_category(counted))
    return forecast.make_forecast(
        progress=progress,
        counted=counted,
        today=today,
        counts_from=dt.date.fromisoformat(counts_from),
        closes_on=dt.date.fromisoformat(closes),
        years=years,
    )


@pytest.mark.parametrize(
    ("earned", "options", "text"),
    [
        # 12 in the past year is one a month; the other eight take eight months.
        ([("2026-06-01", 4, "12")], {}, "At this pace you will finish in July 2027."),
        # Seven twelfths a month, twelve times.
        (
            [("2026-06-01", 4, "7")],
            {"total": "14"},
            "At this pace you will finish in November 2027.",
        ),
        # Fast enough in all, but a minimum waits for its own category: 1 of 10 a year.
        (
            [("2026-06-01", 1, "19"), ("2026-06-01", 4, "1")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 0.5 credits a month.",
        ),
        # Nothing at all in the category of the minimum.
        (
            [("2026-06-01", 1, "60")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 0.5 credits a month.",
        ),
        # The first day of the past twelve months is in, the one before is not.
        ([("2025-11-24", 4, "12")], {}, "At this pace you will finish in July 2027."),
        (
            [("2025-11-23", 4, "12")],
            {},
            "No credits in the past 12 months; you need about 0.5 credits a month.",
        ),
        ([], {}, "No credits in the past 12 months; you need about 1 credit a month."),
        ([], {"today": dt.date(2028, 11, 10)}, "you need 20 credits in the 13 days left."),
        ([], {"today": dt.date(2028, 11, 22)}, "you need 20 credits in the 1 day left."),
        # A period that began two months ago, with a month's credits in each.
        (
            [("2026-10-10", 4, "4"), ("2026-11-10", 4, "4")],
            {"counts_from": "2026-09-24"},
            "At this pace you will finish in February 2027.",
        ),
        (
            [],
            {"counts_from": "2026-10-01"},
            "No credits in this period yet; you need about 1 credit a month.",
        ),
        # One day old: a first month is a whole one, or two credits would be sixty a month.
        (
            [("2026-11-23", 4, "2")],
            {"counts_from": "2026-11-23"},
            "At this pace you will finish in August 2027.",
        ),
        ([("2026-06-01", 4, "20")], {}, "Ready to submit."),
        (
            [("2023-06-01", 4, "20")],
            {},
            "Ready to submit. 20 credits age out by June 2027.",
        ),
        # The last day of the period is in it; after that nothing is forecast.
        ([("2028-06-01", 4, "12")], {"today": dt.date(2028, 11, 23)}, ""),
        ([("2028-06-01", 4, "12")], {"today": dt.date(2028, 11, 24)}, ""),
        ([("2028-06-01", 4, "20")], {"today": dt.date(2028, 11, 24)}, "Ready to submit."),
        # On the way, half of what is there stops counting, so that it takes longer.
        (
            [("2023-01-15", 4, "8"), ("2026-06-01", 4, "6")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 1 credit a month. 8 credits age out by January 2027.",
        ),
        (
            [("2023-01-15", 4, "8"), ("2026-06-01", 4, "12")],
            {"total": "28"},
            "At this pace you will finish in March 2028. 8 credits age out by January 2027.",
        ),
        # What ages out once everything is there is not spoken of.
        (
            [("2023-09-15", 4, "8"), ("2026-06-01", 4, "6")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 1 credit a month. 8 credits age out by September 2027.",
        ),
        (
            [("2023-09-15", 4, "8"), ("2026-06-01", 4, "9")],
            {},
            "At this pace you will finish in March 2027.",
        ),
        (
            [("2023-01-15", 4, "1"), ("2023-01-31", 1, "0.5"), ("2024-02-01", 4, "2")],
            {"total": "90", "closes": "2030-11-23"},
            "you need about 2 credits a month. "
            "1.5 credits age out by January 2027, 3.5 in all by February 2028.",
        ),
    ],
)
def test_what_is_said(earned: Any, options: dict[str, Any], text: str) -> None:
    said = forecast.forecast_text(reckon(*earned, **options))
    assert said.endswith(text)
    assert text or not said


@pytest.mark.parametrize(
    ("today", "text"),
    [
        (dt.date(2026, 11, 23), "731 days left."),
        (dt.date(2028, 11, 22), "1 day left."),
        (dt.date(2028, 11, 23), "The period ends today."),
        (dt.date(2028, 11, 24), "The period ended on Thu, Nov 23, 2028."),
    ],
)
def test_days_left(today: dt.date, text: str) -> None:
    assert forecast.format_days_left(reckon(today=today)) == text


@pytest.mark.parametrize(
    ("earned_on", "closes", "years", "ages_out"),
    [
        # Earned on 29 February it counts until 29 February four years later.
        ("2024-02-29", "2028-02-29", 4, []),
        ("2024-02-29", "2028-03-01", 4, [dt.date(2028, 2, 29)]),
        ("2024-02-28", "2028-02-28", 4, []),
        ("2024-02-28", "2028-02-29", 4, [dt.date(2028, 2, 28)]),
        # 2029 has no such day, so five years later it is the 28th.
        ("2024-02-29", "2029-02-28", 5, []),
        ("2024-02-29", "2029-03-01", 5, [dt.date(2029, 2, 28)]),
    ],
)
def test_what_ages_out_in_leap_years(
    earned_on: str, closes: str, years: int, ages_out: list[dt.date]
) -> None:
    found = reckon((earned_on, 4, "3"), closes=closes, years=years)
    assert [day for day, _ in found.ages_out] == ages_out


def test_the_days_of_the_months_from_the_31st_and_the_29th() -> None:
    """Short months skip nothing."""
    for day in (dt.date(2026, 10, 31), dt.date(2028, 2, 29)):
        found = reckon((f"{day - dt.timedelta(days=30)}", 4, "12"), today=day, closes="2032-02-29")
        assert found.done_on is not None
        assert (found.done_on - day).days in range(240, 250)


def test_the_rate_it_takes_is_enough_and_half_a_credit_less_is_not() -> None:
    """Seven credits age out in fourteen months; finishing before that needs less."""
    found = reckon(("2024-01-23", 4, "7"), minimum="0", total="20", closes="2028-11-23")
    # 13 credits until the last day on which the seven count; 20 until the end.
    assert found.per_month == Decimal("1.0")
    assert Decimal(13) / 14 < found.per_month < Decimal(20) / 14


# ---------- On the pages ----------


@pytest.mark.django_db
def test_the_pages_say_it() -> None:
    person, client = make.person(), Client()
    client.force_login(person)
    with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
        make.claim(person, credits={make.ADMINISTRATION: "10.0"})
        make.claim(person, days=-1200, credits={make.TECHNOLOGY: "3.0"})
        participation, _ = select_track(track=make.track("Library Trustee"), by=person)
        first = client.get("/continuing-education/").context["answer"]
        progress = client.get(participation.get_absolute_url()).content.decode()
    assert first == (
        "Library Trustee: 13 of 15 credits, 2 to go by Sat, Nov 23, 2030. 1,461 days left. "
        "At this pace you will finish in February 2027."
    )
    assert "1,461 days left. At this pace you will finish in February 2027.</p>" in progress
