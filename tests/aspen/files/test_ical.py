"""iCalendar lines, parsed by independent libraries."""

import datetime as dt
import io
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil.tz import tzical
from hypothesis import given
from hypothesis import strategies as st

from aspen.files import ical

HOUR = dt.timedelta(hours=1)


def read_zone(since: int) -> dt.tzinfo:
    """Return the time zone that dateutil reads from our rules for Mountain time."""
    text = "\r\n".join(["BEGIN:VCALENDAR", *ical.timezone_component(since), "END:VCALENDAR"])
    zone = tzical(io.StringIO(text)).get(ical.ZONE_NAME)
    assert zone is not None
    return zone


@pytest.mark.parametrize(("since", "first"), [(1989, 1990), (2006, 2007), (2007, 2008)])
def test_the_zone_is_mountain_time_in_every_year_of_the_calendar(since: int, first: int) -> None:
    """If the law changes, Python's time zone data will change, and this test will fail."""
    ours = read_zone(since)
    for year in range(first, 2100):
        days = [dt.datetime(year, 1, 1), dt.datetime(year, 7, 1), dt.datetime(year, 12, 31, 23)]
        changes = [
            dt.datetime(year, month, day, hour)
            for month in (3, 4, 10, 11)
            for day in range(1, 32 if month in (3, 10) else 31)
            for hour in (0, 4)
        ]
        for naive in [*days, *changes]:
            here = naive.replace(tzinfo=ZoneInfo("America/Denver"))
            assert naive.replace(tzinfo=ours).utcoffset() == here.utcoffset(), naive


@pytest.mark.parametrize(
    ("moment", "line"),
    [
        ("2026-01-15T16:00Z", "DTSTART;TZID=America/Denver:20260115T090000"),
        ("2026-07-15T16:00Z", "DTSTART;TZID=America/Denver:20260715T100000"),
        ("2026-03-08T08:30Z", "DTSTART;TZID=America/Denver:20260308T013000"),
        ("2026-03-08T09:30Z", "DTSTART;TZID=America/Denver:20260308T033000"),
        ("2026-11-01T06:30Z", "DTSTART;TZID=America/Denver:20261101T003000"),
        ("2026-11-01T07:30Z", "DTSTART:20261101T073000Z"),
        ("2026-11-01T08:30Z", "DTSTART:20261101T083000Z"),
        ("2026-11-01T09:30Z", "DTSTART;TZID=America/Denver:20261101T023000"),
    ],
)
def test_times_around_both_clock_changes(moment: str, line: str) -> None:
    assert ical.local_property("DTSTART", dt.datetime.fromisoformat(moment)) == line


@given(st.text(max_size=400))
def test_any_text_round_trips_except_forbidden_characters(value: str) -> None:
    raw = ical.build_file(["BEGIN:VEVENT", f"SUMMARY:{ical.escape_text(value)}", "END:VEVENT"])
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert not any(octet < 32 and octet not in (9, 10, 13) for octet in raw)
    assert raw.count(b"\n") == raw.count(b"\r\n") == len(lines) - 1
    for line in lines:
        line.decode()  # no character is split
    unfolded = raw.replace(b"\r\n ", b"").decode().split("\r\n")
    assert len(unfolded) == 4
    (event,) = icalendar.Event.from_ical(raw, multiple=True)
    assert str(event.get("SUMMARY", "")) == ical.xml_text(value) or "\\" in value or not_xml(value)


def not_xml(value: str) -> bool:
    """Return True if the text contains characters that iCalendar allows and XML forbids."""
    return "\ufffe" in value or "\uffff" in value


@pytest.mark.parametrize(
    "value", ["a\\nb", "C:\\News\\N", "a;b,c:d", "a\nb\r\nc\rd", "\\", ";", ""]
)
def test_backslashes_and_line_breaks_are_distinguished(value: str) -> None:
    escaped = ical.escape_text(value)
    out, letters = [], iter(escaped)
    for letter in letters:
        if letter != "\\":
            out.append(letter)
        else:
            escaped_letter = next(letters)
            out.append("\n" if escaped_letter == "n" else escaped_letter)
    assert "".join(out) == value.replace("\r\n", "\n").replace("\r", "\n")


def test_a_parameter_has_no_quotes_or_line_breaks() -> None:
    assert ical.quote_parameter('The "Best"\r\nLibrary\x07;:,') == "\"The 'Best' Library;:,\""
