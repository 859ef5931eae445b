"""A new version of rules that are in force: the new ones begin, the old ones end the day before."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from accounts.models import User
from aspen import formats
from aspen.db.audit import act
from aspen.errors import Refused
from tracks.actions.rule_sets import end_rule_set, save_rule_set
from tracks.models import RuleSet


@act
def replace_rule_set(
    *, rule_set_id: int, new: RuleSet, requirements: Mapping[int, Decimal], by: User
) -> RuleSet:
    """Store `new` with these minimums, and end the rule set it replaces the day before it begins.

    An earlier last day stays. Whoever follows the old rules keeps them. Locks the old rule set.
    Raises Refused for another track or kind, for a first day that is not after the old one's, and
    as `save_rule_set` does.
    """
    old = RuleSet.objects.select_related("track").get(pk=rule_set_id)
    if new.track_id != old.track_id:
        raise Refused(f"A new version belongs to the same track: {old.track}.", field="track")
    if new.kind != old.kind:
        kind = old.get_kind_display()
        raise Refused(
            f"A new version is for the same people: {kind}. Rules for others are a new rule set.",
            field="kind",
        )
    if new.valid_from <= old.valid_from:
        first = formats.day(old.valid_from)
        raise Refused(
            f"The new rules begin after {first}, the first day of those they replace.",
            field="valid_from",
        )
    last = new.valid_from - dt.timedelta(days=1)
    if old.valid_until is None or old.valid_until > last:
        end_rule_set(rule_set_id=old.pk, valid_until=last, by=by)
    return save_rule_set(rule_set=new, requirements=requirements, by=by)
