"""A cache for public calendar pages. A page is valid until something on it changes.

A view wrapped in `cached_until_changed` must show only events on the public calendar, or rows of
tables that have the trigger `new_version`, such as help articles. The page depends on the time and
on the calendar's version, which database triggers increment (events/models/triggers.py). Time alone
can change the page only at midnight (Mountain time) and at the times listed in
`version.MOMENT_FIELDS`.
"""

import functools
import hashlib
import logging
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import (
    get_conditional_response,
    patch_cache_control,
    patch_vary_headers,
)

from events.calendar import version

logger = logging.getLogger("aspen")
PageView = Callable[..., HttpResponse]
CACHE = "pages"
CACHE_SECONDS = 60 * 60
# After compression. A feed of 3,000 events with long descriptions takes half of this.
MAX_CACHED_BYTES = 1_000_000
CODE_FOLDERS = (
    "aspen",
    "accounts",
    "events",
    "credits",
    "tracks",
    "helpdesk",
    "templates",
    "static",
)


class CachedPage(NamedTuple):
    """A response as stored in the cache."""

    content_type: str
    disposition: str
    body: bytes


def cached_until_changed(view: PageView) -> PageView:
    """Answer public requests from the cache, or with 304, until the page changes.

    Requests with a session or a message are not cached, nor are requests inside a transaction,
    whose data may never be committed.
    """

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _may_share(request):
            response = view(request, *args, **kwargs)
            patch_cache_control(response, private=True)
            return response
        # Read before the data, so that the data is never older than its version.
        key = version.calendar_version(timezone.now())
        tag = f'"{_digest(request, key)}"'
        unchanged = get_conditional_response(request, etag=tag)
        if unchanged is not None:
            return _with_etag(unchanged, tag)
        page = _read(tag)
        if page is None:
            response = view(request, *args, **kwargs)
            if not _is_shareable(request, response):
                return response
            page = CachedPage(
                response.headers["Content-Type"],
                response.headers.get("Content-Disposition", ""),
                response.content,
            )
            _write(tag, page)
            return _with_etag(response, tag)
        response = HttpResponse(page.body, content_type=page.content_type)
        if page.disposition:
            response.headers["Content-Disposition"] = page.disposition
        return _with_etag(response, tag)

    return answer


def _may_share(request: HttpRequest) -> bool:
    own = {settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name} & request.COOKIES.keys()
    # htmx requests parts of pages. In development, templates change while the server runs.
    part = "HX-Request" in request.headers
    return not (own or part or settings.DEBUG or connection.in_atomic_block)


def _is_shareable(request: HttpRequest, response: HttpResponse) -> bool:
    """Return True if the response has no cookie or CSRF token meant only for this visitor."""
    has_token = bool(request.META.get("CSRF_COOKIE_NEEDS_UPDATE"))
    has_session = request.session.modified
    return response.status_code == 200 and not (response.cookies or has_token or has_session)


def _with_etag(response: HttpResponse, tag: str) -> HttpResponse:
    """Let any cache store the response, but revalidate it each time."""
    response.headers["ETag"] = tag
    patch_cache_control(response, no_cache=True)
    patch_vary_headers(response, ["Cookie"])
    return response


# ---------- The key ----------


def _digest(request: HttpRequest, key: version.CalendarVersionKey) -> str:
    # Sorted by name only, because the last of several values is used.
    query = [(name, each) for name, values in sorted(request.GET.lists()) for each in values]
    return _hashed(
        _deployment(),
        request.build_absolute_uri(request.path),
        urlencode(query, errors="replace"),
        *key,
    )


def _deployment() -> str:
    """Hash the code and settings. Every process of a deployment gets the same hash."""
    return _hashed(
        code_digest(),
        getattr(staticfiles_storage, "manifest_hash", ""),
        settings.ADDRESS,
        settings.DEMO,
        settings.CONTACT_EMAIL,
        settings.DEFAULT_FROM_EMAIL,
    )


@functools.cache
def code_digest() -> str:
    """Hash all code, templates and assets, as they were when the process started."""
    digest = hashlib.sha256()
    for folder in CODE_FOLDERS:
        for path in sorted((settings.BASE_DIR / folder).rglob("*")):
            if path.suffix in (".py", ".html", ".css", ".js", ".svg"):
                digest.update(f"{path.relative_to(settings.BASE_DIR)}\n".encode())
                digest.update(path.read_bytes())
    digest.update((settings.BASE_DIR / "requirements" / "base.txt").read_bytes())
    return digest.hexdigest()


def _hashed(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


# ---------- The cache ----------


def _read(tag: str) -> CachedPage | None:
    try:
        stored = caches[CACHE].get(tag.strip('"'))
        return stored and CachedPage(stored[0], stored[1], zlib.decompress(stored[2]))
    except Exception:
        logger.warning("A page could not be read from the cache.", exc_info=True)
        return None


def _write(tag: str, page: CachedPage) -> None:
    try:
        body = zlib.compress(page.body, level=1)
        if len(body) <= MAX_CACHED_BYTES:
            caches[CACHE].set(
                tag.strip('"'), (page.content_type, page.disposition, body), CACHE_SECONDS
            )
    except Exception:
        logger.warning("A page could not be stored in the cache.", exc_info=True)
