"""Python and PostgreSQL must agree on the rules for time zones."""

import datetime as dt
import logging
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from aspen.db import zone_rules

pytestmark = pytest.mark.django_db

OTHER_RULES = {
    # Without daylight saving time.
    settings.TIME_ZONE: "America/Phoenix",
    "America/Chicago": "America/Phoenix",
}


def python_with_other_rules(zone: str) -> Any:
    """Give Python other rules for one zone."""

    def info(name: str) -> ZoneInfo:
        return ZoneInfo(OTHER_RULES[name] if name == zone else name)

    return mock.patch.object(zone_rules, "ZoneInfo", info)


def test_the_rules_agree_here() -> None:
    zones = (settings.TIME_ZONE, *zone_rules.NEIGHBORS)
    assert zone_rules.find_differences(connection, zones) == {}


def test_the_check_looks_at_every_day_and_each_hour_of_both_clock_changes() -> None:
    moments = zone_rules._moments([settings.TIME_ZONE])
    last = max(moments) - min(moments)
    assert last > dt.timedelta(days=3 * 365)
    changes = {moment.date() for moment in moments if moment.hour == 9}
    assert len(changes) == 6


def test_different_rules_for_the_portals_zone_are_refused() -> None:
    with (
        python_with_other_rules(settings.TIME_ZONE),
        pytest.raises(ImproperlyConfigured, match="different rules for the time zone America/Den"),
    ):
        zone_rules.refuse_different_rules(connection)


def test_different_rules_for_a_neighboring_zone_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with python_with_other_rules("America/Chicago"), caplog.at_level(logging.WARNING):
        zone_rules.refuse_different_rules(connection)
    assert "different rules for the time zone America/Chicago" in caplog.text


def test_the_first_connection_is_closed_and_checked_again_until_the_rules_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zone_rules, "_checked", False)
    first = mock.Mock(cursor=connection.cursor)
    with python_with_other_rules(settings.TIME_ZONE), pytest.raises(ImproperlyConfigured):
        zone_rules.check_on_first_connection(first)
    first.close.assert_called_once_with()
    zone_rules.check_on_first_connection(connection)
    with python_with_other_rules(settings.TIME_ZONE):
        zone_rules.check_on_first_connection(connection)
