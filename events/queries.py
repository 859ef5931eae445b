"""Queries on events. Every list has a unique order."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Count,
    Exists,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from events.enums import (
    Attendance,
    AttendanceMode,
    EventState,
    HintKind,
    KeyPurpose,
    Origin,
    RegistrationState,
)
from events.models import (
    JOINING_FIELDS,
    Answer,
    Category,
    CreditOffer,
    Event,
    Hint,
    PersonalKey,
    Presenter,
    Question,
    Registration,
    Star,
)

_OFFERS = CreditOffer.objects.select_related("category").order_by("category__position")
OFFERS = Prefetch("offers", _OFFERS)
ON_CALENDAR = Q(origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED])


class CategoryAmount(NamedTuple):
    """The amount of a credit line, and its category's names, slug and symbol (`shape`)."""

    amount: Decimal
    name: str
    short_name: str
    slug: str
    shape: str


class PlaceCounts(NamedTuple):
    """The number of places taken, and of people on the waitlist for them."""

    taken: int
    waiting: int


class RegistrationCounts(NamedTuple):
    """Places taken and people waiting at an event, and one person's registration, if any.

    `online` has the people online at a hybrid event, and `places` everyone else. `ahead` is the
    number of people ahead of that person on the same waitlist.
    """

    places: PlaceCounts
    online: PlaceCounts
    state: str
    mode: str
    attendance: str
    settled_at: dt.datetime | None
    ahead: int

    def of(self, mode: str) -> PlaceCounts:
        """Return the counts of the places for this attendance mode."""
        return self.online if mode == AttendanceMode.ONLINE else self.places


NO_REGISTRATIONS = RegistrationCounts(
    places=PlaceCounts(0, 0),
    online=PlaceCounts(0, 0),
    state="",
    mode="",
    attendance="",
    settled_at=None,
    ahead=0,
)


def categories() -> QuerySet[Category]:
    return Category.objects.order_by("position")


def on_calendar() -> QuerySet[Event]:
    """Return the calendar events that are published or canceled. Both have public pages."""
    return Event.objects.filter(ON_CALENDAR)


def events_visible_to(person: User | None) -> QuerySet[Event]:
    """Return the events on the calendar, and custom events that the person created."""
    if person is None or not person.is_authenticated:
        return on_calendar()
    return Event.objects.filter(ON_CALENDAR | Q(origin=Origin.CUSTOM, created_by=person))


def open_to_claims() -> QuerySet[Event]:
    """Return events that anyone can claim once they are over: calendar and approved custom events.

    Excludes college courses, because each person needs their own transcript.
    """
    return Event.objects.filter(
        ON_CALENDAR | Q(origin=Origin.CUSTOM, state=EventState.PUBLISHED, college_work=None)
    )


def with_page() -> QuerySet[Event]:
    """Return events that have a page: published, canceled, merged and all custom events.

    Merged events redirect. The view decides who can see a custom event.
    """
    public_or_merged = [EventState.PUBLISHED, EventState.CANCELLED, EventState.MERGED]
    return Event.objects.filter(
        Q(origin=Origin.CALENDAR, state__in=public_or_merged) | Q(origin=Origin.CUSTOM)
    )


def claimable() -> QuerySet[Event]:
    """Return published calendar events that earn credit and are over or have a recording."""
    return on_calendar().filter(
        state=EventState.PUBLISHED,
        claimable_at__lte=timezone.now(),
        pk__in=CreditOffer.objects.values("event_id"),
    )


def watchable(events: QuerySet[Event]) -> QuerySet[Event]:
    """Keep only published events with a recording that can be watched now and earns credit."""
    return events.filter(is_watchable())


def is_watchable() -> Q:
    """Return a condition: the event's recording can be watched now and earns credit.

    The recording has an address, or the event has a contact to ask for it.
    """
    now = timezone.now()
    return Q(
        Q(recording_until_at=None) | Q(recording_until_at__gt=now),
        Q(recording_last_day=None) | Q(recording_last_day__gte=timezone.localdate(now)),
        ~Q(recording_url="", contact_name="", contact=""),
        state=EventState.PUBLISHED,
        recording_available_at__lte=now,
        pk__in=CreditOffer.objects.values("event_id"),
    )


