"""Rule sets as pages show them: validity, requirements and an example. No queries."""

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from django.urls import reverse

from aspen.clock import years_after, years_before
from aspen.formats import format_amount, format_credits, format_day
from aspen.web.labels import Label
from events.models import Category
from tracks.counting.presentation import ProgressBar, progress_bar, rule_set_text
from tracks.counting.progress import Progress, ProgressLine, measure_progress
from tracks.enums import RULE_SET_LABELS, RuleSetKind, RuleSetState
from tracks.models import RuleSet

# Amounts of credits are below 1,000 (aspen.halves).
MAX_EXAMPLE = Decimal(999)


class RuleSetRow(NamedTuple):
    """A rule set in a list."""

    name: str
    url: str
    rules: str
    kind: str
    days: str
    state: RuleSetState
    label: Label


class CountedDays(NamedTuple):
    """The first and last day that count for a person who chooses the track on a given day."""

    chosen_on: str
    first: str
    last: str


class Example(NamedTuple):
    """Credits in one or two categories, and the progress they make."""

    progress: Progress
    lines: list[ProgressLine]


class RuleSetPage(NamedTuple):
    """The page of one rule set. `minimums` pairs each category with its minimum."""

    rule_set: RuleSet
    row: RuleSetRow
    bar: ProgressBar
    minimums: list[tuple[Category, str]]
    elective: str
    total: str
    counted_days: CountedDays
    valid_from: str
    valid_until: str
    example: Example | None


def rule_set_status(rule_set: RuleSet, on: dt.date) -> RuleSetState:
    """Return whether the rule set is in force, upcoming or past on a day."""
    if rule_set.valid_from > on:
        return RuleSetState.COMING
    if rule_set.valid_until and rule_set.valid_until < on:
        return RuleSetState.PAST
    return RuleSetState.IN_FORCE


def rule_set_row(rule_set: RuleSet, on: dt.date) -> RuleSetRow:
    state = rule_set_status(rule_set, on)
    first = format_day(rule_set.valid_from)
    last = rule_set.valid_until
    return RuleSetRow(
        name=rule_set.name,
        url=reverse("tracks:rule_set", args=[rule_set.pk]),
        rules=rule_set_text(rule_set),
        kind=RuleSetKind(rule_set.kind).label,
        days=f"{first} – {format_day(last)}" if last else f"from {first}",
        state=state,
        label=RULE_SET_LABELS[state],
    )


def rule_set_page(rule_set: RuleSet, on: dt.date) -> RuleSetPage:
    minimums = {each.category_id: each.minimum for each in rule_set.requirements.all()}
    filled = measure_progress(rule_set, minimums)
    return RuleSetPage(
        rule_set=rule_set,
        row=rule_set_row(rule_set, on),
        bar=_requirements_bar(rule_set, filled),
        minimums=[(line.category, format_amount(line.minimum)) for line in filled.lines],
        elective=format_amount(filled.elective_required),
        total=format_credits(rule_set.total),
        counted_days=_counted_days(rule_set, on),
        valid_from=format_day(rule_set.valid_from),
        valid_until=format_day(rule_set.valid_until) if rule_set.valid_until else "",
        example=_example(rule_set),
    )


def _requirements_bar(rule_set: RuleSet, filled: Progress) -> ProgressBar:
    """Draw a bar with every minimum filled. The hatched rest is elective."""
    bar = progress_bar(filled, name=rule_set.name, id=f"rules-{rule_set.pk}")
    return dataclasses.replace(bar, text=f"Chart of {rule_set.name}: {rule_set_text(rule_set)}")


def _counted_days(rule_set: RuleSet, on: dt.date) -> CountedDays:
    """Return the days that count for someone who chooses the track on `on`.

    If it cannot be chosen that day, use the nearest day on which it can.
    """
    day = max(on, rule_set.valid_from)
    if rule_set.valid_until:
        day = min(day, rule_set.valid_until)
    first, last = years_before(day, rule_set.years), years_after(day, rule_set.years)
    return CountedDays(format_day(day), format_day(first), format_day(last))


def _example(rule_set: RuleSet) -> Example | None:
    """Make an example: above the minimum in the first category, below it in the last."""
    requirements = list(rule_set.requirements.all())
    if not requirements:
        return None
    first, last = requirements[0], requirements[-1]
    earned = {last.category_id: last.minimum - 1 if last.minimum > 1 else Decimal(1)}
    earned[first.category_id] = min(first.minimum + 2, MAX_EXAMPLE)
    progress = measure_progress(rule_set, earned)
    return Example(progress, [line for line in progress.lines if line.earned])
