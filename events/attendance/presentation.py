"""Present people and events on attendance pages."""

from collections.abc import Mapping
from typing import NamedTuple

from aspen.web.labels import Label
from events.enums import ATTENDANCE_LABELS, ATTENDED, Attendance, RegistrationState
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
        walk_in=registration.walk_in,
        minutes=registration.minutes,
        mark=ATTENDANCE_LABELS[Attendance(registration.attendance)],
        attendance=registration.attendance,
        answers=answers.get(registration.pk, []),
        remarks=remarks_on(registration, others),
        buttons=BUTTONS if is_marked else BUTTONS[:-1],
    )


class WaitingRow(NamedTuple):
    """A row of the waitlist."""

    name: str
    email: str
    remarks: list[str]


def waiting_row(registration: Registration, others: OtherPlaces) -> WaitingRow:
    person = registration.person
    return WaitingRow(str(person), person.email, remarks_on(registration, others))


class OpenEvent(NamedTuple):
    """An event that is open for check-in, as shown for one person."""

    pk: int
    title: str
    when: str
    has_place: bool
    is_checked_in: bool


def open_event_row(event: Event, registration: Registration | None) -> OpenEvent:
    has_place = registration is not None and registration.state == RegistrationState.CONFIRMED
    return OpenEvent(
        pk=event.pk,
        title=event.title,
        when=event.when,
        has_place=has_place,
        is_checked_in=(
            has_place and registration is not None and registration.attendance in ATTENDED
        ),
    )