def upcoming(events: QuerySet[Event]) -> QuerySet[Event]:
    """Keep only events that are not over, soonest first."""
    return events.filter(over_at__gt=timezone.now()).order_by("begins_at", "id")


def past(events: QuerySet[Event]) -> QuerySet[Event]:
    """Keep only events that are over, newest first."""
    return events.filter(over_at__lte=timezone.now()).order_by("-begins_at", "-id")


def credit_lines(events: Iterable[Event]) -> dict[int, list[CategoryAmount]]:
    """Return the credit lines by event id, in category order. One query."""
    lines: dict[int, list[CategoryAmount]] = {}
    rows = (
        CreditOffer.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id", "category__position")
        .values_list(
            "event_id",
            "amount",
            *(f"category__{field}" for field in ("name", "short_name", "slug", "shape")),
        )
    )
    for event_id, *line in rows:
        lines.setdefault(event_id, []).append(CategoryAmount(*line))
    return lines


def offers_of(event: Event) -> dict[int, Decimal]:
    """Return the event's credit amounts by category id, in category order. One query."""
    offers = CreditOffer.objects.filter(event=event).order_by("category__position")
    return dict(offers.values_list("category_id", "amount"))


def registration_counts(
    person: User | None, events: Iterable[Event]
) -> dict[int, RegistrationCounts]:
    """Return counts by event id, omitting events with no registrations. One query."""
    own = Q(person=person.pk if person else None)
    taken = Q(state=RegistrationState.CONFIRMED, walk_in=False)
    waiting = Q(state=RegistrationState.WAITLISTED)
    online = Q(attendance_mode=AttendanceMode.ONLINE)
    own_waiting = Registration.objects.filter(
        waiting, event=OuterRef("event"), person=person.pk if person else None
    )
    earlier = Q(registered_at__lt=Subquery(own_waiting.values("registered_at")[:1]))
    rows = (
        Registration.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id")
        .values_list("event_id")
        .annotate(
            taken=Count("pk", filter=taken & ~online),
            waiting=Count("pk", filter=waiting & ~online),
            online_taken=Count("pk", filter=taken & online),
            online_waiting=Count("pk", filter=waiting & online),
            # The person has at most one registration per event; Max returns its value.
            own_state=Coalesce(Max("state", filter=own), Value("")),
            own_mode=Coalesce(Max("attendance_mode", filter=own), Value("")),
            own_attendance=Coalesce(Max("attendance", filter=own), Value("")),
            own_settled_at=Max("settled_at", filter=own),
            ahead=Count("pk", filter=waiting & earlier & ~online),
            ahead_online=Count("pk", filter=waiting & earlier & online),
        )
    )
    return {event_id: _registration_counts(*rest) for event_id, *rest in rows}


def _registration_counts(
    taken: int,
    waiting: int,
    online_taken: int,
    online_waiting: int,
    state: str,
    mode: str,
    attendance: str,
    settled_at: dt.datetime | None,
    ahead: int,
    ahead_online: int,
) -> RegistrationCounts:
    return RegistrationCounts(
        places=PlaceCounts(taken, waiting),
        online=PlaceCounts(online_taken, online_waiting),
        state=state,
        mode=mode,
        attendance=attendance,
        settled_at=settled_at,
        ahead=ahead_online if mode == AttendanceMode.ONLINE else ahead,
    )


def sharing_places(registrations: QuerySet[Registration], mode: str) -> QuerySet[Registration]:
    """Keep only registrations for the same places, and on the same waitlist, as this mode's.

    At a hybrid event, people whose attendance mode is not known count in the room.
    """
    online = Q(attendance_mode=AttendanceMode.ONLINE)
    return registrations.filter(online if mode == AttendanceMode.ONLINE else ~online)


