"""Visitors who are not signed in can fill neither the table of sessions nor that of rate limits."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actions import create_account
from aspen import tasks
from aspen.web import form_recovery, visits
from tests import factories
from tests.aspen.web.test_rate_limits import production_cache  # noqa: F401 - a fixture
from tests.factories import PASSWORD
from tests.web import flash_messages

pytestmark = pytest.mark.django_db
TICKET = "/help/new/"
TYPED = {"subject": "A question", "body": "Please help"}
SIGNED_OUT = "You were signed out, so nothing was saved."


def submit(client: Client, person_id: int = 1) -> Any:
    """Submit a form that was made for this person."""
    author = form_recovery.sign_author(person_id)
    return client.post(TICKET, TYPED | {form_recovery.AUTHOR_FIELD: author})


def is_kept(answer: Any) -> bool:
    [message] = flash_messages(answer)
    assert message.startswith(SIGNED_OUT)
    return "check what you typed" in message


def test_a_visitors_session_ends_after_two_hours() -> None:
    client = Client()
    submit(client)
    left = Session.objects.get().expire_date - timezone.now()
    assert dt.timedelta(minutes=119) < left <= dt.timedelta(hours=2)


@pytest.mark.parametrize(("more", "days"), [({}, 14), ({"remember": "on"}, 14)])
def test_signing_in_makes_the_session_last(settings: Any, more: dict[str, str], days: int) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    person = create_account(
        email="nora@library.example", display_name="Nora", password_hash=make_password(PASSWORD)
    )
    client = Client()
    submit(client, person.pk)
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD, **more})
    session = client.session
    assert session.get_expire_at_browser_close() is not bool(more)
    assert session.get_expiry_age() == days * 24 * 60 * 60
    assert client.get(TICKET).context["form"]["body"].value() == "Please help"


def test_one_network_address_can_keep_a_limited_number_of_forms() -> None:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as clock:
        kept = [is_kept(submit(Client())) for _ in range(61)]
        assert kept == [True] * 60 + [False]
        assert not is_kept(submit(Client()))
        clock.shift(60 * 60 + 1)
        assert is_kept(submit(Client()))


def test_all_visitors_together_can_keep_a_limited_number_of_forms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(visits, "MAX_VISITS", 2)
    client = Client()
    client.force_login(factories.person())  # does not count
    assert [is_kept(submit(Client())) for _ in range(3)] == [True, True, False]
    with time_machine.travel(timezone.now() + dt.timedelta(hours=3)):
        assert is_kept(submit(Client()))


def test_an_hourly_job_deletes_what_has_expired(production_cache: None) -> None:  # noqa: F811
    with time_machine.travel(timezone.now() - dt.timedelta(days=15)):
        submit(Client())
        Client().force_login(factories.person())
        cache.set("old", 1, 300)
    submit(Client())
    cache.set("new", 1, 300)
    before = _counts()

    tasks.remove_expired(0)

    assert Session.objects.count() == 1
    assert (before - _counts()) >= 1
    assert cache.get("new") == 1
    [session] = Session.objects.order_by("pk")
    assert form_recovery.SESSION_KEY in session.get_decoded()


def _counts() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_cache")
        return int(cursor.fetchone()[0])
