"""Warnings about a record, shown to the person before submission and to staff during review."""

from typing import NamedTuple

from credits import checks
from credits.enums import CheckKind
from credits.models import Claim
from tracks.certification.record import RecordData
from tracks.counting import queries as counting_queries

WAITING_ADVICE = (
    "You can submit your record now, but it cannot be reviewed until staff decide on this training."
)
ADVICE_BY_KIND = {
    CheckKind.SAME: "If it is the same training, withdraw one of the claims before you submit.",
    CheckKind.AGAIN: "If you attended both, say in the note what was new.",
    CheckKind.OVERLAP: "If you attended part of each, say so in the note. Otherwise, withdraw one.",
    CheckKind.MANY: "If this is correct, say so in the note.",
}


class RecordWarning(NamedTuple):
    """A warning about a counted claim, with advice for the person."""

    claim_id: int
    text: str
    advice: str


def undecided_warning(claim: Claim) -> str:
    return f"“{claim.event.title}” is waiting for a staff decision."


def check_warning(claim: Claim, result: checks.CheckResult) -> str:
    return f"“{claim.event.title}”: {result.text}"


def check_record(record: RecordData) -> list[RecordWarning]:
    """Return the warnings about the counted claims, undecided claims first. Takes four queries."""
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in record["lines"]})
        .select_related("event")
        .order_by("pk")
    )
    warnings = [
        RecordWarning(claim.pk, undecided_warning(claim), WAITING_ADVICE)
        for claim in claims
        if counting_queries.is_undecided(claim)
    ]
    results = checks.check_claims(claims)
    return warnings + [
        RecordWarning(claim.pk, check_warning(claim, each), ADVICE_BY_KIND[each.kind])
        for claim in claims
        for each in results.get(claim.pk, [])
    ]
