"""Present people and events on attendance pages."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aspen.web.labels import Label
from events import rules
from events.enums import (
    ATTENDANCE_LABELS,
    ATTENDED,
    Attendance,
    AttendanceMode,
    RegistrationState,
)
from events.models import Event, Registration
from events.overlapping_places import NO_OTHER_PLACES, OtherPlaces, remarks_on

BUTTONS = [
    (Attendance.PRESENT, "Present"),
    (Attendance.LATE, "Late"),
    (Attendance.ABSENT, "Absent"),
    (Attendance.UNKNOWN, "Clear"),
]


class RosterRow(NamedTuple):
    """A row of the roster, for a person with a place."""

    pk: int
    name: str
    email: str
    library: str
    mode: str  # how the person takes part in a hybrid event, if it is known
    walk_in: bool
    minutes: int | None  # attended, according to a list
    mark: Label
    attendance: str
    # (question, answer)
    answers: list[tuple[str, str]]
    # about the person's other places at the same time
    remarks: list[str]
    # (attendance, label)
    buttons: list[tuple[Attendance, str]]


def roster_row(
    registration: Registration,
    answers: Mapping[int, list[tuple[str, str]]],
    others: OtherPlaces = NO_OTHER_PLACES,
) -> RosterRow:
    """Build the row for a registration from `queries.confirmed_places`.

    `answers` is keyed by registration id.
    """
    is_marked = registration.attendance != Attendance.UNKNOWN
    return RosterRow(
        pk=registration.pk,
        name=str(registration.person),
        email=registration.person.email,
        library=registration.library or "",  # type: ignore[attr-defined]
        mode=registration.get_attendance_mode_display(),
        walk_in=registration.walk_in,
        minutes=registration.minutes,
        mark=ATTENDANCE_LABELS[Attendance(registration.attendance)],
        attendance=registration.attendance,
        answers=answers.get(registration.pk, []),
        remarks=remarks_on(registration, others),
        buttons=BUTTONS if is_marked else BUTTONS[:-1],
    )


class WaitingRow(NamedTuple):
    """A row of a waitlist. `mode` says which one at a hybrid event: in person or online."""

    name: str
    email: str
    remarks: list[str]
    mode: str


def waiting_rows(
    event: Event, waiting: Iterable[Registration], others: OtherPlaces
) -> list[WaitingRow]:
    """Return the rows of the waitlists. The one for online places comes last."""
    online = AttendanceMode.ONLINE
    modes = rules.attendance_modes(event)
    return [
        WaitingRow(
            name=str(each.person),
            email=each.person.email,
            remarks=remarks_on(each, others),
            mode=online if each.attendance_mode == online else modes[0],
        )
        for each in sorted(waiting, key=lambda each: each.attendance_mode == online)
    ]


class OpenEvent(NamedTuple):
    """An event that is open for check-in, as shown for one person."""

    pk: int
    title: str
    when: str
    has_place: bool
    is_online: bool  # registered to take part online in a hybrid event
    is_checked_in: bool


def open_event_row(event: Event, registration: Registration | None) -> OpenEvent:
    has_place = registration is not None and registration.state == RegistrationState.CONFIRMED
    return OpenEvent(
        pk=event.pk,
        title=event.title,
        when=event.when,
        has_place=has_place,
        is_online=(
            has_place
            and registration is not None
            and registration.attendance_mode == AttendanceMode.ONLINE
        ),
        is_checked_in=(
            has_place and registration is not None and registration.attendance in ATTENDED
        ),
    )
