"""Authentication backends, which reject demonstration accounts unless ASPEN_DEMO is on."""

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


class NameBackend(ModelBackend):
    """Django's backend, used for permissions and the admin."""

    def get_user(self, user_id: int) -> User | None:
        """Load the person of a request with the counts for the menu, in one query."""
        person = waiting.with_counts(User.objects.filter(pk=user_id)).order_by().first()
        return person if self.user_can_authenticate(person) else None

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Reject barred accounts at sign-in and, through get_user(), at each request."""
        return user is not None and not is_barred(user) and super().user_can_authenticate(user)


class AddressBackend(NameBackend, AuthenticationBackend):
    """django-allauth's backend, used by the sign-in page."""
