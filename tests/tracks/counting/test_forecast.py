"""The forecast: arithmetic and wording."""

import datetime as dt
import re
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


def make_forecast(
    *earned: tuple[str, int, str],
    closes: str = "2028-11-23",
    counts_from: str = "2020-11-23",
    minimum: str = "10",
    total: str = "20",
    today: dt.date = TODAY,
    years: int = 4,
) -> forecast.Forecast:
    """Make a forecast from (day, category, amount) tuples, with a `minimum` in category 4."""
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
        # Twelve credits in the past year are one a month, so the remaining eight take eight months.
        ([("2026-06-01", 4, "12")], {}, "At this pace you will finish in July 2027."),
        # At seven twelfths a month, the remaining seven take twelve months.
        (
            [("2026-06-01", 4, "7")],
            {"total": "14"},
            "At this pace you will finish in November 2027.",
        ),
        # Fast enough overall, but the category with the minimum of 10 gets only 1 a year.
        (
            [("2026-06-01", 1, "19"), ("2026-06-01", 4, "1")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 0.5 credits a month.",
        ),
        # No credits in the category with the minimum.
        (
            [("2026-06-01", 1, "60")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 0.5 credits a month.",
        ),
        # The past twelve months include their first day, but not the day before.
        ([("2025-11-24", 4, "12")], {}, "At this pace you will finish in July 2027."),
        (
            [("2025-11-23", 4, "12")],
            {},
            "No credits in the past 12 months; you need about 0.5 credits a month.",
        ),
        ([], {}, "No credits in the past 12 months; you need about 1 credit a month."),
        ([], {"today": dt.date(2028, 11, 10)}, "you need 20 credits in the 13 days left."),
        ([], {"today": dt.date(2028, 11, 22)}, "you need 20 credits in the 1 day left."),
        # A period that started two months ago, with credits in each month.
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
        # A period's first day counts as a full month, or two credits would be sixty a month.
        (
            [("2026-11-23", 4, "2")],
            {"counts_from": "2026-11-23"},
            "At this pace you will finish in August 2027.",
        ),
        ([("2026-06-01", 4, "20")], {}, "Ready to submit."),
        (
            [("2023-06-01", 4, "20")],
            {},
            "Ready to submit. 20 credits will age out by June 2027.",
        ),
        # On or after the last day of the period, there is no forecast.
        ([("2028-06-01", 4, "12")], {"today": dt.date(2028, 11, 23)}, ""),
        ([("2028-06-01", 4, "12")], {"today": dt.date(2028, 11, 24)}, ""),
        ([("2028-06-01", 4, "20")], {"today": dt.date(2028, 11, 24)}, "Ready to submit."),
        # Eight credits age out along the way, so finishing takes longer.
        (
            [("2023-01-15", 4, "8"), ("2026-06-01", 4, "6")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 1 credit a month. 8 credits will age out by January 2027.",
        ),
        (
            [("2023-01-15", 4, "8"), ("2026-06-01", 4, "12")],
            {"total": "28"},
            "At this pace you will finish in March 2028. 8 credits will age out by January 2027.",
        ),
        # Credits that age out after the requirements are met are not mentioned.
        (
            [("2023-09-15", 4, "8"), ("2026-06-01", 4, "6")],
            {},
            "At this pace you will not finish before your period ends on Thu, Nov 23, 2028; "
            "you need about 1 credit a month. 8 credits will age out by September 2027.",
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
            "1.5 credits will age out by January 2027 and 3.5 in all by February 2028.",
        ),
    ],
)
def test_the_forecast_as_text(earned: Any, options: dict[str, Any], text: str) -> None:
    forecast_text = forecast.forecast_text(make_forecast(*earned, **options))
    assert forecast_text.endswith(text)
    assert text or not forecast_text


@pytest.mark.parametrize(
    ("today", "text"),
    [
        (dt.date(2026, 11, 23), ""),
        (dt.date(2028, 9, 23), ""),
        (dt.date(2028, 9, 24), "60 days left."),
        (dt.date(2028, 11, 22), "1 day left."),
        (dt.date(2028, 11, 23), "The period ends today."),
        (dt.date(2028, 11, 24), "The period ended on Thu, Nov 23, 2028."),
    ],
)
def test_days_left_as_text(today: dt.date, text: str) -> None:
    assert forecast.format_days_left(make_forecast(today=today)) == text


@pytest.mark.parametrize(
    ("earned_on", "closes", "years", "ages_out"),
    [
        # A credit earned on February 29 counts until February 29 four years later.
        ("2024-02-29", "2028-02-29", 4, []),
        ("2024-02-29", "2028-03-01", 4, [dt.date(2028, 2, 29)]),
        ("2024-02-28", "2028-02-28", 4, []),
        ("2024-02-28", "2028-02-29", 4, [dt.date(2028, 2, 28)]),
        # 2029 has no February 29, so five years later it is the 28th.
        ("2024-02-29", "2029-02-28", 5, []),
        ("2024-02-29", "2029-03-01", 5, [dt.date(2029, 2, 28)]),
    ],
)
def test_aging_out_in_leap_years(
    earned_on: str, closes: str, years: int, ages_out: list[dt.date]
) -> None:
    result = make_forecast((earned_on, 4, "3"), closes=closes, years=years)
    assert [day for day, _ in result.ages_out] == ages_out


def test_no_month_is_skipped_when_months_are_short() -> None:
    for day in (dt.date(2026, 10, 31), dt.date(2028, 2, 29)):
        start = f"{day - dt.timedelta(days=30)}"
        result = make_forecast((start, 4, "12"), today=day, closes="2032-02-29")
        assert result.done_on is not None
        assert (result.done_on - day).days in range(240, 250)


def test_finishing_before_credits_age_out_can_take_the_lowest_rate() -> None:
    """25 credits age out in ten months, and the period ends in 24.

    Earning the other 15 credits within ten months takes 1.5 a month. Later, all 40 are missing, so
    earning them by the end would take 1.67 a month, rounded up to 2.
    """
    result = make_forecast(("2023-09-23", 4, "25"), minimum="0", total="40", closes="2028-11-23")
    assert result.needed_per_month == Decimal("1.5")


# ---------- Pages ----------


@pytest.mark.django_db
def test_pages_show_the_forecast() -> None:
    person, client = make.person(), Client()
    client.force_login(person)
    with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
        make.claim(person, credits={make.ADMINISTRATION: "10.0"})
        make.claim(person, days=-1200, credits={make.TECHNOLOGY: "3.0"})
        participation, _ = select_track(track=make.track("Library Trustee"), by=person)
        page = client.get("/continuing-education/").content.decode()
        progress = client.get(participation.get_absolute_url()).content.decode()
    text = " ".join(re.sub("<[^>]*>", "", page).split())
    assert "You are on track: 13 of 15 credits for Library Trustee, due Sat, Nov 23, 2030." in text
    assert "At this pace you will finish in February 2027.</p>" in progress
    assert "days left" not in progress
