"""Fixtures for the tests of events. Some sign in a person."""

import pytest
from django.test import Client

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from tests import factories


@pytest.fixture
def person(client: Client, person: User) -> User:
    client.force_login(person)
    return person


@pytest.fixture
def library() -> Organization:
    return factories.organization()


@pytest.fixture
def editor(client: Client, library: Organization) -> User:
    editor = factories.person(Role.EVENT_EDITOR)
    Position.objects.create(person=editor, organization=library, kind=PositionKind.STAFF)
    client.force_login(editor)
    return editor
