"""The job worker waits for the database, and says so when it gives up."""

import asyncio
import datetime as dt
import os
import signal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen import health
from aspen.management.commands import worker
from aspen.models import Mail, MailState
from tests import factories
from tests.aspen.processes import Project, eventually, wait_for_exit, wait_for_output
from tests.web import signed_in, text

REPORTS = "SELECT coalesce(max(last_heartbeat)::text, '') FROM procrastinate_workers"


def last_report(project: Project) -> str:
    """Return when a worker last reported, from the project's own database."""
    query = f"cursor = connection.cursor(); cursor.execute({REPORTS!r}); print(cursor.fetchone())"
    process = project.connect(query)
    output = wait_for_output(process, "connected")
    assert wait_for_exit(process)[0] == 0
    return output


def test_the_worker_survives_a_restart_of_the_database(fresh: Project) -> None:
    assert wait_for_exit(fresh.start("manage.py", "migrate", "-v", "0"))[0] == 0
    process = fresh.start("manage.py", "worker")
    wait_for_output(process, "The job worker is running.")
    first = last_report(fresh)

    os.kill(fresh.server_process(), signal.SIGQUIT)  # ends it without saying goodbye

    output = wait_for_output(process, "The job worker is running.")
    assert "The job worker tries again in 1 s." in output
    assert eventually(lambda: last_report(fresh) > first)
    process.send_signal(signal.SIGTERM)
    assert wait_for_exit(process)[0] == 0
    assert fresh.left() == []


# ---------- Giving up ----------


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the worker would have made. Each also moves its clock."""
    made: list[float] = []
    monkeypatch.setattr(worker.time, "sleep", made.append)
    monkeypatch.setattr(worker.time, "monotonic", lambda: sum(made))
    monkeypatch.setattr(worker.supervisor, "exit_cleanly_on_signals", lambda: None)
    monkeypatch.setattr(worker, "connect_again", lambda: None)
    return made


def test_the_worker_gives_up_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(worker, "connect_again", refuse)
    with pytest.raises(CommandError, match=r"for 20 seconds and ends\. .*connection refused"):
        call_command("worker", give_up_after=20)
    assert pauses == [1, 2, 4, 8, 15]


def test_a_failed_part_of_the_worker_is_not_a_normal_end(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """Procrastinate stops as if asked to if, for example, its heartbeat cannot be written."""
    results = [False, False, True]

    async def run() -> bool:
        return results.pop(0)

    monkeypatch.setattr(worker, "run_until_stopped", run)
    call_command("worker")
    assert (pauses, results) == ([1, 2], [])


def test_a_signal_ends_the_worker_normally(monkeypatch: pytest.MonkeyPatch) -> None:
    class App:
        def replace_connector(self, connector: object) -> Any:
            return self

        def open_async(self) -> Any:
            return self

        def __enter__(self) -> None: ...

        def __exit__(self, *exc_info: object) -> None: ...

        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *exc_info: object) -> None: ...

        async def run_worker_async(self, **options: Any) -> None:
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(30)

    monkeypatch.setattr(worker, "app", App())
    assert asyncio.run(worker.run_until_stopped()) is True


# ---------- What people see ----------


def report(ago: dt.timedelta) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)",
            [timezone.now() - ago],
        )


@pytest.fixture
def real_heartbeat(monkeypatch: pytest.MonkeyPatch, a_job_worker_reports: None) -> None:
    monkeypatch.undo()


def seen() -> list[str]:
    """Return what `/readyz` says, after checking that staff see the same."""
    answer = Client().get("/readyz")
    lines = text(answer).splitlines()
    page = text(signed_in(factories.person(Role.CE_COORDINATOR)).get("/admin/"))
    assert answer.status_code == (200 if lines == ["ready"] else 503)
    for line in lines:
        assert (line in page) is (line != "ready")
    return lines


@pytest.mark.django_db
def test_a_silent_worker_is_reported(real_heartbeat: None) -> None:
    assert seen() == ["No job worker is running, so e-mails wait."]
    report(dt.timedelta(seconds=100))
    assert seen() == ["ready"]
    report(dt.timedelta(minutes=3))
    [line] = seen()
    assert line.startswith("The job worker has not reported since ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("minutes", "attempts", "lines"),
    [
        (14, 0, ["ready"]),
        (16, 0, ["1 message could not be sent on time."]),
        (-120, 3, ["ready"]),
        (-120, 4, ["1 message could not be sent on time."]),
        (-5_000, 0, ["ready"]),
    ],
)
def test_a_message_that_waits_too_long_is_reported(
    minutes: int, attempts: int, lines: list[str]
) -> None:
    due = timezone.now() - dt.timedelta(minutes=minutes)
    Mail.objects.create(
        kind="tests", key="1", to_address="a@library.example", next_try_at=due, attempts=attempts
    )
    assert seen() == lines
    Mail.objects.update(state=MailState.FAILED)
    assert health.problems() == []
