"""The house rules of every test: no network, no unordered list, no undefined template variable.

An N+1 query inside a request raises too; that is zeal's middleware (tests/settings.py).
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
from hypothesis import settings as examples

from accounts.enums import Role
from accounts.models import User
from tests import database, factories, middleware

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# The same examples in every run, so that none fails for what nobody changed; STORIES looks further.
examples.register_profile("steady", derandomize="STORIES" not in os.environ, deadline=None)
examples.load_profile("steady")

OWN_TEMPLATES = str(django_settings.BASE_DIR / "templates")
# Overrides of templates that lean on undefined names, as their originals do.
LENIENT = tuple(
    f"{OWN_TEMPLATES}/{folder}/" for folder in ("admin", "allauth", "account", "bootstrap5")
)


Rows = Callable[[], Any]


class UndefinedVariable(str):
    """Takes the place of `string_if_invalid`: our own template that uses an unknown name fails."""

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
    """A database of this process's own, made anew after each test that commits.

    Takes the place of pytest-django's fixture, whose flush leaves other tests without the rows
    that migrations make. Whatever is left over when all tests are done fails the last of them.
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
    """Calls a function whose rows all tests of the module find; they go with the last test.

    What a test does to them goes with that test. Not for a module with tests that commit, or that
    expect to find nothing.
    """
    whole = transaction.atomic()
    whole._from_testcase = True  # does not count where an act has to be the outermost

    def make(rows: Rows) -> Any:
        with django_db_blocker.unblock():
            return rows()

    make(whole.__enter__)
    yield make
    make(partial(transaction.set_rollback, True))
    make(partial(whole.__exit__, None, None, None))


@pytest.fixture(autouse=True)
def undefined_variable_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = UndefinedVariable("undefined")
    resolve = FilterExpression.resolve

    def resolve_and_watch(self: Any, context: Context, ignore_failures: bool = False) -> Any:
        template = context.render_context.template
        watch.rendering.origin = str(template.origin.name) if template else ""
        return resolve(self, context, ignore_failures)

    monkeypatch.setattr(FilterExpression, "resolve", resolve_and_watch)
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", watch)


@pytest.fixture(autouse=True)
def reset_rate_limits() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def unordered_queries_are_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that leans on an order nobody asked for fails now, not in production."""
    fetch = QuerySet._fetch_all

    def fetch_and_shuffle(self: Any) -> None:
        fetched_before = self._result_cache is not None
        fetch(self)
        if not fetched_before and not self.ordered and not self.query.is_sliced:
            random.shuffle(self._result_cache)

    monkeypatch.setattr(QuerySet, "_fetch_all", fetch_and_shuffle)


@pytest.fixture
def allow_slow_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a page that does one thing thousands of times, or dozens of acts."""
    monkeypatch.setattr(middleware, "MOST_SECONDS", 15.0)


@pytest.fixture
def person() -> User:
    return factories.person()


@pytest.fixture
def staff() -> User:
    return factories.person(Role.CE_COORDINATOR)


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    """It is a Monday morning; the clock stands still."""
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


def pytest_configure() -> None:
    # SIGTERM ends the whole run tidily, the embedded server included, not just the test it hits.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is imported stays to the end: the garbage collector need not look at it each time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
