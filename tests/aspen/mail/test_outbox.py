"""E-mails are sent only about committed changes, and each is sent once.

These tests use a real mail server on this machine and kill a real worker.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core import mail as mailing
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from zeal import zeal_ignore

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.mail import outbox
from aspen.mail.message import Email
from aspen.mail.outbox import NotYet
from aspen.models import Mail, MailState
from tests import factories
from tests.aspen.mail.smtp import MailServer
from tests.aspen.processes import ROOT, TIMEOUT, eventually, kill
from tests.races import run_concurrently
from tests.web import signed_in, text

WAITING, SENDING, SENT = MailState.WAITING, MailState.SENDING, MailState.SENT
DROPPED, FAILED, UNCERTAIN = MailState.DROPPED, MailState.FAILED, MailState.UNCERTAIN
committed = pytest.mark.django_db(transaction=True)
KIND = "tests.greeting"


def greeting(mail: Mail) -> Email | None:
    subject = str(mail.facts["subject"])
    if subject == "nothing":
        return None
    if subject == "later":
        raise NotYet(timezone.now() + dt.timedelta(hours=3))
    if subject == "nonsense":
        raise ValueError("cannot compose that\x00")
    if subject == "a database error":
        User.objects.extra(where=["nonsense"]).count()
    return Email(subject=subject, paragraphs=[f"About: {subject}"])


@pytest.fixture(autouse=True)
def composer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outbox.composers, KIND, greeting)


@pytest.fixture
def no_jobs(transactional_db: None) -> None:
    """Delete jobs left by earlier tests, because Django does not clear their table."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_TIMEOUT = TIMEOUT
    yield server
    server.close()


def queue(*subjects: str, to: User | None = None) -> list[Mail]:
    """Queue a message with each of these subjects, in this order. Return all messages."""
    to = to or factories.person()
    for subject in subjects:
        outbox.enqueue(kind=KIND, key=f"{subject} {Mail.objects.count()}", to=to, subject=subject)
    return list(Mail.objects.order_by("id"))


def states() -> list[str]:
    return list(Mail.objects.order_by("id").values_list("state", flat=True))


def only() -> Mail:
    return Mail.objects.get()


# ---------- Queueing ----------


@committed
def test_an_action_that_is_rolled_back_sends_nothing(no_jobs: None) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        queue("It happened")
        raise ZeroDivisionError

    assert Mail.objects.count() == 0
    assert ProcrastinateJob.objects.count() == 0
    assert outbox.deliver_due() == 0
    assert mailing.outbox == []


@committed
def test_nothing_is_sent_before_the_commit() -> None:
    with transaction.atomic():
        queue("It happened")
        assert run_concurrently(1, lambda _: outbox.deliver_due()) == [0]
    assert outbox.deliver_due() == 1


@committed
def test_the_worker_is_woken_once_per_transaction(no_jobs: None) -> None:
    with transaction.atomic():
        queue("One", "Two")
        assert len(connection.run_on_commit) == 1
        assert ProcrastinateJob.objects.count() == 0
    assert list(
        ProcrastinateJob.objects.order_by("id").values_list("task_name", "queueing_lock", "status")
    ) == [("aspen.tasks.deliver_mail", "deliver_mail", "todo")]
    # The worker has been woken, so it is not woken again.
    queue("Three")
    assert ProcrastinateJob.objects.count() == 1


@committed
def test_a_savepoint_rollback_drops_only_its_own_messages(no_jobs: None) -> None:
    person = factories.person()
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            queue("Lost", to=person)
            raise ZeroDivisionError
        queue("Kept", to=person)
    assert only().facts == {"subject": "Kept"}
    assert ProcrastinateJob.objects.count() == 1


@committed
def test_a_failure_to_wake_the_worker_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox.app, "tasks", {})
    with transaction.atomic():
        person = factories.person()
        queue("Hello", to=person)
    assert User.objects.filter(pk=person.pk).exists()
    assert states() == [WAITING]


@pytest.mark.django_db
def test_the_same_key_is_queued_once(django_assert_num_queries: Any) -> None:
    people = [factories.person() for _ in range(3)]
    for _ in range(2):
        with django_assert_num_queries(1):
            outbox.enqueue_many(
                kind=KIND, messages=[(f"key {each.pk}", each, {"subject": "Hi"}) for each in people]
            )
    assert Mail.objects.count() == 3


