"""Django's PostgreSQL backend, which first makes sure that the server is running."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError
from django.db.backends.postgresql import base

from aspen.postgres.server import PORT, Server


@cache
def server() -> Server:
    """Return this process's handle on the project's server, without starting it."""
    return Server(
        settings.VAR / "postgres",
        programs=settings.POSTGRES_BIN,
        durable=getattr(settings, "POSTGRES_DURABLE", True),
    )


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects to the project's own server through its Unix socket, starting it if needed."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        settings_dict.update(HOST=str(server().socket_folder), PORT=PORT)
        super().__init__(settings_dict, alias)

    def get_connection_params(self) -> dict[str, Any]:
        # Called before each connection, including those of the job worker, whose pool does not
        # use get_new_connection().
        server().ensure()
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except (OperationalError, self.Database.OperationalError):
            # The server may have been killed since this process first used it.
            server().ensure(recheck=True)
            return super().get_new_connection(conn_params)
