"""Tests of the rules in tests/conftest.py: code that breaks a rule must fail."""

import socket
import time
import warnings
from typing import Any

import pytest
import pytest_socket
from django.conf import settings as portal
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, engines
from django.template.base import Origin
from django.test import Client, TransactionTestCase
from django.urls import path
from zeal.errors import NPlusOneError

from accounts.models import Position, User
from events.models import Category
from tests import database, factories, middleware
from tests.conftest import LENIENT

OWN = f"{portal.BASE_DIR}/templates/somewhere.html"
FOREIGN = "/site-packages/admin/somewhere.html"


def render(source: str, origin: str, **context: Any) -> str:
    template = Template(source, origin=Origin(origin), engine=engines["django"].engine)
    return str(template.render(Context(context)))


# ---------- Undefined template variables ----------


@pytest.mark.parametrize(
    "source",
    [
        "{{ unknown }}",
        "{{ known.unknown }}",
        "{{ unknown|default:'x' }}",
        "{% for one in known %}{{ one.unknown }}{% endfor %}",
        "{% include 'includes/empty.html' with title=unknown text='' only %}",
    ],
)
def test_an_undefined_variable_in_the_portals_templates_fails(source: str) -> None:
    with pytest.raises(
        AssertionError, match=r"undefined template variable (known\.|one\.)?unknown"
    ):
        render(source, OWN, known=[1])


def test_defined_variables_and_conditions_on_undefined_ones_do_not_fail() -> None:
    source = "{{ known }}{% if unknown %}x{% endif %}{{ empty }}{{ nothing|default:'-' }}"
    assert render(source, OWN, known=1, empty="", nothing=None) == "1-"


def test_other_packages_templates_can_use_undefined_variables() -> None:
    assert render("a{{ unknown }}b", FOREIGN) == "ab"
    for folder in LENIENT:
        assert render("a{{ unknown }}b", f"{folder}somewhere.html") == "ab"


# ---------- Unordered queries ----------


@pytest.mark.django_db
def test_unordered_queries_are_shuffled() -> None:
    for _ in range(20):
        factories.person()
    orders = {tuple(User.objects.order_by().values_list("pk", flat=True)) for _ in range(5)}
    assert len(orders) > 1
    assert len({frozenset(order) for order in orders}) == 1


@pytest.mark.django_db
def test_ordered_queries_are_not_shuffled() -> None:
    people = [factories.person().pk for _ in range(20)]
    assert list(User.objects.order_by("pk").values_list("pk", flat=True)) == people


# ---------- N+1 queries and slow requests ----------


def _library_names(request: HttpRequest) -> HttpResponse:
    positions = Position.objects.order_by("pk")
    return HttpResponse(", ".join(position.organization.name for position in positions))


_library_names.login_required = False  # type: ignore[attr-defined]


def _slow(request: HttpRequest) -> HttpResponse:
    started = time.thread_time()
    while time.thread_time() - started < 0.02:
        pass
    return HttpResponse()


_slow.login_required = False  # type: ignore[attr-defined]
urlpatterns = [path("library-names/", _library_names), path("slow/", _slow)]


@pytest.mark.django_db
@pytest.mark.urls("tests.test_harness")
def test_n_plus_one_queries_raise() -> None:
    library = factories.organization(name="Only library")
    add_position(library)
    assert Client().get("/library-names/").content == b"Only library"
    add_position(factories.organization())
    with pytest.raises(NPlusOneError):
        Client().get("/library-names/")


@pytest.mark.urls("tests.test_harness")
def test_a_slow_request_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/slow/").status_code == 200
    monkeypatch.setattr(middleware, "MAX_SECONDS", 0.01)
    with pytest.raises(middleware.TooSlow, match=r"GET /slow/ took 0\.0 s"):
        Client().get("/slow/")


def add_position(organization: Any) -> None:
    Position.objects.create(
        person=factories.person(), organization=organization, kind="staff", since_on=None
    )


# ---------- Cleaning up the database ----------


@pytest.mark.django_db(transaction=True)
def test_the_database_is_restored_after_a_test_that_commits() -> None:
    """Change the database twice; both times it starts out the same, whatever ran before."""
    rows = []
    for _ in range(2):
        rows.append(database.rows())
        factories.person()
        Category.objects.filter(slug=factories.PUBLIC).update(name="Changed")
        TransactionTestCase._fixture_teardown(None)
    assert rows[0] == rows[1]
    assert len(rows[0]["events_category"]) > 1


# ---------- Warnings and the network ----------


@pytest.mark.parametrize("kind", [UserWarning, DeprecationWarning, ResourceWarning])
def test_a_warning_is_an_error(kind: type[Warning]) -> None:
    with pytest.raises(kind, match="a warning"):
        warnings.warn("a warning", kind, stacklevel=1)


def test_connections_to_other_hosts_are_blocked() -> None:
    # pytest-socket warns before it raises its own error, and a warning is an error here.
    refusals = (pytest_socket.SocketConnectBlockedError, UserWarning)
    with socket.socket() as outside, pytest.raises(refusals, match=r'host "192\.0\.2\.1"'):
        outside.connect(("192.0.2.1", 80))


def test_connections_to_this_host_are_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
