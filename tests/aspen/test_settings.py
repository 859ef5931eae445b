"""Insecure settings are rejected, and production has the intended ones."""

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts.enums import Role
from aspen import env
from tests import factories

GOOD = {
    "DEBUG": "off",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "aspen.example.gov",
    "DATABASE_URL": "postgres://aspen:secret@database.invalid:5432/aspen",
    "EMAIL_URL": "smtp+tls://aspen:secret@mail.invalid:587",
    "ASPEN_CONTACT_EMAIL": "library-help@example.gov",
    "ASPEN_ADDRESS": "https://aspen.example.gov",
    "ASPEN_UPLOADS": "/srv/aspen/uploads",
    "ASPEN_TRUSTED_PROXY": "on",
}
DEMO = {
    "DEBUG": "off",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "ASPEN_DEMO": "on",
    "ASPEN_HTTPS": "off",
}


def refusal(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> str:
    """Return the message if the portal refuses to start with these values, or an empty string."""
    for name in env.SCHEMA:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    try:
        env.refuse_unsafe(env.read_environment())
    except ImproperlyConfigured as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be a secret of at least 50 characters."),
        ({"SECRET_KEY": "x" * 49}, "SECRET_KEY must be a secret of at least 50 characters."),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must list the portal's host names"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must list the portal's host names"),
        ({"ALLOWED_HOSTS": "aspen.example.gov,*"}, "ALLOWED_HOSTS must list the portal's"),
        ({"ASPEN_HTTPS": "off"}, "ASPEN_HTTPS=off would send passwords in the clear."),
        ({"DATABASE_URL": ""}, "DATABASE_URL must be set; for example, DATABASE_URL=postgres://"),
        ({"EMAIL_URL": ""}, "EMAIL_URL must be set; for example, EMAIL_URL=smtp+tls://"),
        ({"ASPEN_CONTACT_EMAIL": ""}, "ASPEN_CONTACT_EMAIL must be set; for example,"),
        ({"ASPEN_ADDRESS": ""}, "ASPEN_ADDRESS must be set; for example,"),
        ({"ASPEN_UPLOADS": ""}, "ASPEN_UPLOADS must be set; for example,"),
        ({"ASPEN_DEMO": "on"}, "With ASPEN_DEMO=on, there are accounts with a published password"),
    ],
)
def test_an_insecure_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], sentence: str
) -> None:
    assert refusal(monkeypatch, GOOD | change).startswith(sentence)
    development = refusal(monkeypatch, GOOD | change | {"DEBUG": "on"})
    assert bool(development) is (change.get("ASPEN_DEMO") == "on")


def test_secure_values_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, GOOD) == ""
    assert refusal(monkeypatch, DEMO) == ""


def test_an_empty_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, {}).startswith("SECRET_KEY ")


@pytest.mark.parametrize("host", ["aspen.example.gov", "0.0.0.0", "192.168.1.7", "*"])
def test_the_demonstration_answers_only_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    values = DEMO | {"ALLOWED_HOSTS": f"127.0.0.1,{host}"}
    for debug in ("on", "off"):
        message = refusal(monkeypatch, values | {"DEBUG": debug})
        assert message.startswith(
            "With ASPEN_DEMO=on, there are accounts with a published password"
        )


def test_a_developers_demonstration_needs_no_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """With DEBUG on and no host names, Django answers only requests to this machine."""
    assert refusal(monkeypatch, DEMO | {"DEBUG": "on"}) == ""
    assert refusal(monkeypatch, {"DEBUG": "on", "ASPEN_DEMO": "on"}) == ""
    assert refusal(monkeypatch, DEMO | {"ALLOWED_HOSTS": ""}).startswith("ALLOWED_HOSTS ")


def test_the_example_lists_the_variables_in_the_schema() -> None:
    lines = (portal.BASE_DIR / ".env.example").read_text(encoding="utf-8").splitlines()
    names = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(names) == sorted(env.SCHEMA)


def test_the_example_says_what_a_trusted_proxy_must_do() -> None:
    example = (portal.BASE_DIR / ".env.example").read_text(encoding="utf-8")
    comment = example.split("ASPEN_TRUSTED_PROXY=")[0].split("=")[-1]
    assert "sets both X-Forwarded-Proto and X-Forwarded-For and drops" in comment


def test_the_unedited_example_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unedited copy is rejected with a message about the secret."""
    lines = (portal.BASE_DIR / ".env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert refusal(monkeypatch, values).startswith("SECRET_KEY ")
    assert refusal(monkeypatch, values | {"SECRET_KEY": "x" * 50}) == ""


# ---------- In a separate process, as in production ----------


def manage(values: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=portal.BASE_DIR,
        env=known | {"DJANGO_SETTINGS_MODULE": "aspen.settings"} | values,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_passes_djangos_deployment_check(tmp_path: Path) -> None:
    """The check makes no connections, so the database and mail servers need not exist."""
    values = GOOD | {"ASPEN_VAR": str(tmp_path)}
    done = manage(values, "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stdout + done.stderr) == (
        0,
        "System check identified no issues (0 silenced).\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_an_insecure_production_does_not_start(tmp_path: Path) -> None:
    done = manage(GOOD | {"SECRET_KEY": "short", "ASPEN_VAR": str(tmp_path)}, "check")
    assert done.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY must be a secret of at least 50" in done.stderr


PRINT_SETTINGS = """
from django.conf import settings as s
print(s.DEBUG, s.DEMO, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT)
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SECURE_HSTS_SECONDS)
print(s.SECURE_PROXY_SSL_HEADER)
"""


def test_production_sends_cookies_only_over_https(tmp_path: Path) -> None:
    done = manage(
        GOOD | {"ASPEN_VAR": str(tmp_path)}, "shell", "--no-imports", "-c", PRINT_SETTINGS
    )
    assert done.stdout.splitlines() == [
        "False False True True True",
        "__Host-sessionid __Host-csrftoken 31536000",
        "('HTTP_X_FORWARDED_PROTO', 'https')",
    ]


# ---------- Pages ----------


def test_the_portal_is_in_montanas_time_zone() -> None:
    assert (portal.TIME_ZONE, portal.USE_TZ, portal.USE_I18N) == ("America/Denver", True, False)


@pytest.mark.django_db
def test_no_page_allows_inline_scripts_or_styles() -> None:
    staff = Client()
    superuser = factories.person(Role.ADMINISTRATOR, is_superuser=True)
    staff.force_login(superuser)
    for client in (Client(), staff):
        for address in ("/", "/events/", "/accounts/login/", "/admin/", "/nowhere/", "/healthz"):
            policy = client.get(address).headers["Content-Security-Policy"]
            assert sorted(policy.split("; ")) == [
                "base-uri 'none'",
                "default-src 'self'",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "object-src 'none'",
            ]


@pytest.mark.django_db
def test_pages_have_security_headers() -> None:
    headers = Client().get("/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.parametrize("is_on", [True, False])
def test_only_the_demonstration_says_so(settings: Any, is_on: bool) -> None:
    settings.DEMO = is_on
    for address in ("/", "/events/", "/accounts/signup/"):
        page = Client().get(address).content.decode()
        assert ('<span class="demo"' in page) is is_on
