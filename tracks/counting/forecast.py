"""Forecast when a participation will be complete. Plain arithmetic, no database.

The forecast assumes that the person keeps up the pace of the past twelve months (or since the first
day that counts, if later). It projects that pace month by month to the end of the period, for each
category separately, because a minimum can only be filled in its own category. Credits that age out
along the way are subtracted.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal

from dateutil.relativedelta import relativedelta

from aspen import formats
from aspen.clock import years_after, years_before
from aspen.formats import format_amount, format_credits, format_day
from aspen.halves import HALF
from tracks.counting.progress import ZERO, DatedCredit, Progress, sum_by_category

MONTHS = 12
FEW_DAYS = 60  # with more days left, the date says enough
MIN_DAYS = 31  # with fewer days left, a monthly rate makes no sense


@dataclasses.dataclass(frozen=True)
class Forecast:
    """A participation's forecast as of `today`. Amounts are credits.

    `recent` is the number of credits earned since `since`, which sets the pace. `done_on` is the
    day by which all requirements will be met at this pace, or None if that is not within the
    period. `needed_per_month` is the lowest rate that meets them within the period, rounded up to a
    half. `ages_out` lists credits that stop counting before `done_on` or the end of the period, by
    the last day they count.
    """

    today: dt.date
    closes_on: dt.date
    missing: Decimal
    since: dt.date
    recent: Decimal
    done_on: dt.date | None
    needed_per_month: Decimal
    ages_out: list[tuple[dt.date, Decimal]]

    @property
    def days_left(self) -> int:
        return (self.closes_on - self.today).days


@dataclasses.dataclass(frozen=True)
class _CreditTimeline:
    """The credits that count on `today`, and how they add up on later days."""

    progress: Progress
    counted: Sequence[DatedCredit]
    today: dt.date
    years: int

    def on(self, day: dt.date, per_month: dict[int, Decimal]) -> Progress:
        """Return the progress on a later day, without credits aged out by then.

        Add the credits earned by then at the rate `per_month`, by category.
        """
        first = years_before(day, self.years)
        months = min(_months(self.today, day), Decimal(self.years * MONTHS))
        earned = sum_by_category(credit for credit in self.counted if credit.earned_on >= first)
        for category_id, amount in per_month.items():
            # Round, so that twelve twelfths of a credit add up to one.
            earned[category_id] = earned.get(category_id, ZERO) + round(amount * months, 6)
        return self.progress.with_earned(earned)


def make_forecast(
    *,
    progress: Progress,
    counted: Iterable[DatedCredit],
    today: dt.date,
    counts_from: dt.date,
    closes_on: dt.date,
    years: int,
) -> Forecast:
    """Forecast `progress`. `counted` are the credits it counts, all in categories that count."""
    timeline = _CreditTimeline(progress, list(counted), today, years)
    since = max(years_before(today, 1), counts_from - dt.timedelta(days=1))
    recent = [credit for credit in timeline.counted if credit.earned_on > since]
    per_month = _per_month(recent, _months(since, today))
    ends = list(_month_ends(today, closes_on))
    done = None
    if not progress.is_complete:
        done = next((day for day in ends if timeline.on(day, per_month).is_complete), None)
    return Forecast(
        today=today,
        closes_on=closes_on,
        missing=progress.missing,
        since=since + dt.timedelta(days=1),
        recent=sum((credit.amount for credit in recent), ZERO),
        done_on=done,
        needed_per_month=_lowest_rate(timeline, ends),
        ages_out=_ages_out(timeline, done or closes_on),
    )


def _per_month(recent: Iterable[DatedCredit], months: Decimal) -> dict[int, Decimal]:
    """Return the recent monthly pace by category. `months` below 1 count as a full month."""
    months = min(max(months, Decimal(1)), Decimal(MONTHS))
    return {category_id: amount / months for category_id, amount in sum_by_category(recent).items()}


def _lowest_rate(timeline: _CreditTimeline, ends: list[dt.date]) -> Decimal:
    """Return the lowest monthly rate that meets the requirements within the period.

    If credits age out during the period, finishing before then can take a lower rate.
    """
    rates = [
        timeline.on(day, {}).missing / months
        for day in ends
        if (months := _months(timeline.today, day)) >= 1
    ]
    return _round_up_to_half(min(rates, default=ZERO))


def _ages_out(timeline: _CreditTimeline, end: dt.date) -> list[tuple[dt.date, Decimal]]:
    """Return the sum of the credits that will age out by `end`, by the last day they count."""
    first = years_before(end, timeline.years)
    amounts: dict[dt.date, Decimal] = defaultdict(Decimal)
    for credit in timeline.counted:
        if credit.earned_on < first:
            amounts[years_after(credit.earned_on, timeline.years)] += credit.amount
    return sorted(amounts.items())


def _month_ends(today: dt.date, closes_on: dt.date) -> Iterable[dt.date]:
    """Yield today's day of the month in each later month of the period, then its last day."""
    month = 1
    while (day := today + relativedelta(months=month)) < closes_on:
        yield day
        month += 1
    if today < closes_on:
        yield closes_on


