"""What is sent for a certificate and what a certificate counted: facts of one day, kept as JSON.

A record does not change when its credits do (what a certificate counted stays readable as it was).
Amounts are credits as texts ("1.5"), days are ISO dates.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from aspen.formats import format_amount, format_credits, format_day
from aspen.web.labels import Label
from tracks.counting import queries as counting_queries
from tracks.counting.progress import (
    ZERO,
    credits_needed,
    sum_by_category,
)
from tracks.enums import ANSWER_LABELS, VerificationAnswer
from tracks.models import Participation, Verification

if TYPE_CHECKING:
    from credits.queries import EarnedCredit

from collections.abc import Mapping

from django.utils import timezone

from credits.enums import ClaimRole
from events.models import Category

RecordData = dict[str, Any]


class RecordLine(NamedTuple):
    """A line of a record, with words and figures in place of texts."""

    credit_id: int
    claim_id: int
    title: str
    sponsor: str
    earned_on: dt.date
    category: str
    slug: str
    amount: Decimal
    role: str


def make_record(participation: Participation, on: dt.date) -> RecordData:
    """The record of a participation on a day: what it counts, and what it has beyond that.

    Two queries besides the rule set's requirements, where those are not at hand.
    """
    rule_set = participation.rule_set
    credits = list(counting_queries.counting_credits(participation, on))
    requirements = list(rule_set.requirements.all())
    minimums = {line.category_id: line.minimum for line in requirements}
    counted = credits_needed(
        [(credit.pk, credit.category_id, credit.amount) for credit in credits],
        minimums=minimums,
        total=rule_set.total,
    )
    sums = sum_by_category(credit for credit in credits if credit.pk in counted)
    return {
        "track": str(participation.track),
        "rule_set": rule_set.name,
        "source": rule_set.source,
        "measured_on": on.isoformat(),
        "total": str(rule_set.total),
        "years": rule_set.years,
        "categories": [
            {
                "name": line.category.name,
                "slug": line.category.slug,
                "minimum": str(line.minimum),
                "counted": str(sums.get(line.category_id, ZERO)),
            }
            for line in requirements
        ],
        "lines": [_line(credit) for credit in credits if credit.pk in counted],
        "surplus": [_line(credit) for credit in credits if credit.pk not in counted],
    }


def record_of_year(participation: Participation, year: int, on: dt.date) -> RecordData:
    """What a participation counts of one calendar year, for a supervisor who verifies by year."""
    record = make_record(participation, on)
    every = [*record["lines"], *record["surplus"]]
    own = [line for line in every if line["earned_on"].startswith(f"{year}-")]
    own.sort(key=lambda line: (line["earned_on"], line["credit"]))
    return record | {"lines": own, "surplus": [], "categories": []}


def record_lines(record: RecordData, part: str = "lines") -> list[RecordLine]:
    """What a record counts ("lines") or has beyond that ("surplus"), in the order of earning."""
    return [
        RecordLine(
            credit_id=line["credit"],
            claim_id=line["claim"],
            title=line["title"],
            sponsor=line["sponsor"],
            earned_on=dt.date.fromisoformat(line["earned_on"]),
            category=line["category"],
            slug=line["slug"],
            amount=Decimal(line["amount"]),
            role=line["role"],
        )
        for line in record[part]
    ]


def record_fingerprint(record: RecordData) -> str:
    """What changes when a record counts something else, or otherwise; the day on which it was made
    does not matter."""
    names = ("credit", "amount", "slug", "earned_on")
    facts = [[line[name] for name in names] for line in record["lines"]]
    told = json.dumps([record["rule_set"], record["total"], facts])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def counted_credits(record: RecordData) -> Decimal:
    """The credits a record counts."""
    return sum((Decimal(line["amount"]) for line in record["lines"]), ZERO)


def required_credits(record: RecordData) -> Decimal:
    """The credits that its rule set asks for."""
    return Decimal(record["total"])


def verified_lines(verifications: Iterable[Verification]) -> dict[int, tuple[Any, Verification]]:
    """Credits that a supervisor has verified before, by id: the line as it was, and by whom."""
    return {
        line["credit"]: (line, verification)
        for verification in verifications
        for line in verification.record["lines"]
    }


def why_changed(record: RecordData, credits: Iterable["EarnedCredit"]) -> str:
    """The first of these credits that is no longer what the record counts, in words; or nothing.

    `credits` are those that are posted still, as they are now; only the record's own matter. The
    day matters too: a credit counts only in the years before the record was made.
    """
    now = {credit.pk: credit for credit in credits}
    for line in record["lines"]:
        credit = now.get(line["credit"])
        if credit is None:
            return f"“{line['title']}” counts no longer."
        if (credit.category.slug, str(credit.amount)) != (line["slug"], line["amount"]):
            return (
                f"“{line['title']}” was {line['amount']} in {line['category']} and is "
                f"{credit.amount} in {credit.category} now."
            )
        if credit.earned_on.isoformat() != line["earned_on"]:
            before = format_day(dt.date.fromisoformat(line["earned_on"]))
            return (
                f"“{line['title']}” was earned on {before} and is dated "
                f"{format_day(credit.earned_on)} now."
            )
    return ""


def _line(credit: Any) -> dict[str, Any]:
    event = credit.claim.event
    return {
        "credit": credit.pk,
        "claim": credit.claim_id,
        "title": event.title,
        "sponsor": event.sponsor,
        "earned_on": credit.earned_on.isoformat(),
        "category": credit.category.name,
        "slug": credit.category.slug,
        "amount": str(credit.amount),
        "role": credit.claim.role,
    }


# A line as it was when a supervisor verified its year, by the credit's id.
VerifiedLines = Mapping[int, tuple[dict[str, Any], Verification]]


def category_groups(
    made: RecordData, categories: Iterable[Category], verified: VerifiedLines
) -> list[dict[str, Any]]:
    """What a record counts, by category in the given order; those without a line are left out.

    A line that was verified with its year, and is unchanged since, says by whom.
    """
    counted_lines = record_lines(made)
    minimums = {each["slug"]: Decimal(each["minimum"]) for each in made["categories"]}
    found = []
    for category in categories:
        own = [line for line in counted_lines if line.slug == category.slug]
        if own:
            total = sum((line.amount for line in own), ZERO)
            found.append(
                {
                    "category": category,
                    "total": format_credits(total),
                    "minimum": format_amount(minimums.get(category.slug, ZERO)),
                    "has_minimum": bool(minimums.get(category.slug)),
                    "rows": [_row(line, verified) for line in own],
                }
            )
    return found


def surplus_rows(made: RecordData) -> list[dict[str, Any]]:
    """What a record has beyond what it counts."""
    return [_row(line, {}) for line in record_lines(made, "surplus")]


def record_total(made: RecordData) -> str:
    return format_credits(counted_credits(made))


def _row(line: RecordLine, verified: VerifiedLines) -> dict[str, Any]:
    return {
        "claim_id": line.claim_id,
        "title": line.title,
        "sponsor": line.sponsor,
        "role": ClaimRole.PRESENTER.label if line.role == ClaimRole.PRESENTER else "",
        "earned_on": format_day(line.earned_on),
        "category": line.category,
        "amount": format_amount(line.amount),
        "verified": _verified(line, verified),
    }


def _verified(line: RecordLine, verified: VerifiedLines) -> Label | None:
    before, verification = verified.get(line.credit_id, (None, None))
    if before is None or verification is None or verification.answered_at is None:
        return None
    if (Decimal(before["amount"]), before["slug"]) != (line.amount, line.slug):
        return None
    day = format_day(timezone.localdate(verification.answered_at))
    text = f"Verified by {verification.supervisor_name} on {day}"
    return ANSWER_LABELS[VerificationAnswer.VERIFIED]._replace(text=text)
