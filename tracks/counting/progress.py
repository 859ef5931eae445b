"""Progress toward a certification. Plain arithmetic, no database.

Minimums are filled first; everything above a minimum is elective (State Library rules).
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

from events.models import Category
from tracks.models import RuleSet

ZERO = Decimal(0)


class DatedCredit(NamedTuple):
    """Credits in one category earned on one day."""

    earned_on: dt.date
    category_id: int
    amount: Decimal


@dataclasses.dataclass(frozen=True)
class ProgressLine:
    """Credits earned in one category, and its minimum."""

    category: Category
    earned: Decimal
    minimum: Decimal

    @property
    def toward_minimum(self) -> Decimal:
        return min(self.earned, self.minimum)

    @property
    def elective(self) -> Decimal:
        return self.earned - self.toward_minimum

    @property
    def missing(self) -> Decimal:
        return self.minimum - self.toward_minimum


@dataclasses.dataclass(frozen=True)
class Progress:
    """Progress in each category of a rule set, and the total it requires, in credits."""

    lines: list[ProgressLine]
    total: Decimal

    @property
    def elective_required(self) -> Decimal:
        return self.total - sum((line.minimum for line in self.lines), ZERO)

    @property
    def elective_earned(self) -> Decimal:
        """Elective credits that count; surplus beyond the total does not."""
        return min(sum((line.elective for line in self.lines), ZERO), self.elective_required)

    @property
    def elective_missing(self) -> Decimal:
        return self.elective_required - self.elective_earned

    @property
    def earned(self) -> Decimal:
        """All credits, whether needed or not."""
        return sum((line.earned for line in self.lines), ZERO)

    @property
    def counted(self) -> Decimal:
        return sum((line.toward_minimum for line in self.lines), ZERO) + self.elective_earned

    @property
    def missing(self) -> Decimal:
        return self.total - self.counted

    @property
    def is_complete(self) -> bool:
        return self.missing == 0

    def with_earned(self, earned: Mapping[int, Decimal]) -> "Progress":
        """Return the same requirements with different credits (by category id)."""
        lines = [
            dataclasses.replace(line, earned=earned.get(line.category.pk, ZERO))
            for line in self.lines
        ]
        return Progress(lines, self.total)


def measure_progress(rule_set: RuleSet, earned: Mapping[int, Decimal]) -> Progress:
    """Measure credits (by category id) against a rule set.

    Takes no query if the requirements are prefetched with their categories.
    """
    lines = [
        ProgressLine(line.category, earned.get(line.category_id, ZERO), line.minimum)
        for line in rule_set.requirements.all()
    ]
    return Progress(lines, rule_set.total)


def credits_needed(
    lines: Iterable[tuple[int, int, Decimal]],
    *,
    minimums: Mapping[int, Decimal],
    total: Decimal,
) -> set[int]:
    """Return the ids of the credits that a certificate counts; the others are surplus.

    `lines` are (id, category id, amount), earliest first. The earliest credits fill the minimums;
    then the earliest of the others count up to the total. A credit counts in full or not at all,
    so the sum can exceed the total slightly.
    """
    needed: set[int] = set()
    sums: dict[int, Decimal] = dict.fromkeys(minimums, ZERO)
    lines = list(lines)
    for pk, category, amount in lines:
        if sums[category] < minimums[category]:
            needed.add(pk)
            sums[category] += amount
    counted = sum(sums.values(), ZERO)
    for pk, _, amount in lines:
        if counted >= total:
            break
        if pk not in needed:
            needed.add(pk)
            counted += amount
    return needed


class Amount(Protocol):
    """Anything with a category and an amount, such as a credit."""

    @property
    def category_id(self) -> int: ...

    @property
    def amount(self) -> Decimal: ...


def sum_by_category(credits: Iterable[Amount]) -> dict[int, Decimal]:
    """Sum the amounts by category id."""
    sums: dict[int, Decimal] = {}
    for credit in credits:
        sums[credit.category_id] = sums.get(credit.category_id, ZERO) + credit.amount
    return sums
