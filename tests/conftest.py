"""Rules for every test: no reliance on the order of unordered queries or on undefined variables.

pytest-socket blocks the network (pyproject.toml), and zeal raises an error on N+1 queries
(tests/settings.py).
"""

import gc
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.template import Context, engines
from django.template.base import FilterExpression
from django.test import TransactionTestCase
from django.utils import timezone
from hypothesis import settings as hypothesis_settings

from accounts.enums import Role
from accounts.models import User
from aspen import health
from tests import database, factories, middleware

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# Every run uses the same examples, so that a failure is due to a change. STORIES tries others.
hypothesis_settings.register_profile(
    "steady", derandomize="STORIES" not in os.environ, deadline=None
)
hypothesis_settings.load_profile("steady")

OWN_TEMPLATES = str(django_settings.BASE_DIR / "templates")
# Overrides of other packages' templates, which rely on undefined variables.
LENIENT = tuple(
    f"{OWN_TEMPLATES}/{folder}/" for folder in ("admin", "allauth", "account", "bootstrap5")
)


Rows = Callable[[], Any]


class UndefinedVariable(str):
    """A `string_if_invalid` that makes the portal's templates fail on undefined variables."""

    # A live server renders in several threads at once.
    rendering = threading.local()

    def __contains__(self, part: object) -> bool:
        return part == "%s"

    def __mod__(self, name: Any) -> str:
        origin = getattr(self.rendering, "origin", "")
        own = origin.startswith(OWN_TEMPLATES) and not origin.startswith(LENIENT)
        assert not own, f"undefined template variable {name} in {origin}"
        return ""


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A database for this process, created again after each test that commits.

    Replaces pytest-django's fixture, whose flush deletes rows that migrations create. If the
    database has changed after all tests, the last test fails.
    """
    with pytest.MonkeyPatch.context() as monkeypatch, django_db_blocker.unblock():
        with database.clone() as clone:
            monkeypatch.setattr(
                TransactionTestCase, "_fixture_teardown", lambda _test: clone.renew()
            )
            rows = database.rows()
            with django_db_blocker.block():
                yield
            assert database.rows() == rows


@pytest.fixture(scope="module")
def make_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[Callable[[Rows], Any]]:
    """A function that creates rows for all tests of a module. They are rolled back at its end.

    Each test's changes to the rows are rolled back after it. Do not use it in modules whose tests
    commit or expect empty tables.
    """
    outer = transaction.atomic()
    outer._from_testcase = True  # so that durable transactions can run inside it

    def make(rows: Rows) -> Any:
        with django_db_blocker.unblock():
            return rows()

    make(outer.__enter__)
    yield make
    make(partial(transaction.set_rollback, True))
    make(partial(outer.__exit__, None, None, None))


@pytest.fixture(autouse=True)
def undefined_variable_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    undefined = UndefinedVariable("undefined")
    resolve = FilterExpression.resolve

    def resolve_and_check(self: Any, context: Context, ignore_failures: bool = False) -> Any:
        template = context.render_context.template
        undefined.rendering.origin = str(template.origin.name) if template else ""
        return resolve(self, context, ignore_failures)

    monkeypatch.setattr(FilterExpression, "resolve", resolve_and_check)
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", undefined)


@pytest.fixture(autouse=True)
def reset_rate_limits() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def a_job_worker_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests have no job worker, and `/readyz` and the admin's first page would say so."""
    monkeypatch.setattr(health, "last_heartbeat", timezone.now)


@pytest.fixture(autouse=True)
def unordered_queries_are_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make tests that rely on the order of an unordered query fail."""
    fetch = QuerySet._fetch_all

    def fetch_and_shuffle(self: Any) -> None:
        fetched_before = self._result_cache is not None
        fetch(self)
        if not fetched_before and not self.ordered and not self.query.is_sliced:
            random.shuffle(self._result_cache)

    monkeypatch.setattr(QuerySet, "_fetch_all", fetch_and_shuffle)


@pytest.fixture
def allow_slow_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow more time for requests that process thousands of rows or run dozens of actions."""
    monkeypatch.setattr(middleware, "MAX_SECONDS", 15.0)


@pytest.fixture
def person() -> User:
    return factories.person()


@pytest.fixture
def staff() -> User:
    return factories.person(Role.CE_COORDINATOR)


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    """A clock that is stopped on a Monday morning."""
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


def pytest_configure() -> None:
    # Treat SIGTERM like Ctrl-C, so that the run stops cleanly, with its database server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Exclude imported objects, which stay until the end, from garbage collection."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
