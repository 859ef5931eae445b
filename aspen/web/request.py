"""The typed request, and parsing of ids."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """The request of a view that requires sign-in: every view not marked `login_not_required`.

    For annotations only. Methods that override Django's admin take any HttpRequest and assert that
    its user is authenticated.
    """

    user: "User"


def parse_id(text: str) -> int | None:
    """Return the id in a URL or form, or None if the string is not an id."""
    return int(text) if text.isdecimal() and len(text) < 19 else None
