"""One Chromium for all browser tests, with a new profile for each person in each test.

A test fails if a page logs to the console, raises a script error, requests anything from another
host or returns a server error. It also fails if a visited page fails the checks in
tests/browser/page.py.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from zeal import zeal_ignore

from accounts.models import User
from tests.browser.page import AXE, TEXT_BY_COLORS, Visitor

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "NO CHROMIUM: the browser tests were SKIPPED. Install it: apt-get install chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No other host can be reached. (Playwright could abort these requests, but intercepting them
    # turns off the browser's cache, and every page would take twice as long to load.)
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
# Milliseconds to wait for something on a page. Loading a page can take longer on a busy machine;
# tests/middleware.py limits the server's processor time for it.
TIMEOUT = 10_000
expect.set_options(timeout=TIMEOUT)
FOLDER = Path(__file__).parent
# These run before the other browser tests, so that no process waits for a long one at the end.
LONG_TESTS = {"test_story", "test_certification_story", "test_pages", "test_queue"}
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests last, because they are slow and Playwright leaves an event loop running."""
    items.sort(
        key=lambda item: FOLDER in item.path.parents and (2 - (item.path.stem in LONG_TESTS))
    )
    if not CHROMIUM:
        for item in items:
            if FOLDER in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not CHROMIUM:
        terminalreporter.write_line(f"*** {NO_CHROMIUM} ***", red=True, bold=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    connection = connections["default"]
    with sync_playwright() as playwright:
        # From now on, this thread has a running event loop, and Django keeps separate connections
        # for it. Keep using the old one, so that it is closed when its database is dropped.
        connections["default"] = connection
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=6 * TIMEOUT
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def sign_in_and_out_without_limits(settings: Any) -> None:
    cache.clear()  # rate limits for signing in
    # Django fetches two single rows twice for different reasons: the session when a person signs
    # out, and the person on the admin page about themselves. In the live server's threads, zeal
    # mistakes these for N+1 queries.
    settings.ZEAL_ALLOWLIST = [
        *django_settings.ZEAL_ALLOWLIST,
        {"model": "sessions.Session", "field": "get()"},
        {"model": "accounts.User", "field": "get()"},
    ]


@pytest.fixture
def open_browser(
    chromium: Browser, live_server: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Visitor]]:
    """A function that opens a new browser, signed in if a person is given."""
    visitors: list[Visitor] = []

    def open_browser(
        person: User | None = None,
        *,
        width: int = 1280,
        scripts: bool = True,
        zone: str = "America/Denver",
    ) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            timezone_id=zone,
            reduced_motion="reduce",  # so that tests need not wait for animations
        )
        context.set_default_timeout(TIMEOUT)
        context.set_default_navigation_timeout(3 * TIMEOUT)
        if scripts:
            context.add_init_script(AXE + TEXT_BY_COLORS)
        visitor = Visitor(context.new_page(), address=live_server.url, scripts=scripts)
        visitors.append(visitor)
        if person:
            _sign_in(context, live_server.url, person)
        return visitor

    yield open_browser
    errors = [error for visitor in visitors for error in visitor.errors]
    if errors or _failed(request.node):
        _save_screenshots(request.node.name, visitors)
        _print_pages(visitors)
    for visitor in visitors:
        visitor.page.context.close()
    assert not errors, "\n".join(errors)


def _failed(item: pytest.Item) -> bool:
    return item.stash.get(FAILED, False)


def _sign_in(context: BrowserContext, address: str, person: User) -> None:
    """Give the browser a session. Tests of signing in use the form instead."""
    client = Client()
    with zeal_ignore():
        client.force_login(person)
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def _print_pages(visitors: list[Visitor]) -> None:
    """Print each page's address and text, for readers who only have the run's output."""
    for visitor in visitors:
        print(f"{visitor.page.url}\n{visitor.page.inner_text('body')}\n")


def _save_screenshots(name: str, visitors: list[Visitor]) -> None:
    folder = Path(django_settings.VAR) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for number, visitor in enumerate(visitors, start=1):
        path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}-{number}.png"
        visitor.page.screenshot(path=path, full_page=True)
