"""What deserves a second look in a record before it is sent: told to the person and to staff."""

from typing import NamedTuple

from credits import checks
from credits.enums import RemarkKind
from credits.models import Claim
from tracks.certification.record import Record
from tracks.counting import queries as counting_queries

WAITS = "You can send your record now; it is reviewed once staff have decided about this training."
ADVICE = {
    RemarkKind.SAME: "If it is the same training, take one of the two back before you send this.",
    RemarkKind.OVERLAP: "If you were at both in part, say so in the note; else take one back.",
    RemarkKind.MANY: "If that is right, say so in the note.",
}


class Remark(NamedTuple):
    """A sentence about a claim that is counted, and what the person may do."""

    claim_id: int
    text: str
    advice: str


def undecided(claim: Claim) -> str:
    """That staff have to decide about the claim's event first."""
    return f"“{claim.event.title}” waits for a decision of staff."


def remarked(claim: Claim, remark: checks.Remark) -> str:
    """What automatic care remarks about the claim, with the training it is about."""
    return f"“{claim.event.title}”: {remark.text}"


def remarks_of(record: Record) -> list[Remark]:
    """What automatic care remarks about the claims that are counted, and what staff have not
    decided about yet, that first. Four queries."""
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in record["lines"]})
        .select_related("event")
        .order_by("pk")
    )
    found = [
        Remark(claim.pk, undecided(claim), WAITS)
        for claim in claims
        if counting_queries.is_unproven(claim)
    ]
    remarks = checks.remarks_for(claims)
    for claim in claims:
        for each in remarks.get(claim.pk, []):
            found.append(Remark(claim.pk, remarked(claim, each), ADVICE[each.kind]))
    return found
