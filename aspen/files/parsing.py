"""Reading times, durations and e-mail addresses as other programs write them."""

import datetime as dt
import re
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone

from aspen.clock import in_zone
from aspen.errors import Refused
from aspen.files.workbook import serial_to_moment
from aspen.formats import counted
from aspen.text import validate_email_address

MAX_EMAIL_LENGTH = 254


def why_not_an_email(address: str) -> str:
    """Return what is wrong with a cleaned e-mail address, or an empty string."""
    if not address:
        return "There is no e-mail address."
    try:
        validate_email_address(address)
    except ValidationError:
        return "This is not an e-mail address."
    return "" if len(address) <= MAX_EMAIL_LENGTH else "This e-mail address is too long."


# ---------- Days and times ----------


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Hours from UTC.
US_ZONES = {"PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4}
MOMENT = re.compile(
    r"""
    (?: (?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})
      | (?P<us_month>\d{1,2})/(?P<us_day>\d{1,2})/(?P<us_year>\d{4}|\d\d)
      | (?:[a-z]{3,9},?\s+)?
        (?P<name>[a-z]{3,9})\.?\s+(?P<name_day>\d{1,2}),?\s+(?P<name_year>\d{4})
    )
    (?: (?:T|,?\s+(?:at\s+)?)
        (?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?
        (?:\s*(?P<half>[ap])\.?m\.?)?
        (?:\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d|[PMCE][SD]T))?
    )?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
PLAIN_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?", re.ASCII)  # as iso_moment writes it
# Days since 1900, as spreadsheet programs store dates, for the years 1954 to 2119.
SERIAL = re.compile(r"[2-7]\d{4}(?:\.\d{1,15})?", re.ASCII)


def parse_moment(text: str, zone: dt.tzinfo) -> dt.datetime | dt.date | None:
    """Return the time in `zone`, to the second, or the day if the text has no time of day.

    Reads ISO and US dates, “Nov 18, 2026”, and the numbers that spreadsheet programs store. An hour
    that is repeated in autumn is the first. Returns None if the text is none of these. Raises
    Refused if it is a day or time that does not exist.
    """
    if SERIAL.fullmatch(text):
        moment = serial_to_moment(float(text))
        return _in_zone(moment, zone, text) if "." in text else moment.date()
    match = MOMENT.fullmatch(" ".join(text.split()))
    day = _day_parts(match) if match else None
    if not match or not day:
        return None
    try:
        if match["hour"] is None:
            return dt.date(*day)
        local = dt.datetime(*day, _hour(match), int(match["minute"]), int(match["second"] or 0))
        if match["zone"]:
            return local.replace(tzinfo=_offset(match["zone"].upper())).astimezone(zone)
    except (ValueError, OverflowError):
        raise Refused(f"{text} does not exist") from None
    return _in_zone(local, zone, text)


def iso_moment(text: str) -> str:
    """Return a time in the portal's time zone, or a day, as ISO text, such as 2027-05-11T09:00.

    Texts that mean the same moment become the same. Other texts are returned unchanged.
    """
    if PLAIN_ISO.fullmatch(text):
        return text
    try:
        moment = parse_moment(text, timezone.get_default_timezone())
    except Refused:
        return text
    if moment is None:
        return text
    if not isinstance(moment, dt.datetime):
        return moment.isoformat()
    if not moment.fold:
        moment = moment.replace(tzinfo=None)
    return moment.isoformat(timespec="auto" if moment.second else "minutes")


def _day_parts(match: re.Match[str]) -> tuple[int, int, int] | None:
    if match["year"]:
        return int(match["year"]), int(match["month"]), int(match["day"])
    if match["us_year"]:
        year = int(match["us_year"])
        return year + 2000 * (year < 100), int(match["us_month"]), int(match["us_day"])
    name = match["name"][:3].lower()
    if name not in MONTHS:
        return None
    return int(match["name_year"]), MONTHS.index(name) + 1, int(match["name_day"])


def _hour(match: re.Match[str]) -> int:
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if not half or hour > 12:
        return hour
    return hour % 12 + 12 * (half == "p")


def _offset(zone: str) -> dt.timezone:
    if zone in US_ZONES:
        return dt.timezone(dt.timedelta(hours=US_ZONES[zone]))
    if zone in ("Z", "UTC", "GMT"):
        return dt.UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    sign = -1 if zone[0] == "-" else 1
    return dt.timezone(sign * dt.timedelta(hours=hours, minutes=minutes))


def _in_zone(local: dt.datetime, zone: dt.tzinfo, text: str) -> dt.datetime:
    try:
        return in_zone(local, zone)
    except ValueError:
        raise Refused(f"{text} did not exist in Montana, because clocks moved forward") from None


# ---------- Durations ----------


class ReadDuration(NamedTuple):
    """A duration. `note` says how a text was read that can mean several durations."""

    seconds: int
    note: str = ""


# What tools write for people who registered but did not attend.
NO_TIME = {"-", "--", "–", "n/a"}
LAST_HOUR = 23
NUMBER = r"\d{1,6}(?:[.,]\d{1,6})?"
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII)
PLAIN = re.compile(NUMBER, re.ASCII)
TWO_PARTS = re.compile(r"(\d{1,4}):(\d{1,2})", re.ASCII)
CLOCK = re.compile(
    r"(?:(?P<days>\d{1,3})\.)?(?P<hours>\d{1,4}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2})"
    r"(?:\.\d{1,9})?",
    re.ASCII,
)
SPOKEN = re.compile(
    rf"(?:(?P<days>{NUMBER})\s*d(?:ays?)?)?,?\s*(?:(?P<hours>{NUMBER})\s*h(?:ours?|rs?)?\.?)?"
    rf",?\s*(?:(?P<minutes>{NUMBER})\s*m(?:in(?:ute)?s?)?\.?)?"
    rf",?\s*(?:(?P<seconds>{NUMBER})\s*s(?:ec(?:ond)?s?)?\.?)?",
    re.ASCII | re.IGNORECASE,
)
ISO_DURATION = re.compile(
    rf"P(?:(?P<days>{NUMBER})D)?(?:T(?:(?P<hours>{NUMBER})H)?(?:(?P<minutes>{NUMBER})M)?"
    rf"(?:(?P<seconds>{NUMBER})S)?)?",
    re.ASCII | re.IGNORECASE,
)
UNIT_SECONDS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
# In the heading of a column: the column has minutes and seconds.
MINUTES_AND_SECONDS = re.compile(r"\bmm?:ss?\b", re.IGNORECASE)


def parse_duration(text: str, heading: str) -> ReadDuration | None:
    """Return the duration in a column with this heading, or None if the text is not one.

    A plain number has the unit in the heading, or else minutes. “1:05” has hours and minutes unless
    the heading has “mm:ss” or there would be 24 hours or more.
    Examples: 55 · 55.5 · 55,5 · 1,250 · 0:55:00 · 1.05:00:00 · 1 h 5 min · PT1H5M
    """
    text = " ".join(text.split())
    if text.lower() in NO_TIME:
        return ReadDuration(0)
    if GROUPED.fullmatch(text):
        unit = _unit(heading)
        number = int(text.replace(",", ""))
        return ReadDuration(
            number * UNIT_SECONDS[unit], f"{text} was read as {_counted(number, unit)}"
        )
    if PLAIN.fullmatch(text):
        return ReadDuration(_seconds({_unit(heading): text}))
    if match := TWO_PARTS.fullmatch(text):
        return _two_parts(text, int(match[1]), int(match[2]), heading)
    if match := CLOCK.fullmatch(text):
        return _clock(text, match)
    for pattern in (SPOKEN, ISO_DURATION):
        match = pattern.fullmatch(text)
        if match and any(match.groups()):
            return ReadDuration(_seconds(match.groupdict()))
    return None


def _unit(heading: str) -> str:
    words = re.findall(r"[a-z]+", heading.lower())
    if any(word in ("h", "hr", "hrs", "hour", "hours") for word in words):
        return "hours"
    if any(word in ("s", "sec", "secs", "second", "seconds") for word in words):
        return "seconds"
    return "minutes"


def _seconds(parts: dict[str, str | None]) -> int:
    return int(
        sum(
            float(number.replace(",", ".")) * UNIT_SECONDS[unit]
            for unit, number in parts.items()
            if number
        )
    )


def _two_parts(text: str, first: int, second: int, heading: str) -> ReadDuration:
    if MINUTES_AND_SECONDS.search(heading) or first > LAST_HOUR:
        units = ("minutes", "seconds")
    else:
        units = ("hours", "minutes")
    parts = dict(zip(units, (first, second), strict=True))
    return _read_as(text, parts)


def _clock(text: str, match: re.Match[str]) -> ReadDuration:
    parts = {unit: int(number or 0) for unit, number in match.groupdict().items()}
    read = _read_as(text, parts)
    return read if match["days"] else ReadDuration(read.seconds)


def _read_as(text: str, parts: dict[str, int]) -> ReadDuration:
    seconds = sum(number * UNIT_SECONDS[unit] for unit, number in parts.items())
    said = " ".join(_counted(number, unit) for unit, number in parts.items() if number)
    return ReadDuration(seconds, f"{text} was read as {said or '0 minutes'}")


def _counted(number: int, unit: str) -> str:
    return counted(number, unit.removesuffix("s"))
