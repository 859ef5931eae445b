"""Reading times and durations as other programs write them."""

import contextlib
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspen.errors import Refused
from aspen.files.parsing import iso_moment, parse_duration, parse_moment
from aspen.files.workbook import duration_text

MOUNTAIN = ZoneInfo("America/Denver")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-05-11", "2027-05-11"),
        ("5/11/2027", "2027-05-11"),
        ("05/11/27", "2027-05-11"),
        ("May 11, 2027", "2027-05-11"),
        ("Tuesday, May 11, 2027", "2027-05-11"),
        ("46518", "2027-05-11"),
        ("2027-05-11T09:00", "2027-05-11 09:00"),
        ("2027-05-11 09:00", "2027-05-11 09:00"),
        ("2027-05-11 09:00:30.123", "2027-05-11 09:00:30"),
        ("2027-05-11T15:00:00Z", "2027-05-11 09:00"),
        ("2027-05-11T09:00:00-06:00", "2027-05-11 09:00"),
        ("2027-05-11T17:00:00+0200", "2027-05-11 09:00"),
        ("2027-05-11 10:00 CDT", "2027-05-11 09:00"),
        ("5/11/2027 9:00", "2027-05-11 09:00"),
        ("5/11/2027 9:00 AM", "2027-05-11 09:00"),
        ("05/11/2027 09:00:00 PM", "2027-05-11 21:00"),
        ("5/11/27, 9:00:00\u202fAM", "2027-05-11 09:00"),
        ("5/11/2027 12:15 AM", "2027-05-11 00:15"),
        ("5/11/2027 12:15 p.m.", "2027-05-11 12:15"),
        ("5/11/2027 13:15 PM", "2027-05-11 13:15"),
        ("May 11, 2027 at 9:00 AM MDT", "2027-05-11 09:00"),
        ("46518.375", "2027-05-11 09:00"),
        ("46518.41666666666", "2027-05-11 10:00"),
        ("2026-11-01T01:30", "2026-11-01 01:30"),
    ],
)
def test_days_and_times(text: str, expected: str) -> None:
    moment = parse_moment(text, MOUNTAIN)

    assert moment is not None
    if isinstance(moment, dt.datetime):
        assert moment.tzinfo is MOUNTAIN
        assert f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00") == expected
    else:
        assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "next Tuesday", "12", "5", "1500.5", "99999", "11.05.2027", "2027-05", "9:00 AM"),
        *("2027-05-11T", "2027-05-11 nine", "Moy 11, 2027", "2027-05-11 09:00 XYZ", "May 2027"),
        *("٤٦٥١٨", "5/11/20277"),
    ],
)
def test_other_text_is_not_a_time(text: str) -> None:
    assert parse_moment(text, MOUNTAIN) is None


@pytest.mark.parametrize(
    "text",
    [
        "2027-02-30",
        "13/11/2027",
        "5/11/2027 24:00",
        "0/1/2027",
        "2027-05-11 09:61",
        "9999-12-31 23:00 MST",
    ],
)
def test_days_and_times_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(Refused, match=f"{text} does not exist"):
        parse_moment(text, MOUNTAIN)


@pytest.mark.parametrize("text", ["2027-03-14T02:30", "3/14/2027 2:30 AM", "46460.104166667"])
def test_a_time_skipped_in_spring_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="did not exist in Montana, because clocks moved forward"):
        parse_moment(text, MOUNTAIN)


def test_an_hour_repeated_in_autumn_is_the_first() -> None:
    for text in ("2027-11-07T01:30", "11/7/2027 1:30 AM"):
        moment = parse_moment(text, MOUNTAIN)
        assert isinstance(moment, dt.datetime)
        assert moment.astimezone(dt.UTC) == dt.datetime(2027, 11, 7, 7, 30, tzinfo=dt.UTC)
    second = parse_moment("2027-11-07T08:30Z", MOUNTAIN)
    assert isinstance(second, dt.datetime)
    assert (second.hour, second.fold) == (1, 1)


