"""The impact of a rule set on the people who follow its track now, whatever their rules."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from statistics import median_low
from typing import NamedTuple

from tracks.counting import queries as counting_queries
from tracks.counting.progress import Progress, measure_progress
from tracks.enums import ParticipationState
from tracks.models import Participation, RuleSet


class RuleSetImpact(NamedTuple):
    """Open participations of a track, in all or under one rule set: how many are complete.

    `misses` is the median number of credits missing in those that would not be complete.
    """

    rule_set: str
    number: int
    complete_now: int
    complete_then: int
    misses: Decimal | None


def rule_set_impact(rule_set: RuleSet, on: dt.date) -> tuple[RuleSetImpact, list[RuleSetImpact]]:
    """The impact on all open participations of the track, and by their present rules.

    The rule set and its requirements are stored. Periods stay as they are. Six queries, however
    many participations.
    """
    following = list(
        Participation.objects.filter(track=rule_set.track_id, state=ParticipationState.OPEN)
        .select_related("rule_set")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .order_by("rule_set__valid_from", "rule_set", "pk")
    )
    # The stored rule set may have changed since it was read.
    [rule_set] = counting_queries.rule_sets().filter(pk=rule_set.pk)
    present = {each.rule_set_id: each.rule_set for each in following}
    now = counting_queries.earned_by_category(following, on)
    then = counting_queries.earned_under(rule_set, on)
    own = {pk: measure_progress(each, {}) for pk, each in present.items()}
    new = measure_progress(rule_set, {})
    measured: dict[int, list[tuple[Progress, Progress]]] = defaultdict(list)
    for each in following:
        before = own[each.rule_set_id].with_earned(now.get(each.pk, {}))
        measured[each.rule_set_id].append((before, new.with_earned(then.get(each.pk, {}))))
    rows = [_row(present[pk].name, pairs) for pk, pairs in measured.items()]
    return _row("All", [pair for pairs in measured.values() for pair in pairs]), rows


def _row(name: str, pairs: list[tuple[Progress, Progress]]) -> RuleSetImpact:
    missing = [then.missing for _, then in pairs if not then.is_complete]
    return RuleSetImpact(
        rule_set=name,
        number=len(pairs),
        complete_now=sum(now.is_complete for now, _ in pairs),
        complete_then=len(pairs) - len(missing),
        misses=median_low(missing) if missing else None,
    )
