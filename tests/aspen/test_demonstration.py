"""`make run` and `make reset` touch only what is a demonstration's own."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.actions import portal_user
from accounts.models import User
from aspen.apps import unmark_demonstration
from aspen.management import demonstration
from aspen.models import Demonstration
from tests import factories
from tests.aspen.processes import Project, wait_for_exit

PRODUCTION = """
SECRET_KEY=a-secret
DATABASE_URL=postgres://aspen:secret@database.invalid/aspen
"""


@pytest.fixture
def other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "is_embedded", lambda: False)


# ---------- The settings file ----------


@pytest.mark.parametrize(
    ("text", "is_production"),
    [
        (PRODUCTION, True),
        (PRODUCTION + "ASPEN_DEMO=off\n", True),
        ("ASPEN_UPLOADS=/srv/aspen/uploads\n", True),
        ("EMAIL_URL=smtp+tls://mail.invalid:587\n", True),
        (PRODUCTION + "ASPEN_DEMO=on\n", False),
        (PRODUCTION + "DEBUG=on\n", False),
        ("ASPEN_POSTGRES_BIN=/opt/postgres/bin\n", False),
        ("", False),
    ],
)
def test_a_settings_file_for_production_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, is_production: bool
) -> None:
    """The variables of `make run`, which override the file, do not matter."""
    file = tmp_path / ".env"
    file.write_text(text)
    monkeypatch.setenv("ASPEN_DEMO", "on")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if is_production:
        with pytest.raises(CommandError, match="belongs to a portal that people use"):
            demonstration.refuse_production_settings(file)
    else:
        demonstration.refuse_production_settings(file)


def test_the_example_for_production_is_refused(settings: Any) -> None:
    with pytest.raises(CommandError, match="DATABASE_URL"):
        demonstration.refuse_production_settings(settings.BASE_DIR / ".env.example")


def test_without_a_settings_file_nothing_is_refused(tmp_path: Path) -> None:
    demonstration.refuse_production_settings(tmp_path / ".env")


# ---------- The database ----------


@pytest.mark.django_db
def test_a_database_with_other_peoples_accounts_is_refused(other_server: None) -> None:
    portal_user()
    factories.person(is_demonstration=True)
    demonstration.refuse_other_database()
    factories.person()
    with pytest.raises(CommandError, match="has data that is not a demonstration"):
        demonstration.refuse_other_database()


@pytest.mark.django_db
def test_a_demonstration_stays_one_when_a_visitor_signs_up(
    other_server: None, tmp_path: Path
) -> None:
    demonstration.mark(tmp_path / "uploads")
    demonstration.mark(tmp_path / "uploads")
    assert Demonstration.objects.count() == 1
    factories.person()
    demonstration.refuse_other_database()


@pytest.mark.django_db
def test_an_earlier_embedded_demonstration_has_no_mark() -> None:
    factories.person(is_demonstration=True)
    factories.person()
    demonstration.refuse_other_database()
    User.objects.update(is_demonstration=False)
    with pytest.raises(CommandError):
        demonstration.refuse_other_database()


@pytest.mark.django_db
def test_another_programs_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda: ["invoices"])
    with pytest.raises(CommandError):
        demonstration.refuse_other_database()
    monkeypatch.setattr(connection.introspection, "table_names", list)
    demonstration.refuse_other_database()


@pytest.mark.django_db
def test_a_portal_that_goes_live_is_no_longer_a_demonstration(
    settings: Any, tmp_path: Path
) -> None:
    demonstration.mark(tmp_path)
    unmark_demonstration()
    assert Demonstration.objects.exists()
    settings.DEMO = False
    unmark_demonstration()
    assert not Demonstration.objects.exists()


# ---------- Files ----------


def test_uploads_of_a_real_portal_are_refused(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    demonstration.refuse_other_uploads(uploads)
    (uploads / "evidence").mkdir(parents=True)
    with pytest.raises(CommandError, match=r"create the file .*/\.demonstration"):
        demonstration.refuse_other_uploads(uploads)
    (uploads / demonstration.MARKER).touch()
    demonstration.refuse_other_uploads(uploads)


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--reset"]])
def test_the_command_refuses_before_it_changes_anything(
    settings: Any, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMO, settings.UPLOADS = True, tmp_path
    (tmp_path / "evidence").write_text("a certificate")
    monkeypatch.setattr("aspen.management.supervisor.exit_cleanly_on_signals", lambda: None)
    with pytest.raises(CommandError, match="files that are not a demonstration's"):
        call_command("portal", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]


def test_only_the_embedded_database_is_reset(other_server: None) -> None:
    with pytest.raises(CommandError, match="DATABASE_URL is set"):
        call_command("portal", "--reset")


def test_reset_deletes_the_demonstrations_uploads(fresh: Project) -> None:
    uploads = fresh.var / "uploads"
    uploads.mkdir(parents=True)
    (uploads / "evidence").touch()

    status, output = wait_for_exit(fresh.start("manage.py", "portal", "--reset"))
    assert (status, uploads.exists()) == (1, True)
    assert "Nothing was changed." in output

    (uploads / demonstration.MARKER).touch()
    status, output = wait_for_exit(fresh.start("manage.py", "portal", "--reset"))
    assert (status, uploads.exists()) == (0, False)