@pytest.mark.parametrize(
    ("text", "heading", "minutes", "note"),
    [
        ("55", "Minutes", 55, ""),
        ("55.5", "Duration", 55.5, ""),
        ("55,5", "Duration", 55.5, ""),
        ("1,250", "Minutes", 1250, "1,250 was read as 1,250 minutes"),
        ("1.5", "Hours attended", 90, ""),
        ("3300", "Duration (seconds)", 55, ""),
        ("0:60", "Minutes", 60, "0:60 was read as 60 minutes"),
        ("1:05", "Minutes", 65, "1:05 was read as 1 hour 5 minutes"),
        ("1:05", "Duration (mm:ss)", 65 / 60, "1:05 was read as 1 minute 5 seconds"),
        ("1:05", "Duration (h:mm)", 65, "1:05 was read as 1 hour 5 minutes"),
        ("0:00", "Minutes", 0, "0:00 was read as 0 minutes"),
        ("60:00", "Minutes", 60, "60:00 was read as 60 minutes"),
        ("45:30", "Duration", 45.5, "45:30 was read as 45 minutes 30 seconds"),
        ("01:05:00", "Minutes", 65, ""),
        ("0:55:30", "", 55.5, ""),
        ("1.05:00:00", "Minutes", 29 * 60, "1.05:00:00 was read as 1 day 5 hours"),
        ("00:59:50.1230000", "", 59 + 50 / 60, ""),
        ("PT1H5M", "Minutes", 65, ""),
        ("P1DT1M", "Minutes", 1441, ""),
        ("1h 7m", "Duration", 67, ""),
        ("38m 20s", "Duration", 38 + 20 / 60, ""),
        ("1 hour, 5 minutes", "", 65, ""),
        ("1.5 hrs", "", 90, ""),
        ("65 minutes 30 seconds", "", 65.5, ""),
        ("55 min.", "", 55, ""),
        ("-", "Minutes", 0, ""),
        ("n/a", "Minutes", 0, ""),
    ],
)
def test_durations(text: str, heading: str, minutes: float, note: str) -> None:
    read = parse_duration(text, heading)

    assert read is not None
    assert (read.seconds, read.note) == (round(minutes * 60), note)


@pytest.mark.parametrize(
    "text", ["", "long", "-5", "1:2:3:4", "P", "PT", "1:05 PM", "٥٥", "5" * 400, "1h7", "h"]
)
def test_other_text_is_not_a_duration(text: str) -> None:
    assert parse_duration(text, "Minutes") is None


@given(st.integers(0, 10**8))
def test_durations_of_workbooks_are_read_back(seconds: int) -> None:
    seconds %= 3600 * 9999
    read = parse_duration(duration_text(dt.timedelta(seconds=seconds)), "Minutes")

    assert read == (seconds, "")


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    parse_duration(text, text)
    with contextlib.suppress(Refused):
        parse_moment(text, MOUNTAIN)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2027-05-11", "2027-05-11"),
        ("5/11/2027", "2027-05-11"),
        ("2027-05-11T09:00", "2027-05-11T09:00"),
        ("2027-05-11 09:00:00", "2027-05-11T09:00"),
        ("5/11/2027 9:00:30 AM", "2027-05-11T09:00:30"),
        ("2027-05-11T15:00:00Z", "2027-05-11T09:00"),
        ("2027-11-07T08:30Z", "2027-11-07T01:30-07:00"),  # the second of two
        ("2027-03-14T02:30", "2027-03-14T02:30"),
        ("3/14/2027 2:30", "3/14/2027 2:30"),
        ("next week", "next week"),
        ("", ""),
    ],
)
def test_the_same_moment_has_one_iso_text(text: str, iso: str) -> None:
    assert iso_moment(text) == iso
    assert iso_moment(iso) == iso
