"""Helpers for tests of pages."""

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from tests import factories


def signed_in(person: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(person)
    return client


def coordinator() -> Client:
    return signed_in(factories.person(Role.CE_COORDINATOR))


def text(response: Any) -> str:
    """Return the page as text. Render the response first if necessary."""
    if hasattr(response, "render"):
        response.render()
    return str(response.content.decode())


def flash_messages(response: Any) -> list[str]:
    """Return the flash messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]
