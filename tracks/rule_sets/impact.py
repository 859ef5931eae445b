"""What a rule set would mean for the people who follow its track now, whatever their rules are."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from statistics import median_low
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, Sum

from aspen.clock import years_before
from credits.models import Credit
from credits.queries import from_catalog, live_credits, with_earned_on
from tracks.counting.progress import Progress, measure_progress
from tracks.counting.queries import REQUIREMENTS, rule_sets
from tracks.enums import ParticipationState
from tracks.models import Participation, Posting, RuleSet

EarnedByParticipation = dict[int, dict[int, Decimal]]


class RuleSetImpact(NamedTuple):
    """Open participations of a track, of those under one rule set: how many are complete.

    `misses` is what the middle one of those misses that would not be complete.
    """

    rule_set: str
    number: int
    complete_now: int
    complete_then: int
    misses: Decimal | None


def rule_set_impact(rule_set: RuleSet, on: dt.date) -> tuple[RuleSetImpact, list[RuleSetImpact]]:
    """All open participations of the track under `rule_set` on a day, and by their present rules.

    The rule set is stored, its requirements too. Everybody keeps the period they are in. Six
    queries, however many participations.
    """
    following = list(
        Participation.objects.filter(track=rule_set.track_id, state=ParticipationState.OPEN)
        .select_related("rule_set")
        .prefetch_related(REQUIREMENTS)
        .order_by("rule_set__valid_from", "rule_set", "pk")
    )
    # What is stored may have changed since the rule set was read.
    [rule_set] = rule_sets().filter(pk=rule_set.pk)
    present = {each.rule_set_id: each.rule_set for each in following}
    now, then = _posted(present.values(), on), _under(rule_set, on)
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


def _posted(rule_sets: Iterable[RuleSet], on: dt.date) -> EarnedByParticipation:
    """What counts now, as queries.dated_credits counts it, for everybody under these rules."""
    recent = Q()
    for rule_set in rule_sets:
        first = years_before(on, rule_set.years)
        recent |= Q(postings__participation__rule_set=rule_set, earned_on__gte=first)
    if not recent:
        return {}
    sums = (
        with_earned_on(Credit.objects.all())
        .filter(recent, postings__participation__state=ParticipationState.OPEN, earned_on__lte=on)
        .order_by()
        .values_list("postings__participation", "category")
        .annotate(Sum("amount"))
    )
    return _by_participation(sums)


def _under(rule_set: RuleSet, on: dt.date) -> EarnedByParticipation:
    """What would count under these rules: queries.eligible, with the rule set put in its place."""
    participation = "person__participations"
    counted = Posting.objects.filter(
        credit=OuterRef("pk"),
        participation__state=ParticipationState.CERTIFIED,
        participation__track=rule_set.track_id,
    )
    credits = live_credits().filter(
        ~Exists(counted),
        earned_on__gte=years_before(on, rule_set.years),
        earned_on__lte=on,
        category__in=[each.category_id for each in rule_set.requirements.all()],
        **{
            f"{participation}__track": rule_set.track_id,
            f"{participation}__state": ParticipationState.OPEN,
            f"{participation}__counts_from__lte": F("earned_on"),
            f"{participation}__closes_on__gte": F("earned_on"),
        },
    )
    if rule_set.catalog_only:
        credits = credits.filter(from_catalog())
    sums = credits.order_by().values_list(participation, "category").annotate(Sum("amount"))
    return _by_participation(sums)


def _by_participation(sums: Iterable[tuple[int, int, Decimal]]) -> EarnedByParticipation:
    earned: EarnedByParticipation = defaultdict(dict)
    for participation_id, category_id, amount in sums:
        earned[participation_id][category_id] = amount
    return earned
