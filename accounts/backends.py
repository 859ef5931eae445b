"""Authentication backends, which reject demonstration accounts unless ASPEN_DEMO is on."""

from functools import cache
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User
from aspen.web import waiting


def is_barred(user: User) -> bool:
    """Return whether this is a demonstration account while the demonstration is off.

    A site may go live with a database that was used for the demonstration, whose password is
    published.
    """
    return user.is_demonstration and not settings.DEMO


@cache
def _people_with_counts() -> tuple[str, tuple[Any, ...]]:
    """Return the query for all people with the counts for the menu, and its parameters.

    Compiling it takes several times as long as running it, and each request needs it.
    """
    people = waiting.with_counts(User.objects.order_by())
    return people.query.sql_with_params()


class NameBackend(ModelBackend):
    """Django's backend, used for permissions and the admin."""

    def get_user(self, user_id: int) -> User | None:
        """Load the person of a request with the counts for the menu, in one query."""
        people, parameters = _people_with_counts()
        query = f'{people} WHERE "accounts_user"."id" = %s'
        person = next(iter(User.objects.raw(query, [*parameters, user_id])), None)
        return person if self.user_can_authenticate(person) else None

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Reject barred accounts at sign-in and, through get_user(), at each request."""
        return user is not None and not is_barred(user) and super().user_can_authenticate(user)


class AddressBackend(NameBackend, AuthenticationBackend):
    """django-allauth's backend, used by the sign-in page."""
