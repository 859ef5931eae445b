"""Play failures on this machine and print what was seen: `make drills` (DRILL=mail: only that).

mail      the mail server is down, and then silent, while people sign up and forget passwords
database  the database restarts under the job worker, and then stays away
disk      the disk becomes full while a person adds evidence
reset     `make reset` and `make run` in a folder with a production .env

Each drill uses a new folder and only 127.0.0.1, ends within five minutes, and ends with status 1 if
something was not as it should be. The full disk is played without root: RLIMIT_FSIZE makes writing
a larger file fail in this process, and a fake figure of free space stands for an almost full disk.
"""

import atexit
import html
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MAX_SECONDS = 300
PASSWORD = "a-long-drill-password"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PRODUCTION_ENV = """SECRET_KEY=a-production-secret
DATABASE_URL=postgres://aspen:secret@127.0.0.1:1/aspen
EMAIL_URL=smtp://127.0.0.1:1
ASPEN_ADDRESS=https://aspen.example.gov
"""


def see(what: str, seen: object, *, expected: object = None) -> None:
    """Print what was seen. End with status 1 if it is not what was expected."""
    print(f"  {what}: {seen}", flush=True)
    if expected is not None and seen != expected:
        sys.exit(f"  Expected: {expected}")


def wait(what: str, condition: Callable[[], bool], *, seconds: float = 90) -> None:
    """Wait for the condition and print how long it took. End with status 1 if it takes too long."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            sys.exit(f"  Not seen within {seconds:.0f} s: {what}")
        time.sleep(0.2)
    print(f"  {what}, after {time.monotonic() - began:.1f} s", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---------- A portal of its own ----------


def set_up(folder: Path, **more: str) -> None:
    """Make this process a portal with an empty database in the folder."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "aspen.settings",
        "DEBUG": "on",  # serves static files without collecting them first
        "ASPEN_DEMO": "off",
        "SECRET_KEY": "only-for-drills-" + "d" * 50,
        "ALLOWED_HOSTS": "127.0.0.1",
        "ASPEN_ADDRESS": "http://127.0.0.1:8000",
        "ASPEN_VAR": str(folder),
        "ASPEN_UPLOADS": str(folder / "uploads"),
        "DATABASE_URL": "",
        **more,
    }
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def client() -> Any:
    from django.test import Client

    return Client(SERVER_NAME="127.0.0.1")


@contextmanager
def worker(*arguments: str, **more: str) -> Iterator["Worker"]:
    running = Worker(arguments, more)
    try:
        yield running
    finally:
        running.stop()


