"""Why a credit does not count: the reasons behind the rule in queries.eligible()."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils.dateformat import format as format_date

from aspen.clock import today, years_after
from credits.enums import ENDED, ClaimState
from credits.rules import counted_catalog_years
from tracks.enums import ParticipationState
from tracks.models import Participation

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

# Tracks are identified by their name, which no page can change.
DIRECTOR_TRACK = "Library Director"
# New directors have four years to become certified (State Library).
DIRECTOR_YEARS = 4


def directors_deadline(since: dt.date) -> dt.date:
    """Return the day by which a director who started on `since` must be certified."""
    return years_after(since, DIRECTOR_YEARS)


def why_not_posted(credit: "PostedCredit", participation: Participation) -> str | None:
    """Return the first reason why `credit` is not eligible for `participation`, or None.

    Takes no query if the credit comes from credits_with_postings() and the requirements are
    prefetched.
    """
    claim = credit.claim
    rule_set = participation.rule_set
    earned_on = credit.earned_on
    if claim.state in ENDED:
        return f"{ClaimState(claim.state).label}: {claim.reason}"
    if credit.withdrawn_at:
        return f"Credit withdrawn: {credit.withdrawn_reason}"
    if number := certificate_of(credit, participation):
        return f"Already counted toward certificate {number}."
    if earned_on < participation.counts_from:
        if before := participation.follows:
            return (
                f"Earned before {_day(participation.counts_from)}. Certificate {before.number} was "
                f"issued on {_day(before.issued_on)}, and only credits earned after that day count "
                "toward the next one."
            )
        return f"Earned before {_day(participation.counts_from)}, the first day that counts."
    if earned_on > participation.closes_on:
        return f"Earned after {_day(participation.closes_on)}, the last day that counts."
    if credit.category_id not in {line.category_id for line in rule_set.requirements.all()}:
        return "This track does not count this category."
    years = counted_catalog_years(claim, earned_on)
    if rule_set.catalog_only and years.isdisjoint(credit.catalog_years):
        return (
            "This track counts only training that was in the State Library's course catalog in "
            f"fiscal year {' or '.join(map(str, sorted(years)))}."
        )
    return None


def certificate_of(credit: "PostedCredit", participation: Participation) -> str:
    """Return the number of this track's certificate that already counts the credit, or "".

    Always "" for a certified period, because its own certificate does not rule the credit out.
    """
    if participation.state == ParticipationState.CERTIFIED:
        return ""
    for counted in credit.counted_in:
        track_id, _, number = counted.partition(" ")
        if int(track_id) == participation.track_id:
            return number
    return ""


def was_surplus(credit: "PostedCredit", participation: Participation) -> bool:
    """Return whether a certified period could have counted the credit but did not need it."""
    issued_on = participation.certified_on
    return (
        issued_on is not None
        and credit.earned_on <= issued_on
        and not why_not_posted(credit, participation)
    )


def why_aged_out(credit: "PostedCredit", participation: Participation) -> str | None:
    """Return why a posted credit no longer counts today, or None if it does. No query."""
    first = participation.rule_set.counts_since(today())
    if credit.earned_on >= first:
        return None
    return f"Earned before {_day(first)}, so it has aged out and no longer counts."


def _day(day: dt.date) -> str:
    return format_date(day, "F j, Y")
