"""Attendance lists from webinar tools: store one for preview, then apply it."""

from pathlib import PurePath

from django.db import connection
from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited_as
from aspen.errors import Refused
from events import queries
from events.attendance import emails, webinar_csv
from events.attendance import queries as attendance_queries
from events.attendance.actions import next_registration_time, queue_settling
from events.enums import ATTENDED, Attendance, EventState, RegistrationState
from events.models import AttendanceList, Event, Registration


@audited_as("events.keep_list")
def store_attendance_list(
    *, event_id: int, file_name: str, data: bytes, threshold: int, by: User
) -> AttendanceList:
    """Read and store a list without applying it. Raises Refused if it cannot be read."""
    contents = webinar_csv.read_attendance_list(data)
    if not contents.rows:
        raise Refused("There are no people on this list.", field="file")
    return AttendanceList.objects.create(
        event_id=event_id,
        file_name=PurePath(file_name.replace("\\", "/").replace("\0", "")).name[:150] or "list",
        threshold=threshold,
        rows=contents.rows,
        refused=contents.refused,
        uploaded_by=by,
    )


@audited_as("events.apply_list")
def apply_attendance_list(
    *,
    list_id: int,
    by: User,
    absentees: bool = False,
    walk_ins: bool = False,
    override: bool = False,
) -> int:
    """Mark the people on a list. Return the number of changed registrations.

    `absentees` marks registered people who are not on the list as absent. `walk_ins` adds people
    who have an account but no place, without using up capacity. `override` replaces manual marks.
    Idempotent. Locks the event. Queues settling. Raises AttendanceList.DoesNotExist, or Refused if
    the event has not started or is not published.
    """
    event_id = AttendanceList.objects.values_list("event_id", flat=True).get(pk=list_id)
    event = queries.lock_event(event_id)
    attendance_list = AttendanceList.objects.select_for_update(no_key=True).get(pk=list_id)
    if attendance_list.applied_at:
        return 0
    if event.state != EventState.PUBLISHED or timezone.now() < event.begins_at:
        raise Refused("You can apply a list only after the event has started.")
    match = attendance_queries.match_attendance_list(attendance_list)
    marks = [*match.marks, *(match.by_hand if override else [])]
    if absentees:
        marks += [
            (each, Attendance.ABSENT, 0)
            for each in match.missing
            if override or each.attendance == Attendance.UNKNOWN
        ]
    if walk_ins:
        marks += _registrations_for(match.unregistered, event)
    changed = _changed(marks, by=by)
    _write(changed)
    emails.queue_absent_emails(changed)
    queue_settling()
    attendance_list.applied_at, attendance_list.applied_by = timezone.now(), by
    attendance_list.save(update_fields=["applied_at", "applied_by"])
    return len(changed)


def _registrations_for(
    people: list[tuple[User, Attendance, int]], event: Event
) -> list[tuple[Registration, Attendance, int]]:
    """Store walk-in registrations for people who attended without a place. Return the marks."""
    attended = [(person, minutes) for person, mark, minutes in people if mark != Attendance.ABSENT]
    rows = [
        Registration(
            event=event,
            person=person,
            state=RegistrationState.CONFIRMED,
            walk_in=True,
            registered_at=next_registration_time(event),
        )
        for person, _ in attended
    ]
    # People who had canceled or were on the waitlist may have attended anyway.
    Registration.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["event", "person"],
        update_fields=["state", "walk_in", "registered_at", "cancelled_at"],
    )
    minutes = {person.pk: time for person, time in attended}
    registrations = Registration.objects.filter(event=event, person__in=minutes).select_related(
        "person"
    )
    return [
        (each, Attendance.PRESENT, minutes[each.person_id]) for each in registrations.order_by("pk")
    ]


def _changed(marks: list[tuple[Registration, Attendance, int]], *, by: User) -> list[Registration]:
    """Set marks in memory and return the changed registrations.

    If only the minutes change, the mark keeps its author and time.
    """
    now = timezone.now()
    changed = []
    for registration, attendance, minutes in marks:
        # A list does not distinguish late from present.
        same = (
            registration.attendance == attendance
            or {registration.attendance, attendance} <= ATTENDED
        )
        if same and registration.minutes in (None, minutes):
            continue
        registration.minutes = minutes
        if not same:
            registration.attendance = attendance
            registration.marked_at, registration.marked_by = now, by
            registration.settled_at = None
        changed.append(registration)
    return changed


# One statement: bulk_update takes half a minute for 20,000 people.
WRITE_SQL = """
    UPDATE events_registration AS place
       SET attendance = new.attendance, minutes = new.minutes, marked_at = new.marked_at,
           marked_by_id = new.marked_by_id, settled_at = new.settled_at
      FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::timestamptz[], %s::bigint[],
                  %s::timestamptz[])
           AS new (id, attendance, minutes, marked_at, marked_by_id, settled_at)
     WHERE place.id = new.id
"""
COLUMNS = ("pk", "attendance", "minutes", "marked_at", "marked_by_id", "settled_at")


def _write(changed: list[Registration]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WRITE_SQL, [[getattr(each, name) for each in changed] for name in COLUMNS])
