"""Places that a person has at two events at the same time.

They are never refused. People are told when they register, and organizers and staff see a remark.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from django.db.models import Q

from accounts.models import User
from aspen.web.labels import Label
from events import rules
from events.enums import Attendance, EventState, RegistrationState
from events.models import Event, Registration

SAME_TIME = Label("Two places at the same time", "warn", "!")


class OtherPlace(NamedTuple):
    """A place, or a waitlist entry, at another event at the same time."""

    pk: int  # of the event
    title: str
    url: str
    when: str
    is_waitlisted: bool

    @property
    def told(self) -> str:
        """Tell the person."""
        what = "are on the waitlist of" if self.is_waitlisted else "have a place at"
        return f"You {what} “{self.title}”, {self.when}."

    @property
    def remark(self) -> str:
        """Tell staff and organizers. All these events are on the public calendar."""
        what = "is on the waitlist of" if self.is_waitlisted else "has a place at"
        return f"Also {what} “{self.title}”, {self.when}"


# By (person id, event id).
OtherPlaces = Mapping[tuple[int, int], list[OtherPlace]]
NO_OTHER_PLACES: OtherPlaces = MappingProxyType({})


def other_places(places: Iterable[tuple[int, Event]]) -> OtherPlaces:
    """Return each person's other places at the same time as a place, by start. One query.

    `places` are (person id, event). They need not be stored. Events that are not published do not
    take place, and a person who was marked absent gave up the place.
    """
    places = [(pk, event) for pk, event in places if event.state == EventState.PUBLISHED]
    times = Q(pk=None)
    for _, event in places:
        if event.ends_at:
            times |= Q(event__begins_at__lt=event.ends_at, event__ends_at__gt=event.begins_at)
    held = (
        Registration.objects.filter(
            times, person__in={pk for pk, _ in places}, event__state=EventState.PUBLISHED
        )
        .exclude(state=RegistrationState.CANCELLED)
        .exclude(attendance=Attendance.ABSENT)
        .select_related("event")
        .defer("event__search", "event__description")
        .order_by("event__begins_at", "event_id")
    )
    by_person: dict[int, list[Registration]] = {}
    for registration in held:
        by_person.setdefault(registration.person_id, []).append(registration)
    return {
        (pk, event.pk): [
            _other_place(each)
            for each in by_person.get(pk, ())
            if rules.places_overlap(event, each.event)
        ]
        for pk, event in places
    }


def _other_place(registration: Registration) -> OtherPlace:
    return OtherPlace(
        pk=registration.event_id,
        title=registration.event.title,
        url=registration.event.get_absolute_url(),
        when=registration.event.when,
        is_waitlisted=registration.state == RegistrationState.WAITLISTED,
    )


def other_places_of(person: User, event: Event) -> list[OtherPlace]:
    """Return the person's places at the same time as the event, by start. One query."""
    return other_places([(person.pk, event)]).get((person.pk, event.pk), [])


def other_places_of_registrations(registrations: Iterable[Registration]) -> OtherPlaces:
    """Return the same for registrations that have a place or are on the waitlist. One query."""
    return other_places(
        (each.person_id, each.event)
        for each in registrations
        if each.state != RegistrationState.CANCELLED and each.attendance != Attendance.ABSENT
    )


def remarks_on(registration: Registration, others: OtherPlaces) -> list[str]:
    """Return a sentence for each other place of this person at the same time."""
    key = (registration.person_id, registration.event_id)
    return [f"{other.remark}." for other in others.get(key, ())]
