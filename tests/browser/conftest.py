"""One Chromium for all browser tests, and a new profile for each person in each of them.

A test fails when a page says anything on the console, raises a script error, asks another host
for something, or answers with a server error; and when a page that is visited does not pass the
checks of tests/browser/page.py.
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
from tests.browser.page import Visitor

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
    # No other host can be reached. (Playwright could abort such requests too, but whoever
    # intercepts requests turns the browser's cache off, and every page loads twice as long.)
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
# Milliseconds until something that does not come counts as missing; a whole page may take longer
# on a busy machine. How much work a page is to the server is limited by tests/middleware.py.
PATIENCE = 10_000
expect.set_options(timeout=PATIENCE)
FOLDER = Path(__file__).parent
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: they are slow, and Playwright leaves an event loop behind."""
    items.sort(key=lambda item: FOLDER in item.path.parents)
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
        # Playwright's event loop counts as running in this thread from now on, and where one
        # runs Django keeps its connections apart. This one is closed when its database goes.
        connections["default"] = connection
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=6 * PATIENCE
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def sign_in_and_out_freely(settings: Any) -> None:
    cache.clear()  # counts how often someone at one address signs in
    # zeal sees the server where nothing of ours calls the database, so that it takes two single
    # rows, fetched by Django itself for different reasons, for an N+1: the session of someone
    # who signs out, and the administration's page about the person who looks at it.
    settings.ZEAL_ALLOWLIST = [
        *django_settings.ZEAL_ALLOWLIST,
        {"model": "sessions.Session", "field": "get()"},
        {"model": "accounts.User", "field": "get()"},
    ]


@pytest.fixture
def open_browser(
    chromium: Browser, live_server: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Visitor]]:
    """Open a browser of its own for someone, signed in already when a person is given."""
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
            reduced_motion="reduce",  # nothing slides, so that nothing has to be waited for
        )
        context.set_default_timeout(PATIENCE)
        context.set_default_navigation_timeout(3 * PATIENCE)
        visitor = Visitor(context.new_page(), address=live_server.url, scripts=scripts)
        visitors.append(visitor)
        if person:
            _sign_in(context, live_server.url, person)
        return visitor

    yield open_browser
    noise = [line for visitor in visitors for line in visitor.noise]
    if noise or _failed(request.node):
        _take_pictures(request.node.name, visitors)
        _tell_where_they_are(visitors)
    for visitor in visitors:
        visitor.page.context.close()
    assert not noise, "\n".join(noise)


def _failed(item: pytest.Item) -> bool:
    return item.stash.get(FAILED, False)


def _sign_in(context: BrowserContext, address: str, person: User) -> None:
    """Give the browser a session; the form itself is tested where signing in is the matter."""
    client = Client()
    with zeal_ignore():
        client.force_login(person)
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def _tell_where_they_are(visitors: list[Visitor]) -> None:
    """Print it, for whoever has only what the run printed."""
    for visitor in visitors:
        print(f"{visitor.page.url}\n{visitor.page.inner_text('body')}\n")


def _take_pictures(name: str, visitors: list[Visitor]) -> None:
    folder = Path(django_settings.VAR) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for number, visitor in enumerate(visitors, start=1):
        path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}-{number}.png"
        visitor.page.screenshot(path=path, full_page=True)
