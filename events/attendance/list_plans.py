"""What attendance lists do to an event's roster, computed without writing anything.

All lists that count are read together, so their order does not matter. A list counts once it is
applied, until it is undone.
"""

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.utils import timezone

from accounts.models import User
from accounts.queries import people_by_email
from events.attendance import presence
from events.attendance.presence import ReportRow
from events.enums import ATTENDED, Attendance, RegistrationState
from events.models import AttendanceList, AttendeeMatch, Event, Registration

# The fields that lists change in a registration that had no place, and those of its mark.
PLACE_FIELDS = ("state", "walk_in", "registered_at", "cancelled_at", "promoted_at")
MARK_FIELDS = ("attendance", "marked_at", "marked_by_id")
MOMENTS = {"registered_at", "cancelled_at", "promoted_at", "marked_at"}


class Attendee(NamedTuple):
    """What a list calls a person who matches no account, with the minutes on that list."""

    alias: str
    name: str
    address: str
    minutes: int
    line: int

    @property
    def label(self) -> str:
        return self.name or self.address


class ListedMark(NamedTuple):
    """A registration, and what all lists together say about it."""

    registration: Registration
    attendance: Attendance
    minutes: int


class ListedPerson(NamedTuple):
    """A person without a place, and what all lists together say about them."""

    person: User
    attendance: Attendance
    minutes: int


@dataclasses.dataclass
class ListPlan:
    """The lists that count, compared with the roster.

    `people` are everyone on them by id, and `minutes` their time present. `on_list` are the ids of
    the people on `current`, the list that is being previewed or applied. `places` are the
    registrations with a place by person, and `others` those without.
    """

    event: Event
    lists: list[AttendanceList]
    current: AttendanceList | None
    threshold: int
    people: dict[int, User]
    minutes: dict[int, int]
    on_list: set[int]
    places: dict[int, Registration]
    others: dict[int, Registration]
    unmatched: list[Attendee]
    matches: dict[str, AttendeeMatch]

    def attendance_of(self, person_id: int) -> Attendance:
        enough = self.minutes[person_id] >= self.threshold
        return Attendance.PRESENT if enough else Attendance.ABSENT

    @property
    def listed(self) -> list[ListedMark]:
        """The people on the lists who have a place, in the roster's order."""
        return [
            ListedMark(place, self.attendance_of(person_id), self.minutes[person_id])
            for person_id, place in self.places.items()
            if person_id in self.minutes
        ]

    @property
    def by_hand(self) -> list[ListedMark]:
        """Those whose mark was made by hand or at check-in and says something else."""
        return [each for each in self.listed if _contradicts(each.registration, each.attendance)]

    @property
    def missing(self) -> list[Registration]:
        """The people who have a place and are on no list."""
        return [place for person_id, place in self.places.items() if person_id not in self.minutes]

    @property
    def unregistered(self) -> list[ListedPerson]:
        """The people on the lists who have an account but no place."""
        return [
            ListedPerson(person, self.attendance_of(person_id), self.minutes[person_id])
            for person_id, person in self.people.items()
            if person_id not in self.places
        ]


def counting_lists(event: Event) -> list[AttendanceList]:
    """Return the event's lists that are applied and not undone."""
    lists = AttendanceList.objects.filter(event=event, undone_at=None)
    return list(lists.exclude(applied_at=None).order_by("pk"))


def rows_of(stored: AttendanceList) -> list[ReportRow]:
    return [ReportRow(*row) for row in stored.rows]


