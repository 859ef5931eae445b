"""Why a credit does not count, in words. The same rule as queries.eligible()."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils.dateformat import format as format_date

from aspen.clock import today, years_before
from credits.enums import ENDED, ClaimState
from tracks.models import Participation

if TYPE_CHECKING:
    from credits.queries import EarnedCredit


def why_not_posted(credit: "EarnedCredit", participation: Participation) -> str | None:
    """The first reason why `credit` is not eligible for `participation`, or None when it is.

    The credit carries `earned_on`, its claim and event; the rule set its requirements. No query.
    """
    claim = credit.claim
    rule_set = participation.rule_set
    earned_on = credit.earned_on
    if claim.state in ENDED:
        return f"{ClaimState(claim.state).label}: {claim.reason}"
    if credit.withdrawn_at:
        return f"Taken out: {credit.withdrawn_why}"
    if earned_on < participation.counts_from:
        return f"Earned before {_day(participation.counts_from)}, the first day that counts."
    if earned_on > participation.closes_on:
        return f"Earned after {_day(participation.closes_on)}, the last day that counts."
    if credit.category_id not in {line.category_id for line in rule_set.requirements.all()}:
        return "This track does not count this category."
    if rule_set.catalogue_only and not claim.event.in_catalogue:
        return "This track counts only training from the State Library's own catalog."
    return None


def why_aged_out(credit: "EarnedCredit", participation: Participation) -> str | None:
    """Why a posted credit no longer counts today, or None while it does. No query."""
    first = years_before(today(), participation.rule_set.years)
    if credit.earned_on >= first:
        return None
    return f"Earned before {_day(first)}: it has aged out and no longer counts."


def _day(day: dt.date) -> str:
    return format_date(day, "F j, Y")
