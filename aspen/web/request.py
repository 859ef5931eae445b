"""Small helpers that every app's views share."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """The request of a view that requires sign-in: every view not marked `login_not_required`.

    For annotations only. A method of Django's that an admin class overrides has to take any
    HttpRequest; it asserts that its user is authenticated.
    """

    user: "User"


def parse_id(text: str) -> int | None:
    """The id that an address or a button names, or None: nothing else is one."""
    return int(text) if text.isdecimal() and len(text) < 19 else None