def _months(first: dt.date, last: dt.date) -> Decimal:
    """Return the months between two days; a partial month counts as days / 31."""
    gap = relativedelta(last, first)
    return Decimal(gap.years * MONTHS + gap.months) + Decimal(gap.days) / 31


def _round_up_to_half(amount: Decimal) -> Decimal:
    return (amount / HALF).to_integral_value(ROUND_CEILING) * HALF


# ---------- Text ----------


def format_days_left(forecast: Forecast) -> str:
    """Say how many days are left if there are few, or that the period is over."""
    if forecast.days_left > FEW_DAYS:
        return ""
    if forecast.days_left < 0:
        return f"The period ended on {format_day(forecast.closes_on)}."
    if forecast.days_left == 0:
        return "The period ends today."
    return f"{formats.counted(forecast.days_left, 'day')} left."


def forecast_text(forecast: Forecast) -> str:
    """Return up to two sentences, about finishing in time and about credits that age out."""
    return " ".join(filter(None, (_completion_text(forecast), _aging_text(forecast))))


def advice_text(forecast: Forecast) -> str:
    """Return what `forecast_text` says, unless all is well: done, or done in time at this pace."""
    completion = "" if forecast.done_on or not forecast.missing else _completion_text(forecast)
    return " ".join(filter(None, (completion, _aging_text(forecast))))


def _completion_text(forecast: Forecast) -> str:
    if not forecast.missing:
        return "Ready to submit."
    if forecast.days_left <= 0:
        return ""
    if not forecast.recent:
        is_young = forecast.since > years_before(forecast.today, 1) + dt.timedelta(days=1)
        lately = "in this period yet" if is_young else "in the past 12 months"
        return f"No credits {lately}; {_needed_text(forecast)}."
    if forecast.done_on:
        return f"At this pace you will finish in {forecast.done_on:%B %Y}."
    ends = format_day(forecast.closes_on)
    late = f"At this pace you will not finish before your period ends on {ends}"
    return f"{late}; {_needed_text(forecast)}."


def _needed_text(forecast: Forecast) -> str:
    if forecast.days_left < MIN_DAYS:
        days = f"the {formats.counted(forecast.days_left, 'day')}"
        return f"you need {format_credits(forecast.missing)} in {days} left"
    return f"you need about {format_credits(forecast.needed_per_month)} a month"


def _aging_text(forecast: Forecast) -> str:
    """Return a sentence like “3 credits will age out by June 2027 and 12 in all by March 2030.”"""
    if not forecast.ages_out or forecast.days_left <= 0:
        return ""
    first = f"{forecast.ages_out[0][0]:%B %Y}"
    last = f"{forecast.ages_out[-1][0]:%B %Y}"
    soon = sum((amount for day, amount in forecast.ages_out if f"{day:%B %Y}" == first), ZERO)
    text = f"{format_credits(soon)} will age out by {first}"
    if last == first:
        return f"{text}."
    every = sum((amount for _, amount in forecast.ages_out), ZERO)
    return f"{text} and {format_amount(every)} in all by {last}."
