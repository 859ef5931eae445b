"""Reads on events. Every list is ordered by something unique."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.search import TrigramWordSimilarity
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
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from events.enums import EventState, KeyPurpose, Origin, RegistrationState
from events.models import (
    Answer,
    Category,
    CreditOffer,
    Event,
    PersonalKey,
    Presenter,
    Question,
    Registration,
)

OFFERS = Prefetch(
    "offers",
    CreditOffer.objects.select_related("category").order_by("category__position"),
)


class CreditLine(NamedTuple):
    """One credit line of an event with the category's words."""

    amount: Decimal
    name: str
    slug: str
    shape: str


class RegistrationCounts(NamedTuple):
    """Places taken at an event and people waiting for one; the asking person's registration.

    `ahead` counts those who wait longer than that person. Without a registration the state is
    empty.
    """

    taken: int
    waiting: int
    state: str
    attendance: str
    settled_at: dt.datetime | None
    ahead: int


NO_REGISTRATIONS = RegistrationCounts(
    taken=0, waiting=0, state="", attendance="", settled_at=None, ahead=0
)


def categories() -> QuerySet[Category]:
    return Category.objects.order_by("position")


def on_calendar() -> QuerySet[Event]:
    """What anybody may see: published calendar events, and cancelled ones marked as such."""
    return Event.objects.filter(
        origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED]
    )


def events_visible_to(person: User | None) -> QuerySet[Event]:
    """The calendar, and the custom events that the person created."""
    if person is None or not person.is_authenticated:
        return on_calendar()
    return Event.objects.filter(
        Q(origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED])
        | Q(origin=Origin.CUSTOM, created_by=person)
    )


def open_to_claims() -> QuerySet[Event]:
    """What anybody may claim once it is over: the calendar, and custom events staff approved.

    Not somebody's college course: whoever took it, too, has a transcript to show for it.
    """
    return Event.objects.filter(
        Q(origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED])
        | Q(origin=Origin.CUSTOM, state=EventState.PUBLISHED, college_work=None)
    )


def with_page() -> QuerySet[Event]:
    """What has a page at all: the calendar, custom events, and what leads to another event.

    Whether somebody may see a custom one is for the page to judge.
    """
    shown = [EventState.PUBLISHED, EventState.CANCELLED, EventState.MERGED]
    return Event.objects.filter(
        Q(origin=Origin.CALENDAR, state__in=shown) | Q(origin=Origin.CUSTOM)
    )


def claimable() -> QuerySet[Event]:
    """Calendar events that can be claimed now: they carry credit and are over (or recorded)."""
    return on_calendar().filter(
        state=EventState.PUBLISHED,
        claimable_at__lte=timezone.now(),
        pk__in=CreditOffer.objects.values("event_id"),
    )


