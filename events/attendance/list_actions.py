"""Attendance lists from webinar tools: store one for preview, apply it, undo it, match people."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.formats import counted
from events import queries, signals
from events.attendance import emails, presence, report_shapes
from events.attendance.actions import next_registration_time, queue_settling
from events.attendance.list_plans import (
    MARK_FIELDS,
    PLACE_FIELDS,
    ListPlan,
    RosterChanges,
    counting_lists,
    plan_lists,
    roster_changes,
    rows_of,
)
from events.enums import EventState, RegistrationState
from events.models import (
    AttendanceList,
    AttendeeMatch,
    Event,
    Registration,
)


@audited_as("events.keep_list")
def store_attendance_list(
    *, event_id: int, file_name: str, data: bytes, threshold: int, by: User
) -> AttendanceList:
    """Read and store a list without applying it.

    If a list with the same contents and threshold is stored already, return that one. Raises
    Refused if the list cannot be read. Locks the event once the list is read, because reading a
    long list takes seconds.
    """
    event = Event.objects.get(pk=event_id)
    report = report_shapes.read_report(data, begins_at=event.begins_at, ends_at=event.over_at)
    if not report.rows:
        raise Refused("There are no people on this list.", field="file")
    queries.lock_event(event_id)
    stored, _ = AttendanceList.objects.get_or_create(
        event=event,
        fingerprint=presence.fingerprint(report.rows),
        threshold=threshold,
        defaults={
            "file_name": PurePath(file_name.replace("\\", "/").replace("\0", "")).name[:150]
            or "list",
            "shape": report.shape,
            "rows": report.rows,
            "refused": report.refused,
            "notes": report.notes,
            "uploaded_by": by,
        },
    )
    return stored


@audited_as("events.apply_list")
def apply_attendance_list(
    *,
    list_id: int,
    by: User,
    absentees: bool = False,
    walk_ins: bool = False,
    override: bool = False,
    seen: str = "",
) -> int:
    """Let a list count, and mark everyone according to all lists of the event that count.

    Return the number of changed registrations. `absentees` marks registered people who are on no
    list as absent. `walk_ins` adds people who have an account but no place, without using up
    capacity. `override` replaces manual marks. A list that would make more than half of the
    registered people absent, or names none of them, needs `seen`: the version of the changes
    (RosterChanges) that the organizer confirmed on the second page.

    A list that counts already can be applied again with more options. Idempotent. Locks the event.
    Queues settling. Raises AttendanceList.DoesNotExist, or Refused if the event has not started or
    is not published, or the changes were not confirmed.
    """
    event, stored = _lock_list(list_id)
    is_new_choice = override or absentees > stored.absentees or walk_ins > stored.walk_ins
    if stored.counts and not is_new_choice:
        return 0
    if reason := why_not_apply(event):
        raise Refused(reason)
    changes = preview_changes(
        event, stored, by=by, absentees=absentees, walk_ins=walk_ins, override=override
    )
    if changes.need_second_look and seen != changes.version:
        raise Refused(
            "The list was not applied. It would mark more than half of the registered people "
            "absent, or names none of them, and the numbers were not confirmed or have changed "
            "since. Look at them again."
        )
    number = _write(changes, by=by)
    stored.applied_at, stored.applied_by = timezone.now(), by
    stored.undone_at = stored.undone_by = None
    stored.is_confirmed = changes.need_second_look
    stored.registered, stored.named = changes.registered, changes.named
    stored.absent, stored.newly_absent = changes.absent, len(changes.newly_absent)
    stored.save()
    signals.attendance_marked.send(Event, event=event)
    return number


def why_not_apply(event: Event) -> str | None:
    """Return why no list of the event can be applied now, or None."""
    if event.state != EventState.PUBLISHED or timezone.now() < event.begins_at:
        return "You can apply a list only after the event has started."
    return None


def preview_changes(
    event: Event,
    stored: AttendanceList,
    *,
    by: User,
    absentees: bool = False,
    walk_ins: bool = False,
    override: bool = False,
) -> RosterChanges:
    """Return what applying the list with these options would change. Saves nothing.

    If the list counts already, the options add to those with which it was applied.
    """
    stored.absentees = absentees or (stored.counts and stored.absentees)
    stored.walk_ins = walk_ins or (stored.counts and stored.walk_ins)
    others = [each for each in counting_lists(event) if each.pk != stored.pk]
    plan = plan_lists(event, [*others, stored], current=stored)
    return roster_changes(plan, by=by, override=override)


@audited
def undo_attendance_list(*, list_id: int, by: User) -> int:
    """Undo a list within a day. Return the number of changed registrations.

    The marks are again what the event's other lists say or, if none says anything, what they were
    before. Marks that were changed by hand since stay. Credits follow: those that were taken from
    absent people return, and those of people whom the list added are withdrawn. Idempotent. Locks
    the event. Raises AttendanceList.DoesNotExist, or Refused after a day.
    """
    event, stored = _lock_list(list_id)
    if not stored.counts:
        return 0
    now = timezone.now()
    if reason := why_not_undo(stored, now):
        raise Refused(reason)
    stored.undone_at, stored.undone_by = now, by
    stored.save(update_fields=["undone_at", "undone_by"])
    return _recount(event, by=by)


def why_not_undo(stored: AttendanceList, now: dt.datetime) -> str | None:
    """Return why an applied list cannot be undone at `now`, or None."""
    if stored.undo_until and now <= stored.undo_until:
        return None
    return "A list can be undone only within a day. Correct the marks on the roster instead."


@audited
def match_attendees(*, list_id: int, matches: Mapping[str, User | None], by: User) -> int:
    """Store who the people on a list are, by alias. None removes the match of an alias.

    Applies to all lists of the event; those that count are counted again. Return the number of
    matches that changed. Idempotent. Locks the event. Raises AttendanceList.DoesNotExist, or
    Refused if an alias is not on the list.
    """
    event, stored = _lock_list(list_id)
    labels = {row.alias: (row.name or row.address) for row in rows_of(stored)}
    if unknown := matches.keys() - labels.keys():
        raise Refused(f"{counted(len(unknown), 'person is', 'people are')} not on this list.")
    stored_matches = AttendeeMatch.objects.filter(event=event, alias__in=matches)
    known = dict(stored_matches.order_by("pk").values_list("alias", "person_id"))
    changed = {
        alias: person
        for alias, person in matches.items()
        if known.get(alias) != (person.pk if person else None)
    }
    removed = [alias for alias, person in changed.items() if person is None]
    stored_matches.filter(alias__in=removed).delete()
    AttendeeMatch.objects.bulk_create(
        [
            AttendeeMatch(
                event=event,
                alias=alias,
                name=labels[alias],
                person=person,
                matched_by=by,
                matched_at=timezone.now(),
            )
            for alias, person in changed.items()
            if person
        ],
        update_conflicts=True,
        unique_fields=["event", "alias"],
        update_fields=["name", "person", "matched_by", "matched_at"],
    )
    if changed:
        _recount(event, by=by)
    return len(changed)


# ---------- Writing ----------


def _lock_list(list_id: int) -> tuple[Event, AttendanceList]:
    """Lock the list's event and then the list."""
    event_id = AttendanceList.objects.values_list("event_id", flat=True).get(pk=list_id)
    event = queries.lock_event(event_id)
    return event, AttendanceList.objects.select_for_update(no_key=True).get(pk=list_id)


