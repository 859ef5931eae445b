"""The test harness is tested too: each of its house rules must fail what breaks it."""

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

OURS = f"{portal.BASE_DIR}/templates/somewhere.html"
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
def test_an_undefined_variable_in_a_template_of_ours_fails(source: str) -> None:
    with pytest.raises(
        AssertionError, match=r"undefined template variable (known\.|one\.)?unknown"
    ):
        render(source, OURS, known=[1])


def test_defined_variables_and_questions_about_others_do_not() -> None:
    source = "{{ known }}{% if unknown %}x{% endif %}{{ empty }}{{ nothing|default:'-' }}"
    assert render(source, OURS, known=1, empty="", nothing=None) == "1-"


def test_templates_of_others_may_lean_on_undefined_variables() -> None:
    assert render("a{{ unknown }}b", FOREIGN) == "ab"
    for folder in LENIENT:
        assert render("a{{ unknown }}b", f"{folder}somewhere.html") == "ab"


# ---------- Lists without an order ----------


@pytest.mark.django_db
def test_a_list_without_an_order_comes_in_any() -> None:
    for _ in range(20):
        factories.person()
    orders = {tuple(User.objects.order_by().values_list("pk", flat=True)) for _ in range(5)}
    assert len(orders) > 1
    assert len({frozenset(order) for order in orders}) == 1


@pytest.mark.django_db
def test_a_list_with_an_order_keeps_it() -> None:
    people = [factories.person().pk for _ in range(20)]
    assert list(User.objects.order_by("pk").values_list("pk", flat=True)) == people


# ---------- A query for every row ----------


def _each_library(request: HttpRequest) -> HttpResponse:
    positions = Position.objects.order_by("pk")
    return HttpResponse(", ".join(position.organization.name for position in positions))


_each_library.login_required = False  # type: ignore[attr-defined]


def _much_work(request: HttpRequest) -> HttpResponse:
    started = time.thread_time()
    while time.thread_time() - started < 0.02:
        pass
    return HttpResponse()


_much_work.login_required = False  # type: ignore[attr-defined]
urlpatterns = [path("each-library/", _each_library), path("much-work/", _much_work)]


@pytest.mark.django_db
@pytest.mark.urls("tests.test_harness")
def test_a_query_for_every_row_raises() -> None:
    library = factories.organization(name="Only library")
    factories_position(library)
    assert Client().get("/each-library/").content == b"Only library"
    factories_position(factories.organization())
    with pytest.raises(NPlusOneError):
        Client().get("/each-library/")


@pytest.mark.urls("tests.test_harness")
def test_a_page_that_is_much_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/much-work/").status_code == 200
    monkeypatch.setattr(middleware, "MOST_SECONDS", 0.01)
    with pytest.raises(middleware.TooSlow, match=r"GET /much-work/ took 0\.0 s"):
        Client().get("/much-work/")


def factories_position(organization: Any) -> None:
    Position.objects.create(
        person=factories.person(), organization=organization, kind="staff", since_on=None
    )


# ---------- What a test leaves ----------


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits_leaves_the_database_as_migrated() -> None:
    """Twice, in a process of whatever past: each time it finds the same and spoils it."""
    found = []
    for _ in range(2):
        found.append(database.rows())
        factories.person()
        Category.objects.filter(slug=factories.PUBLIC).update(name="Spoilt")
        TransactionTestCase._fixture_teardown(None)
    assert found[0] == found[1]
    assert len(found[0]["events_category"]) > 1


# ---------- Warnings and the network ----------


@pytest.mark.parametrize("kind", [UserWarning, DeprecationWarning, ResourceWarning])
def test_a_warning_is_an_error(kind: type[Warning]) -> None:
    with pytest.raises(kind, match="mind this"):
        warnings.warn("mind this", kind, stacklevel=1)


def test_nothing_outside_this_machine_is_reached() -> None:
    # It warns before it refuses, and a warning is an error.
    refusals = (pytest_socket.SocketConnectBlockedError, UserWarning)
    with socket.socket() as outside, pytest.raises(refusals, match=r'host "192\.0\.2\.1"'):
        outside.connect(("192.0.2.1", 80))


def test_this_machine_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
