"""Why a credit does not count: the reasons behind the rule in queries.eligible()."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.utils.dateformat import format as format_date

from aspen.clock import today, years_after
from credits.enums import ENDED, ClaimState
from credits.rules import counted_catalog_years
from tracks.enums import ParticipationState
from tracks.models import Participation

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit, RecordedIn

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
    if certificate := certificate_recording(credit, participation):
        if certificate["participation"] in credit.posted_in:
            return f"Already counted toward certificate {certificate['number']}."
        return (
            f"Already in the record for certificate {certificate['number']}, so it does not count "
            "again."
        )
    if earned_on < participation.counts_from:
        if before := participation.follows:
            return (
                f"Earned before {_day(participation.counts_from)}, when the record for certificate "
                f"{before.number} was sent."
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


def certificate_recording(
    credit: "PostedCredit", participation: Participation
) -> "RecordedIn | None":
    """Return this track's certificate whose record already has the credit, or None.

    None for a certified period, because its own certificate does not rule the credit out.
    """
    if participation.state == ParticipationState.CERTIFIED:
        return None
    for certificate in credit.recorded_in:
        if certificate["track"] == participation.track_id:
            return certificate
    return None


def was_surplus(credit: "PostedCredit", participation: Participation) -> bool:
    """Return whether the certificate of a certified period has the credit as surplus."""
    recorded_in = [certificate["participation"] for certificate in credit.recorded_in]
    return participation.pk in recorded_in and participation.pk not in credit.posted_in


def why_not_in_sent_record(credit: "PostedCredit", participation: Participation) -> str | None:
    """Return why a credit posted to a participation is not counted in its submitted record.

    Returns None if the record counts the credit or has not been submitted yet. The participation
    must come from queries.active_or_certified_participations(). Runs no queries.
    """
    record = participation.sent_record
    if record is None or credit.pk in _credits_in(record, "lines"):
        return None
    measured_on = dt.date.fromisoformat(record["measured_on"])
    if credit.pk in _credits_in(record, "surplus"):
        return f"Surplus in the record you sent on {_day(measured_on)}."
    if credit.earned_on < measured_on:
        return f"Not in the record you sent on {_day(measured_on)}."
    return (
        f"Not in the record you sent on {_day(measured_on)}. It will count in the next period, "
        "which starts with your certificate."
    )


def _credits_in(record: dict[str, Any], part: str) -> set[int]:
    return {line["credit"] for line in record[part]}


def why_aged_out(credit: "PostedCredit", participation: Participation) -> str | None:
    """Return why a posted credit no longer counts today, or None if it does. No query."""
    first = participation.rule_set.counts_since(today())
    if credit.earned_on >= first:
        return None
    return f"Earned before {_day(first)}, so it has aged out and no longer counts."


def _day(day: dt.date) -> str:
    return format_date(day, "F j, Y")