def plan_lists(
    event: Event, lists: Sequence[AttendanceList], *, current: AttendanceList | None = None
) -> ListPlan:
    """Compare these lists with the event's roster. Takes four queries.

    Lists with the same contents count once. The lowest threshold applies, so that a list never
    makes someone absent whom another one showed to be present.
    """
    contents = {each.fingerprint: rows_of(each) for each in lists}
    aliases = {row.alias for rows in contents.values() for row in rows}
    matches = {each.alias: each for each in _matches(event, aliases)}
    people = people_by_email(sorted(alias for alias in aliases if not alias.startswith("name:")))
    people |= {alias: match.person for alias, match in matches.items()}
    window = presence.span(event.begins_at, event.over_at)
    own_rows: dict[int, dict[str, list[ReportRow]]] = {}
    for fingerprint, rows in contents.items():
        for row in rows:
            if person := people.get(row.alias):
                own_rows.setdefault(person.pk, {}).setdefault(fingerprint, []).append(row)
    minutes = {
        person_id: presence.seconds_present(by_list.values(), window) // 60
        for person_id, by_list in own_rows.items()
    }
    registrations = list(
        Registration.objects.filter(event=event)
        .select_related("person")
        .order_by("person__sort_key", "person_id")
    )
    current_rows = contents[current.fingerprint] if current else []
    return ListPlan(
        event=event,
        lists=list(lists),
        current=current,
        threshold=min((each.threshold for each in lists), default=1),
        people={person.pk: person for person in people.values() if person.pk in minutes},
        minutes=minutes,
        on_list={people[row.alias].pk for row in current_rows if row.alias in people},
        places={
            each.person_id: each
            for each in registrations
            if each.state == RegistrationState.CONFIRMED
        },
        others={
            each.person_id: each
            for each in registrations
            if each.state != RegistrationState.CONFIRMED
        },
        unmatched=_unmatched(current_rows, people, window),
        matches=matches,
    )


def _matches(event: Event, aliases: Iterable[str]) -> Iterable[AttendeeMatch]:
    matches = AttendeeMatch.objects.filter(event=event, alias__in=sorted(aliases))
    return matches.filter(person__is_active=True).select_related("person").order_by("pk")


def _unmatched(
    rows: Iterable[ReportRow], people: dict[str, User], window: presence.Span
) -> list[Attendee]:
    by_alias: dict[str, list[ReportRow]] = {}
    for row in rows:
        if row.alias not in people:
            by_alias.setdefault(row.alias, []).append(row)
    return [
        Attendee(
            alias,
            own[0].name,
            own[0].address,
            presence.seconds_present([own], window) // 60,
            own[0].line,
        )
        for alias, own in by_alias.items()
    ]


# ---------- Changes to the roster ----------


@dataclasses.dataclass
class RosterChanges:
    """What the lists change, as registrations with their new values, not yet saved.

    `marked` have a new mark or time present. `added` get a place as walk-ins. `removed` lose the
    place that lists gave them, and are as they were before. `newly_absent` and the numbers are of
    registered people; `absent_walk_ins` become absent too.
    """

    plan: ListPlan
    marked: list[Registration] = dataclasses.field(default_factory=list)
    added: list[Registration] = dataclasses.field(default_factory=list)
    removed: list[Registration] = dataclasses.field(default_factory=list)
    newly_absent: list[Registration] = dataclasses.field(default_factory=list)
    absent_walk_ins: list[Registration] = dataclasses.field(default_factory=list)
    registered: int = 0
    named: int = 0
    absent: int = 0

    @property
    def need_second_look(self) -> bool:
        """Whether the list would make more than half of the registered absent, or names none."""
        if not self.registered:
            return False
        return not self.named or (bool(self.newly_absent) and self.absent * 2 > self.registered)

    @property
    def version(self) -> str:
        """A text that changes with the people who would become absent."""
        ids = sorted(each.pk for each in self.newly_absent)
        return hashlib.sha256(f"{ids} {self.named} {self.registered}".encode()).hexdigest()[:40]