def places_taken(event: Event, mode: str) -> int:
    """Return the number of people with one of these places, without walk-ins. One query."""
    taken = event.registrations.filter(state=RegistrationState.CONFIRMED, walk_in=False)
    return sharing_places(taken, mode).count()


def sessions_of(event: Event) -> QuerySet[Event]:
    """Return a conference's sessions, by time."""
    return on_calendar().filter(parent=event).order_by("begins_at", "id")


def starred_ids(person: User, sessions: Iterable[Event]) -> set[int]:
    """Return the ids of the sessions that the person starred. One query."""
    stars = Star.objects.filter(person=person, event__in=[each.pk for each in sessions])
    return set(stars.order_by("pk").values_list("event_id", flat=True))


def coming_up(person: User) -> QuerySet[Event]:
    """Return coming events at which the person has a place, and starred sessions, soonest first.

    Annotated with `is_starred`.
    """
    places = Registration.objects.filter(person=person, state=RegistrationState.CONFIRMED)
    stars = Star.objects.filter(person=person)
    own = Q(pk__in=places.values("event")) | Q(pk__in=stars.values("event"))
    events = Event.objects.filter(own, state=EventState.PUBLISHED)
    is_starred = Exists(stars.filter(event=OuterRef("pk")))
    return upcoming(events.annotate(is_starred=is_starred)).defer("search")


def other_dates(event: Event, *, limit: int = 5) -> QuerySet[Event]:
    """Return other upcoming events with the same title, soonest first."""
    same = on_calendar().filter(title=event.title, state=EventState.PUBLISHED)
    return upcoming(same).exclude(pk=event.pk)[:limit]


def surviving_event(event: Event) -> Event:
    """Return the event that now has a merged event's claims. One query per merge."""
    visited = set()
    while event.merged_into is not None and event.pk not in visited:
        visited.add(event.pk)
        event = event.merged_into
    return event


def between(events: QuerySet[Event], first: dt.date, last: dt.date) -> QuerySet[Event]:
    """Keep only events that take place at any time from `first` through `last` (Mountain time)."""
    return events.filter(
        begins_at__lt=midnight(last + dt.timedelta(days=1)),
        last_day__gte=first,
        over_at__gt=midnight(first),
    )


def midnight(day: dt.date) -> dt.datetime:
    """Return the start of a day in Montana."""
    return dt.datetime.combine(day, dt.time(), timezone.get_default_timezone())


def upcoming_registrations(person: User) -> QuerySet[Registration]:
    """Return the person's places at events that are not over, soonest first."""
    return (
        Registration.objects.filter(
            person=person,
            state=RegistrationState.CONFIRMED,
            event__over_at__gt=timezone.now(),
            event__state=EventState.PUBLISHED,
        )
        .select_related("event")
        .prefetch_related(Prefetch("event__offers", _OFFERS))
        .order_by("event__begins_at", "id")
    )


def questions_of(event: Event) -> QuerySet[Question]:
    """Return the organizer's questions for people who register, in order."""
    return Question.objects.filter(event=event).order_by("position")


def answers_per_question(event: Event) -> QuerySet[Any, tuple[int, int]]:
    """Return the number of answers to each question, as (question id, number)."""
    return (
        Answer.objects.filter(question__event=event)
        .order_by("question")
        .values_list("question")
        .annotate(number=Count("pk"))
    )


