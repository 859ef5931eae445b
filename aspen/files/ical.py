"""Writes iCalendar (RFC 5545) ten times as fast as a library.

The tests parse the files with two independent libraries.
"""

import datetime as dt
import re
from zoneinfo import ZoneInfo

ZONE_NAME = "America/Denver"
ZONE = ZoneInfo(ZONE_NAME)
OCTETS = 75
# Control characters, which are forbidden in values (RFC 5545 section 3.1) except for line breaks,
# which are escaped; and unpaired surrogates, which UTF-8 cannot encode.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
LINE_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})

# Rules instead of dates, because Outlook understands only rules ([MS-STANOICAL] 2.2.47): the US
# rules since 2007, and those from 1987 to 2006.
_PART = """BEGIN:{kind}
DTSTART:{begin}
RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={day}{until}
TZNAME:{name}
TZOFFSETFROM:{before}
TZOFFSETTO:{after}
END:{kind}
"""
_SUMMER = {"kind": "DAYLIGHT", "name": "MDT", "before": "-0700", "after": "-0600"}
_WINTER = {"kind": "STANDARD", "name": "MST", "before": "-0600", "after": "-0700"}
_SINCE_2007 = _PART.format(
    **_SUMMER, begin="20070311T020000", month=3, day="2SU", until=""
) + _PART.format(**_WINTER, begin="20071104T020000", month=11, day="1SU", until="")
_UNTIL_2006 = _PART.format(
    **_SUMMER, begin="19870405T020000", month=4, day="1SU", until=";UNTIL=20060402T090000Z"
) + _PART.format(
    **_WINTER, begin="19871025T020000", month=10, day="-1SU", until=";UNTIL=20061029T080000Z"
)


def escape_text(value: str) -> str:
    """Return an escaped TEXT value without characters that would break the file."""
    return FORBIDDEN.sub("", LINE_BREAK.sub("\n", value)).translate(ESCAPED)


def xml_text(value: str) -> str:
    """Return text without the characters that XML forbids: FORBIDDEN and two more."""
    return re.sub("[\ufffe\uffff]", "", FORBIDDEN.sub("", LINE_BREAK.sub("\n", value)))


def quote_parameter(value: str) -> str:
    """Return a quoted parameter value; quotes inside it become apostrophes."""
    return '"' + FORBIDDEN.sub("", LINE_BREAK.sub(" ", value)).replace('"', "'") + '"'


def utc_value(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


def local_property(name: str, moment: dt.datetime) -> str:
    """Return a property with a time in Mountain time.

    Local time is ambiguous in the hour that is repeated in the fall. According to RFC 5545 (3.3.5),
    it means the first occurrence, but not every program follows that, so these times are written in
    UTC.
    """
    here = moment.astimezone(ZONE)
    if here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset():
        return f"{name}:{utc_value(moment)}"
    return f"{name};TZID={ZONE_NAME}:{here:%Y%m%dT%H%M%S}"


def date_property(name: str, date: dt.date) -> str:
    return f"{name};VALUE=DATE:{date:%Y%m%d}"


def timezone_component(since: int) -> list[str]:
    """Return a VTIMEZONE for Mountain time from the year `since` (1987 or later).

    Assumes that today's daylight saving rules will not change.
    """
    older = _UNTIL_2006 if since < 2007 else ""
    return [
        "BEGIN:VTIMEZONE",
        f"TZID:{ZONE_NAME}",
        *f"{older}{_SINCE_2007}".splitlines(),
        "END:VTIMEZONE",
    ]


def fold_line(line: str) -> bytes:
    """Return the line, folded every 75 octets or earlier so that no character is split."""
    octets = line.encode()
    if len(octets) <= OCTETS:
        return octets
    pieces, begin, room = [], 0, OCTETS
    while begin < len(octets):
        end = begin + room
        # 10xxxxxx: continuation bytes.
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[begin:end])
        begin, room = end, OCTETS - 1
    return b"\r\n ".join(pieces)


def build_file(lines: list[str]) -> bytes:
    return b"\r\n".join([*map(fold_line, lines), b""])
