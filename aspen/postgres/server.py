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

PORT = "5432"  # only names the socket file: the server listens on no network
USER = DATABASE = "aspen"
# The role that the portal serves as (aspen/db/role.py).
PORTAL_ROLE = "aspen_portal"
PATIENCE = 60  # seconds; recovering from a crash may take a while on a slow disk
# A socket's address has at most 107 bytes, including the file name.
LONGEST_SOCKET_PATH = 106
# Tests may lose their data in a power cut. Several test processes open many connections at once,
# and new ones may arrive before the server has closed old ones.
UNSAFE_BUT_FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
)


class Server:
    """The server on the data in `home`, shared by all processes that ensure() it.

    The first process starts it and the last one stops it. Thread-safe and fork-safe. Creating a
    Server has no effects; `fast` trades durability for speed.
    """

    def __init__(self, home: Path, *, programs: str = "", fast: bool = False) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.socket_folder = socket_folder(home)
        self._chosen_programs = programs
        self._fast = fast
        self._usage = Usage(home / "in-use.lock", when_last=self._stop)
        self._child: int | None = None  # the server's process number, where this process began it
        self._thread_lock = threading.RLock()
        os.register_at_fork(after_in_child=self._after_fork)

    def ensure(self, *, recheck: bool = False) -> None:
        """Make sure that the server runs and stays until this process ends.

        After the first call this costs nothing, unless `recheck` is set. Raises
        ImproperlyConfigured for errors in the setup, OperationalError if the server does not start.
        """
        with self._thread_lock:
            if self._usage.held and not recheck:
                return
            folder = programs.find(self._chosen_programs)
            identity = self._identity(folder)
            for place in {self.home, self.socket_folder}:
                _claim(place, identity.owner)
            self._usage.join()
            with exclusive(self.home / "start.lock"):
                if not self.answers():
                    self._start(folder, identity)
                self._create_database()

    def answers(self) -> bool:
        """Whether the server accepts a connection; a process number proves nothing."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop_unless_used(self) -> bool:
        """Stop a server that a killed process left behind; return False if a process uses it."""
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
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [PORTAL_ROLE])
            if found.fetchone() is None:
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
            self._initialise(folder, identity, version)
        self._launch(folder, identity)
        self._wait_until_it_answers()

    def _wait_for_earlier_server(self) -> bool:
        """Wait for a server that is starting up or shutting down; return whether it answers."""
        deadline = time.monotonic() + PATIENCE
        while pid := self._postmaster():
            if self.answers():
                return True
            if time.monotonic() > deadline:
                raise OperationalError(
                    f"The PostgreSQL server in {self.home} (process {pid}) runs but does not "
                    "answer. End that process and start again."
                )
            time.sleep(0.1)
        return False

    def _drop_stale_locks(self) -> None:
        # PostgreSQL believes a lock file whose process number has been given to another
        # process or to a zombie, and then refuses to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_folder / name).unlink(missing_ok=True)

    def _refuse_other_version(self, version: int) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(version):
            raise ImproperlyConfigured(
                f"The database in {self.home} was made by PostgreSQL {found}; the programs found "
                f"here are version {version}. Name a folder with programs of version {found} in "
                "ASPEN_POSTGRES_BIN, or delete the database with: make reset"
            )

    def _initialise(self, folder: Path, identity: programs.Identity, version: int) -> None:
        # Made under another name first: an interrupted initdb leaves half a folder.
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The builtin provider sorts alike everywhere; it appeared in version 17.
        provider = ["--locale-provider=builtin"] if version >= 17 else []
        arguments = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", f"--username={USER}"]
        if self._fast:
            arguments.append("--no-sync")
        done = subprocess.run(
            [*identity.wrapper, folder / "initdb", *provider, *arguments, "-D", unfinished],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **identity.options(),
        )
        if done.returncode:
            raise OperationalError(f"initdb could not make {self.data}: {done.stdout}")
        unfinished.rename(self.data)

    def _launch(self, folder: Path, identity: programs.Identity) -> None:
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self.socket_folder}",
            "unix_socket_permissions=0700",
            *(UNSAFE_BUT_FAST if self._fast else ()),
        ]
        settings = [part for option in options for part in ("-c", option)]
        with self.log.open("wb") as log:
            # A separate session, because Ctrl-C in the terminal must not stop it.
            process = subprocess.Popen(
                [*identity.wrapper, folder / "postgres", "-D", self.data, "-p", PORT, *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **identity.options(),
            )
        self._child = process.pid
        # It may outlive this process on purpose; without this Popen would warn.
        process.returncode = 0

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if not self._child_runs() or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise OperationalError(f"The PostgreSQL server in {self.home} failed:\n{tail}")
            time.sleep(0.02)

    # Stopping

    def _stop(self) -> None:
        # A start interrupted early has no lock file yet.
        pid = self._postmaster() or (self._child if self._child_runs() else None)
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)  # a fast shutdown: ends sessions, writes everything out
        deadline = time.monotonic() + PATIENCE
        while self._child_runs() if pid == self._child else _works_in(self.data, pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                return
            time.sleep(0.02)

    def _child_runs(self) -> bool:
        """Whether the server started by this process still runs; reaps it if not."""
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
        """Return the process number in the data's lock file if that process is the server."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if _works_in(self.data, pid) else None


def socket_folder(home: Path) -> Path:
    """Return the socket folder of the server in `home`: `home`, or one in /tmp if too long."""
    longest = len(os.fsencode(home / f".s.PGSQL.{PORT}.lock"))
    # PostgreSQL reads the folder as a list, in which commas and quotes mean something.
    if longest <= LONGEST_SOCKET_PATH and not set(',"') & set(str(home)):
        return home
    # Not tempfile.gettempdir(): every process must come to the same place.
    return Path("/tmp") / f"aspen-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _claim(folder: Path, owner: int) -> None:
    """Make `folder` private to `owner`, because the socket needs no password.

    Raises ImproperlyConfigured for a folder that belongs to another user.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
            raise ImproperlyConfigured(
                f"{folder} belongs to another user. Delete it, or set ASPEN_VAR to another place."
            )
        folder.chmod(0o700)
        if found.st_uid != owner:
            os.chown(folder, owner, -1)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{folder} cannot be used for the database: {error.strerror}. Set ASPEN_VAR to a folder "
        "that this user may write."
    )


def _works_in(data: Path, pid: int) -> bool:
    """Whether process `pid` is the server on `data`, which is a server's working folder.

    Zombies have none. A process that cannot be inspected counts as the server: better to wait
    for it than to start a second server on the same data.
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
