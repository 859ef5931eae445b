"""Saving, ending and replacing rule sets. Rule sets that someone follows are frozen."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from accounts.models import User
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.formats import format_credits, format_day
from tracks.models import Requirement, RuleSet


@audited
def save_rule_set(*, rule_set: RuleSet, requirements: Mapping[int, Decimal], by: User) -> RuleSet:
    """Store a new or changed rule set with exactly these minimums by category id. Locks it.

    Raises Refused if someone follows it, or if the minimums exceed the total.
    """
    if rule_set.pk is not None and _lock_rule_set(rule_set.pk).participations.exists():
        raise Refused(
            "Someone now follows these rules, so only their last day can change. "
            "Add a new rule set instead."
        )
    _refuse_invalid(rule_set, requirements)
    rule_set.save()
    rule_set.requirements.exclude(category__in=requirements).delete()
    Requirement.objects.bulk_create(
        (
            Requirement(rule_set=rule_set, category_id=category_id, minimum=minimum)
            for category_id, minimum in requirements.items()
        ),
        update_conflicts=True,
        unique_fields=["rule_set", "category"],
        update_fields=["minimum"],
    )
    return rule_set


@audited
def end_rule_set(*, rule_set_id: int, valid_until: dt.date | None, by: User) -> RuleSet:
    """Set the last day on which a rule set can be chosen; None: until further notice. Locks it.

    People who follow it keep it. Idempotent. Raises Refused for a day before its first.
    """
    rule_set = _lock_rule_set(rule_set_id)
    if valid_until and valid_until < rule_set.valid_from:
        raise Refused("The last day must not be before the first.", field="valid_until")
    rule_set.valid_until = valid_until
    rule_set.save(update_fields=["valid_until"])
    return rule_set


def _lock_rule_set(rule_set_id: int) -> RuleSet:
    """Take the full lock, not `no_key`: inserting a participation takes a key-share lock, so no one
    can begin to follow the rules until the end of this transaction."""
    return RuleSet.objects.select_for_update(of=("self",)).get(pk=rule_set_id)


def _refuse_invalid(rule_set: RuleSet, requirements: Mapping[int, Decimal]) -> None:
    if not requirements:
        raise Refused("Add at least one category that counts.")
    minimums = sum(requirements.values(), Decimal(0))
    if minimums > rule_set.total:
        raise Refused(
            f"The minimums add up to {format_credits(minimums)}, which is more than the total "
            f"of {format_credits(rule_set.total)}. Lower a minimum or raise the total."
        )


@audited
def replace_rule_set(
    *, rule_set_id: int, new: RuleSet, requirements: Mapping[int, Decimal], by: User
) -> RuleSet:
    """Store `new` with these minimums, and end the rule set it replaces the day before it begins.

    An earlier last day stays. People who follow the old rules keep them. Locks the old rule set.
    Raises Refused for another track or kind, for a first day that is not after the old one's, and
    as `save_rule_set` does.
    """
    old = RuleSet.objects.select_related("track").get(pk=rule_set_id)
    if new.track_id != old.track_id:
        raise Refused(f"A new version belongs to the same track: {old.track}.", field="track")
    if new.kind != old.kind:
        kind = old.get_kind_display()
        raise Refused(
            f"A new version is for the same people: {kind}. For others, add a new rule set.",
            field="kind",
        )
    if new.valid_from <= old.valid_from:
        first = format_day(old.valid_from)
        raise Refused(
            f"The new rules must start after {first}, the first day of those they replace.",
            field="valid_from",
        )
    last = new.valid_from - dt.timedelta(days=1)
    if old.valid_until is None or old.valid_until > last:
        end_rule_set(rule_set_id=old.pk, valid_until=last, by=by)
    return save_rule_set(rule_set=new, requirements=requirements, by=by)
