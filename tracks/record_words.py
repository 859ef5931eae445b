"""A record as its pages show it: lines by CE category with sums, all in words."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone

from aspen import formats
from credits.enums import ClaimRole
from events.models import Category
from tracks import record
from tracks.models import Verification
from tracks.progress import ZERO
from tracks.record import Record, RecordLine

# A line as it was when a supervisor verified its year, by the credit's id.
Verified = Mapping[int, tuple[dict[str, Any], Verification]]


def groups(
    made: Record, categories: Iterable[Category], verified: Verified
) -> list[dict[str, Any]]:
    """What a record counts, by category in the given order; those without a line are left out.

    A line that was verified with its year, and is unchanged since, says by whom.
    """
    lines = record.lines(made)
    minimums = {each["slug"]: Decimal(each["minimum"]) for each in made["categories"]}
    found = []
    for category in categories:
        own = [line for line in lines if line.slug == category.slug]
        if own:
            total = sum((line.amount for line in own), ZERO)
            found.append(
                {
                    "category": category,
                    "total": formats.credits(total),
                    "minimum": formats.amount(minimums.get(category.slug, ZERO)),
                    "has_minimum": bool(minimums.get(category.slug)),
                    "rows": [_row(line, verified) for line in own],
                }
            )
    return found


def surplus(made: Record) -> list[dict[str, Any]]:
    """What a record has beyond what it counts."""
    return [_row(line, {}) for line in record.lines(made, "surplus")]


def total(made: Record) -> str:
    return formats.credits(record.counted(made))


def _row(line: RecordLine, verified: Verified) -> dict[str, Any]:
    return {
        "claim_id": line.claim_id,
        "title": line.title,
        "sponsor": line.sponsor,
        "role": ClaimRole.PRESENTER.label if line.role == ClaimRole.PRESENTER else "",
        "earned_on": formats.day(line.earned_on),
        "category": line.category,
        "amount": formats.amount(line.amount),
        "verified": _verified(line, verified),
    }


def _verified(line: RecordLine, verified: Verified) -> str:
    before, verification = verified.get(line.credit_id, (None, None))
    if before is None or verification is None or verification.answered_at is None:
        return ""
    if (Decimal(before["amount"]), before["slug"]) != (line.amount, line.slug):
        return ""
    day = formats.day(timezone.localdate(verification.answered_at))
    return f"Verified by {verification.supervisor_name} on {day}"
