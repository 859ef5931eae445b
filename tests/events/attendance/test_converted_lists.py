"""Lists and marks that were stored before attendance was time present."""

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from events import actions
from events.attendance.list_plans import rows_of
from events.attendance.presence import fingerprint
from events.enums import Attendance, RegistrationState
from events.models import AttendanceList, Event, Registration
from tests import factories as make

pytestmark = pytest.mark.django_db
migration = import_module("events.migrations.0006_attendance_as_time_present")


def old_list(event: Event, rows: list[list[Any]], **fields: Any) -> AttendanceList:
    """Store a list as before; the fingerprint is only needed to insert the row."""
    values = {"threshold": 30, "uploaded_by": make.person(), "file_name": "old.csv"}
    key = f"old {AttendanceList.objects.count()}"
    return AttendanceList.objects.create(event=event, rows=rows, fingerprint=key, **values | fields)


def place(event: Event, **fields: Any) -> Registration:
    row = Registration(
        event=event,
        person=make.person(),
        state=RegistrationState.CONFIRMED,
        registered_at=event.begins_at,
        **fields,
    )
    return Registration.objects.bulk_create([row])[0]


def test_lists_and_their_marks_are_converted() -> None:
    event, by, at = make.event(days=-1), make.person(), timezone.now()
    marked = {"marked_by": by, "marked_at": at - dt.timedelta(seconds=5)}
    present = place(event, attendance=Attendance.PRESENT, minutes=50, **marked)
    missing = place(event, attendance=Attendance.ABSENT, minutes=0, **marked)
    by_hand = place(
        event,
        attendance=Attendance.ABSENT,
        minutes=50,
        marked_by=by,
        marked_at=at + dt.timedelta(hours=1),
    )
    rows = [[present.person.email, 50, 2], [by_hand.person.email, 50, 3]]
    applied = {"applied_at": at, "applied_by": by}
    first = old_list(event, rows)
    again = old_list(event, rows, **applied)
    migration.convert_lists(apps, None)
    [stored] = AttendanceList.objects.all()
    assert (stored, stored.applied_at, stored.absentees) == (first, again.applied_at, True)
    assert [(row.address, row.seconds) for row in rows_of(stored)] == [
        (present.person.email, 3_000),
        (by_hand.person.email, 3_000),
    ]
    assert stored.fingerprint == fingerprint(rows_of(stored))
    from_lists = Registration.objects.filter(before_lists__isnull=False).order_by("pk")
    assert list(from_lists) == [present, missing]
    # A new list is counted together with the old one.
    data = f"Email,Minutes\n{missing.person.email},40\n".encode()
    new = actions.store_attendance_list(
        event_id=event.pk, file_name="new.csv", data=data, threshold=30, by=by
    )
    actions.apply_attendance_list(list_id=new.pk, by=by)
    assert list(Registration.objects.order_by("pk").values_list("attendance", "minutes")) == [
        (Attendance.PRESENT, 50),
        (Attendance.PRESENT, 40),
        (Attendance.ABSENT, 50),
    ]


def test_the_conversion_can_be_reversed() -> None:
    event = make.event(days=-1)
    stored = old_list(event, [["ada@x.example", 50, 2]])
    migration.convert_lists(apps, None)
    migration.restore_lists(apps, None)
    stored.refresh_from_db()
    assert stored.rows == [["ada@x.example", 50, 2]]
