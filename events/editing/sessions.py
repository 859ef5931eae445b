"""The sessions of a conference, entered in one sheet."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from accounts.models import User
from aspen.db.audit import audited
from aspen.errors import Refused
from events import permissions, queries
from events.editing.publishing import announce_revised, replace_offers
from events.editing.series import existing_local_time
from events.enums import EventState, Origin, RegistrationMode
from events.models import Category, Event


@dataclasses.dataclass(frozen=True, kw_only=True)
class SessionInput:
    """One row of the sheet. `id` is for an existing session. Times are Mountain time."""

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
    """Store new and changed sessions of a conference, all or none; return how many changed.

    New sessions copy the conference's state, place, sponsor and organizer. Two rows with the same
    title and start are one session. Sessions that are not in the sheet stay. Locks the conference
    and its sessions. Raises Event.DoesNotExist, ValidationError, or Refused if the event is itself
    a session or is published and `by` is not staff.
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
    for facts in sessions:
        begins_at = existing_local_time(dt.datetime.combine(facts.day, facts.begin))
        session = before.get(facts.id or 0) or same.get((facts.title, begins_at))
        if session is None:
            session = _new(parent, by)
            same[facts.title, begins_at] = session
        changed += _store(session, facts, begins_at, by=by)
    return changed


def _new(parent: Event, by: User) -> Event:
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


def _store(session: Event, facts: SessionInput, begins_at: dt.datetime, *, by: User) -> bool:
    """Store a row; return whether it changed anything."""
    ends_at = existing_local_time(dt.datetime.combine(facts.day, facts.end)) if facts.end else None
    values = {
        "title": facts.title,
        "begins_at": begins_at,
        "ends_at": ends_at,
        "room": facts.room,
        "presenter": facts.presenter,
    }
    is_new = session.pk is None
    offers = {facts.category.pk: facts.amount} if facts.category and facts.amount else {}
    lines = {} if is_new else {each.category_id: each.amount for each in session.offers.all()}
    # The sheet has room for one credit line. A session with several keeps them all.
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
        announce_revised(session, by=by)
    return True
