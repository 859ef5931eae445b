"""Reads on people and organizations."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from accounts.models import Organization, Position, User


def lock_people(ids: Iterable[int]) -> None:
    """Lock these people until the transaction ends; whoever writes their credits waits.

    Every action that adds, changes or posts a person's credits takes this lock, after the event's
    where there is one. That is
    what keeps a claim and the choice of a track, made at the same moment, from missing each
    other. Locked in order of id, so that two callers cannot block each other.
    """
    people = User.objects.select_for_update(of=("self",), no_key=True)
    list(people.filter(pk__in=list(ids)).order_by("pk").values_list("pk", flat=True))


def positions_of(person: User) -> QuerySet[Position]:
    """The person's present positions with their organizations, by organization name."""
    return (
        Position.objects.filter(person=person, until_on=None)
        .select_related("organization")
        .order_by("organization__name", "id")
    )


def library_of(person: User) -> str:
    """The name of the first organization where the person has a present position, or nothing."""
    names = positions_of(person).values_list("organization__name", flat=True)
    return names.first() or ""


def libraries(find: str = "") -> QuerySet[Organization]:
    """The organizations of which name or city hold every word of `find` (none: all), by name."""
    organizations = Organization.objects.order_by("name", "city", "id")
    for word in find.split():
        organizations = organizations.filter(Q(name__icontains=word) | Q(city__icontains=word))
    return organizations
