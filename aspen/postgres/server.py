"""Starts, shares and stops the project's own PostgreSQL server."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from psycopg import sql

from aspen.postgres import programs
from aspen.postgres.usage import Usage, exclusive, unused

PORT = "5432"  # only part of the socket's name; the server does not listen on the network
USER = DATABASE = "aspen"
# The role that serves the portal (aspen/db/database_role.py).
PORTAL_ROLE = "aspen_portal"
TIMEOUT = 60  # seconds; recovering from a crash can take a while on a slow disk
# The limit for a socket's address is 107 bytes, including the file name.
MAX_SOCKET_PATH = 106
# Tests can afford to lose their data in a power failure. Several test processes open many
# connections at the same time, and new ones can arrive before the server has closed old ones.
UNSAFE_BUT_FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
)


class Server:
    """The server for the data in `home`, shared by all processes that call ensure().

    The first process starts it and the last one stops it. Thread-safe and fork-safe. Creating a
    Server does not start anything. Unless `durable`, it is faster, but a power failure can damage
    the data (tests only).
    """

    def __init__(self, home: Path, *, programs: str = "", durable: bool = True) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.socket_folder = socket_folder(home)
        self._chosen_programs = programs
        self._durable = durable
        self._usage = Usage(home / "in-use.lock", when_last=self._stop)
        self._child: int | None = None  # the server's process id if this process started it
        self._thread_lock = threading.RLock()
        os.register_at_fork(after_in_child=self._after_fork)

    def ensure(self, *, recheck: bool = False) -> None:
        """Make sure that the server is running and keeps running until this process ends.

        After the first call this costs nothing unless `recheck` is set. Raises ImproperlyConfigured
        for errors in the setup, and OperationalError if the server does not start.
        """
        with self._thread_lock:
            if self._usage.is_counted and not recheck:
                return
            folder = programs.find(self._chosen_programs)
            identity = self._identity(folder)
            for place in {self.home, self.socket_folder}:
                _make_private(place, identity.owner)
            self._usage.join()
            with exclusive(self.home / "start.lock"):
                if not self.answers():
                    self._start(folder, identity)
                self._create_database()

    def answers(self) -> bool:
        """Return whether the server accepts a connection. A process id would prove nothing."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop_unless_used(self) -> bool:
        """Stop a server left behind by a killed process; return False if a process is using it."""
        if not self.home.exists():
            return True
        with unused(self.home / "in-use.lock") as free:
            if free:
                self._stop()
            return free

    def _identity(self, folder: Path) -> programs.Identity:
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            owner = self.data.stat().st_uid
        except FileNotFoundError:
            owner = None
        except PermissionError:
            owner = self.home.stat().st_uid
        except OSError as error:
            raise _unusable(self.home, error) from error
        return programs.identity(folder=folder, home=self.home, owner=owner)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder),
            port=PORT,
            user=USER,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _create_database(self) -> None:
        with self._connect() as connection:
            cursor = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            cursor = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [PORTAL_ROLE])
            if cursor.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(PORTAL_ROLE))
                )

    # Starting

    def _start(self, folder: Path, identity: programs.Identity) -> None:
        if self._wait_for_earlier_server():
            return
        self._drop_stale_locks()
        version = programs.major_version(folder)
        if self.data.exists():
            self._refuse_other_version(version)
        else:
            self._initialize(folder, identity, version)
        self._launch(folder, identity)
        self._wait_until_it_answers()

    def _wait_for_earlier_server(self) -> bool:
        """Wait for a server that is starting up or shutting down; return whether it answers."""
        deadline = time.monotonic() + TIMEOUT
        while pid := self._postmaster():
            if self.answers():
                return True
            if time.monotonic() > deadline:
                raise OperationalError(
                    f"The PostgreSQL server in {self.home} (process {pid}) is running but does not "
                    "answer. End that process and start again."
                )
            time.sleep(0.1)
        return False

    def _drop_stale_locks(self) -> None:
        # PostgreSQL refuses to start if the process id in a stale lock file now belongs to another
        # process or a zombie.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_folder / name).unlink(missing_ok=True)

    def _refuse_other_version(self, version: int) -> None:
        data_version = (self.data / "PG_VERSION").read_text().strip()
        if data_version != str(version):
            raise ImproperlyConfigured(
                f"The database in {self.home} was created by PostgreSQL {data_version}, but the "
                f"programs found are version {version}. Set ASPEN_POSTGRES_BIN to a folder with "
                f"version {data_version}, or delete the database with: make reset"
            )

    def _initialize(self, folder: Path, identity: programs.Identity, version: int) -> None:
        # Use another name at first, because an interrupted initdb leaves an incomplete folder.
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The builtin provider, new in version 17, sorts the same everywhere.
        provider = ["--locale-provider=builtin"] if version >= 17 else []
        arguments = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", f"--username={USER}"]
        if not self._durable:
            arguments.append("--no-sync")
        done = subprocess.run(
            [*identity.wrapper, folder / "initdb", *provider, *arguments, "-D", unfinished],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **identity.options(),
        )
        if done.returncode:
            raise OperationalError(f"initdb could not create {self.data}: {done.stdout}")
        unfinished.rename(self.data)

    def _launch(self, folder: Path, identity: programs.Identity) -> None:
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self.socket_folder}",
            "unix_socket_permissions=0700",
            # Rows can have secrets, which the log need not have (aspen/db/logged_errors.py).
            "log_error_verbosity=terse",
            *(() if self._durable else UNSAFE_BUT_FAST),
        ]
        settings = [part for option in options for part in ("-c", option)]
        with self.log.open("wb") as log:
            # In a separate session, so that Ctrl-C in the terminal does not stop it.
            process = subprocess.Popen(
                [*identity.wrapper, folder / "postgres", "-D", self.data, "-p", PORT, *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **identity.options(),
            )
        self._child = process.pid
        # The server may outlive this process on purpose. Without this, Popen would warn.
        process.returncode = 0

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not self.answers():
            if not self._child_is_running() or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise OperationalError(f"The PostgreSQL server in {self.home} failed:\n{tail}")
            time.sleep(0.02)

    # Stopping

    def _stop(self) -> None:
        # A server interrupted early in its start has no lock file yet.
        pid = self._postmaster() or (self._child if self._child_is_running() else None)
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)  # fast shutdown: ends sessions and writes everything out
        deadline = time.monotonic() + TIMEOUT
        while self._child_is_running() if pid == self._child else _is_server_of(self.data, pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                return
            time.sleep(0.02)

    def _child_is_running(self) -> bool:
        """Return whether the server started by this process is still running; reap it if not."""
        if self._child is None:
            return False
        try:
            ended, _status = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:
            ended = self._child
        if ended:
            self._child = None
        return not ended

    def _after_fork(self) -> None:
        self._thread_lock = threading.RLock()
        self._child = None

    def _postmaster(self) -> int | None:
        """Return the process id in the data's lock file if that process is the server."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if _is_server_of(self.data, pid) else None


def socket_folder(home: Path) -> Path:
    """Return the server's socket folder: `home`, or one in /tmp if that path is too long."""
    length = len(os.fsencode(home / f".s.PGSQL.{PORT}.lock"))
    # PostgreSQL parses this as a list of folders, so commas and quotes have a meaning.
    if length <= MAX_SOCKET_PATH and not set(',"') & set(str(home)):
        return home
    # Not tempfile.gettempdir(), because every process must use the same folder.
    return Path("/tmp") / f"aspen-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _make_private(folder: Path, owner: int) -> None:
    """Make `folder` accessible only to `owner`, because the socket needs no password.

    Raises ImproperlyConfigured if the folder belongs to another user.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (owner, os.geteuid()):
            raise ImproperlyConfigured(
                f"{folder} belongs to another user. Delete it, or set ASPEN_VAR to another place."
            )
        folder.chmod(0o700)
        if status.st_uid != owner:
            os.chown(folder, owner, -1)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{folder} cannot be used for the database: {error.strerror}. Set ASPEN_VAR to a folder "
        "that this user can write to."
    )


def _is_server_of(data: Path, pid: int) -> bool:
    """Return whether process `pid` is the server for `data`.

    The server's working folder is `data`; zombies have none. A process that cannot be inspected
    counts as the server, because waiting for it is better than starting a second server on the same
    data.
    """
    if not Path("/proc/self").exists():
        return _exists(pid)
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except FileNotFoundError:
        return False
    except PermissionError:
        return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
