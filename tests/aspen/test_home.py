"""The home page, the accessibility statement, health checks and redirects."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from zeal import zeal_ignore

from events.enums import Delivery, EventState
from tests import factories
from tests.web import text

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("number", [1, 3])
def test_the_public_home_page_takes_two_queries(
    number: int, django_assert_num_queries: Any
) -> None:
    """One query fetches the events, the other their credit lines with categories."""
    with zeal_ignore():
        for _ in range(number):
            factories.event(days=3, credits={"technology": "1", "public-services": "0.5"})
    with django_assert_num_queries(2):
        response = Client().get("/")
    assert len(response.context["next_events"]) == number


def test_the_next_events_are_upcoming_and_soonest_first() -> None:
    later = factories.event(days=5, title="Later")
    sooner = factories.event(days=2, title="Sooner", city="Helena", delivery=Delivery.IN_PERSON)
    gone = factories.event(days=3, title="Called off", state=EventState.CANCELLED)
    with zeal_ignore():
        factories.event(days=-2, title="Over")
        factories.event(days=2, title="A session", parent=later)
        factories.event(days=2, title="Not yet published", state=EventState.PENDING)
    rows = Client().get("/").context["next_events"]
    assert [row.title for row in rows] == ["Sooner", "Called off", "Later"]
    assert rows[0].url == sooner.get_absolute_url()
    assert rows[0].town == "Helena"
    assert [label.text for label in rows[1].alerts] == ["Canceled"]
    assert gone.title in text(Client().get("/"))


def test_up_to_six_events_are_shown() -> None:
    with zeal_ignore():
        for days in range(1, 9):
            factories.event(days=days, title=f"Event {days}")
    rows = Client().get("/").context["next_events"]
    assert [row.title for row in rows] == [f"Event {days}" for days in range(1, 7)]


def test_without_events_the_page_says_so() -> None:
    assert "No upcoming events" in text(Client().get("/"))


def test_a_script_in_a_title_is_escaped() -> None:
    factories.event(days=1, title=f"{SCRIPT} 🐻")
    page = text(Client().get("/"))
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 🐻" in page


def test_the_accessibility_statement_is_public(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/accessibility/")
    assert text(response).count("<h1>") == 1


def test_help_is_linked_for_everyone() -> None:
    client = Client()
    for _ in range(2):
        foot = text(client.get("/accessibility/")).split("<footer")[1]
        assert '<li><a href="/help/">Help</a></li>' in foot
        assert ">Write to us: " in foot
        client.force_login(factories.person())


def test_visitors_find_out_what_certification_is() -> None:
    client = Client()
    page = text(client.get("/"))
    for address in ("/help/what-is-certification/", "/tracks/rules/"):
        assert f'<a class="go" href="{address}">' in page
        assert client.get(address).status_code == 200


# ---------- Health checks ----------


def test_healthz_takes_no_queries(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/healthz")
    assert (response.status_code, text(response)) == (200, "ok\n")
    assert response.headers["Content-Type"] == "text/plain"


def test_readyz_checks_the_migrations(django_assert_num_queries: Any) -> None:
    """One query checks that the migrations table exists, one reads its rows, one looks for mail."""
    with django_assert_num_queries(3):
        response = Client().get("/readyz")
    assert (response.status_code, text(response)) == (200, "ready\n")


def test_readyz_reports_a_missing_migration() -> None:
    MigrationRecorder(connection).record_unapplied("helpdesk", "0008_names_of_track_buttons")
    response = Client().get("/readyz")
    assert (response.status_code, text(response)) == (503, "migrations missing\n")


def test_without_a_database_only_healthz_returns_200(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    client = Client(raise_request_exception=False)
    ready, alive, home = client.get("/readyz"), client.get("/healthz"), client.get("/")
    assert (ready.status_code, text(ready)) == (503, "no database\n")
    assert alive.status_code == 200
    assert home.status_code == 500
    assert text(home).count("<h1>") == 1
    assert "connection refused" not in text(home)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/events/catalogue/", "/events/catalog/"),
        ("/events/catalogue/?year=2026", "/events/catalog/?year=2026"),
    ],
)
def test_old_addresses_redirect_to_the_page(client: Client, old: str, new: str) -> None:
    answer = client.get(old)
    assert (answer.status_code, answer.headers["Location"]) == (301, new)
