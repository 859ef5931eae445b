"""What tests of pages do with a browser's requests and what comes back."""

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
    """The page as it was sent; one that a view returned without a request is rendered first."""
    if hasattr(response, "render"):
        response.render()
    return str(response.content.decode())


def said(response: Any) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in get_messages(response.wsgi_request)]
