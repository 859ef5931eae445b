"""The record behind a certificate: the credits that counted on one day, as JSON.

A record does not change when its credits do. Amounts are strings ("1.5") and days are ISO dates.
"""

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import prefetch_related_objects
from django.utils import timezone

from aspen.formats import format_amount, format_credits, format_day
from aspen.web.labels import Label
from credits.enums import ClaimRole
from events.models import Category
from tracks.counting import queries as counting_queries
from tracks.counting.progress import ZERO, credits_needed, sum_by_category
from tracks.enums import ANSWER_LABELS, VerificationAnswer
from tracks.models import Participation, Verification

if TYPE_CHECKING:
    from credits.queries import EarnedCredit

RecordData = dict[str, Any]
# The lines that supervisors verified, each with its verification, by credit id.
VerifiedLines = Mapping[int, tuple[dict[str, Any], Verification]]


class RecordLine(NamedTuple):
    """A line of a record with its JSON values parsed."""

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
    """Make the record of a participation on a day, with needed and surplus credits.

    Takes two queries, plus one for the rule set's requirements unless they are prefetched.
    """
    prefetch_related_objects([participation], counting_queries.REQUIREMENTS)
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
    """Make the record of a single calendar year, for a supervisor to verify."""
    record = make_record(participation, on)
    lines = [
        line
        for line in (*record["lines"], *record["surplus"])
        if line["earned_on"].startswith(f"{year}-")
    ]
    lines.sort(key=lambda line: (line["earned_on"], line["credit"]))
    return record | {"lines": lines, "surplus": [], "categories": []}


def record_lines(record: RecordData, part: str = "lines") -> list[RecordLine]:
    """Return the counted ("lines") or "surplus" lines of a record, in the order earned."""
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
    """Return a hash of the rules and the counted lines. The record's day does not affect it."""
    names = ("credit", "amount", "slug", "earned_on")
    lines = [[line[name] for name in names] for line in record["lines"]]
    content = json.dumps([record["rule_set"], record["total"], lines])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def measured_on(record: RecordData) -> dt.date:
    """Return the day on which the record was measured, which is the day it was sent."""
    return dt.date.fromisoformat(record["measured_on"])


def is_complete(record: RecordData) -> bool:
    """Return whether the counted lines meet all requirements."""
    return counted_credits(record) >= required_credits(record) and all(
        Decimal(category["counted"]) >= Decimal(category["minimum"])
        for category in record["categories"]
    )


def counted_credits(record: RecordData) -> Decimal:
    return sum((Decimal(line["amount"]) for line in record["lines"]), ZERO)


def required_credits(record: RecordData) -> Decimal:
    return Decimal(record["total"])


def verified_lines(verifications: Iterable[Verification]) -> dict[int, tuple[Any, Verification]]:
    """Return the lines that supervisors verified, each with its verification, by credit id."""
    return {
        line["credit"]: (line, verification)
        for verification in verifications
        for line in verification.record["lines"]
    }


def describe_change(record: RecordData, credits: Iterable["EarnedCredit"]) -> str:
    """Describe the first line of the record that has changed, or return an empty string.

    `credits` are the credits that are still posted, as they are now. A different day is a change
    because credits count only for a certain number of years.
    """
    now = {credit.pk: credit for credit in credits}
    for line in record["lines"]:
        credit = now.get(line["credit"])
        if credit is None:
            return f"“{line['title']}” no longer counts."
        if (credit.category.slug, str(credit.amount)) != (line["slug"], line["amount"]):
            return (
                f"“{line['title']}” earned {format_credits(Decimal(line['amount']))} in "
                f"{line['category']} and now earns {format_credits(credit.amount)} in "
                f"{credit.category}."
            )
        if credit.earned_on.isoformat() != line["earned_on"]:
            before = format_day(dt.date.fromisoformat(line["earned_on"]))
            return (
                f"The credit for “{line['title']}” was dated {before} and is now dated "
                f"{format_day(credit.earned_on)}."
            )
    return ""