def with_has_questions(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate `has_questions`: whether the organizer has questions for people who register."""
    return events.annotate(has_questions=Exists(Question.objects.filter(event=OuterRef("pk"))))


def registration_of(person: User, event: Event) -> Registration | None:
    """Return the person's confirmed or waitlisted registration, or None."""
    places = Registration.objects.filter(person=person, event=event)
    return places.exclude(state=RegistrationState.CANCELLED).first()


def current_registrations(person: User) -> QuerySet[Registration]:
    """Return the person's places and waitlist entries for events that are not over, soonest first.

    Includes canceled events. Annotated with `has_questions`.
    """
    return (
        _with_row_fields(person)
        .exclude(state=RegistrationState.CANCELLED)
        .filter(event__over_at__gt=timezone.now())
        .order_by("event__begins_at", "id")
    )


def past_registrations(person: User) -> QuerySet[Registration]:
    """Return the person's confirmed registrations for events that are over, latest first."""
    return (
        _with_row_fields(person)
        .filter(state=RegistrationState.CONFIRMED, event__over_at__lte=timezone.now())
        .order_by("-event__begins_at", "-id")
    )


def _with_row_fields(person: User) -> QuerySet[Registration]:
    return (
        Registration.objects.filter(person=person)
        .select_related("event")
        .annotate(has_questions=Exists(Question.objects.filter(event=OuterRef("event"))))
        .defer("event__search", "event__description")
    )


def keys_of(person: User) -> tuple[PersonalKey | None, PersonalKey | None]:
    """Return the person's active calendar feed key and check-in key. Each can be None."""
    keys = PersonalKey.objects.filter(person=person, revoked_at=None).order_by("purpose")
    by_purpose = {key.purpose: key for key in keys}
    return by_purpose.get(KeyPurpose.FEED), by_purpose.get(KeyPurpose.PERSONAL_CHECK_IN)


def due_registrations() -> QuerySet[Registration]:
    """Return confirmed registrations that are due for settling, oldest event first."""
    return Registration.objects.filter(
        state=RegistrationState.CONFIRMED,
        settled_at=None,
        event__over_at__lte=timezone.now(),
        event__state=EventState.PUBLISHED,
        # Credit lines can be added after the event is over, so events without any are not due.
        event__in=CreditOffer.objects.values("event"),
    ).order_by("event__over_at", "id")


def due_presentations() -> QuerySet[Presenter]:
    """Return presentations that are due for settling, oldest event first."""
    return Presenter.objects.filter(
        settled_at=None,
        event__over_at__lte=timezone.now(),
        event__state=EventState.PUBLISHED,
        event__in=CreditOffer.objects.values("event"),
    ).order_by("event__over_at", "id")


def due_attendance(
    person: User | None = None, event_id: int | None = None
) -> list[tuple[int, int]]:
    """Return (person id, event id) for all attendance due for settling, oldest event first.

    Can be limited to one person or one event. One query.
    """
    filters = {"person": person, "event": event_id}
    conditions = {name: value for name, value in filters.items() if value}
    pairs = [
        each.order_by().filter(**conditions) for each in (due_registrations(), due_presentations())
    ]
    first, second = (each.values_list("person_id", "event_id", "event__over_at") for each in pairs)
    rows = first.union(second).order_by("event__over_at", "event_id", "person_id")
    return [(person_id, event_id) for person_id, event_id, _ in rows]


def lock_event(event_id: int) -> Event:
    """Lock the event until the transaction ends. Raises Event.DoesNotExist.

    Every action that changes an event or creates its credits takes this lock first, before those
    of registrations and people. This prevents deadlocks and missed updates.
    """
    return Event.objects.select_for_update(of=("self",), no_key=True).get(pk=event_id)


def lock_events(ids: Iterable[int]) -> None:
    """Lock several events, in id order."""
    events = Event.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=list(ids))
    list(events.order_by("pk").values_list("pk", flat=True))


def same_custom_events(person: User, title: str, begins_at: dt.datetime) -> QuerySet[Event]:
    """Return the person's custom events with this title and start time.

    Excludes declined, canceled and merged events.
    """
    return (
        Event.objects.filter(
            origin=Origin.CUSTOM, created_by=person, title=title, begins_at=begins_at
        )
        .exclude(state__in=[EventState.DECLINED, EventState.CANCELLED, EventState.MERGED])
        .order_by("pk")
    )


def refuse_reported_again(event: Event, what: str) -> None:
    """Raise Refused if the author has reported a custom event's training again since `what`."""
    assert event.created_by is not None  # events_custom_has_author
    same = same_custom_events(event.created_by, event.title, event.begins_at)
    if same.exclude(pk=event.pk).exists():
        raise Refused(
            f"{event.created_by} has created “{event.title}” again since then, so {what} cannot be "
            "undone. Decide on the new event instead."
        )


