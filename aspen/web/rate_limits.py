"""Limits on guessing, counted in the same cache as the limits on signing in.

The limits are in ACCOUNT_RATE_LIMITS. Looking at a page does not count; only wrong guesses do. They
count even if they come in a page's address.
"""

from allauth.core.internal import ratelimit
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

APP = "allauth.account"  # whose settings hold the limits


def has_guesses_left(request: HttpRequest, action: str) -> bool:
    """Return whether the limit for this action has not been reached. Counts nothing."""
    return bool(_consume(request, action, dry_run=True))


def count_guess(request: HttpRequest, action: str) -> None:
    """Count a wrong guess."""
    _consume(request, action, dry_run=False)


def _consume(request: HttpRequest, action: str, *, dry_run: bool) -> object:
    return ratelimit.consume(request, app=APP, action=action, dry_run=dry_run, limit_get=True)


def delete_expired_counts() -> None:
    """Delete counts whose time is over from the cache's table, if it has one."""
    backend = caches["default"]
    if isinstance(backend, DatabaseCache):
        table = connection.ops.quote_name(backend._table)  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [timezone.now()])
