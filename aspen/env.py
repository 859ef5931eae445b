"""Every variable the portal reads from its environment, with its type and default.

`.env.example` lists the same names; a test compares the two. Nothing else in the project reads
configuration from the environment.
"""

import sys
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

SCHEMA: dict[str, tuple[Any, Any]] = {
    "DEBUG": (bool, False),
    "SECRET_KEY": (str, ""),
    "ALLOWED_HOSTS": (list, []),
    "DATABASE_URL": (str, ""),
    "ASPEN_PORTAL_ROLE": (str, "aspen_portal"),
    "ASPEN_SERVING": (bool, False),
    "EMAIL_URL": (str, ""),
    "CACHE_URL": (str, "dbcache://django_cache"),
    "DEFAULT_FROM_EMAIL": (str, "ASPeN <aspen@aspen.example>"),
    "ASPEN_CONTACT_EMAIL": (str, ""),
    "ASPEN_ADDRESS": (str, ""),
    "ASPEN_DEMO": (bool, False),
    "ASPEN_HTTPS": (bool, True),
    "ASPEN_TRUSTED_PROXY": (bool, False),
    "ASPEN_VAR": (str, "var"),
    "ASPEN_UPLOADS": (str, ""),
    "ASPEN_POSTGRES_BIN": (str, ""),
}

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


def read_environment() -> environ.Env:
    """Return the typed environment; values are converted when read."""
    return environ.Env(**SCHEMA)


def hosts(env: environ.Env) -> list[str]:
    """Return the host names in ALLOWED_HOSTS. Spaces around the commas are ignored."""
    return [name.strip() for name in env("ALLOWED_HOSTS") if name.strip()]


def cache(env: environ.Env) -> dict[str, Any]:
    """Return the settings of the cache that counts requests for rate limits.

    It never discards counts to make room, as Django's caches otherwise do: a visitor who fills it
    would reset the limits. A nightly job deletes what has expired (aspen/tasks.py).
    """
    settings: dict[str, Any] = env.cache_url("CACHE_URL")
    if settings["BACKEND"].endswith((".DatabaseCache", ".LocMemCache")):
        settings["OPTIONS"] = settings.get("OPTIONS", {}) | {"MAX_ENTRIES": sys.maxsize}
    return settings


def refuse_unsafe(env: environ.Env) -> None:
    """Raise ImproperlyConfigured, with advice on what to set instead, if a value is unsafe.

    The demonstration can run without HTTPS, a mail server or a database server, but only if it
    answers on this machine alone. DEBUG is for a developer's machine and allows anything else:
    without ALLOWED_HOSTS, Django then answers only on that machine.
    """
    allowed = hosts(env)
    demo = env("ASPEN_DEMO")
    if demo and not set(allowed) <= LOOPBACK:
        raise ImproperlyConfigured(
            "With ASPEN_DEMO=on, there are accounts with a published password, so the portal must "
            "answer on this machine only. Set ALLOWED_HOSTS=127.0.0.1,localhost or turn "
            "ASPEN_DEMO off."
        )
    if env("DEBUG"):
        return
    if len(env("SECRET_KEY")) < 50:
        raise ImproperlyConfigured(
            "SECRET_KEY must be a secret of at least 50 characters. Generate one with: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    if not allowed or "*" in allowed:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS must list the portal's host names, separated by commas; "
            "for example, ALLOWED_HOSTS=aspen.example.gov. '*' is not accepted."
        )
    if demo:
        return
    if not env("ASPEN_HTTPS"):
        raise ImproperlyConfigured(
            "ASPEN_HTTPS=off would send passwords in the clear. Leave it on, serve the portal "
            "behind an HTTPS proxy, and set ASPEN_TRUSTED_PROXY=on."
        )
    for name, example in (
        ("DATABASE_URL", "postgres://user:password@host:5432/aspen"),
        ("EMAIL_URL", "smtp+tls://user:password@host:587"),
        ("ASPEN_CONTACT_EMAIL", "library-help@example.gov"),
        ("ASPEN_ADDRESS", "https://aspen.example.gov"),
        ("ASPEN_UPLOADS", "/srv/aspen/uploads"),
    ):
        if not env(name):
            raise ImproperlyConfigured(f"{name} must be set; for example, {name}={example}.")
