"""A database for each process of a test run, cloned from a template that is migrated once.

The server keeps the template between runs until the portal's code, its packages or the server's
version change. After a test that commits, its process gets a new clone, so that tests can run in
any order and in any process.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection
from django.db.models import Model
from psycopg import sql

APPS = ("aspen", "accounts", "events", "credits", "tracks", "helpdesk")
# Advisory locks. Only one process at a time creates the template. While any process has a clone,
# processes drop only their own.
SETTING_UP, IN_USE = 1_701, 1_702

Rows = dict[str, list[str]]


class Clone:
    """This process's database, with a unique name. `session` is connected to another database."""

    def __init__(self, session: psycopg.Connection, *, prefix: str) -> None:
        self._session = session
        self._prefix = prefix
        self._template = f"{prefix}_template_{_digest(session.info.server_version)}"
        self.name = f"{prefix}_{session.info.backend_pid}"

    def set_up(self) -> None:
        """Clone the template. Create it first if it does not exist."""
        self._run("SELECT pg_advisory_lock(%s)", SETTING_UP)
        self._drop_unused()
        if not self._exists(self._template):
            self._make_template()
        self._run("SELECT pg_advisory_lock_shared(%s)", IN_USE)
        self._clone()
        self._run("SELECT pg_advisory_unlock(%s)", SETTING_UP)
        _connect_to(self.name)

    def renew(self) -> None:
        """Replace the database with a new clone, closing open connections."""
        connection.close()
        # DROP … WITH (FORCE) would also have to stop autovacuum, which only superusers can do.
        self._run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            self.name,
        )
        self._drop(self.name)
        self._clone()

    def tear_down(self) -> None:
        """Drop the database, but not the template."""
        connection.close()
        self._drop(self.name)

    def _make_template(self) -> None:
        unfinished = f"{self._prefix}_unfinished"
        connection.settings_dict["TEST"]["NAME"] = unfinished
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        connection.close()
        self._run_on("ALTER DATABASE {} RENAME TO {}", unfinished, self._template)
        # Connections would prevent cloning.
        self._run_on("ALTER DATABASE {} ALLOW_CONNECTIONS false", self._template)

    def _clone(self) -> None:
        # Copying files is faster than the default, which logs every page.
        self._run_on("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", self.name, self._template)

    def _drop_unused(self) -> None:
        """Drop older templates, and the databases of killed runs."""
        if self._run("SELECT pg_try_advisory_lock(%s)", IN_USE) == [(True,)]:
            rows = self._run(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
                f"{self._prefix}_",
            )
            for name in {str(name) for (name,) in rows} - {self._template}:
                self._drop(name)
            self._run("SELECT pg_advisory_unlock(%s)", IN_USE)

    def _drop(self, name: str) -> None:
        self._run_on("DROP DATABASE IF EXISTS {}", name)

    def _exists(self, name: str) -> bool:
        return bool(self._run("SELECT 1 FROM pg_database WHERE datname = %s", name))

    def _run_on(self, statement: str, *names: str) -> None:
        self._session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _run(self, statement: str, value: str | int) -> list[tuple[object, ...]]:
        return self._session.execute(statement, [value]).fetchall()


@contextmanager
def clone() -> Iterator[Clone]:
    """Set up this process's database, and drop it at the end."""
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    with psycopg.connect(**parameters, autocommit=True) as session:
        own = Clone(session, prefix=f"test_{connection.settings_dict['NAME']}")
        own.set_up()
        yield own
        own.tear_down()


@contextmanager
def without_triggers(*models: type[Model]) -> Iterator[None]:
    """Disable triggers for history, versions and checks, to insert thousands of rows quickly.

    Needs a transaction. Checks foreign keys at the end.
    """
    tables = [connection.ops.quote_name(model._meta.db_table) for model in models]
    for switch in ("DISABLE", "ENABLE"):
        connection.check_constraints()  # pending deferred checks would block ALTER TABLE
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")
        if switch == "DISABLE":
            yield


def rows() -> Rows:
    """Return all rows in the database, by table. Take one query per table."""
    with connection.cursor() as cursor:
        rows = {}
        for table in sorted(connection.introspection.table_names(cursor)):
            name = connection.ops.quote_name(table)
            cursor.execute(f"SELECT t::text FROM {name} AS t ORDER BY 1")
            rows[table] = [row for (row,) in cursor.fetchall()]
    return rows


def _connect_to(name: str) -> None:
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def _digest(server_version: int) -> str:
    """Return a short hash of everything that a migrated database depends on."""
    digest = hashlib.sha256(str(server_version).encode())
    lock = settings.BASE_DIR / "requirements" / "base.txt"
    code = (path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py"))
    for path in (lock, *sorted(code)):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()[:12]
