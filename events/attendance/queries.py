"""Reads for those who look after an event: who is coming, who was there, what they answered."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import Position, User
from accounts.queries import people_by_email
from events import permissions, rules
from events.enums import ATTENDED, Attendance, EventState, Origin, QuestionKind, RegistrationState
from events.models import Answer, AttendanceList, Event, PersonalKey, Registration


class RosterCounts(NamedTuple):
    """How many have a place, wait, were there (late ones too), came late, were absent."""

    registered: int
    waiting: int
    present: int
    late: int
    absent: int
    unmarked: int
    walk_ins: int


def roster_counts(event: Event) -> RosterCounts:
    """The roster in numbers. One query."""
    place = Q(state=RegistrationState.CONFIRMED)
    numbers = event.registrations.aggregate(
        registered=Count("pk", filter=place),
        waiting=Count("pk", filter=Q(state=RegistrationState.WAITLISTED)),
        present=Count("pk", filter=place & Q(attendance__in=sorted(ATTENDED))),
        late=Count("pk", filter=place & Q(attendance=Attendance.LATE)),
        absent=Count("pk", filter=place & Q(attendance=Attendance.ABSENT)),
        unmarked=Count("pk", filter=place & Q(attendance=Attendance.UNKNOWN)),
        walk_ins=Count("pk", filter=place & Q(walk_in=True)),
    )
    return RosterCounts(**numbers)


def confirmed_places(event: Event, find: str = "") -> QuerySet[Registration]:
    """Who has a place, by name, narrowed to those whose name or address holds every word.

    With the person, and where the person works as `library`.
    """
    rows = _with_people(event).filter(state=RegistrationState.CONFIRMED)
    for word in find.split():
        rows = rows.filter(
            Q(person__display_name__icontains=word) | Q(person__email__icontains=word)
        )
    return rows.order_by("person__display_name", "person_id")


def waitlist(event: Event) -> QuerySet[Registration]:
    """The waitlist in its order."""
    rows = _with_people(event).filter(state=RegistrationState.WAITLISTED)
    return rows.order_by("registered_at", "id")


def _with_people(event: Event) -> QuerySet[Registration]:
    present = Position.objects.present().filter(person=OuterRef("person"))
    library = present.order_by("organization__name", "id").values("organization__name")[:1]
    return event.registrations.select_related("person").annotate(library=Subquery(library))


def answers_by_registration(
    registrations: Iterable[Registration], *, with_accommodation: bool
) -> dict[int, list[tuple[str, str]]]:
    """What these people answered, as (question, text) by registration id. One query."""
    found = Answer.objects.filter(registration__in=[each.pk for each in registrations])
    if not with_accommodation:
        found = found.exclude(question__kind=QuestionKind.ACCOMMODATION)
    told: dict[int, list[tuple[str, str]]] = {}
    rows = found.order_by("registration_id", "question__position")
    for registration_id, label, text in rows.values_list(
        "registration_id", "question__label", "text"
    ):
        told.setdefault(registration_id, []).append((label, text))
    return told


def may_read_accommodation(person: User, event: Event) -> bool:
    """Whether the person is the organizer, who alone reads what people need to take part.

    That is who created the event, or an event editor of its organization; staff only where an
    event has no organization.
    """
    if event.created_by_id == person.pk:
        return True
    if event.organization_id is None:
        return permissions.may_publish(person)
    if not permissions.may_propose(person):
        return False
    present = Position.objects.present()
    return present.filter(person=person, organization=event.organization_id).exists()


def event_of_code(code: str) -> Event | None:
    """The calendar event that these six letters belong to, in whatever case."""
    letters = code.replace(" ", "").upper()
    found = Event.objects.filter(
        check_in_code=letters, origin=Origin.CALENDAR, state=EventState.PUBLISHED
    )
    return found.defer("search", "description").first()


def why_person_cannot_check_in(person: User, event: Event) -> str | None:
    """Why this person does not check in by the letters at the moment; None when it may be done.

    Registered people may, and others where walk-ins are allowed. A place at the conference is a
    place at its sessions. Nobody overrules the organizer who marked them as absent.
    """
    if reason := rules.why_check_in_closed(event):
        return reason
    has_place = Registration.objects.filter(person=person, state=RegistrationState.CONFIRMED)
    mine = has_place.filter(event=event).first()
    if mine:
        absent = mine.attendance == Attendance.ABSENT
        return (
            "The organizer marked you as absent. Please speak to the organizer." if absent else None
        )
    if event.allows_walk_ins or has_place.filter(event=event.parent_id).exists():
        return None
    return "You are not registered for this event. Ask the organizer to put you on the list."


def owner_of_badge(token: str) -> User | None:
    """Whose code to check in with this is; nobody's when it was turned off."""
    key = PersonalKey.objects.select_related("person").filter(
        token=token, purpose="badge", revoked_at=None
    )
    found = key.first()
    return found.person if found and found.person.is_active else None


def events_open_for_check_in(person: User) -> QuerySet[Event]:
    """The events that the person looks after and lets people in to now, by beginning."""
    now = timezone.now()
    return (
        permissions.managed_by(person)
        .filter(
            state=EventState.PUBLISHED,
            begins_at__lte=now + rules.ORGANIZER_CHECK_IN_BEFORE,
            over_at__gt=now,
        )
        .defer("search", "description")
        .order_by("begins_at", "id")
    )


# ---------- Attendance lists ----------


class AttendanceMatch(NamedTuple):
    """What an attendance list says about the people of an event.

    `marks` are (registration, attendance, minutes) that the list settles; `by_hand` those of them
    that someone has marked differently by hand. `missing` have a place and are not on the list.
    `unregistered` have an account and no place. `unknown` are rows without an account.
    """

    marks: list[tuple[Registration, Attendance, int]]
    by_hand: list[tuple[Registration, Attendance, int]]
    missing: list[Registration]
    unregistered: list[tuple[User, Attendance, int]]
    unknown: list[list[str | int]]


def match_attendance_list(found: AttendanceList) -> AttendanceMatch:
    """Compare a list with the roster of its event. Three queries, however long the list."""
    people = people_by_email(str(row[0]) for row in found.rows)
    places = {
        registration.person_id: registration
        for registration in Registration.objects.filter(
            event=found.event_id, state=RegistrationState.CONFIRMED
        )
        .select_related("person")
        .order_by("person__display_name", "person_id")
    }
    # Someone may have joined under two addresses of theirs.
    minutes: dict[int, int] = {}
    known: dict[int, User] = {}
    unknown = []
    for row in found.rows:
        person = people.get(str(row[0]))
        if person is None:
            unknown.append(row)
            continue
        known[person.pk] = person
        minutes[person.pk] = minutes.get(person.pk, 0) + int(row[1])
    marks, by_hand, unregistered = [], [], []
    for person_id, there in minutes.items():
        attendance = Attendance.PRESENT if there >= found.threshold else Attendance.ABSENT
        registration = places.get(person_id)
        if registration is None:
            unregistered.append((known[person_id], attendance, there))
        elif _marked_otherwise_by_hand(registration, attendance):
            by_hand.append((registration, attendance, there))
        else:
            marks.append((registration, attendance, there))
    missing = [place for person_id, place in places.items() if person_id not in minutes]
    return AttendanceMatch(marks, by_hand, missing, unregistered, unknown)


def _marked_otherwise_by_hand(registration: Registration, attendance: Attendance) -> bool:
    by_hand = registration.attendance != Attendance.UNKNOWN and registration.minutes is None
    was_there, is_there = registration.attendance in ATTENDED, attendance in ATTENDED
    return by_hand and was_there != is_there