def custom_event_version(event: Event) -> str:
    """Return a version that changes with each decision on a custom event or change to it."""
    return f"{event.state} {event.changed_at.isoformat()}"


def custom_event_of(person: User, pk: int) -> QuerySet[Event]:
    """Return the custom event with this id if the person created it."""
    return Event.objects.filter(pk=pk, origin=Origin.CUSTOM, created_by=person)


def with_credits_offered(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate `credits_offered`: the sum of the event's credit lines."""
    offered = (
        CreditOffer.objects.filter(event=OuterRef("pk"))
        .order_by()
        .values("event")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    return events.annotate(credits_offered=Subquery(offered))


def feed_registrations(person: User, *, since: dt.datetime) -> QuerySet[Registration]:
    """Return the person's places and waitlist entries for events not over at `since`.

    The latest event is first. Includes canceled events, so that feeds show the cancellation.
    """
    return (
        Registration.objects.filter(
            person=person,
            state__in=[RegistrationState.CONFIRMED, RegistrationState.WAITLISTED],
            event__in=on_calendar(),
            event__over_at__gt=since,
        )
        .select_related("event")
        .defer("event__search")
        .order_by("-event__begins_at", "id")
    )


def feed_stars(person: User, *, since: dt.datetime) -> QuerySet[Event]:
    """Return the sessions that the person starred, latest first, like `feed_registrations`.

    Excludes sessions for which they also registered.
    """
    places = Registration.objects.filter(
        person=person, state__in=[RegistrationState.CONFIRMED, RegistrationState.WAITLISTED]
    )
    return (
        on_calendar()
        .filter(pk__in=Star.objects.filter(person=person).values("event"), over_at__gt=since)
        .exclude(pk__in=places.values("event"))
        .defer("search", *JOINING_FIELDS)
        .order_by("-begins_at", "id")
    )


def probably_took_part(person: User) -> QuerySet[Event]:
    """Return the ended calendar events in which the person probably took part, latest first.

    They registered and their attendance is not known, or they were on the waitlist, canceled, or
    opened the meeting or the recording. Excludes events that they dismissed. The caller excludes
    those that the person has claimed. Annotated by with_signs_of().
    """
    hints = Hint.objects.filter(person=person)
    opened = hints.exclude(kind=HintKind.DISMISSED)
    unmarked = Registration.objects.filter(person=person, attendance=Attendance.UNKNOWN)
    events = Event.objects.filter(
        Q(pk__in=opened.values("event")) | Q(pk__in=unmarked.values("event")),
        origin=Origin.CALENDAR,
        state=EventState.PUBLISHED,
        claimable_at__lte=timezone.now(),
    ).exclude(pk__in=hints.filter(kind=HintKind.DISMISSED).values("event"))
    return with_signs_of(person, events).defer("search").order_by("-begins_at", "-id")


def with_signs_of(person: User, events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate the signs that the person took part.

    `opened` is the HintKind of what they opened first, if anything, `place` the RegistrationState
    if they registered and their attendance is not known, and `is_dismissed` whether they said no.
    """
    hints = Hint.objects.filter(person=person, event=OuterRef("pk"))
    opened = hints.exclude(kind=HintKind.DISMISSED).order_by("pk")
    unmarked = Registration.objects.filter(
        person=person, attendance=Attendance.UNKNOWN, event=OuterRef("pk")
    )
    return events.annotate(
        opened=Subquery(opened.values("kind")[:1]),
        place=Subquery(unmarked.order_by("pk").values("state")[:1]),
        is_dismissed=Exists(hints.filter(kind=HintKind.DISMISSED)),
    )


def with_offers(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate `offered`, the categories and amounts of the event's credit lines, as JSON."""
    line = JSONObject(
        amount="amount",
        name="category__name",
        short_name="category__short_name",
        slug="category__slug",
        shape="category__shape",
    )
    offers = CreditOffer.objects.filter(event=OuterRef("pk")).order_by("category__position")
    return events.annotate(offered=ArraySubquery(offers.values_list(line)))
