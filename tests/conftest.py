"""The house rules of every test: no network, no unordered list, no undefined template variable.

An N+1 query inside a request raises too; that is zeal's middleware (tests/settings.py).
"""

import os
import random
import signal
import threading
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db.models import QuerySet
from django.template import Context, engines
from django.template.base import FilterExpression
from hypothesis import settings as examples

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# The same examples in every run, so that none fails for what nobody changed; STORIES looks further.
examples.register_profile("steady", derandomize="STORIES" not in os.environ, deadline=None)
examples.load_profile("steady")

OWN_TEMPLATES = str(django_settings.BASE_DIR / "templates")
# Overrides of templates that lean on undefined names, as their originals do.
LENIENT = tuple(
    f"{OWN_TEMPLATES}/{folder}/" for folder in ("admin", "allauth", "account", "bootstrap5")
)


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
def rate_limits_start_anew() -> None:
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


def pytest_configure() -> None:
    # SIGTERM ends the whole run tidily, the embedded server included, not just the test it hits.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
