"""Authentication backends, which reject demonstration accounts unless ASPEN_DEMO is on."""

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User


def is_barred(user: User) -> bool:
    """Whether this is a demonstration account while the demonstration is off.

    A database used for the demonstration, with its published password, may go live later.
    """
    return user.is_demonstration and not settings.DEMO


class NameBackend(ModelBackend):
    """Django's backend, for permissions and the administration."""

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Also called by get_user() at each request, so that existing sessions end."""
        return user is not None and not is_barred(user) and super().user_can_authenticate(user)


class AddressBackend(NameBackend, AuthenticationBackend):
    """django-allauth's backend, for the sign-in page."""
