"""Check that Python and PostgreSQL use the same rules for time zones.

Each has its own copy of the time zone database. Days are computed by both (aspen/clock.py and the
generated columns of events), so different copies would count credits on different days.
"""

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

logger = logging.getLogger(__name__)

YEARS = 3
# Zones of nearby states, whose times can be in other states' attendance lists.
NEIGHBORS = ("America/Boise", "America/Chicago", "America/Los_Angeles", "America/Phoenix")
LOCAL_TIMES_SQL = """
    SELECT zone, moment, moment AT TIME ZONE zone
      FROM unnest(%s::text[]) AS zone, unnest(%s::timestamptz[]) AS moment
"""


def check_on_first_connection(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Run the check on the process's first connection to the database.

    A receiver of connection_created. Raises ImproperlyConfigured, and closes the connection, if the
    portal's own zone has different rules.
    """
    global _checked
    if _checked:
        return
    try:
        refuse_different_rules(connection)
    except ImproperlyConfigured:
        connection.close()
        raise
    _checked = True


_checked = False


def refuse_different_rules(connection: BaseDatabaseWrapper) -> None:
    """Compare the next three years. One query.

    Raises ImproperlyConfigured if the portal's zone differs. If only a nearby zone differs,
    logs a warning, because times in those zones are only read from attendance lists.
    """
    differences = find_differences(connection, (settings.TIME_ZONE, *NEIGHBORS))
    for zone, moment in differences.items():
        message = (
            f"Python and PostgreSQL have different rules for the time zone {zone}, "
            f"first on {moment:%B} {moment.day}, {moment.year}. Update the time zone data of both: "
            "the system package tzdata (or the Python package tzdata), and PostgreSQL."
        )
        if zone == settings.TIME_ZONE:
            raise ImproperlyConfigured(f"{message} Credits would be counted on the wrong day.")
        logger.warning(message)


def find_differences(
    connection: BaseDatabaseWrapper, zones: Iterable[str]
) -> dict[str, dt.datetime]:
    """Return the first moment at which each zone has different local times, if there is one."""
    zones = list(zones)
    with connection.cursor() as cursor:
        cursor.execute(LOCAL_TIMES_SQL, [zones, _moments(zones)])
        rows = cursor.fetchall()
    differences: dict[str, dt.datetime] = {}
    for zone, moment, local in sorted(rows, key=lambda row: row[1]):
        if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
            differences.setdefault(zone, moment)
    return differences


def _moments(zones: Iterable[str]) -> list[dt.datetime]:
    """Return a moment on each day, and each hour of the days on which a zone changes its clocks."""
    noon = timezone.now().astimezone(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    days = [noon + dt.timedelta(days=number) for number in range(YEARS * 366)]
    infos = [ZoneInfo(zone) for zone in zones]

    def offsets(moment: dt.datetime) -> list[dt.timedelta | None]:
        return [moment.astimezone(info).utcoffset() for info in infos]

    changes = [day for day in days if offsets(day) != offsets(day + dt.timedelta(days=1))]
    hours = [day + dt.timedelta(hours=number) for day in changes for number in range(1, 24)]
    return days + hours
