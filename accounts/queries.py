"""Reads on people and organizations."""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet

from accounts.enums import LEADERSHIP_KINDS
from accounts.models import Organization, Position, User

REMINDERS_SIGNER = Signer(salt="accounts.reminders")


def lock_people(ids: Iterable[int]) -> None:
    """Lock these people until the transaction ends; whoever writes their credits waits.

    Every action that adds, changes or posts a person's credits takes this lock, after the event's
    where there is one. That is
    what keeps a claim and the choice of a track, made at the same moment, from missing each
    other. Locked in order of id, so that two callers cannot block each other.
    """
    people = User.objects.select_for_update(of=("self",), no_key=True)
    list(people.filter(pk__in=list(ids)).order_by("pk").values_list("pk", flat=True))


def reminders_token(person: User) -> str:
    """What stands for the person in the address that turns reminders off, and opens nothing else.

    It works as long as the account does: an old message is still the one at hand.
    """
    return REMINDERS_SIGNER.sign(str(person.pk))


def person_of_reminders_token(token: str) -> User | None:
    """Whom a token of `reminders_token` stands for."""
    try:
        person_id = int(REMINDERS_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(pk=person_id, is_active=True).first()


def positions_of(person: User) -> QuerySet[Position]:
    """The person's present positions with their organizations, by organization name."""
    return _by_organization(Position.objects.present().filter(person=person))


def present_and_coming_positions_of(person: User) -> QuerySet[Position]:
    """The person's present positions and those entered ahead, by organization name."""
    return _by_organization(Position.objects.not_ended().filter(person=person))


def _by_organization(positions: QuerySet[Position]) -> QuerySet[Position]:
    return positions.select_related("organization").order_by("organization__name", "id")


def leadership_positions(person: User) -> list[Position]:
    """The person's present positions as a director or board chair that staff confirmed."""
    return list(positions_of(person).filter(kind__in=LEADERSHIP_KINDS, is_confirmed=True))


def library_name_of(person: User) -> str:
    """The name of the first organization where the person has a present position, or nothing."""
    names = positions_of(person).values_list("organization__name", flat=True)
    return names.first() or ""


def search_libraries(find: str = "") -> QuerySet[Organization]:
    """The organizations of which name or city hold every word of `find` (none: all), by name."""
    organizations = Organization.objects.order_by("name", "city", "id")
    for word in find.split():
        organizations = organizations.filter(Q(name__icontains=word) | Q(city__icontains=word))
    return organizations


def people_by_email(addresses: Iterable[str]) -> dict[str, User]:
    """Who has which of these addresses (lower case): to sign in with, or confirmed beside it.

    Addresses of nobody are missing. Two queries.
    """
    wanted = list(addresses)
    beside = EmailAddress.objects.filter(email__in=wanted, verified=True, user__is_active=True)
    people = {each.email: each.user for each in beside.select_related("user").order_by("pk")}
    own = User.objects.filter(email__in=wanted, is_active=True)
    return people | {person.email: person for person in own.order_by("pk")}


def person_with_email(address: str) -> User | None:
    """The person with an account whose own or confirmed address this is."""
    address = address.strip().lower()
    return people_by_email([address]).get(address)


def is_email_of(person: User, address: str) -> bool:
    """Whether this is the person's own address, or one beside it, confirmed or not yet."""
    address = address.strip().lower()
    beside = EmailAddress.objects.filter(user=person, email=address)
    return address == person.email or beside.exists()
