"""`manage.py portal` serves everything with one command and leaves no processes behind."""

import os
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.aspen.processes import (
    TIMEOUT,
    Project,
    eventually,
    kill,
    wait_for_exit,
    wait_for_output,
)

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def portal(project: Project, *arguments: object) -> "subprocess.Popen[str]":
    return project.start("manage.py", "portal", *map(str, arguments))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_portal_serves_until_it_is_stopped(project: Project, port: int, number: int) -> None:
    process = portal(project, "--port", port)
    output = wait_for_output(process, "Press Ctrl-C to stop.")
    assert f"ASPeN is ready: http://127.0.0.1:{port}/" in output
    assert "Demonstration accounts" not in output
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=TIMEOUT) as page:
        assert page.read() == b"ok"
    assert any("manage.py worker" in line for line in project.left())

    process.send_signal(number)

    assert wait_for_exit(process)[0] == 0
    assert project.left() == []


def test_the_portal_stops_everything_when_a_child_ends(project: Project, port: int) -> None:
    process = portal(project, "--port", port)
    wait_for_output(process, "Press Ctrl-C to stop.")

    os.kill(child_of(process, "manage.py worker"), signal.SIGKILL)

    status, output = wait_for_exit(process)
    assert status == 1
    assert "The job worker ended by signal 9. The portal has been stopped." in output
    assert eventually(lambda: project.left() == [])


def test_children_do_not_outlive_a_killed_portal(project: Project, port: int) -> None:
    process = portal(project, "--port", port)
    wait_for_output(process, "Press Ctrl-C to stop.")

    kill(process)

    assert eventually(lambda: project.left() == [])


def test_a_port_in_use_is_refused_before_anything_starts(fresh: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        status, output = wait_for_exit(portal(fresh, "--port", port))

    assert status == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in output
    assert "make run PORT=" in output
    assert not fresh.var.exists()


def test_reset_deletes_only_the_portals_files(fresh: Project) -> None:
    assert wait_for_exit(fresh.connect())[0] == 0
    (fresh.var / "mail").mkdir()
    (fresh.var / "mail" / "message").write_text("…")
    (fresh.var / "notes").write_text("someone's own")

    status, output = wait_for_exit(portal(fresh, "--reset"))

    assert status == 0
    assert output.count("Deleting ") == 2
    assert [path.name for path in fresh.var.iterdir()] == ["notes"]


def test_reset_is_refused_while_the_database_is_in_use(fresh: Project) -> None:
    other = fresh.connect()
    wait_for_output(other, "connected")

    status, output = wait_for_exit(portal(fresh, "--reset"))

    assert status == 1
    assert "Stop them first." in output
    assert wait_for_exit(other) == (0, "")
    assert (fresh.var / "postgres" / "data").exists()


def child_of(process: "subprocess.Popen[str]", program: str) -> int:
    """Return the id of the process's child that runs `program`."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    command_lines = {
        int(number): Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        for number in children
    }
    return next(number for number, line in command_lines.items() if program in line)
