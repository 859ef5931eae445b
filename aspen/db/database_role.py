"""The database role that serves the portal. It can use every table but owns none.

A table's owner can disable its triggers. Therefore the role that runs migrations owns the tables,
and the portal connects as another role, which can only read the history. The triggers that write
the history run with the owner's rights.
"""

from typing import Any

import pghistory
import pgtrigger
from django.conf import settings
from django.db import connection
from pghistory.trigger import Event as HistoryTrigger
from psycopg import sql


def grant_table_privileges(**kwargs: Any) -> None:
    """Grant the portal's database role, if it exists, the privileges that the portal needs.

    Runs after every migration and is idempotent. Must run as the owner of the tables.
    """
    with connection.cursor() as cursor:
        _run_history_triggers_as_owner(cursor)
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.PORTAL_ROLE])
        if cursor.fetchone():
            _grant_rights(cursor, sql.Identifier(settings.PORTAL_ROLE))


def _run_history_triggers_as_owner(cursor: Any) -> None:
    for model, trigger in pgtrigger.registered():
        if isinstance(trigger, HistoryTrigger):
            function = sql.Identifier(trigger.get_pgid(model))
            # A fixed search path, so that the function cannot be made to use other tables.
            cursor.execute(
                sql.SQL(
                    "ALTER FUNCTION {}() SECURITY DEFINER SET search_path = public, pg_temp"
                ).format(function)
            )


def _grant_rights(cursor: Any, role: sql.Identifier) -> None:
    rights = sql.SQL("SELECT, INSERT, UPDATE, DELETE")
    for statement in (
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT {rights} ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        # For tables created later, such as the cache table.
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ):
        cursor.execute(sql.SQL(statement).format(role=role, rights=rights))
    for table in history_tables():
        revoke = sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
        cursor.execute(revoke.format(table=sql.Identifier(table), role=role))


def history_tables() -> list[str]:
    """Return the names of the history tables, sorted."""
    return sorted(model._meta.db_table for model in pghistory.core.event_models())


def may_rewrite_history() -> list[str]:
    """Return the history tables that the connection's role can change. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name"
            " WHERE has_table_privilege(name, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY name",
            [history_tables()],
        )
        return [name for (name,) in cursor.fetchall()]