def upcoming(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that are not over, soonest first."""
    return events.filter(over_at__gt=timezone.now()).order_by("begins_at", "id")


def past(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that are over, newest first."""
    return events.filter(over_at__lte=timezone.now()).order_by("-begins_at", "-id")


def credit_lines(events: Iterable[Event]) -> dict[int, list[CreditLine]]:
    """The credit lines of these events by event id, in the order of the categories. One query."""
    lines: dict[int, list[CreditLine]] = {}
    rows = (
        CreditOffer.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id", "category__position")
        .values_list("event_id", "amount", "category__name", "category__slug", "category__shape")
    )
    for event_id, amount, name, slug, shape in rows:
        lines.setdefault(event_id, []).append(CreditLine(amount, name, slug, shape))
    return lines


def offers_of(event: Event) -> dict[int, Decimal]:
    """What an event offers: amounts by category id, in the order of the categories. One query."""
    offers = CreditOffer.objects.filter(event=event).order_by("category__position")
    return dict(offers.values_list("category_id", "amount"))


def registration_counts(
    person: User | None, events: Iterable[Event]
) -> dict[int, RegistrationCounts]:
    """How the registrations of these events stand, by event id. One query.

    Events that nobody registered for are missing.
    """
    own = Q(person=person.pk if person else None)
    waiting = Q(state=RegistrationState.WAITLISTED)
    mine = Registration.objects.filter(
        waiting, event=OuterRef("event"), person=person.pk if person else None
    )
    longer = Q(registered_at__lt=Subquery(mine.values("registered_at")[:1]))
    rows = (
        Registration.objects.filter(event__in=[event.pk for event in events])
        .order_by("event_id")
        .values_list("event_id")
        .annotate(
            taken=Count("pk", filter=Q(state=RegistrationState.CONFIRMED, walk_in=False)),
            waiting=Count("pk", filter=waiting),
            # One row per person and event, so the greatest is the only one.
            own_state=Coalesce(Max("state", filter=own), Value("")),
            own_attendance=Coalesce(Max("attendance", filter=own), Value("")),
            own_settled_at=Max("settled_at", filter=own),
            ahead=Count("pk", filter=waiting & longer),
        )
    )
    return {event_id: RegistrationCounts(*rest) for event_id, *rest in rows}


def sessions_of(event: Event) -> QuerySet[Event]:
    """The program of a conference, in the order of time."""
    return on_calendar().filter(parent=event).order_by("begins_at", "id")


def other_dates(event: Event, *, limit: int = 5) -> QuerySet[Event]:
    """Where else on the calendar the same training is still to come, soonest first."""
    same = on_calendar().filter(title=event.title, state=EventState.PUBLISHED)
    return upcoming(same).exclude(pk=event.pk)[:limit]


def events_with_similar_title(
    title: str, *, among: QuerySet[Event] | None = None, limit: int = 5
) -> QuerySet[Event]:
    """Events, of the calendar unless said otherwise, whose title resembles `title`.

    Most alike first (trigrams, pg_trgm).
    """
    return (
        (on_calendar() if among is None else among)
        .filter(title__trigram_similar=title)
        .annotate(similarity=TrigramWordSimilarity(title, "title"))
        .order_by("-similarity", "-begins_at", "id")
        .prefetch_related(OFFERS)[:limit]
    )


def possible_duplicates(find: str, *, limit: int = 20) -> QuerySet[Event]:
    """What has taken place and may be the training of this title, most alike first.

    On the calendar, or custom and neither declined nor returned.
    """
    standing = Q(origin=Origin.CALENDAR, state=EventState.PUBLISHED)
    custom = Q(origin=Origin.CUSTOM, state__in=[EventState.PENDING, EventState.PUBLISHED])
    return (
        Event.objects.filter(
            Q(title__icontains=find) | Q(title__trigram_word_similar=find),
            standing | custom,
            claimable_at__lte=timezone.now(),
        )
        .annotate(similarity=TrigramWordSimilarity(find, "title"))
        .order_by("-similarity", "-begins_at", "id")
        .select_related("created_by")
        .prefetch_related(OFFERS)[:limit]
    )


def surviving_event(event: Event) -> Event:
    """The event that holds the claims of a merged one by now. A query for each step."""
    passed = set()
    while event.merged_into is not None and event.pk not in passed:
        passed.add(event.pk)
        event = event.merged_into
    return event


def between(events: QuerySet[Event], first: dt.date, last: dt.date) -> QuerySet[Event]:
    """Events of which some part lies on the days `first` to `last` (Mountain time, inclusive)."""
    return events.filter(
        begins_at__lt=midnight(last + dt.timedelta(days=1)),
        last_day__gte=first,
        over_at__gt=midnight(first),
    )


def midnight(day: dt.date) -> dt.datetime:
    """The moment at which a day begins in Montana."""
    return dt.datetime.combine(day, dt.time(), timezone.get_default_timezone())


def upcoming_registrations(person: User) -> QuerySet[Registration]:
    """The person's places at events that are not over, next first."""
    return (
        Registration.objects.filter(
            person=person,
            state=RegistrationState.CONFIRMED,
            event__over_at__gt=timezone.now(),
            event__state=EventState.PUBLISHED,
        )
        .select_related("event")
        .prefetch_related(
            Prefetch(
                "event__offers",
                CreditOffer.objects.select_related("category").order_by("category__position"),
            )
        )
        .order_by("event__begins_at", "id")
    )


def questions_of(event: Event) -> QuerySet[Question]:
    """What the organizer asks whoever registers, in order."""
    return Question.objects.filter(event=event).order_by("position")


def answers_per_question(event: Event) -> QuerySet[Any, tuple[int, int]]:
    """How many people answered each question, as (question id, number)."""
    return (
        Answer.objects.filter(question__event=event)
        .order_by("question")
        .values_list("question")
        .annotate(number=Count("pk"))
    )


def with_has_questions(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate whether the organizer asks whoever registers, as `asks`."""
    return events.annotate(asks=Exists(Question.objects.filter(event=OuterRef("pk"))))


def registration_of(person: User, event: Event) -> Registration | None:
    """The person's place, or place on the waitlist; nothing once cancelled."""
    places = Registration.objects.filter(person=person, event=event)
    return places.exclude(state=RegistrationState.CANCELLED).first()


def coming_registrations(person: User) -> QuerySet[Registration]:
    """What the person has a place at or waits for and is not over, cancelled events too, by date.

    They carry `has_questions`.
    """
    return (
        _with_row_fields(person)
        .exclude(state=RegistrationState.CANCELLED)
        .filter(event__over_at__gt=timezone.now())
        .order_by("event__begins_at", "id")
    )


def past_registrations(person: User) -> QuerySet[Registration]:
    """What the person had a place at and is over, the latest first."""
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
    """The person's open keys: to the personal feed, and to be checked in with."""
    keys = PersonalKey.objects.filter(person=person, revoked_at=None).order_by("purpose")
    by_purpose = {key.purpose: key for key in keys}
    return by_purpose.get(KeyPurpose.FEED), by_purpose.get(KeyPurpose.BADGE)


def due_registrations() -> QuerySet[Registration]:
    """Places whose event is over and that have not led to a credit yet, oldest event first."""
    return Registration.objects.filter(
        state=RegistrationState.CONFIRMED,
        settled_at=None,
        event__over_at__lte=timezone.now(),
        event__state=EventState.PUBLISHED,
        # An event may get its credit lines after it took place; until then nothing is settled.
        event__in=CreditOffer.objects.values("event"),
    ).order_by("event__over_at", "id")


def due_presentations() -> QuerySet[Presenter]:
    """Presentations at events that are over and carry credit, not settled yet, oldest first."""
    return Presenter.objects.filter(
        settled_at=None,
        event__over_at__lte=timezone.now(),
        event__state=EventState.PUBLISHED,
        event__in=CreditOffer.objects.values("event"),
    ).order_by("event__over_at", "id")


def due_attendance(
    person: User | None = None, event_id: int | None = None
) -> list[tuple[int, int]]:
    """Whose attendance or presentation at which event is due: all, or one person's or event's.

    One query.
    """
    wanted = {"person": person, "event": event_id}
    conditions = {name: value for name, value in wanted.items() if value}
    pairs = [
        each.order_by().filter(**conditions) for each in (due_registrations(), due_presentations())
    ]
    first, second = (each.values_list("person_id", "event_id", "event__over_at") for each in pairs)
    rows = first.union(second).order_by("event__over_at", "event_id", "person_id")
    return [(person_id, event_id) for person_id, event_id, _ in rows]


def lock_event(event_id: int) -> Event:
    """The event, locked until the transaction ends. Raises Event.DoesNotExist.

    Taken before the locks of registrations and people by everything that changes an event or
    makes credits of it, so that the two cannot miss each other, nor block each other.
    """
    return Event.objects.select_for_update(of=("self",), no_key=True).get(pk=event_id)


def lock_events(ids: Iterable[int]) -> None:
    """Lock several events, in order of id."""
    events = Event.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=list(ids))
    list(events.order_by("pk").values_list("pk", flat=True))


def same_custom_events(person: User, title: str, begins_at: dt.datetime) -> QuerySet[Event]:
    """The person's own custom events of this title and beginning that still stand."""
    return (
        Event.objects.filter(
            origin=Origin.CUSTOM, created_by=person, title=title, begins_at=begins_at
        )
        .exclude(state__in=[EventState.DECLINED, EventState.CANCELLED, EventState.MERGED])
        .order_by("pk")
    )


def custom_event_version(event: Event) -> str:
    """What changes with every decision about a custom event, and with its author's answer."""
    return f"{event.state} {event.decided_at.isoformat() if event.decided_at else ''}".strip()


def custom_event_of(person: User, pk: int) -> QuerySet[Event]:
    """The person's own custom event with this id, or nothing."""
    return Event.objects.filter(pk=pk, origin=Origin.CUSTOM, created_by=person)


def search_title_or_sponsor(events: QuerySet[Event], words: str) -> QuerySet[Event]:
    """Those events of which title or sponsor hold every one of the words, in the same order."""
    for word in words.split():
        events = events.filter(Q(title__icontains=word) | Q(sponsor__icontains=word))
    return events


def with_credits_offered(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate the sum of an event's credit lines as `credits_offered`."""
    offered = (
        CreditOffer.objects.filter(event=OuterRef("pk"))
        .order_by()
        .values("event")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    return events.annotate(credits_offered=Subquery(offered))


def feed_registrations(person: User, *, since: dt.datetime) -> QuerySet[Registration]:
    """What the person has a place at, or waits for, of what was not over then; latest first.

    What was called off stays, so that it can be seen to be.
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