@pytest.mark.django_db
def test_queueing_no_messages_takes_no_queries(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        outbox.enqueue_many(kind=KIND, messages=[])


@pytest.mark.django_db
def test_a_kind_has_one_composer() -> None:
    with pytest.raises(ValueError, match="composes tests"):
        outbox.email(KIND)(lambda mail: None)
    assert outbox.composers[KIND] is greeting


# ---------- Delivering ----------


@pytest.mark.django_db
def test_sent_messages_are_recorded_and_not_sent_again() -> None:
    person = factories.person(email="ada@library.example")
    queue("It happened", to=person)

    assert [outbox.deliver_due(), outbox.deliver_due()] == [1, 0]

    (message,) = mailing.outbox
    assert (message.subject, message.to) == ("It happened", ["ada@library.example"])
    mail = only()
    assert (mail.state, mail.address, mail.subject) == (SENT, "ada@library.example", "It happened")
    assert (mail.attempts, mail.error) == (1, "")
    assert mail.sent_at
    assert mail.begun_at
    assert mail.begun_at <= mail.sent_at
    stamp = f"{mail.created_at:%Y%m%d%H%M%S}"
    assert message.extra_headers["Message-ID"] == f"<{mail.pk}.{stamp}.outbox@aspen.example>"
    assert message.reply_to == ["library-help@aspen.example"]


@committed
def test_concurrent_workers_send_each_message_once(server: MailServer) -> None:
    with transaction.atomic():
        queue(*(f"Message {number}" for number in range(30)))

    done = run_concurrently(4, lambda _: outbox.deliver_due())

    assert sum(done) == 30
    assert sorted(server.subjects()) == sorted(f"Message {number}" for number in range(30))
    assert states() == [SENT] * 30


@pytest.mark.django_db
def test_a_batch_has_its_limit_and_can_be_stopped() -> None:
    queue("One", "Two", "Three", "Four")
    assert outbox.deliver_due(limit=2) == 2
    answers = iter([False, True])
    assert outbox.deliver_due(stop=lambda: next(answers)) == 1
    assert states() == [SENT, SENT, SENT, WAITING]


@pytest.mark.django_db
def test_a_batch_uses_one_connection(server: MailServer) -> None:
    queue("One", "Two", "Three")
    outbox.deliver_due()
    assert (server.subjects(), server.connections) == (["One", "Two", "Three"], 1)


@pytest.mark.django_db
def test_messages_that_should_not_be_sent_are_dropped(settings: Any) -> None:
    settings.DEMO = False
    queue("Hello", to=factories.person(is_active=False))
    queue("Hello", to=factories.person(is_demonstration=True))
    queue("nothing")
    assert outbox.deliver_due() == 3
    assert mailing.outbox == []
    assert list(Mail.objects.order_by("id").values_list("state", "error")) == [
        (DROPPED, "The account is not active."),
        (DROPPED, "Demonstration accounts do not receive e-mail."),
        (DROPPED, "The message was no longer needed."),
    ]


@pytest.mark.django_db
def test_the_demonstration_sends_mail_to_its_accounts() -> None:
    queue("Hello", to=factories.person(is_demonstration=True))
    outbox.deliver_due()
    assert states() == [SENT]


@pytest.mark.django_db
def test_a_message_that_is_not_due_yet_waits() -> None:
    queue("later", "now")
    assert outbox.deliver_due() == 2
    assert [message.subject for message in mailing.outbox] == ["now"]
    later = Mail.objects.order_by("id")[0]
    assert (later.state, later.attempts) == (WAITING, 0)
    assert later.next_try_at > timezone.now() + dt.timedelta(hours=2)


# ---------- Failures ----------


@pytest.mark.django_db
def test_a_message_that_cannot_be_composed_does_not_hold_up_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue("nonsense", "a database error", "Hello")
    Mail.objects.filter(facts__subject="Hello").update(next_try_at=timezone.now())
    outbox.enqueue(kind="tests.unknown", key="unknown", to=factories.person())

    assert outbox.deliver_due() == 4

    assert [message.subject for message in mailing.outbox] == ["Hello"]
    mails = list(Mail.objects.order_by("id"))
    assert [mail.state for mail in mails] == [WAITING, WAITING, SENT, WAITING]
    assert mails[0].error == "ValueError: cannot compose that "
    assert mails[1].error.startswith("ProgrammingError: ")
    assert mails[3].error == "KeyError: 'tests.unknown'"
    assert [mail.attempts for mail in mails] == [1, 1, 1, 1]
    assert "could not be composed" in caplog.text


@pytest.mark.django_db
def test_an_unreachable_server_is_retried_with_growing_delays(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    server = MailServer()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    server.close()
    queue("Hello")
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as now:
        for _ in range(6):
            assert outbox.deliver_due() == 1
            mail = only()
            assert mail.state == WAITING
            assert mail.error.startswith("ConnectionRefusedError: ")
            waits.append((mail.next_try_at - timezone.now()).total_seconds() / 60)
            assert outbox.deliver_due() == 0
            now.move_to(mail.next_try_at)
        assert waits == [1, 5, 30, 120, 360, 1440]
        outbox.deliver_due()
    assert (only().state, only().attempts) == (FAILED, 7)


@pytest.mark.django_db
def test_no_other_message_is_tried_while_the_server_is_unreachable(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    queue("One", "Two")
    assert outbox.deliver_due() == 1
    assert list(Mail.objects.order_by("id").values_list("attempts", flat=True)) == [1, 0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("command", "reply", "state"),
    [
        ("RCPT", "550 no such person", FAILED),
        ("RCPT", "451 come back later", WAITING),
        ("END", "554 text not accepted", FAILED),
        ("END", "452 no room at the moment", WAITING),
        ("MAIL", "530 sign in first", WAITING),
        ("MAIL", "421 too many messages", WAITING),
        ("DATA", "503 what?", FAILED),
        ("END", "hang up", UNCERTAIN),
    ],
)
def test_the_servers_reply_decides_the_state(
    server: MailServer, command: str, reply: str, state: MailState
) -> None:
    queue("Hello")
    server.replies[command] = reply

    assert outbox.deliver_due() == 1
    mail = only()
    assert (mail.state, mail.attempts) == (state, 1)
    assert mail.error
    assert server.messages == []

    # Other messages are still sent. One that may have arrived is not sent again automatically.
    server.replies.clear()
    queue("Another")
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        outbox.deliver_due()
    assert server.subjects() == (["Another", "Hello"] if state == WAITING else ["Another"])


@pytest.mark.django_db
def test_a_rejected_address_does_not_affect_other_messages(server: MailServer) -> None:
    server.replies["rcpt TO:<gone@library.example>"] = "550 no such person"
    queue("One", to=factories.person(email="gone@library.example"))
    queue("Two", "Three")
    outbox.deliver_due()
    assert states() == [FAILED, SENT, SENT]
    assert server.subjects() == ["Two", "Three"]


# ---------- Killed in the middle ----------


@pytest.mark.django_db
def test_a_message_whose_worker_died_is_not_resent_automatically() -> None:
    queue("Hello", "Another")
    begun_at = timezone.now() - dt.timedelta(minutes=14)
    Mail.objects.filter(facts__subject="Hello").update(state=SENDING, begun_at=begun_at)
    outbox.deliver_due()
    assert states() == [SENDING, SENT]
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        outbox.deliver_due()
    assert states() == [UNCERTAIN, SENT]
    assert [message.subject for message in mailing.outbox] == ["Another"]


WORKER_SETTINGS = """
from pathlib import Path
from tests.settings import *
VAR = Path({var!r})
DATABASES["default"] |= {database!r}
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {port}
"""


@pytest.fixture
def worker(tmp_path: Path, server: MailServer) -> Iterator[Any]:
    """A function that starts a real worker, with the test database and this mail server."""
    keys = ("ENGINE", "NAME", "USER", "HOST", "PORT", "PASSWORD")
    database = {key: connection.settings_dict[key] for key in keys}
    (tmp_path / "worker_settings.py").write_text(
        WORKER_SETTINGS.format(var=str(django_settings.VAR), database=database, port=server.port)
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "worker_settings",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "manage.py"), "procrastinate", "worker"]
        process = subprocess.Popen(
            [*command, "--fetch-job-polling-interval", "0.2"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(TIMEOUT)


@committed
@pytest.mark.enable_socket
def test_a_killed_worker_sends_nothing_twice(
    no_jobs: None, worker: Any, server: MailServer
) -> None:
    """The worker is killed after the mail server has the message but before it replies."""
    from events import actions

    event = factories.event(days=3, title="Weeding")
    people = [factories.person() for _ in range(3)]
    server.may_reply.clear()
    actions.register(event_id=event.pk, by=people[0])
    first = worker()
    assert server.has_message.wait(TIMEOUT), "the worker never sent the message"
    assert states() == [SENDING]

    kill(first)
    server.may_reply.set()
    for person in people[1:]:
        actions.register(event_id=event.pk, by=person)
    second = worker()

    assert eventually(lambda: states() == [SENDING, SENT, SENT])
    # Later, the worker finds the message and leaves it to staff.
    Mail.objects.filter(state=SENDING).update(begun_at=timezone.now() - dt.timedelta(minutes=16))
    actions.cancel_registration(event_id=event.pk, by=people[2])
    assert eventually(lambda: states() == [UNCERTAIN, SENT, SENT, SENT])
    assert second.poll() is None
    assert [message["To"] for message in server.messages] == [
        people[0].email,
        people[1].email,
        people[2].email,
        people[2].email,
    ]


# ---------- Staff ----------


def stuck(state: MailState = UNCERTAIN, to: User | None = None) -> Mail:
    queue("Hello", to=to)
    Mail.objects.filter(state=WAITING).update(
        state=state, begun_at=timezone.now(), attempts=7, address="a@library.example"
    )
    return Mail.objects.latest("id")


@pytest.mark.django_db
def test_staff_can_resend_only_stuck_messages() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    queue("Sent")
    outbox.deliver_due()
    mailing.outbox.clear()
    for state in (FAILED, UNCERTAIN):
        stuck(state)
    everything = list(Mail.objects.order_by("id").values_list("pk", flat=True))

    assert outbox.send_again(mail_ids=everything, by=staff) == 2
    assert outbox.send_again(mail_ids=everything, by=staff) == 0

    assert states() == [SENT, WAITING, WAITING]
    assert outbox.deliver_due() == 2
    assert [message.subject for message in mailing.outbox] == ["Hello", "Hello"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", [None, Role.EVENT_EDITOR, Role.HELP_DESK])
def test_people_without_the_permission_cannot_resend(role: Role | None) -> None:
    mail = stuck()
    with pytest.raises(Refused, match="You do not have permission to resend messages"):
        outbox.send_again(mail_ids=[mail.pk], by=factories.person(role))
    assert states() == [UNCERTAIN]


@pytest.mark.django_db
def test_the_admin_resends_and_reports_skipped_messages() -> None:
    person = factories.person(display_name="Zoë Ångström")
    queue("Sent", to=person)
    outbox.deliver_due()
    mail = stuck(to=person)
    client = signed_in(factories.person(Role.ADMINISTRATOR))

    with zeal_ignore():
        page = text(client.get("/admin/"))
        assert "1 message that may not have arrived, received today" in page
        results = text(client.get("/admin/aspen/mail/?state__exact=uncertain&q=a@library.example"))
        assert "1 message" in results
        assert "Zoë Ångström" in results
        answer = client.post(
            "/admin/aspen/mail/",
            {
                "action": "send_again",
                "_selected_action": list(Mail.objects.order_by("id").values_list("pk", flat=True)),
            },
            follow=True,
        )
        history = text(client.get(f"/admin/aspen/mail/{mail.pk}/history/"))

    assert "1 message will be sent again within a minute." in text(answer)
    assert "1 message skipped: only failed" in text(answer)
    assert states() == [SENT, WAITING]
    assert "Sent again." in history


@pytest.mark.django_db
def test_mail_cannot_be_changed_or_deleted_in_the_admin() -> None:
    mail = stuck()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    with zeal_ignore():
        page = text(client.get(f"/admin/aspen/mail/{mail.pk}/change/"))
        assert 'name="_save"' not in page
        assert client.get("/admin/aspen/mail/add/").status_code == 403
        assert client.post(f"/admin/aspen/mail/{mail.pk}/delete/").status_code == 403
    assert states() == [UNCERTAIN]


@pytest.mark.django_db
def test_the_help_desk_cannot_see_mail() -> None:
    stuck()
    client = signed_in(factories.person(Role.HELP_DESK))
    assert client.get("/admin/aspen/mail/").status_code == 403
    assert (
        "message"
        not in text(client.get("/admin/")).split("Needs your decision")[1].split("</ul>")[0]
    )


@pytest.mark.django_db
def test_two_roles_can_resend_messages() -> None:
    holders = Group.objects.filter(permissions__codename="resend_mail").order_by("name")
    assert list(holders.values_list("name", flat=True)) == ["Administrators", "CE Coordinators"]
