"""A rule set as the pages show it: validity, requirements and an example. No query."""

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

from django.urls import reverse

from aspen import formats
from aspen.clock import years_after, years_before
from aspen.formats import format_amount, format_credits, format_day
from tracks.counting.presentation import ProgressBar, progress_bar, rule_set_in_words
from tracks.counting.progress import Progress, ProgressLine, measure_progress
from tracks.enums import RULE_SET_LABELS, RuleSetKind, RuleSetState
from tracks.models import RuleSet

KINDS = {
    RuleSetKind.BOTH: "It makes no difference whether you were certified before: a first "
    "certification and a renewal follow the same rules.",
    RuleSetKind.INITIAL: "These are the rules for a first certification. People who hold an "
    "earlier certificate of this track follow the rules for a renewal.",
    RuleSetKind.RENEWAL: "These are the rules for a renewal: for people who hold an earlier "
    "certificate of this track. People who were never certified follow the rules for a "
    "first certification.",
}
CATALOG_ONLY_TEXT = (
    "Only training from the State Library's own course catalog counts. Other training is kept "
    "with your credits, but it is not counted here."
)
ANY_TRAINING_TEXT = (
    "Training from the calendar counts, and so does training elsewhere that you report with Create "
    "New…"
)


def rule_set_status(rule_set: RuleSet, on: dt.date) -> RuleSetState:
    """Whether the rule set is in force, coming or past on a day."""
    if rule_set.valid_from > on:
        return RuleSetState.COMING
    if rule_set.valid_until and rule_set.valid_until < on:
        return RuleSetState.PAST
    return RuleSetState.IN_FORCE


def rule_set_row(rule_set: RuleSet, on: dt.date) -> dict[str, Any]:
    """One rule set in a list."""
    state = rule_set_status(rule_set, on)
    return {
        "id": rule_set.pk,
        "name": rule_set.name,
        "url": reverse("tracks:rule_set", args=[rule_set.pk]),
        "rules": rule_set_in_words(rule_set),
        "kind": RuleSetKind(rule_set.kind).label,
        "days": _days(rule_set),
        "state": state.value,
        "label": RULE_SET_LABELS[state],
    }


def _days(rule_set: RuleSet) -> str:
    first = format_day(rule_set.valid_from)
    if rule_set.valid_until is None:
        return f"since {first}"
    return f"{first} – {format_day(rule_set.valid_until)}"


def rule_set_page(rule_set: RuleSet, on: dt.date) -> dict[str, Any]:
    """The page of one rule set."""
    least = {each.category_id: each.minimum for each in rule_set.requirements.all()}
    filled = measure_progress(rule_set, least)
    until = format_day(rule_set.valid_until) if rule_set.valid_until else "until further notice"
    return rule_set_row(rule_set, on) | {
        "track": str(rule_set.track),
        "audience": rule_set.audience,
        "first_day": format_day(rule_set.valid_from),
        "last_day": until,
        "years": formats.counted(rule_set.years, "year"),
        "total": format_credits(rule_set.total),
        "elective": format_amount(filled.elective_required),
        "minimums": format_amount(rule_set.total - filled.elective_required),
        "lines": [
            {"category": line.category, "minimum": format_amount(line.minimum)}
            for line in filled.lines
        ],
        "bar": _composition(rule_set, filled),
        "kind_in_words": KINDS[RuleSetKind(rule_set.kind)],
        "catalog": CATALOG_ONLY_TEXT if rule_set.catalog_only else ANY_TRAINING_TEXT,
        "period": _period(rule_set, on),
        "example": _example(rule_set),
        "source": rule_set.source,
    }


def _composition(rule_set: RuleSet, filled: Progress) -> ProgressBar:
    """The bar with every minimum filled; the hatched rest is elective."""
    drawn = progress_bar(filled, name=rule_set.name, id=f"rules-{rule_set.pk}")
    return dataclasses.replace(drawn, text=f"{rule_set.name}, drawn: {rule_set_in_words(rule_set)}")


def _period(rule_set: RuleSet, on: dt.date) -> str:
    """The days on which credits count for a person who chooses the track on a day."""
    day = max(on, rule_set.valid_from)
    if rule_set.valid_until:
        day = min(day, rule_set.valid_until)
    first, last = years_before(day, rule_set.years), years_after(day, rule_set.years)
    span = "year" if rule_set.years == 1 else f"{rule_set.years} years"
    return (
        f"A person who chooses the track on {format_day(day)} can count credits earned from "
        f"{format_day(first)} to {format_day(last)}. On any day, only credits earned in the {span} "
        "up to that day count; older credits have aged out."
    )


# ---------- Example ----------


def _example(rule_set: RuleSet) -> list[str]:
    """Two categories: somewhat more than the minimum of the first, less than that of the last."""
    lines = list(rule_set.requirements.all())
    if not lines:
        return []
    earned = {lines[0].category_id: min(lines[0].minimum + 2, Decimal(999))}
    for line in lines[1:][-1:]:
        earned[line.category_id] = line.minimum - 1 if line.minimum > 1 else Decimal(1)
    measured = measure_progress(rule_set, earned)
    shown = [line for line in measured.lines if line.earned]
    sentences = [_line_text(line, measured.elective_required) for line in shown]
    what = " and ".join(f"{format_credits(line.earned)} in {line.category}" for line in shown)
    if measured.is_complete:
        end = "All requirements are met."
    else:
        end = f"Still missing: {format_credits(measured.missing)}."
    counted = f"{format_amount(measured.counted)} of {format_credits(measured.total)} count. {end}"
    return [f"Suppose you have {what}.", *sentences, counted]


def _line_text(line: ProgressLine, elective_required: Decimal) -> str:
    beyond = "elective" if elective_required else "more than required"
    if not line.minimum:
        return f"{line.category}: there is no minimum, so everything is {beyond}."
    if line.elective:
        into, over = format_amount(line.toward_minimum), format_amount(line.elective)
        return f"{line.category}: {into} fill the minimum, the other {over} are {beyond}."
    if line.missing:
        missing = format_amount(line.missing)
        return f"{line.category}: everything counts toward the minimum; {missing} still missing."
    return f"{line.category}: everything counts toward the minimum and fills it."
