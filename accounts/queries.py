"""Queries about people and organizations."""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet

from accounts.enums import LEADERSHIP_KINDS
from accounts.models import Organization, Position, User

REMINDERS_SIGNER = Signer(salt="accounts.reminders")


def lock_people(ids: Iterable[int]) -> None:
    """Lock these people until the transaction ends.

    Every action that adds, changes or posts a person's credits takes this lock, after the event's
    lock if there is one. Otherwise, claiming a credit and choosing a track at the same time could
    miss each other. Locks in order of id to avoid deadlocks.
    """
    people = User.objects.select_for_update(of=("self",), no_key=True)
    list(people.filter(pk__in=list(ids)).order_by("pk").values_list("pk", flat=True))


def reminders_token(person: User) -> str:
    """A signed token for the link that turns off the person's reminders, and for nothing else.

    It does not expire, because people use links in old e-mails.
    """
    return REMINDERS_SIGNER.sign(str(person.pk))


def person_of_reminders_token(token: str) -> User | None:
    """The active person that a `reminders_token` is for, or None."""
    try:
        person_id = int(REMINDERS_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(pk=person_id, is_active=True).first()


def positions_of(person: User) -> QuerySet[Position]:
    """The person's present positions with their organizations, by organization name."""
    return _by_organization(Position.objects.present().filter(person=person))


def present_and_future_positions_of(person: User) -> QuerySet[Position]:
    """The person's present and future positions, by organization name."""
    return _by_organization(Position.objects.not_ended().filter(person=person))


def _by_organization(positions: QuerySet[Position]) -> QuerySet[Position]:
    return positions.select_related("organization").order_by("organization__name", "id")


def leadership_positions(person: User) -> list[Position]:
    """The person's present positions as director or board chair, if confirmed by staff."""
    return list(positions_of(person).filter(kind__in=LEADERSHIP_KINDS, is_confirmed=True))


def library_name_of(person: User) -> str:
    """The name of the person's first present organization, or an empty string."""
    names = positions_of(person).values_list("organization__name", flat=True)
    return names.first() or ""


def search_libraries(find: str = "") -> QuerySet[Organization]:
    """Organizations whose name or city contains each word of `find`, by name."""
    organizations = Organization.objects.order_by("name", "city", "id")
    for word in find.split():
        organizations = organizations.filter(Q(name__icontains=word) | Q(city__icontains=word))
    return organizations


def people_by_email(addresses: Iterable[str]) -> dict[str, User]:
    """Active people by e-mail address, for these addresses in lower case. Two queries.

    Finds people by their primary and by their confirmed addresses.
    """
    emails = list(addresses)
    confirmed = EmailAddress.objects.filter(email__in=emails, verified=True, user__is_active=True)
    people = {each.email: each.user for each in confirmed.select_related("user").order_by("pk")}
    primary = User.objects.filter(email__in=emails, is_active=True)
    return people | {person.email: person for person in primary.order_by("pk")}


def person_with_email(address: str) -> User | None:
    """The active person with this primary or confirmed address, or None."""
    address = address.strip().lower()
    return people_by_email([address]).get(address)


def is_email_of(person: User, address: str) -> bool:
    """Whether this is one of the person's addresses, confirmed or not."""
    address = address.strip().lower()
    others = EmailAddress.objects.filter(user=person, email=address)
    return address == person.email or others.exists()