def roster_changes(plan: ListPlan, *, by: User, override: bool = False) -> RosterChanges:
    """Compute what the plan's lists change. Changes registrations in memory, but saves nothing.

    Marks made by hand stay, unless `override`. If the lists no longer say anything about someone
    they marked, the registration is again as it was before.
    """
    now = timezone.now()
    absentees = any(each.absentees for each in plan.lists)
    walk_ins = any(each.walk_ins for each in plan.lists)
    changes = RosterChanges(plan)
    for person_id, place in plan.places.items():
        listed = person_id in plan.minutes
        proven = listed and plan.attendance_of(person_id) == Attendance.PRESENT
        if _was_added(place) and not (walk_ins and proven):
            restore(place)
            place.minutes = None
            changes.removed.append(place)
            continue
        said = plan.attendance_of(person_id) if listed else None
        if said is None and absentees:
            said = Attendance.ABSENT
        minutes = plan.minutes[person_id] if listed else (0 if said else None)
        was_absent = place.attendance == Attendance.ABSENT
        if _mark(place, said, minutes, by=by, at=now, override=override):
            changes.marked.append(place)
        is_absent = place.attendance == Attendance.ABSENT
        if is_absent and not was_absent:
            absent = changes.absent_walk_ins if place.walk_in else changes.newly_absent
            absent.append(place)
        if not place.walk_in:
            changes.registered += 1
            changes.named += person_id in plan.on_list
            changes.absent += is_absent and place.before_lists is not None
    if walk_ins:
        for listed_person in plan.unregistered:
            if listed_person.attendance == Attendance.PRESENT:
                changes.added.append(_added(plan, listed_person, by=by, at=now))
    return changes


def is_by_hand(registration: Registration) -> bool:
    """Return whether the mark was made by hand or at check-in, not by lists."""
    return registration.attendance != Attendance.UNKNOWN and registration.before_lists is None


def _contradicts(registration: Registration, attendance: Attendance) -> bool:
    return is_by_hand(registration) and not _same(registration, attendance)


def _same(registration: Registration, attendance: Attendance) -> bool:
    """Return whether the mark says this already. A list does not distinguish late from present."""
    return registration.attendance == attendance or (
        {registration.attendance, attendance} <= ATTENDED
    )


def _mark(
    place: Registration,
    said: Attendance | None,
    minutes: int | None,
    *,
    by: User,
    at: dt.datetime,
    override: bool,
) -> bool:
    """Set the mark and the minutes. Return whether anything changed.

    If only the minutes change, the mark keeps its author and time.
    """
    has_new_minutes = place.minutes != minutes
    place.minutes = minutes
    if said is None:
        if place.before_lists is not None:
            restore(place)
            return True
        return has_new_minutes
    if _same(place, said) or (is_by_hand(place) and not override):
        return has_new_minutes
    if place.before_lists is None:
        place.before_lists = _snapshot(place, MARK_FIELDS)
    place.attendance, place.marked_at, place.marked_by = said, at, by
    place.settled_at = None
    return True


def _added(plan: ListPlan, listed: ListedPerson, *, by: User, at: dt.datetime) -> Registration:
    """Return a walk-in's registration. People on the waitlist may have attended anyway."""
    earlier = plan.others.get(listed.person.pk)
    before = _snapshot(earlier, (*PLACE_FIELDS, *MARK_FIELDS)) if earlier else {}
    return Registration(
        event=plan.event,
        person=listed.person,
        state=RegistrationState.CONFIRMED,
        walk_in=True,
        registered_at=at,
        promoted_at=earlier.promoted_at if earlier else None,
        attendance=Attendance.PRESENT,
        minutes=listed.minutes,
        marked_at=at,
        marked_by=by,
        before_lists=before,
    )


def _was_added(place: Registration) -> bool:
    """Return whether lists gave the person the place: the row was new, or had another state."""
    before = place.before_lists
    return before is not None and (not before or "state" in before)


def _snapshot(registration: Registration, fields: Iterable[str]) -> dict[str, Any]:
    """Return the values of these fields for JSON."""
    values = {name: getattr(registration, name) for name in fields}
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in values.items()
    }


def restore(registration: Registration) -> None:
    """Give a registration the values it had before lists changed it. Saves nothing."""
    for name, value in (registration.before_lists or {}).items():
        is_moment = name in MOMENTS and value is not None
        setattr(registration, name, dt.datetime.fromisoformat(value) if is_moment else value)
    registration.before_lists = registration.settled_at = None
