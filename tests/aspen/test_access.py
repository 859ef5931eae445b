"""Who may see what: every address of the portal, for every role, with somebody's data to leak.

TABLE states it. A cell is the answer to that role: a status, `door` for being sent to sign in,
and `+` behind it where data of the owner is on the page. An address that is missing fails.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings as portal
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from zeal import zeal_ignore

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from credits.actions import claim_custom_event
from events.actions import decide_custom_event, register
from events.enums import Decision
from events.models import Event
from helpdesk.actions import open_ticket
from tests import factories
from tracks.actions import select_track

pytestmark = pytest.mark.django_db
MARK = "quillfeather"  # in everything the owner has that is nobody else's business
HUGE = "9" * 20

ROLES = [
    "anonymous",
    "owner",
    "other",
    "supervisor",
    "editor",
    "helpdesk",
    "coordinator",
    "administrator",
]
TABLE = """
"""
# Inner addresses of django-allauth that depend on a step before; all of them are public.
ADMIN = "admin/"


@dataclasses.dataclass
class World:
    people: dict[str, User | None]
    ids: dict[str, object]

    def client(self, role: str, **options: Any) -> Client:
        """A browser of its own; nothing one request leaves there reaches the next."""
        client, person = Client(**options), self.people[role]
        if person:
            with zeal_ignore():
                client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        return client

    def address(self, template: str) -> str:
        return template.format_map(self.ids)


@pytest.fixture
def world() -> Iterator[World]:
    cache.clear()
    with zeal_ignore():
        yield a_world()


def a_world() -> World:
    owner = factories.person(display_name="Olive Quillfeather", email=f"{MARK}@library.example")
    supervisor = factories.person()
    people = {
        "anonymous": None,
        "owner": owner,
        "other": factories.person(),
        "supervisor": supervisor,
        "editor": factories.person(Role.EVENT_EDITOR),
        "helpdesk": factories.person(Role.HELP_DESK),
        "coordinator": factories.person(Role.CE_COORDINATOR),
        "administrator": factories.person(Role.ADMINISTRATOR),
    }
    position = Position.objects.create(
        person=owner,
        organization=factories.organization(),
        kind=PositionKind.STAFF,
        supervisor=supervisor,
    )
    ended, upcoming, fresh = factories.event(), factories.event(days=7), factories.event()
    register(event_id=upcoming.pk, by=owner)
    credit = factories.claim(owner, ended).credits.get()
    factories.claim(people["other"], ended)
    pending, returned = (
        claim_custom_event(facts=factories.facts(title=title), by=owner).event
        for title in ("Pending quillfeather", "Returned quillfeather")
    )
    decide_custom_event(
        event_id=returned.pk,
        decision=Decision.RETURN,
        reason="Quillfeather is no sponsor",
        by=people["coordinator"],
    )
    participation, _ = select_track(track=factories.track(), by=owner)
    select_track(track=factories.track(), by=people["other"])
    ticket = open_ticket(subject="Ask Quillfeather", body="quillfeather", credit=credit, by=owner)
    ids = {
        "ended": ended.pk,
        "upcoming": upcoming.pk,
        "fresh": fresh.pk,
        "pending": pending.pk,
        "returned": returned.pk,
        "credit": credit.pk,
        "position": position.pk,
        "participation": participation.pk,
        "ticket": ticket.pk,
        "confirm": EmailConfirmationHMAC(
            EmailAddress.objects.create(user=owner, email=owner.email)
        ).key,
        "reset": f"{user_pk_to_url_str(owner)}-{default_token_generator.make_token(owner)}",
    }
    return World(people, ids)


def rows() -> list[tuple[str, str, list[str]]]:
    """Method, address and the eight cells of every line of the table."""
    lines = [line.split() for line in TABLE.strip().splitlines()[1:]]
    assert all(len(line) == 2 + len(ROLES) for line in lines)
    return [(method, address, cells) for method, address, *cells in lines]


def send(client: Client, method: str, address: str) -> Any:
    """One request of which nothing stays."""
    with transaction.atomic():
        response = client.post(address) if method == "POST" else client.get(address)
        if hasattr(response, "render"):
            response.render()
        transaction.set_rollback(True)
    return response


def cell(response: Any, person: User | None) -> str:
    if response.headers.get("Location", "").startswith("/accounts/login/?next="):
        return "door"
    body = response.content.decode().lower()
    own = person is not None and MARK in person.email
    return f"{response.status_code}{'+' if MARK in body and not own else ''}"


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_each_role_as_the_table_says(world: World, role: str) -> None:
    expected, found = [], []
    for method, address, cells in rows():
        cache.clear()
        response = send(world.client(role), method, world.address(address))
        expected.append(f"{method:4} {address} {cells[ROLES.index(role)]}")
        found.append(f"{method:4} {address} {cell(response, world.people[role])}")
    assert found == expected


def routes() -> list[str]:
    """Every address of the resolver, as it is declared."""
    return [route for route, _ in _views(get_resolver())]


def _views(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, route)
        else:
            yield route, pattern
