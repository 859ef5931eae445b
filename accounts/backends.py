"""Sign-in, which refuses demonstration accounts unless the demonstration runs."""

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User


def is_barred(user: User) -> bool:
    """Whether this is a demonstration account while the demonstration is off.

    A database that once held the demonstration, with its published password, may go live later.
    """
    return user.is_demonstration and not settings.DEMO


class NameBackend(ModelBackend):
    """Django's backend, for permissions and the administration."""

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Called at each sign-in and, by get_user(), at each request, so sessions end as well."""
        return user is not None and not is_barred(user) and super().user_can_authenticate(user)


class AddressBackend(NameBackend, AuthenticationBackend):
    """django-allauth's backend, for the sign-in page."""