def describe_difference(before: RecordData, after: RecordData) -> str:
    """Describe how the counted lines differ, or return an empty string.

    For example, "2 credits moved from Technology to Library Administration; still complete."
    """
    old = {line.credit_id: line for line in record_lines(before)}
    new = {line.credit_id: line for line in record_lines(after)}
    moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    parts = []
    for credit_id, was in old.items():
        now = new.get(credit_id)
        if now is None:
            parts.append(f"“{was.title}” ({_credit(was)}) is no longer in the record")
            continue
        if now.slug != was.slug and now.amount == was.amount:
            moved[was.category, now.category] += now.amount
        elif (now.slug, now.amount) != (was.slug, was.amount):
            parts.append(f"“{now.title}” earns {_credit(now)} instead of {_credit(was)}")
        if now.earned_on != was.earned_on:
            days = format_day(now.earned_on), format_day(was.earned_on)
            parts.append(f"“{now.title}” is dated {days[0]} instead of {days[1]}")
    parts += [
        f"“{line.title}” ({_credit(line)}) is now in the record"
        for credit_id, line in new.items()
        if credit_id not in old
    ]
    parts = [
        f"{format_credits(amount)} moved from {start} to {end}"
        for (start, end), amount in moved.items()
    ] + parts
    if not parts:
        return ""
    return f"{'; '.join([*parts, 'still complete' if is_complete(after) else 'incomplete'])}."


def _credit(line: RecordLine) -> str:
    return f"{format_credits(line.amount)} in {line.category}"


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


class RecordRow(NamedTuple):
    """A line of a record, as text for a page."""

    claim_id: int
    title: str
    sponsor: str
    role: str
    earned_on: str
    category: str
    amount: str
    verified: Label | None


class RecordGroup(NamedTuple):
    """The counted lines of a category. `minimum` is empty if there is none."""

    category: Category
    total: str
    minimum: str
    rows: list[RecordRow]


class RecordPage(NamedTuple):
    """A record for display, with its lines by category. Empty categories are omitted.

    `earned` is `total`, what the certificate counts, and the surplus. `trainings` is the number of
    trainings counted.
    """

    groups: list[RecordGroup]
    surplus: list[RecordRow]
    trainings: int
    earned: str
    total: str
    required: str
    fingerprint: str


def record_page(
    record: RecordData, categories: Iterable[Category], verified: VerifiedLines | None = None
) -> RecordPage:
    """Return the record for display, with its categories in the given order.

    Lines that were verified with their year and have not changed since are labeled as verified.
    """
    minimums = {each["slug"]: Decimal(each["minimum"]) for each in record["categories"]}
    counted_lines, groups = record_lines(record), []
    for category in categories:
        lines = [line for line in counted_lines if line.slug == category.slug]
        if lines:
            minimum = minimums.get(category.slug, ZERO)
            groups.append(
                RecordGroup(
                    category=category,
                    total=format_credits(sum((line.amount for line in lines), ZERO)),
                    minimum=format_amount(minimum) if minimum else "",
                    rows=[_row(line, verified or {}) for line in lines],
                )
            )
    surplus = record_lines(record, "surplus")
    return RecordPage(
        groups=groups,
        surplus=[_row(line, {}) for line in surplus],
        trainings=len({line.claim_id for line in counted_lines}),
        earned=format_credits(sum((line.amount for line in (*counted_lines, *surplus)), ZERO)),
        total=record_total(record),
        required=format_credits(required_credits(record)),
        fingerprint=record_fingerprint(record),
    )


def record_total(record: RecordData) -> str:
    return format_credits(counted_credits(record))


def _row(line: RecordLine, verified: VerifiedLines) -> RecordRow:
    return RecordRow(
        claim_id=line.claim_id,
        title=line.title,
        sponsor=line.sponsor,
        role=ClaimRole.PRESENTER.label if line.role == ClaimRole.PRESENTER else "",
        earned_on=format_day(line.earned_on),
        category=line.category,
        amount=format_amount(line.amount),
        verified=_verified_label(line, verified),
    )


def _verified_label(line: RecordLine, verified: VerifiedLines) -> Label | None:
    before, verification = verified.get(line.credit_id, (None, None))
    if before is None or verification is None or verification.answered_at is None:
        return None
    if (Decimal(before["amount"]), before["slug"]) != (line.amount, line.slug):
        return None
    day = format_day(timezone.localdate(verification.answered_at))
    text = f"Verified by {verification.supervisor_name} on {day}"
    return ANSWER_LABELS[VerificationAnswer.VERIFIED]._replace(text=text)
