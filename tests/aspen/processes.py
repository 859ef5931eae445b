"""Run the project's programs with a separate data folder, and find processes left behind."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Seconds to wait for something; only a test that fails waits this long.
TIMEOUT = 30
# Seconds of processor time per process, so that the long timeout does not hide slowness.
MAX_PROCESSOR_TIME = 10

# Only the apps that the job worker needs, because the portal's own take seconds to migrate.
SETTINGS = """
from pathlib import Path
BASE_DIR = Path({root!r})
VAR = Path({var!r})
UPLOADS = VAR / "uploads"
POSTGRES_BIN = {programs!r}
PORTAL_ROLE = "aspen_portal"
POSTGRES_DURABLE = False
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
    """A small project in its own folder that uses the portal's database backend."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[str]] = []
        self._time_before = 0.0
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "small_settings",
            "PYTHONPATH": f"{folder}:{ROOT}",
            "PYTHONWARNINGS": "error",
        }
        (folder / "small_urls.py").write_text(URLS)
        self.configure(var=folder / "var")

    def configure(self, *, var: Path | None = None, programs: str = "") -> None:
        """Write the settings file."""
        self.var = var or self.var
        settings = SETTINGS.format(root=str(ROOT), var=str(self.var), programs=programs)
        (self._folder / "small_settings.py").write_text(settings)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start Python with these arguments. Its output is line-buffered."""
        if not self._started:
            self._time_before = _processor_time()
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
        """Start a process that connects to the database, runs `then` and waits for input to end."""
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
        """End processes left by a failed test. Fail if they took too much processor time."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate(timeout=TIMEOUT)
        taken = _processor_time() - self._time_before
        limit = MAX_PROCESSOR_TIME * len(self._started)
        assert taken <= limit, f"{taken:.0f} s of processor time"
        self._started.clear()

    def left(self) -> list[str]:
        """Return the command lines of this project's running processes. Works only on Linux."""
        mark = os.fsencode(f"PYTHONPATH={self.environment['PYTHONPATH']}")
        return [
            read(process / "cmdline").replace(b"\0", b" ").decode()
            for process in Path("/proc").glob("[0-9]*")
            if mark in read(process / "environ").split(b"\0")
        ]

    def servers(self) -> list[str]:
        """Return the command lines of this project's database servers."""
        return [line for line in self.left() if f"postgres -D {self.var}" in line]

    def server_process(self) -> int:
        """Return the process id of the database server."""
        return int((self.var / "postgres/data/postmaster.pid").read_text().split()[0])


def _processor_time() -> float:
    """Return the processor time, in seconds, of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read(path: Path) -> bytes:
    """Return the contents of a file in /proc, or b"" if the process has ended or is a zombie."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def wait_for_output(process: subprocess.Popen[str], text: str) -> str:
    """Read the process's output up to `text` and return it. Fail if the process ends first."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if text in output:
            return output
    raise AssertionError(f"ended without printing {text!r}: {output}")


def wait_for_exit(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Close the process's input, and return its status and the rest of its output."""
    output, _ = process.communicate(timeout=TIMEOUT)
    return process.returncode, output


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the process without giving it a chance to clean up."""
    process.kill()
    process.wait(TIMEOUT)


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait for a condition to become true. Return False if it does not within the timeout."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
