"""Public pages of the calendar that are made once and shown until something on them changes.

A page that `until_it_changes` wraps shows nothing but events of the public calendar and the words
around them. Two things change it: a change in the database, which counts the calendar's version
(events/models/triggers.py), and time. So whoever writes such a page may tell it differently only
from midnight to midnight in Mountain time, and at the moments that `versions.MOMENTS` lists.
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
# Compressed; a feed of 3,000 events with long descriptions has half of that.
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
    """An answer as it is kept."""

    content_type: str
    disposition: str
    body: bytes


def cached_until_changed(view: PageView) -> PageView:
    """Answer the public from the cache or with 304 as long as the page is what it was.

    Whoever brings a session or a message gets a page of their own, and so does everybody inside
    of a transaction, where what is read may never come to be.
    """

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _may_share(request):
            response = view(request, *args, **kwargs)
            patch_cache_control(response, private=True)
            return response
        # Before the data: what is read after the number is at least as new as the number says.
        stand = version.calendar_version(timezone.now())
        tag = f'"{_digest(request, stand)}"'
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
    # htmx asks for parts of pages; while developing, templates change under a running server.
    part = "HX-Request" in request.headers
    return not (own or part or settings.DEBUG or connection.in_atomic_block)


def _is_shareable(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether nothing in the answer is for this visitor only: no cookie, no form's token."""
    has_token = bool(request.META.get("CSRF_COOKIE_NEEDS_UPDATE"))
    has_session = request.session.modified
    return response.status_code == 200 and not (response.cookies or has_token or has_session)


def _with_etag(response: HttpResponse, tag: str) -> HttpResponse:
    """Everybody may keep it, and asks every time whether it still holds."""
    response.headers["ETag"] = tag
    patch_cache_control(response, no_cache=True)
    patch_vary_headers(response, ["Cookie"])
    return response


# ---------- What it is ----------


def _digest(request: HttpRequest, stand: version.CalendarVersionKey) -> str:
    # By name only: of several values the last one counts.
    query = [(name, each) for name, values in sorted(request.GET.lists()) for each in values]
    return _hashed(
        _deployment(),
        request.build_absolute_uri(request.path),
        urlencode(query, errors="replace"),
        *stand,
    )


def _deployment() -> str:
    """What every process of the same portal has in common, and no other: its code and settings."""
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
    """Everything that pages are made by, as it was when the process began."""
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


# ---------- Where it is kept ----------


def _read(tag: str) -> CachedPage | None:
    try:
        kept = caches[CACHE].get(tag.strip('"'))
        return kept and CachedPage(kept[0], kept[1], zlib.decompress(kept[2]))
    except Exception:
        logger.warning("A page could not be read from the cache; it is made anew.", exc_info=True)
        return None


def _write(tag: str, page: CachedPage) -> None:
    try:
        kept = zlib.compress(page.body, level=1)
        if len(kept) <= MAX_CACHED_BYTES:
            caches[CACHE].set(
                tag.strip('"'), (page.content_type, page.disposition, kept), CACHE_SECONDS
            )
    except Exception:
        logger.warning("A page could not be kept in the cache.", exc_info=True)
