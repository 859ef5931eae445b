"""Queries about people and organizations."""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet

from accounts.enums import LEADERSHIP_KINDS
from accounts.models import Organization, Position, User, WelcomeDraft, not_ended
from aspen.clock import today
from aspen.text import clean_email

REMINDERS_SIGNER = Signer(salt="accounts.reminders")


def lock_people(ids: Iterable[int]) -> None:
    """Lock these people until the transaction ends.

    Every action that adds, changes or posts a person's credits takes this lock, after the event's
    lock if there is one. Otherwise, someone who claims a credit and chooses a track at the same
    time could end up with a credit that is not posted. Locks in order of id to avoid deadlocks.
    """
    people = User.objects.select_for_update(of=("self",), no_key=True)
    list(people.filter(pk__in=list(ids)).order_by("pk").values_list("pk", flat=True))


def reminders_token(person: User) -> str:
    """Return a signed token for a link that turns off the person's reminders and does nothing else.

    It does not expire, because people use links in old e-mails.
    """
    return REMINDERS_SIGNER.sign(str(person.pk))


def person_of_reminders_token(token: str) -> User | None:
    """Return the active person a `reminders_token` is for, or None."""
    try:
        person_id = int(REMINDERS_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(pk=person_id, is_active=True).first()


def positions_of(person: User) -> QuerySet[Position]:
    """Return the person's current positions with their organizations, by organization name."""
    return _by_organization(Position.objects.present().filter(person=person))


def all_positions_of(person: User) -> QuerySet[Position]:
    """Return the person's past, current and future positions, by organization name."""
    return _by_organization(Position.objects.filter(person=person))


def _by_organization(positions: QuerySet[Position]) -> QuerySet[Position]:
    return positions.select_related("organization").order_by("organization__sort_key", "id")


def leadership_positions(person: User) -> list[Position]:
    """Return the person's current staff-confirmed positions as director or board chair."""
    return list(positions_of(person).filter(kind__in=LEADERSHIP_KINDS, is_confirmed=True))


def waiting_for_confirmation() -> Q:
    """Return the condition for positions that staff must confirm before they give access.

    These are positions as director or board chair that have not ended.
    """
    return not_ended(today()) & Q(kind__in=LEADERSHIP_KINDS, is_confirmed=False)


def welcome_draft_of(person: User) -> dict[str, str]:
    """Return the answers on the welcome page that the person has not sent, by field name."""
    typed = WelcomeDraft.objects.filter(person=person).values_list("typed", flat=True)
    return typed.first() or {}


def library_name_of(person: User) -> str:
    """Return the name of the person's first current organization, or an empty string."""
    names = positions_of(person).values_list("organization__name", flat=True)
    return names.first() or ""


def search_libraries(find: str = "") -> QuerySet[Organization]:
    """Return organizations whose name or city contains each word of `find`, sorted by name."""
    organizations = Organization.objects.order_by("sort_key", "city", "id")
    for word in find.split():
        organizations = organizations.filter(search_key__finds=word)
    return organizations


def people_by_email(addresses: Iterable[str]) -> dict[str, User]:
    """Return the active people with these lower-case e-mail addresses, by address. Two queries.

    Matches primary addresses and confirmed addresses.
    """
    emails = list(addresses)
    confirmed = EmailAddress.objects.filter(email__in=emails, verified=True, user__is_active=True)
    people = {each.email: each.user for each in confirmed.select_related("user").order_by("pk")}
    primary = User.objects.filter(email__in=emails, is_active=True)
    return people | {person.email: person for person in primary.order_by("pk")}


def person_with_email(address: str) -> User | None:
    """Return the active person with this primary or confirmed address, or None."""
    address = clean_email(address)
    return people_by_email([address]).get(address)


def is_email_of(person: User, address: str) -> bool:
    """Return whether this is one of the person's addresses, confirmed or not."""
    address = clean_email(address)
    others = EmailAddress.objects.filter(user=person, email__iexact=address)
    return address == person.email.lower() or others.exists()
