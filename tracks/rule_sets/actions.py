"""Saving, ending and replacing rule sets. A rule set is frozen once someone follows it."""

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
    """Save a new or changed rule set with exactly these minimums, by category id. Locks it.

    Raises Refused if someone follows the rule set, no category counts, or the minimums exceed the
    total.
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
    """Set the last day on which a rule set can be chosen, or None for no last day. Locks it.

    People who follow the rule set keep it. Idempotent. Raises Refused if the day is before its
    first day.
    """
    rule_set = _lock_rule_set(rule_set_id)
    if valid_until and valid_until < rule_set.valid_from:
        raise Refused("The last day must not be before the first.", field="valid_until")
    rule_set.valid_until = valid_until
    rule_set.save(update_fields=["valid_until"])
    return rule_set


def _lock_rule_set(rule_set_id: int) -> RuleSet:
    """Lock a rule set so that no one can start following it until the transaction ends.

    This is a plain FOR UPDATE lock, not `no_key`, because inserting a participation takes a
    key-share lock on its rule set.
    """
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
    """Save `new` with these minimums, and end the old rule set the day before `new` takes effect.

    If the old rule set already has an earlier last day, that day stays. People who follow the old
    rules keep them. Locks the old rule set. Raises Refused if the track or kind is different, if
    the new rules do not take effect after the old ones, or for the same reasons as `save_rule_set`.
    """
    old = RuleSet.objects.select_related("track").get(pk=rule_set_id)
    if new.track_id != old.track_id:
        raise Refused(f"A new version must be for the same track, {old.track}.", field="track")
    if new.kind != old.kind:
        kind = old.get_kind_display()
        raise Refused(
            f"A new version must be the same kind ({kind}). For a different kind, add a separate "
            "rule set.",
            field="kind",
        )
    if new.valid_from <= old.valid_from:
        first_day = format_day(old.valid_from)
        raise Refused(
            f"The new rules must take effect after {first_day}, the first day of the rules they "
            "replace.",
            field="valid_from",
        )
    last_day = new.valid_from - dt.timedelta(days=1)
    if old.valid_until is None or old.valid_until > last_day:
        end_rule_set(rule_set_id=old.pk, valid_until=last_day, by=by)
    return save_rule_set(rule_set=new, requirements=requirements, by=by)
