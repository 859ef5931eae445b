"""Keeps the demonstration away from databases, uploads and folders of real portals.

`make run` loads accounts with a published password, and `make reset` deletes files. Each check
raises CommandError with advice before anything is changed.
"""

from pathlib import Path

import environ
from django.core.management.base import CommandError
from django.db import connection

from aspen.env import SCHEMA
from aspen.models import Demonstration

# An empty file in the folder with the demonstration's uploads.
MARKER = ".demonstration"
# A settings file with one of these is for a portal that people use, unless it says otherwise.
PRODUCTION_VARIABLES = ("DATABASE_URL", "EMAIL_URL", "ASPEN_ADDRESS", "ASPEN_UPLOADS")
PORTAL_ACCOUNT = "portal@aspen.invalid"


def refuse_production_settings(file: Path) -> None:
    """Refuse if this settings file exists and is for production."""

    class OwnEnvironment(environ.Env):
        ENVIRON: dict[str, str] = {}

    OwnEnvironment.read_env(file)
    env = OwnEnvironment(**SCHEMA)
    if env("ASPEN_DEMO") or env("DEBUG"):
        return
    found = [name for name in PRODUCTION_VARIABLES if env(name)]
    if found:
        raise CommandError(
            f"{file} sets {found[0]} and does not set ASPEN_DEMO=on, so this folder belongs to a "
            "portal that people use. Nothing was changed. Use the demonstration in another folder."
        )


def refuse_other_database() -> None:
    """Refuse if the database has data that is not a demonstration's. Takes up to four queries."""
    tables = set(connection.introspection.table_names())
    if not tables or _is_marked(tables):
        return
    if "accounts_user" in tables:
        real, demonstration = _count_accounts()
        if not real or (demonstration and is_embedded()):
            return
    raise CommandError(
        f"The database {connection.settings_dict['NAME']} has data that is not a demonstration's. "
        "Nothing was changed. Set DATABASE_URL to an empty database, or leave it out to use the "
        "embedded one."
    )


def _is_marked(tables: set[str]) -> bool:
    return Demonstration._meta.db_table in tables and Demonstration.objects.exists()


def _count_accounts() -> tuple[int, int]:
    """Return the numbers of other people's and of the demonstration's accounts.

    Takes no model, because the table may have other columns before it is migrated.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE NOT is_demonstration),"
            " count(*) FILTER (WHERE is_demonstration) FROM accounts_user WHERE email <> %s",
            [PORTAL_ACCOUNT],
        )
        real, demonstration = cursor.fetchone()
    return real, demonstration


def is_embedded() -> bool:
    return str(connection.settings_dict["ENGINE"]) == "aspen.postgres"


def refuse_other_uploads(folder: Path) -> None:
    """Refuse if the folder has files and no marker."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise CommandError(
            f"{folder} has files that are not a demonstration's. Nothing was changed. If they are, "
            f"create the file {folder / MARKER}. Otherwise, set ASPEN_UPLOADS to another folder."
        )


def mark(folder: Path) -> None:
    """Mark the database and the folder with uploads as the demonstration's own. Idempotent."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    if not Demonstration.objects.exists():
        Demonstration.objects.create()
