"""Who may sign in: the demonstration's accounts only while the demonstration runs."""

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User


def is_barred(user: User) -> bool:
    """Tell whether the account's published password must not open anything here.

    A database that once held the demonstration may go live later, with its accounts in it.
    """
    return user.is_demonstration and not settings.DEMO


class NameBackend(ModelBackend):
    """Django's own, for permissions and the administration."""

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Asked at each sign-in and, by get_user(), at each request: sessions end, too."""
        return user is not None and not is_barred(user) and super().user_can_authenticate(user)


class AddressBackend(NameBackend, AuthenticationBackend):
    """django-allauth's, for the sign-in page, with the same refusal."""
