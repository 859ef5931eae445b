"""Present attendance lists: how they were read, what they change, and who is not matched."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from aspen.formats import counted, format_credits, format_time, format_time_range
from events import signals
from events.attendance import presence
from events.attendance.list_plans import ListedMark, ListPlan, RosterChanges, rows_of
from events.attendance.presence import ReportRow
from events.enums import Attendance
from events.models import AttendanceList, CreditOffer, Event

MAX_LINES = 200
FIRST_ROWS = 5
UNMATCHED = "Not matched: no account has this name or address"


class MatchGroup(NamedTuple):
    """People on an attendance list with the same match result: their number and the first few."""

    label: str
    number: int
    lines: list[tuple[str, str]]
    is_unmatched: bool = False


def match_groups(plan: ListPlan, stored: AttendanceList) -> list[MatchGroup]:
    """Return the groups of the preview, with minutes on all lists that count."""
    in_all = " in all" if len(plan.lists) > 1 else ""
    by_hand = plan.by_hand
    kept = {each.registration.pk for each in by_hand}

    def marks(attendance: Attendance) -> list[tuple[str, str]]:
        return [
            (str(each.registration.person), f"{each.minutes} min{in_all}")
            for each in plan.listed
            if each.attendance == attendance and each.registration.pk not in kept
        ]

    groups = [
        ("Present", marks(Attendance.PRESENT)),
        ("Absent: too few minutes", marks(Attendance.ABSENT)),
        (
            "Marked differently by hand or at check-in (kept unless you overwrite them)",
            [_by_hand_line(each) for each in by_hand],
        ),
        (
            "Registered but on none of the lists" if in_all else "Registered but not on the list",
            [(str(each.person), "") for each in plan.missing],
        ),
        (
            "Not registered but have an account",
            [
                (str(each.person), f"{each.person.email}, {each.minutes} min{in_all}")
                for each in plan.unregistered
            ],
        ),
        (
            UNMATCHED,
            [
                (each.label, f"{each.minutes} min on this list, line {each.line}")
                for each in plan.unmatched
            ],
        ),
        ("Skipped rows", [(f"Line {line}", str(reason)) for line, reason in stored.refused]),
    ]
    return [
        MatchGroup(label, len(lines), lines[:MAX_LINES], label == UNMATCHED)
        for label, lines in groups
    ]


def _by_hand_line(each: ListedMark) -> tuple[str, str]:
    mark = each.registration.get_attendance_display()
    return str(each.registration.person), f"{mark}; {each.minutes} min on the list"


# ---------- How the list was read ----------


class RowAsRead(NamedTuple):
    """One of the first rows: its line, whom it names, and how its time was understood."""

    line: int
    person: str
    time: str


def first_rows(stored: AttendanceList) -> list[RowAsRead]:
    """Return the first rows, and those with a duration that could be read in two ways."""
    notes = dict(stored.notes)
    rows = rows_of(stored)
    shown = [row for number, row in enumerate(rows) if number < FIRST_ROWS or row.line in notes]
    return [
        RowAsRead(row.line, row.name or row.address, notes.get(row.line) or _time_as_read(row))
        for row in sorted(shown, key=lambda row: row.line)
    ]


def _time_as_read(row: ReportRow) -> str:
    if row.seconds is not None:
        return counted(row.seconds // 60, "minute")
    joined = _moment(row.joined)
    if row.left is None:
        return f"from {format_time(joined)} to the end of the event"
    return format_time_range(joined, _moment(row.left), all_day=False)


def _moment(seconds: int | None) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds or 0, dt.UTC)


def why_other_event(event: Event, stored: AttendanceList) -> str:
    """Return a warning if no visit on the list was during the event, or an empty string."""
    window = presence.span(event.begins_at, event.over_at)
    visits = [row for row in rows_of(stored) if row.joined is not None]
    if not visits or any(presence.seconds_present([[row]], window) for row in visits):
        return ""
    first = min(row.joined or 0 for row in visits)
    last = max(row.left or row.joined or 0 for row in visits)
    times = format_time_range(_moment(first), _moment(last), all_day=False)
    return (
        f"The times on this list are {times}, and the event was {event.when}. Check that this is "
        "the right list, and that its times are in Mountain time."
    )


# ---------- The second look ----------


class Loss(NamedTuple):
    """A person who would become absent, and the credit that they would lose."""

    name: str
    credit: str


class SecondLook(NamedTuple):
    """What a list would take from how many people."""

    summary: list[str]
    losses: list[Loss]
    number: int


def second_look(changes: RosterChanges) -> SecondLook:
    """Return what the organizer must confirm. Two queries."""
    event, absent = changes.plan.event, changes.newly_absent
    lost = signals.credits_lost_if_absent(event, [each.person_id for each in absent])
    offered = sum(
        CreditOffer.objects.filter(event=event).order_by("pk").values_list("amount", flat=True),
        Decimal(0),
    )
    registered = counted(changes.registered, "registered person", "registered people")
    summary = []
    if not changes.named:
        summary.append(f"The list names none of the {registered}.")
    if absent:
        summary.append(
            f"{len(absent):,} of {registered} would be marked absent by this list"
            + (
                f", so {changes.absent:,} would be absent in all."
                if changes.absent > len(absent)
                else "."
            )
        )
    if lost:
        total = format_credits(sum(lost.values(), Decimal(0)))
        people = counted(len(lost), "person", "people")
        summary.append(f"{people} would lose credit that is listed already: {total} in all.")
    not_yet = len(absent) - len(lost)
    if not_yet and offered:
        people = counted(not_yet, "person", "people")
        summary.append(f"{people} would not get the event’s {format_credits(offered)}.")
    losses = [
        Loss(str(each.person), _loss(lost.get(each.person_id), offered))
        for each in absent[:MAX_LINES]
    ]
    return SecondLook(summary, losses, len(absent))


def _loss(lost: Decimal | None, offered: Decimal) -> str:
    if lost:
        return f"loses {format_credits(lost)}"
    return f"does not get {format_credits(offered)}" if offered else ""


# ---------- Lists of an event ----------


class StoredList(NamedTuple):
    """An earlier list on the upload page."""

    pk: int
    name: str
    detail: str


def stored_lists(lists: Iterable[AttendanceList]) -> list[StoredList]:
    return [
        StoredList(each.pk, each.file_name, ", ".join(filter(None, [each.shape, _status(each)])))
        for each in lists
    ]


def _status(stored: AttendanceList) -> str:
    day = timezone.localtime(stored.uploaded_at)
    uploaded = f"uploaded {day:%b} {day.day}, {day.year}"
    if stored.undone_at:
        return f"{uploaded}, undone"
    return f"{uploaded}, {'applied' if stored.applied_at else 'not applied yet'}"