class Worker:
    """A job worker in a process of its own. `lines` is what it has printed."""

    def __init__(self, arguments: tuple[str, ...], more: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "worker", *arguments],
            cwd=ROOT,
            env=os.environ | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def starts(self) -> int:
        return self.lines.count("The job worker is running.")

    def show(self) -> None:
        """Print what the worker itself said, without the libraries' messages."""
        for line in self.lines:
            if "job worker" in line:
                print(f"    {line[:150]}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(90)


# ---------- The drills ----------


def drill_mail(folder: Path) -> None:
    port = free_port()
    set_up(folder, EMAIL_URL=f"smtp://127.0.0.1:{port}")
    from aspen.models import Mail
    from tests.aspen.mail.smtp import MailServer

    def states() -> dict[str, str]:
        return dict(Mail.objects.order_by("kind").values_list("kind", "state"))

    def request_both(address: str) -> None:
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        form = {"display_name": "Nora North", "email": address} | passwords
        for path, values in (
            ("/accounts/signup/", form),
            ("/accounts/password/reset/", {"email": address}),
        ):
            began = time.monotonic()
            status = client().post(path, values).status_code
            see(f"POST {path}", status, expected=302)
            seconds = time.monotonic() - began
            see("  seconds", f"{seconds:.1f}")
            if seconds > 10:
                sys.exit("  A page waited for the mail server.")

    def tried() -> bool:
        return Mail.objects.filter(attempts__gte=1).count() >= 1

    with worker() as jobs:
        wait("the worker runs", lambda: jobs.starts() == 1)
        print("  -- The mail server is down.")
        request_both("down@library.example")
        wait("the worker has tried", tried)
        see("outbox", states())
        print("  -- The mail server accepts connections and says nothing.")
        with socket.create_server(("127.0.0.1", port)) as silent:
            request_both("silent@library.example")
            silent.settimeout(90)
            connection, _ = silent.accept()
            see("the worker waits for the server's greeting", "yes")
            connection.close()
        print("  -- The mail server is back, and both people ask for their e-mails again.")
        server = MailServer(port)
        from allauth.account.models import EmailAddress

        from accounts import emails

        for address in EmailAddress.objects.select_related("user").order_by("pk"):
            emails.queue_confirm_address_email(address)
            emails.queue_choose_password_email(address.user, address.email)
        unsent = Mail.objects.exclude(state="sent")
        wait("all e-mails were sent", lambda: not unsent.exists(), seconds=150)
        arrived = sorted({f"{each['To']}: {each['Subject']}" for each in server.messages})
        for each in arrived:
            print(f"    {each}")
        see("different e-mails", len(arrived), expected=4)
        confirm = next(each for each in server.messages if "confirm" in str(each["Subject"]))
        text = confirm.get_payload()[0].get_payload(decode=True).decode()
        path = re.findall(r"http://127.0.0.1:8000(/accounts/confirm-email/\S+)", text)[0]
        see("the link in an e-mail works", client().post(path).status_code, expected=302)
        secret = path.strip("/").split("/")[-1]
        rows = str([vars(each) for each in Mail.objects.order_by("pk")])
        see("the link is in the outbox", secret in rows, expected=False)
        server.close()


def drill_database(folder: Path) -> None:
    set_up(folder)
    from aspen import health
    from aspen.mail.outbox import Recipient, enqueue
    from aspen.models import Mail

    def ready() -> str:
        return str(client().get("/readyz").content.decode()).strip()

    def send(number: int) -> None:
        to = Recipient("", f"{number}@library.example")
        enqueue(kind="accounts.no_account", key=f"drill {number}", to=to)
        wait(
            f"e-mail {number} was sent", lambda: Mail.objects.filter(state="sent").count() == number
        )

    see("/readyz without a worker", ready())
    with worker() as jobs:
        wait("the worker runs", lambda: health.worker_problem() == "")
        see("/readyz", ready(), expected="ready")
        send(1)
        server = int((folder / "postgres/data/postmaster.pid").read_text().split()[0])
        print("  -- The database server is killed.")
        os.kill(server, signal.SIGQUIT)
        wait("the worker has reconnected", lambda: jobs.starts() >= 2)
        jobs.show()
        see("the worker's process still runs", jobs.process.poll() is None, expected=True)
        from django.db import connection

        connection.close()
        send(2)
        see("/readyz", ready(), expected="ready")
    see("the worker ended with status", jobs.process.returncode, expected=0)
    see("/readyz", ready())
    print("  -- The database stays away.")
    url = f"postgres://aspen@127.0.0.1:{free_port()}/aspen"
    with worker("--give-up-after", "5", DATABASE_URL=url) as jobs:
        jobs.process.wait(90)
        time.sleep(0.5)
        jobs.show()
    see("the worker ended with status", jobs.process.returncode, expected=1)


def drill_disk(folder: Path) -> None:
    set_up(folder)
    from django.core.files.uploadedfile import SimpleUploadedFile

    from accounts.actions import create_account
    from aspen import disk
    from aspen.files.upload_storage import NO_ROOM
    from credits.models import Claim
    from events.models import Category

    person = create_account(email="nora@library.example", display_name="Nora", password_hash="!")
    browser = client()
    browser.force_login(person)

    def create_new() -> tuple[int, str]:
        """Submit the form. Return the status, and what the page says about the file."""
        form = {
            "title": "Weeding",
            "begins_at": "2026-03-02T09:00",
            "ends_at": "2026-03-02T10:00",
            "sponsor": "A School",
            "presenter": "A. Trainer",
            "description": "Books.",
            "amount": "1",
            "category": Category.objects.order_by("pk").values_list("pk", flat=True)[0],
            "evidence": SimpleUploadedFile("certificate.pdf", PDF + bytes(1_000_000)),
        }
        answer = browser.post("/continuing-education/new/", form)
        said = NO_ROOM if NO_ROOM in html.unescape(answer.content.decode()) else ""
        return answer.status_code, said

    def files() -> list[str]:
        return sorted(each.name for each in (folder / "uploads").rglob("*") if each.is_file())

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    print("  -- The disk is full: no file can be larger than 64 KB (RLIMIT_FSIZE).")
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, limits[1]))
    status, said = create_new()
    see("Create New… with a file of 1 MB", status, expected=200)
    see("the form says", said, expected=NO_ROOM)
    see("claims", Claim.objects.count(), expected=0)
    see("files", files(), expected=[])
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    print("  -- The disk is almost full: 100 MB left (a fake figure of free space).")
    real, disk.free_bytes = disk.free_bytes, lambda _folder: 100 * disk.MEGABYTE
    status, said = create_new()
    see("Create New…", status, expected=200)
    see("the form says", said, expected=NO_ROOM)
    see("/readyz", client().get("/readyz").content.decode().strip().splitlines())
    disk.free_bytes = real
    print("  -- The disk has room again.")
    see("Create New…", create_new()[0], expected=302)
    see("claims", Claim.objects.count(), expected=1)
    see("files", len(files()), expected=1)


