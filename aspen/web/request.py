"""Small helpers that every app's views share."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User


def person_of(request: HttpRequest) -> "User":
    """The signed-in person of a request. Only for views that require signing in."""
    assert request.user.is_authenticated
    return request.user


def number_in(text: str) -> int | None:
    """The id that an address or a button names, or None: nothing else is one."""
    return int(text) if text.isdecimal() and len(text) < 19 else None
