"""The public calendar's version key. A page stays the same as long as the key does."""

import datetime as dt
from typing import NamedTuple

from django.db.models import DateTimeField, Subquery, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Greatest
from django.utils import timezone

from events.models import CalendarVersion, Event

# Times when pages start to show an event differently although no one changed it.
MOMENT_FIELDS = (
    "begins_at",
    "over_at",
    "recording_available_at",
    "recording_until_at",
    "registration_opens_at",
    "registration_closes_at",
)


class CalendarVersionKey(NamedTuple):
    """Everything that public calendar pages depend on."""

    number: int
    # The last counted transaction, because a restored database can reach the same number again.
    transaction: str
    today: dt.date
    latest: dt.datetime | None


def calendar_version(now: dt.datetime) -> CalendarVersionKey:
    """Return the key as of `now`. Takes one query, which uses indexes."""

    def latest(field: str) -> Subquery:
        before = Event.objects.filter(**{f"{field}__lte": now}).order_by(f"-{field}")
        return Subquery(before.values(field)[:1])

    row = CalendarVersion.objects.values_list(
        "number",
        Cast(RawSQL("events_calendarversion.xmin", ()), TextField()),
        Greatest(*map(latest, MOMENT_FIELDS), output_field=DateTimeField()),
    ).first()
    number, transaction, moment = row or (0, "", None)
    return CalendarVersionKey(number, transaction, timezone.localdate(now), moment)