def drill_reset(folder: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    names = [name for name in tracked if name] or ["Makefile", "manage.py", "aspen"]
    project = folder / "project"
    for name in names:
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy2(source, target)
    (project / ".env").write_text(PRODUCTION_ENV)
    evidence = project / "var/uploads/evidence"
    evidence.mkdir(parents=True)
    (evidence / "certificate").write_bytes(PDF)
    # The packages of this environment, without installing them again.
    virtual = Path(sys.prefix)
    unchanged = ["-o", str(virtual / ".base"), "-o", str(virtual / "bin/python"), f"VENV={virtual}"]
    for command in (["reset"], ["run", f"PORT={free_port()}"]):
        done = subprocess.run(
            ["make", "--no-print-directory", *command, *unchanged],
            cwd=project,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        output = (done.stdout + done.stderr).strip().splitlines()
        print(f"  -- make {command[0]}")
        see("status", done.returncode, expected=2)
        for line in output:
            print(f"    {line}")
        refused = any("belongs to a portal that people use" in line for line in output)
        see("refused in plain English", refused, expected=True)
    see("the upload is untouched", (evidence / "certificate").read_bytes() == PDF, expected=True)


DRILLS = {
    "mail": drill_mail,
    "database": drill_database,
    "disk": drill_disk,
    "reset": drill_reset,
}


def run(name: str) -> None:
    """Run one drill in this process. A signal ends it if it takes too long."""

    def give_up(*_signal: object) -> None:
        sys.exit(f"  The drill has not ended within {MAX_SECONDS} s.")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(MAX_SECONDS)
    folder = Path(tempfile.mkdtemp(prefix=f"aspen-drill-{name}-")).resolve()
    # Registered first, so that it runs last, after the database server has stopped.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DRILLS[name](folder)


def main(names: list[str]) -> int:
    """Run the drills, each in a process of its own, and return the number that failed."""
    failed = 0
    for name in names or list(DRILLS):
        began = time.monotonic()
        print(f"\n{name}", flush=True)
        status = subprocess.run([sys.executable, __file__, "--one", name], check=False).returncode
        result = "as it should be" if status == 0 else f"FAILED with status {status}"
        print(f"{name}: {result} ({time.monotonic() - began:.0f} s)", flush=True)
        failed += status != 0
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run(sys.argv[2])
    else:
        sys.exit(min(main(sys.argv[1:]), 1))
