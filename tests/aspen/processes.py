"""Runs programs of the project with a data folder of their own, and looks for what they leave."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Seconds until what does not happen counts as not happening; only a test that fails waits so long.
PATIENCE = 30
# Seconds of processor time that a process may need, so that patience does not hide slowness.
MOST_WORK = 10

# As few applications as the job worker needs: the portal's own take seconds to migrate.
SETTINGS = """
from pathlib import Path
BASE_DIR = Path({root!r})
VAR = Path({var!r})
POSTGRES_BIN = {programs!r}
PORTAL_ROLE = "aspen_portal"
POSTGRES_FAST = True
DEBUG = DEMO = False
SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {{"default": {{"ENGINE": "aspen.postgres", "NAME": "aspen", "USER": "aspen"}}}}
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.staticfiles",
    "aspen", "pghistory", "pgtrigger", "procrastinate.contrib.django",
]
ROOT_URLCONF = "small_urls"
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
USE_TZ = True
"""
URLS = """
from django.db import connection
from django.http import HttpResponse
from django.urls import path

def healthz(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok")

urlpatterns = [path("healthz", healthz)]
"""


class Project:
    """A small project on the portal's database backend, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[str]] = []
        self._worked_before = 0.0
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "small_settings",
            "PYTHONPATH": f"{folder}:{ROOT}",
            "PYTHONWARNINGS": "error",
        }
        (folder / "small_urls.py").write_text(URLS)
        self.configure(var=folder / "var")

    def configure(self, *, var: Path | None = None, programs: str = "") -> None:
        """Write the settings."""
        self.var = var or self.var
        settings = SETTINGS.format(root=str(ROOT), var=str(self.var), programs=programs)
        (self._folder / "small_settings.py").write_text(settings)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start Python with these arguments; its output can be read line by line."""
        if not self._started:
            self._worked_before = _children_worked()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def connect(self, then: str = "") -> subprocess.Popen[str]:
        """Start a process that connects, says so, waits for the end of its input and ends."""
        lines = (
            "import django, sys",
            "django.setup()",
            "from django.db import connection",
            "connection.ensure_connection()",
            then,
            "print('connected', flush=True)",
            "sys.stdin.read()",
        )
        return self.start("-c", "\n".join(lines))

    def close(self) -> None:
        """End what a test that failed half-way has started; fail if anything was much work."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate(timeout=PATIENCE)
        worked = _children_worked() - self._worked_before
        assert worked <= MOST_WORK * len(self._started), f"{worked:.0f} s of work"
        self._started.clear()

    def left(self) -> list[str]:
        """Return the command lines of the processes that work for this project (Linux)."""
        mark = os.fsencode(f"PYTHONPATH={self.environment['PYTHONPATH']}")
        return [
            read(process / "cmdline").replace(b"\0", b" ").decode()
            for process in Path("/proc").glob("[0-9]*")
            if mark in read(process / "environ").split(b"\0")
        ]

    def servers(self) -> list[str]:
        """Return the command lines of this project's database servers; two are one too many."""
        return [line for line in self.left() if f"postgres -D {self.var}" in line]

    def server_process(self) -> int:
        """Return the number of the database server's process."""
        return int((self.var / "postgres/data/postmaster.pid").read_text().split()[0])


def _children_worked() -> float:
    """Processor time of the processes that this one started and that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read(path: Path) -> bytes:
    """Return a file of /proc; empty when the process ended (a zombie's is empty, too)."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def wait_for_output(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process prints until `text` comes; returns it all. Fails at its end."""
    assert process.stdout is not None
    heard = ""
    for line in process.stdout:
        heard += line
        if text in heard:
            return heard
    raise AssertionError(f"ended without saying {text!r}: {heard}")


def wait_for_exit(process: subprocess.Popen[str]) -> tuple[int, str]:
    """End the process's input and return its status and what it still printed."""
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def dies(process: subprocess.Popen[str]) -> None:
    """Kill the process without giving it a chance to clear up."""
    process.kill()
    process.wait(PATIENCE)


def eventually(true: Callable[[], bool]) -> bool:
    """Wait for something to become true; False when it does not."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
