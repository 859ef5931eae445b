"""Queries for rosters, check-in and attendance lists."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import Position, User
from accounts.queries import people_by_email
from events import permissions, rules
from events.attendance.presence import ReportRow
from events.enums import (
    ATTENDED,
    Attendance,
    AttendanceMode,
    EventState,
    KeyPurpose,
    Origin,
    QuestionKind,
    RegistrationState,
)
from events.models import (
    Answer,
    AttendanceList,
    AttendeeMatch,
    Event,
    PersonalKey,
    Registration,
)
from events.queries import sharing_places


class RosterCounts(NamedTuple):
    """The numbers of people on a roster and its waitlists. `present` includes `late`.

    `online` are those of the registered who take part online in a hybrid event.
    """

    registered: int
    online: int
    waiting: int
    present: int
    late: int
    absent: int
    unmarked: int
    walk_ins: int

    @property
    def in_room(self) -> int:
        """The number of registered people in the room of a hybrid event."""
        return self.registered - self.online


def roster_counts(event: Event) -> RosterCounts:
    """Count an event's roster. One query."""
    place = Q(state=RegistrationState.CONFIRMED)
    numbers = event.registrations.aggregate(
        registered=Count("pk", filter=place),
        online=Count("pk", filter=place & Q(attendance_mode=AttendanceMode.ONLINE)),
        waiting=Count("pk", filter=Q(state=RegistrationState.WAITLISTED)),
        present=Count("pk", filter=place & Q(attendance__in=sorted(ATTENDED))),
        late=Count("pk", filter=place & Q(attendance=Attendance.LATE)),
        absent=Count("pk", filter=place & Q(attendance=Attendance.ABSENT)),
        unmarked=Count("pk", filter=place & Q(attendance=Attendance.UNKNOWN)),
        walk_ins=Count("pk", filter=place & Q(walk_in=True)),
    )
    return RosterCounts(**numbers)


def confirmed_places(event: Event, find: str = "", mode: str = "") -> QuerySet[Registration]:
    """Return confirmed registrations, ordered by name.

    Each word in `find` must be in the name or e-mail address. `mode` keeps only people who take
    part in a hybrid event in this way. Loads each person and annotates the person's library as
    `library`.
    """
    rows = _with_people(event).filter(state=RegistrationState.CONFIRMED)
    if mode:
        rows = sharing_places(rows, mode)
    for word in find.split():
        rows = rows.filter(person__search_key__finds=word)
    return rows.order_by("person__sort_key", "person_id")


def waitlist(event: Event) -> QuerySet[Registration]:
    """Return the registrations on the waitlists, in order."""
    rows = _with_people(event).filter(state=RegistrationState.WAITLISTED)
    return rows.order_by("registered_at", "id")


def _with_people(event: Event) -> QuerySet[Registration]:
    positions = Position.objects.present().filter(person=OuterRef("person"))
    library = positions.order_by("organization__sort_key", "id").values("organization__name")[:1]
    return event.registrations.select_related("person").annotate(library=Subquery(library))


def answers_by_registration(
    registrations: Iterable[Registration], *, with_accommodation: bool
) -> dict[int, list[tuple[str, str]]]:
    """Return answers as (question, text) pairs by registration id. One query."""
    answers = Answer.objects.filter(registration__in=[each.pk for each in registrations])
    if not with_accommodation:
        answers = answers.exclude(question__kind=QuestionKind.ACCOMMODATION)
    pairs: dict[int, list[tuple[str, str]]] = {}
    rows = answers.order_by("registration_id", "question__position")
    for registration_id, label, text in rows.values_list(
        "registration_id", "question__label", "text"
    ):
        pairs.setdefault(registration_id, []).append((label, text))
    return pairs


def may_read_accommodation(person: User, event: Event) -> bool:
    """Return whether the person can read answers about accommodation needs.

    Only the organizer can: the event's creator, or an event editor at its organization. If the
    event has no organization, staff can.
    """
    if event.created_by_id == person.pk:
        return True
    if event.organization_id is None:
        return permissions.may_publish(person)
    if not permissions.may_propose(person):
        return False
    positions = Position.objects.present()
    return positions.filter(person=person, organization=event.organization_id).exists()


def event_of_code(code: str) -> Event | None:
    """Return the published calendar event with this check-in code, ignoring case."""
    letters = code.replace(" ", "").upper()
    events = Event.objects.filter(
        check_in_code=letters, origin=Origin.CALENDAR, state=EventState.PUBLISHED
    )
    return events.defer("search", "description").first()


def why_person_cannot_check_in(person: User, event: Event) -> str | None:
    """Return why this person cannot check in with the code now, or None.

    Registered people can check in, and others can if walk-ins are allowed. A place at a conference
    counts for its sessions. People whom the organizer marked absent cannot check in.
    """
    if reason := rules.why_check_in_closed(event):
        return reason
    has_place = Registration.objects.filter(person=person, state=RegistrationState.CONFIRMED)
    mine = has_place.filter(event=event).first()
    if mine:
        absent = mine.attendance == Attendance.ABSENT
        return (
            "The organizer marked you as absent. Please talk to the organizer." if absent else None
        )
    if event.allows_walk_ins or has_place.filter(event=event.parent_id).exists():
        return None
    return "You are not registered for this event. Ask the organizer to add you."


def owner_of_personal_check_in_code(token: str) -> User | None:
    """Return the active person with this personal check-in code, or None."""
    keys = PersonalKey.objects.select_related("person").filter(
        token=token, purpose=KeyPurpose.PERSONAL_CHECK_IN, revoked_at=None
    )
    key = keys.first()
    return key.person if key and key.person.is_active else None


def events_open_for_check_in(person: User) -> QuerySet[Event]:
    """Return the person's managed events that are open for check-in, earliest first."""
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


# ---------- People to match ----------

MATCH_WINDOW = dt.timedelta(days=30)


class UnmatchedPeople(NamedTuple):
    """The number of people on one applied list who match no account."""

    list_id: int
    event_id: int
    since: dt.datetime
    number: int


def lists_with_unmatched_people() -> list[UnmatchedPeople]:
    """Return the lists applied in the past 30 days on which someone matches no account.

    The list that was applied first comes first. Four queries.
    """
    lists = AttendanceList.objects.filter(
        applied_at__gt=timezone.now() - MATCH_WINDOW, undone_at=None
    ).order_by("applied_at", "pk")
    aliases = {each: {ReportRow(*row).alias for row in each.rows} for each in lists}
    matches = AttendeeMatch.objects.filter(
        event__in={each.event_id for each in aliases}, person__is_active=True
    )
    matched = set(matches.values_list("event_id", "alias"))
    people = people_by_email(sorted({alias for own in aliases.values() for alias in own}))
    unmatched = {
        each: [one for one in own if one not in people and (each.event_id, one) not in matched]
        for each, own in aliases.items()
    }
    return [
        UnmatchedPeople(each.pk, each.event_id, each.applied_at, len(own))
        for each, own in unmatched.items()
        if own and each.applied_at
    ]
