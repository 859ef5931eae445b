"""`manage.py portal`: prepares the portal and serves it on this machine."""

import http.client
import shutil
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from aspen.management import demonstration, supervisor
from aspen.postgres.server import Server

BIND_ADDRESS = "127.0.0.1"
STARTUP_TIMEOUT = 60  # seconds
# Besides the databases and the uploads, --reset deletes only these in ASPEN_VAR.
STATE_PATHS = ("static", "mail", "secret-key")


class Command(BaseCommand):
    help = "Prepares the database and serves the portal with its job worker until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="default: 8000")
        parser.add_argument(
            "--reset", action="store_true", help="delete the portal's data instead of serving it"
        )

    def handle(self, *args: Any, port: int, reset: bool, **options: Any) -> None:
        if reset:
            try:
                self.reset()
            except OSError as error:
                raise CommandError(f"The data could not be deleted: {error}") from error
            return
        supervisor.exit_cleanly_on_signals()
        refuse_used_port(port)
        try:
            if settings.DEMO:
                demonstration.refuse_production_settings(settings.BASE_DIR / ".env")
                demonstration.refuse_other_uploads(settings.UPLOADS)
                demonstration.refuse_other_database()
            self.prepare()
        except (ImproperlyConfigured, OperationalError) as error:
            raise CommandError(str(error)) from error
        self.serve(port)

    def prepare(self) -> None:
        """Bring the database and static files up to date. Idempotent; keeps all data."""
        with self.step("Preparing the database"):
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        with self.step("Collecting static files"):
            call_command("collectstatic", interactive=False, verbosity=0)
        if settings.DEMO:
            demonstration.mark(settings.UPLOADS)
            data = settings.BASE_DIR
            with self.step("Loading Montana's libraries"):
                path = data / "accounts/data/montana-libraries.csv"
                call_command("import_libraries", str(path), verbosity=0)
            with self.step("Loading Montana's events"):
                path = data / "events/data/aspen-events.csv"
                call_command("import_events", str(path), verbosity=0)
            with self.step("Loading the demonstration's people, trainings and credits"):
                call_command("load_demo", verbosity=0)
        connections.close_all()

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Print what a step does and, when it is done, how long it took."""
        begun = time.monotonic()
        self.stdout.write(f"{doing} … ", ending="")
        self.stdout.flush()
        yield
        self.say(f"{time.monotonic() - begun:.0f} s")

    def serve(self, port: int) -> None:
        """Run the web server and the job worker until a signal arrives or either of them ends."""
        with supervisor.ProcessSupervisor(settings.BASE_DIR) as children:
            self.say("Starting the web server and the job worker …")
            children.start("web server", web_server(port))
            children.start("job worker", job_worker(settings.BASE_DIR))
            try:
                if not children.wait_until(lambda: is_answering(port), seconds=STARTUP_TIMEOUT):
                    raise CommandError(
                        f"The portal did not answer within {STARTUP_TIMEOUT} seconds."
                    )
                self.announce(port)
                children.watch()
            except supervisor.ChildEndedError as error:
                raise CommandError(f"{error} The portal has been stopped.") from error

    def announce(self, port: int) -> None:
        """Print the portal's address and the demonstration accounts."""
        self.say(f"\nASPeN is ready: http://{BIND_ADDRESS}:{port}/\n")
        if settings.DEMO:
            # Imported here because only this needs the portal's models.
            from aspen.demo import people

            self.say(f"Demonstration accounts, all with the password {people.PASSWORD}:")
            for account in people.DEMO_LOGINS:
                self.say(f"  {account.email}")
            mail = settings.VAR / "mail"
            self.say(f"\nE-mails are not sent: each is saved as a file in {mail}.\n")
        self.say("Press Ctrl-C to stop.")

    def reset(self) -> None:
        """Delete the database, uploads, static files and e-mails of the portal and its tests.

        Raises CommandError if they are not a demonstration's.
        """
        demonstration.refuse_production_settings(settings.BASE_DIR / ".env")
        if not demonstration.is_embedded():
            raise CommandError(
                "DATABASE_URL is set, and only the embedded database can be reset. Nothing was "
                "changed. Unset DATABASE_URL, or drop that database yourself."
            )
        demonstration.refuse_other_uploads(settings.UPLOADS)
        folders = (settings.VAR, settings.VAR / "test")
        servers = [Server(folder / "postgres") for folder in folders]
        if not all(server.stop_unless_used() for server in servers):
            raise CommandError(
                f"{settings.VAR} is in use by the portal or its tests. Stop them first."
            )
        for server in servers:
            self.delete(server.home)
            self.delete(server.socket_folder)
        for folder in folders:
            for name in STATE_PATHS:
                self.delete(folder / name)
        self.delete(settings.UPLOADS)

    def delete(self, path: Path) -> None:
        """Delete a file, or a folder with its contents, and print its path."""
        if not path.exists():
            return
        self.say(f"Deleting {path}")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def say(self, line: str) -> None:
        """Print a line and flush it, so that pipes receive it immediately."""
        self.stdout.write(line)
        self.stdout.flush()


def refuse_used_port(port: int) -> None:
    """Raise CommandError if the port cannot be used."""
    with socket.socket() as probe:
        # Like the web server, ignore connections of a server that has just stopped.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((BIND_ADDRESS, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(
                f"Port {port} of {BIND_ADDRESS} cannot be used ({reason}). Choose another, "
                f"for example: make run PORT={port + 1 if port < 65535 else 8001}"
            ) from error


def web_server(port: int) -> list[str]:
    """Return the command line of the web server."""
    return [
        *(sys.executable, "-m", "gunicorn", "aspen.wsgi:application"),
        *("--bind", f"{BIND_ADDRESS}:{port}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
        *("--graceful-timeout", "5", "--log-level", "warning"),
        # By default, all of this user's gunicorn processes share one.
        "--no-control-socket",
    ]


def job_worker(folder: Path) -> list[str]:
    """Return the command line of the job worker."""
    return [sys.executable, str(folder / "manage.py"), "worker"]


def is_answering(port: int) -> bool:
    """Return whether the portal's health page answers."""
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), BIND_ADDRESS)
    connection = http.client.HTTPConnection(BIND_ADDRESS, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
