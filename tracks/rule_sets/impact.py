"""How a rule set would affect the people who now follow its track, whichever rules they follow."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from statistics import median_low
from typing import NamedTuple

from aspen.formats import format_credits
from tracks.counting import queries as counting_queries
from tracks.counting.progress import Progress, measure_progress
from tracks.enums import ParticipationState
from tracks.models import Participation, RuleSet


class ImpactRow(NamedTuple):
    """The number of open participations that are complete under their current and the new rules.

    `median_missing` is the median number of credits missing where the new rules are not met.
    """

    rule_set: str
    participations: int
    complete_now: int
    complete_then: int
    median_missing: Decimal | None

    def missing_text(self) -> str:
        return format_credits(self.median_missing) if self.median_missing else ""


class RuleSetImpact(NamedTuple):
    """The impact on all open participations in a track: in total and by current rule set."""

    total: ImpactRow
    rows: list[ImpactRow]


def rule_set_impact(rule_set: RuleSet, on: dt.date) -> RuleSetImpact:
    """Compute the impact of a stored rule set if all open participations switched to it.

    The participations keep their periods. Always six queries.
    """
    participations = list(
        Participation.objects.filter(track=rule_set.track_id, state=ParticipationState.OPEN)
        .select_related("rule_set")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .order_by("rule_set__valid_from", "rule_set", "pk")
    )
    # The stored rule set may have changed since it was read.
    [rule_set] = counting_queries.rule_sets().filter(pk=rule_set.pk)
    current = {each.rule_set_id: each.rule_set for each in participations}
    earned_now = counting_queries.earned_by_category(participations, on)
    earned_then = counting_queries.earned_under(rule_set, on)
    current_rules = {pk: measure_progress(each, {}) for pk, each in current.items()}
    new_rules = measure_progress(rule_set, {})
    measured: dict[int, list[tuple[Progress, Progress]]] = defaultdict(list)
    for each in participations:
        now = current_rules[each.rule_set_id].with_earned(earned_now.get(each.pk, {}))
        then = new_rules.with_earned(earned_then.get(each.pk, {}))
        measured[each.rule_set_id].append((now, then))
    rows = [_row(current[pk].name, pairs) for pk, pairs in measured.items()]
    total = _row("All", [pair for pairs in measured.values() for pair in pairs])
    return RuleSetImpact(total, rows)


def _row(name: str, pairs: list[tuple[Progress, Progress]]) -> ImpactRow:
    missing = [then.missing for _, then in pairs if not then.is_complete]
    return ImpactRow(
        rule_set=name,
        participations=len(pairs),
        complete_now=sum(now.is_complete for now, _ in pairs),
        complete_then=len(pairs) - len(missing),
        median_missing=median_low(missing) if missing else None,
    )
