"""Rate limits are counted in a table that nothing culls."""

from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from aspen import env
from tests import factories
from tests.factories import PASSWORD
from tests.web import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def production_cache(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.delenv("CACHE_URL", raising=False)
    settings.CACHES = settings.CACHES | {"default": env.cache(env.read_environment())}
    assert settings.CACHES["default"]["BACKEND"].endswith(".DatabaseCache")
    call_command("createcachetable", verbosity=0)


def test_filling_the_cache_does_not_reset_a_limit(production_cache: None) -> None:
    """By default, Django's caches discard a third of their entries when they have 300."""
    person = factories.person()
    client, wrong = Client(), {"login": person.email, "password": "wrong"}
    for _ in range(5):
        client.post("/accounts/login/", wrong)
    for number in range(700):
        cache.set(f"another-visitor-{number}", 1, 300)
    answer = client.post("/accounts/login/", wrong | {"password": PASSWORD})
    assert "Too many attempts with the wrong password" in text(answer)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_a_supervisors_page_does_not_count(method: str) -> None:
    client = Client()
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False):
        answers = {getattr(client, method)("/verify/unknown/").status_code for _ in range(70)}
        assert answers == {404}
        assert client.post("/verify/unknown/").status_code == 404
