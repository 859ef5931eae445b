"""What deserves a second look in a record before it is sent: told to the person and to staff."""

from typing import NamedTuple

from credits import checks
from credits.enums import CheckKind
from credits.models import Claim
from tracks.certification.record import RecordData
from tracks.counting import queries as counting_queries

WAITING_ADVICE = (
    "You can send your record now; it is reviewed once staff have decided about this training."
)
ADVICE_BY_KIND = {
    CheckKind.SAME: "If it is the same training, take one of the two back before you send this.",
    CheckKind.OVERLAP: "If you were at both in part, say so in the note; else take one back.",
    CheckKind.MANY: "If that is right, say so in the note.",
}


class RecordCheckResult(NamedTuple):
    """A sentence about a claim that is counted, and what the person may do."""

    claim_id: int
    text: str
    advice: str


def undecided_result(claim: Claim) -> str:
    """That staff have to decide about the claim's event first."""
    return f"“{claim.event.title}” waits for a decision of staff."


def record_check_result(claim: Claim, remark: checks.CheckResult) -> str:
    """What automatic care remarks about the claim, with the training it is about."""
    return f"“{claim.event.title}”: {remark.text}"


def check_record(record: RecordData) -> list[RecordCheckResult]:
    """What automatic care remarks about the claims that are counted, and what staff have not
    decided about yet, that first. Four queries."""
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in record["lines"]})
        .select_related("event")
        .order_by("pk")
    )
    found = [
        RecordCheckResult(claim.pk, undecided_result(claim), WAITING_ADVICE)
        for claim in claims
        if counting_queries.is_undecided(claim)
    ]
    remarks = checks.check_claims(claims)
    for claim in claims:
        for each in remarks.get(claim.pk, []):
            found.append(
                RecordCheckResult(
                    claim.pk, record_check_result(claim, each), ADVICE_BY_KIND[each.kind]
                )
            )
    return found
