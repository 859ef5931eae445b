"""Replacing claims' credit lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from credits import rules
from credits.actions.store import announce_credits_changed
from credits.enums import ClaimRole
from credits.models import Claim, Credit
from credits.signals import PostingChanges

Offers = Mapping[int, Decimal]


class RewriteResult(NamedTuple):
    """The changed claims' credits before and after, by claim id, and the changes to postings."""

    before: dict[int, list[Credit]]
    after: dict[int, list[Credit]]
    postings: PostingChanges


class _Plan:
    """Collects the credit lines to change, withdraw and add."""

    def __init__(self) -> None:
        self.changed: dict[tuple[int, Decimal], list[Credit]] = defaultdict(list)
        self.surplus: list[Credit] = []
        self.added: list[Credit] = []

    def add(self, claim: Claim, lines: Sequence[Credit], offers: Offers) -> None:
        """Plan one claim's changes. Reuse surplus lines for missing categories where possible."""
        missing = dict(offers)
        spare = []
        for line in (each for each in lines if each.withdrawn_at is None):
            amount = missing.pop(line.category_id, None)
            if amount is None:
                spare.append(line)
            elif amount != line.amount:
                self.changed[line.category_id, amount].append(line)
        for line in spare:
            if missing:
                category_id = next(iter(missing))
                self.changed[category_id, missing.pop(category_id)].append(line)
            else:
                self.surplus.append(line)
        last = max((line.line for line in lines), default=0)
        for number, (category_id, amount) in enumerate(missing.items(), last + 1):
            self.added.append(
                Credit(
                    claim=claim,
                    person_id=claim.person_id,
                    line=number,
                    category_id=category_id,
                    amount=amount,
                )
            )


def set_credit_lines(
    claims: Sequence[Claim], offers: Offers, *, reason: str, by: User
) -> RewriteResult:
    """Give each claim exactly these amounts by category id, doubled for presenters.

    Add missing lines, and withdraw surplus lines with the reason. Idempotent. Takes at most five
    statements, plus two per category. The caller must hold the locks on the event and the people.
    """
    before = _lines_of(claims)
    plan = _Plan()
    for claim in claims:
        factor = rules.ROLE_FACTORS[ClaimRole(claim.role)]
        plan.add(claim, before[claim.pk], {key: factor * amount for key, amount in offers.items()})
    for (category_id, amount), lines in plan.changed.items():
        Credit.objects.filter(pk__in=_ids(lines)).update(category=category_id, amount=amount)
    if plan.surplus:
        Credit.objects.filter(pk__in=_ids(plan.surplus)).update(
            withdrawn_at=timezone.now(), withdrawn_by=by, withdrawn_reason=reason
        )
    added = Credit.objects.bulk_create(plan.added)
    changed = [line for lines in plan.changed.values() for line in lines]
    touched = [*changed, *plan.surplus, *added]
    changed_ids = {credit.claim_id for credit in touched}
    after = _lines_of([claim for claim in claims if claim.pk in changed_ids])
    return RewriteResult(
        before={claim_id: _remaining(before[claim_id]) for claim_id in after},
        after={claim_id: _remaining(lines) for claim_id, lines in after.items()},
        postings=announce_credits_changed(touched) if touched else PostingChanges(),
    )


def _ids(credits: Iterable[Credit]) -> list[int]:
    return [credit.pk for credit in credits]


def _lines_of(claims: Sequence[Claim]) -> dict[int, list[Credit]]:
    """Return these claims' credit lines, including withdrawn ones, by claim id. One query."""
    lines: dict[int, list[Credit]] = {claim.pk: [] for claim in claims}
    for credit in Credit.objects.filter(claim__in=claims).order_by("claim", "line"):
        lines[credit.claim_id].append(credit)
    return lines


def _remaining(lines: Iterable[Credit]) -> list[Credit]:
    return [line for line in lines if line.withdrawn_at is None]
