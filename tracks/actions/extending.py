"""More time: staff move the last day of people's periods."""

import datetime as dt
from collections.abc import Collection

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today, years_after
from aspen.db.audit import act
from aspen.errors import Refused
from tracks.actions.notices import promise_extended
from tracks.actions.posting import post_anew
from tracks.enums import ParticipationState
from tracks.models import Extension, Participation

YEARS_AT_MOST = 10


@act
def extend_participations(
    *, participation_ids: Collection[int], closes_on: dt.date, reason: str, by: User
) -> int:
    """Let these open periods end on a later day; return how many did. Locks the people.

    What was earned in the time that is added is posted. Those that end as late already stay, so
    doing it again changes nothing. Raises Refused, for all of them, without a reason, for a day
    that is past or more than ten years ahead, for one's own period, or for one that is not open.
    """
    if not reason.strip():
        raise Refused("Give a reason; the person will read it.", field="reason")
    if not today() < closes_on <= years_after(today(), YEARS_AT_MOST):
        raise Refused(
            f"The new last day must lie in the next {YEARS_AT_MOST} years.", field="closes_on"
        )
    chosen = Participation.objects.filter(pk__in=participation_ids)
    lock_people(chosen.order_by().values_list("person_id", flat=True))
    participations = list(chosen.select_related("person", "track").order_by("pk"))
    for participation in participations:
        _refuse_unfit(participation, by=by)
    longer = [each for each in participations if each.closes_on < closes_on]
    Extension.objects.bulk_create(
        Extension(
            participation=each,
            closed_on=each.closes_on,
            closes_on=closes_on,
            reason=reason.strip(),
            extended_by=by,
        )
        for each in longer
    )
    ids = [each.pk for each in longer]
    Participation.objects.filter(pk__in=ids).update(closes_on=closes_on)
    if ids:
        post_anew(participation_ids=ids)
        promise_extended(participations=longer, closes_on=closes_on)
    return len(ids)


def _refuse_unfit(participation: Participation, *, by: User) -> None:
    whose = f"{participation.person}, {participation.track}"
    if participation.person_id == by.pk:
        raise Refused(f"{whose}: somebody else has to extend your own period.")
    if participation.state != ParticipationState.OPEN:
        state = participation.get_state_display().lower()
        raise Refused(f"{whose}: only an open period can be extended, and this one is {state}.")