def _recount(event: Event, *, by: User) -> int:
    """Mark everyone according to the lists that count. The caller holds the event's lock."""
    plan: ListPlan = plan_lists(event, counting_lists(event))
    number = _write(roster_changes(plan, by=by), by=by)
    signals.attendance_marked.send(Event, event=event)
    return number


def _write(changes: RosterChanges, *, by: User) -> int:
    """Save the changes and queue e-mails and settling. Return the number of registrations."""
    _write_marks(changes.marked)
    _write_added(changes)
    _write_removed(changes.removed, event=changes.plan.event, by=by)
    emails.queue_absent_emails([*changes.newly_absent, *changes.absent_walk_ins])
    queue_settling()
    return len(changes.marked) + len(changes.added) + len(changes.removed)


# One statement: bulk_update takes half a minute for 20,000 people.
WRITE_SQL = """
    UPDATE events_registration AS place
       SET attendance = new.attendance, minutes = new.minutes, marked_at = new.marked_at,
           marked_by_id = new.marked_by_id, settled_at = new.settled_at,
           before_lists = new.before_lists
      FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::timestamptz[], %s::bigint[],
                  %s::timestamptz[], %s::jsonb[])
           AS new (id, attendance, minutes, marked_at, marked_by_id, settled_at, before_lists)
     WHERE place.id = new.id
"""
COLUMNS = ("pk", "attendance", "minutes", "marked_at", "marked_by_id", "settled_at")


def _write_marks(marked: list[Registration]) -> None:
    before = Registration._meta.get_field("before_lists")
    with connection.cursor() as cursor:
        values = [[getattr(each, name) for each in marked] for name in COLUMNS]
        json = [before.get_db_prep_save(each.before_lists, connection) for each in marked]
        cursor.execute(WRITE_SQL, [*values, json])


def _write_added(changes: RosterChanges) -> None:
    """Store walk-ins. People who had canceled or were on the waitlist keep their row."""
    if not changes.added:
        return
    moment = next_registration_time(changes.plan.event)
    for place in changes.added:
        place.registered_at = moment
    Registration.objects.bulk_create(
        changes.added,
        update_conflicts=True,
        unique_fields=["event", "person"],
        update_fields=[
            *PLACE_FIELDS,
            *(name.removesuffix("_id") for name in MARK_FIELDS),
            "minutes",
            "settled_at",
            "before_lists",
        ],
    )


def _write_removed(removed: Sequence[Registration], *, event: Event, by: User) -> None:
    """Take away places that only lists gave. Withdraw the credit of those who have it already.

    Locks the people, all at once and in order, because the credit of each is changed in turn.
    """
    lock_people([each.person_id for each in removed])
    new = [each for each in removed if each.state == RegistrationState.CONFIRMED]
    earlier = [each for each in removed if each.state != RegistrationState.CONFIRMED]
    for each in [*new, *earlier]:
        each.event = event
        signals.place_removed.send(Registration, registrations=[each], by=by)
    Registration.objects.filter(pk__in=[each.pk for each in new]).delete()
    fields = [*PLACE_FIELDS, *(name.removesuffix("_id") for name in MARK_FIELDS)]
    Registration.objects.bulk_update(
        earlier, [*fields, "minutes", "settled_at", "before_lists"], batch_size=500
    )
