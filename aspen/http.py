"""Small helpers that every app's views share."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User


def person_of(request: HttpRequest) -> "User":
    """The signed-in person of a request. Only for views that require signing in."""
    assert request.user.is_authenticated
    return request.user
