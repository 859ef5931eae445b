"""Triggers that count changes to events and enforce the capacity."""

import pgtrigger

# Calendar programs accept an update only if its sequence is higher (RFC 5545, 3.8.7.4). It
# increases with every change that people must see in their calendars.
COUNT_REVISION = pgtrigger.Trigger(
    name="count_revision",
    operation=pgtrigger.Update,
    when=pgtrigger.Before,
    func="""
        -- Whatever a stale copy of the row says.
        NEW.uid = OLD.uid;
        NEW.sequence = OLD.sequence;
        NEW.changed_at = clock_timestamp();
        IF (OLD.title, OLD.begins_at, OLD.ends_at, OLD.all_day, OLD.location, OLD.city, OLD.room,
            OLD.delivery, OLD.state)
           IS DISTINCT FROM
           (NEW.title, NEW.begins_at, NEW.ends_at, NEW.all_day, NEW.location, NEW.city, NEW.room,
            NEW.delivery, NEW.state)
        THEN
            NEW.sequence = OLD.sequence + 1;
        END IF;
        RETURN NEW;
    """,
)

# Runs before CAPACITY_NOT_BELOW_THE_TAKEN, because triggers run in the order of their names.
ATTENDANCE_MODES_FOLLOW_FORMAT = pgtrigger.Trigger(
    name="attendance_modes_follow_format",
    operation=pgtrigger.UpdateOf("delivery"),
    when=pgtrigger.After,
    condition=pgtrigger.Q(old__delivery__df=pgtrigger.F("new__delivery")),
    func="""
        -- People who are registered when an event becomes hybrid take part as they would have.
        -- At an event that is no longer hybrid, there is nothing to choose.
        UPDATE events_registration
           SET attendance_mode = CASE
               WHEN NEW.delivery <> 'hybrid' THEN ''
               WHEN OLD.delivery IN ('online', 'recorded') THEN 'online'
               WHEN OLD.delivery = 'in person' THEN 'in person'
               ELSE ''
           END
         WHERE event_id = NEW.id AND 'hybrid' IN (OLD.delivery, NEW.delivery);
        RETURN NULL;
    """,
)

ATTENDANCE_MODE_ONLY_IF_HYBRID = pgtrigger.Trigger(
    name="attendance_mode_only_if_hybrid",
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("attendance_mode", "event_id"),
    when=pgtrigger.Before,
    condition=~pgtrigger.Q(new__attendance_mode=""),
    declare=[("format", "text")],
    func="""
        SELECT delivery INTO format FROM events_event WHERE id = NEW.event_id FOR NO KEY UPDATE;
        IF format <> 'hybrid' THEN
            RAISE check_violation USING
                CONSTRAINT = 'events_attendance_mode_only_if_hybrid',
                MESSAGE = 'only hybrid events have people in person and online';
        END IF;
        RETURN NEW;
    """,
)

# Walk-ins do not count toward the capacity, because they are already in the room. Only people at
# hybrid events have an attendance mode, and those whose mode is not known count in the room.
_TAKEN = """
    SELECT count(*) FROM events_registration
     WHERE event_id = {event} AND state = 'confirmed' AND NOT walk_in
"""

CAPACITY_NOT_BELOW_THE_TAKEN = pgtrigger.Trigger(
    name="capacity_not_below_taken",
    operation=pgtrigger.UpdateOf("capacity", "online_capacity", "delivery"),
    when=pgtrigger.After,
    condition=pgtrigger.AnyChange("capacity", "online_capacity", "delivery"),
    declare=[("taken", "bigint"), ("online", "bigint")],
    func=f"""
        taken = ({_TAKEN.format(event="NEW.id")} AND attendance_mode <> 'online');
        online = ({_TAKEN.format(event="NEW.id")} AND attendance_mode = 'online');
        IF taken > NEW.capacity THEN
            RAISE check_violation USING
                CONSTRAINT = 'events_capacity_never_exceeded',
                MESSAGE = format('%s people hold a place', taken);
        END IF;
        IF online > NEW.online_capacity THEN
            RAISE check_violation USING
                CONSTRAINT = 'events_capacity_never_exceeded',
                MESSAGE = format('%s people hold an online place', online);
        END IF;
        RETURN NULL;
    """,
)

# Locks the event first, as the actions do, so that concurrent transactions cannot oversell.
NEVER_OVERSOLD = pgtrigger.Trigger(
    name="never_oversold",
    operation=pgtrigger.Insert
    | pgtrigger.UpdateOf("state", "event_id", "walk_in", "attendance_mode"),
    when=pgtrigger.Before,
    declare=[("places", "integer"), ("taken", "bigint"), ("is_online", "boolean")],
    func=f"""
        IF NEW.state <> 'confirmed' OR NEW.walk_in THEN RETURN NEW; END IF;
        is_online = NEW.attendance_mode = 'online';
        SELECT CASE WHEN is_online THEN online_capacity ELSE capacity END INTO places
          FROM events_event WHERE id = NEW.event_id FOR NO KEY UPDATE;
        IF places IS NULL THEN RETURN NEW; END IF;
        taken = ({_TAKEN.format(event="NEW.event_id")} AND id IS DISTINCT FROM NEW.id
                 AND (attendance_mode = 'online') = is_online);
        IF taken >= places THEN
            RAISE check_violation USING
                CONSTRAINT = 'events_capacity_never_exceeded',
                MESSAGE = format('all %s places are taken', places);
        END IF;
        RETURN NEW;
    """,
)


def new_version(
    operation: pgtrigger.Operation | None = None, condition: pgtrigger.Condition | None = None
) -> pgtrigger.Trigger:
    """Return a trigger that increments the public calendar's version, once per transaction.

    Runs at commit, so that the row is locked only briefly and anyone who reads the new number also
    sees the change.
    """
    return pgtrigger.Trigger(
        name="new_calendar_version",
        level=pgtrigger.Row,
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        operation=operation or pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        condition=condition,
        func=COUNT_VERSION,
    )


COUNT_VERSION = """
    INSERT INTO events_calendarversion AS version (id, number) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET number = version.number + 1
     WHERE version.xmin::text <> (pg_current_xact_id()::xid)::text;
    RETURN NULL;
"""
