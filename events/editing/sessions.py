"""A conference's sessions, entered in one sheet."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from accounts.models import User
from aspen.clock import end_of_session
from aspen.db.audit import audited
from aspen.errors import Refused
from events import permissions, queries
from events.editing.publishing import replace_offers, send_event_revised
from events.editing.series import existing_local_time
from events.enums import EventState, Origin, RegistrationMode
from events.models import Category, Event


@dataclasses.dataclass(frozen=True, kw_only=True)
class SessionInput:
    """One row of the sheet. `id` is for an existing session. Times are in Mountain time."""

    id: int | None
    title: str
    day: dt.date
    begin: dt.time
    end: dt.time | None
    room: str
    presenter: str
    category: Category | None
    amount: Decimal | None


@audited
def save_sessions(*, parent_id: int, sessions: Sequence[SessionInput], by: User) -> int:
    """Store a conference's new and changed sessions, all or nothing.

    Returns the number of sessions stored. New sessions copy the conference's state, place, sponsor
    and organizer. Rows with the same title and start time are one session. Sessions that are not in
    the sheet do not change. Locks the conference and its sessions. Raises Event.DoesNotExist,
    ValidationError, or Refused if the event is itself a session or is published and `by` is not
    staff.
    """
    if not permissions.managed_by(by).filter(pk=parent_id).exists():
        raise Event.DoesNotExist
    parent = queries.lock_event(parent_id)
    if parent.parent_id is not None:
        raise Refused("This event is a session, so it cannot have sessions.")
    if parent.state not in (EventState.DRAFT, EventState.PENDING) and not permissions.may_publish(
        by
    ):
        raise Refused(
            "This conference is published, so only State Library staff can change its program. "
            "Open a help ticket and describe the change."
        )
    before = {
        session.pk: session
        for session in Event.objects.select_for_update(of=("self",), no_key=True)
        .filter(parent=parent)
        .prefetch_related("offers")
        .order_by("pk")
    }
    same = {(session.title, session.begins_at): session for session in before.values()}
    changed = 0
    for row in sessions:
        begins_at = existing_local_time(dt.datetime.combine(row.day, row.begin))
        session = before.get(row.id or 0) or same.get((row.title, begins_at))
        if session is None:
            session = _new_session(parent, by)
            same[row.title, begins_at] = session
        changed += _store(session, row, begins_at, by=by)
    return changed


def _new_session(parent: Event, by: User) -> Event:
    return Event(
        parent=parent,
        origin=Origin.CALENDAR,
        state=parent.state,
        submitted_at=parent.submitted_at,
        created_by=by,
        type=parent.type,
        delivery=parent.delivery,
        location=parent.location,
        city=parent.city,
        sponsor=parent.sponsor,
        organization_id=parent.organization_id,
        registration_mode=RegistrationMode.NONE,
        is_demonstration=parent.is_demonstration,
    )


def _store(session: Event, row: SessionInput, begins_at: dt.datetime, *, by: User) -> bool:
    """Store a row. Return True if it changed anything."""
    ends_at = existing_local_time(end_of_session(row.day, row.end)) if row.end else None
    values = {
        "title": row.title,
        "begins_at": begins_at,
        "ends_at": ends_at,
        "room": row.room,
        "presenter": row.presenter,
    }
    is_new = session.pk is None
    offers = {row.category.pk: row.amount} if row.category and row.amount else {}
    lines = {} if is_new else {each.category_id: each.amount for each in session.offers.all()}
    # The sheet has room for one credit line. A session with several keeps all of them.
    same_lines = offers == lines or len(lines) > 1
    if not is_new and same_lines and all(getattr(session, n) == v for n, v in values.items()):
        return False
    for name, value in values.items():
        setattr(session, name, value)
    session.full_clean()
    session.save()
    if not same_lines:
        replace_offers(session, offers, is_new=is_new)
    if not is_new:
        send_event_revised(session, by=by)
    return True
