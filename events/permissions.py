"""Permission to manage events.

Staff manage all events, and event editors manage the events of their organizations.
"""

from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import Organization, Position, User
from aspen.web import context
from aspen.web.request import AuthenticatedHttpRequest
from events.enums import EventState, Origin, RegistrationState
from events.models import Event


def may_publish(person: User) -> bool:
    """Return True for staff, who publish events directly and manage all of them."""
    return person.is_active and person.has_perm("events.change_event")


def may_propose(person: User) -> bool:
    """Return True for event editors, who propose events for their organizations."""
    return person.is_active and person.has_perm("events.propose_event")


def organizations_of(person: User) -> QuerySet[Organization]:
    """Return the organizations where the person currently has a position, by name.

    Staff get all organizations.
    """
    organizations = Organization.objects.order_by("sort_key", "city", "id")
    if may_publish(person):
        return organizations
    return organizations.filter(pk__in=_organization_ids_of(person))


def _organization_ids_of(person: User) -> QuerySet[Position, Any]:
    """Return the ids of the organizations where the person currently has a position."""
    return Position.objects.present().filter(person=person).values("organization")


def managed_by(person: User) -> QuerySet[Event]:
    """Return the calendar events that the person manages, in any state."""
    events = Event.objects.filter(origin=Origin.CALENDAR)
    if may_publish(person):
        return events
    if not may_propose(person):
        return events.none()
    return events.filter(organization__in=organizations_of(person))


def with_is_managed(
    events: QuerySet[Event], person: User | None, manages_events: str
) -> QuerySet[Event]:
    """Annotate `is_managed`: whether the person manages the event. For links, not access checks.

    `manages_events` comes from the session (context.manages_events), so this adds no query.
    """
    is_managed = Q(pk=None)
    if person and manages_events == context.ALL:
        is_managed = Q(origin=Origin.CALENDAR)
    elif person and manages_events:
        is_managed = Q(origin=Origin.CALENDAR, organization__in=_organization_ids_of(person))
    return events.annotate(is_managed=ExpressionWrapper(is_managed, BooleanField()))


# A filter on events, for registrations that have a place.
IS_CONFIRMED = Q(registrations__state=RegistrationState.CONFIRMED)
# A filter on registrations, for those that have a place or are on the waitlist.
NOT_CANCELLED = ~Q(state=RegistrationState.CANCELLED)


def managed_counts(person: User) -> dict[str, int]:
    """Count the events that the person manages, by group. One query."""
    now = timezone.now()
    public = Q(state__in=[EventState.PUBLISHED, EventState.CANCELLED])
    return managed_by(person).aggregate(
        drafts=Count("pk", filter=Q(state=EventState.DRAFT)),
        waiting=Count("pk", filter=Q(state=EventState.PENDING)),
        coming=Count("pk", filter=public & Q(over_at__gt=now)),
        past=Count("pk", filter=public & Q(over_at__lte=now)),
    )


def same_series(event: Event) -> QuerySet[Event]:
    """Return the events in the same series and state, including this one, by date."""
    if event.series_key is None:
        return Event.objects.filter(pk=event.pk)
    same = Event.objects.filter(series_key=event.series_key, state=event.state)
    return same.order_by("begins_at", "id")


def get_editor(request: AuthenticatedHttpRequest) -> User:
    """Return the signed-in person. Raise Http404 unless they are staff or an event editor."""
    person = request.user
    if not (may_publish(person) or may_propose(person)):
        raise Http404
    return person


def get_managed_event(request: AuthenticatedHttpRequest, pk: int) -> Event:
    """Return an event. Raise Http404 unless the signed-in person manages it."""
    events = managed_by(request.user).select_related("parent", "organization")
    return get_object_or_404(events.defer("search"), pk=pk)
