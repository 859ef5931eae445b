"""Deliver e-mails, read them, and compare them with snapshots."""

import html
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import icalendar
from django.core import mail as mailing
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.db.models import Model

from aspen.mail import outbox
from aspen.models import Mail, MailState

# With SNAPSHOTS=write, tests rewrite the files; check the changes with git diff.
WRITE = os.environ.get("SNAPSHOTS") == "write"
# Signatures and other random values, which differ in every run.
RANDOM_VALUE = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|(?<=:)[\w-]{43}(?=/)")


# ---------- Delivering ----------


def sent() -> list[EmailMultiAlternatives]:
    """Run the worker, and return and clear the messages it sends."""
    outbox.deliver_due()
    messages = [each for each in mailing.outbox if isinstance(each, EmailMultiAlternatives)]
    assert len(messages) == len(mailing.outbox)
    mailing.outbox.clear()
    return messages


def delivered() -> EmailMultiAlternatives:
    """Run the worker, and return the only message it sends."""
    [message] = sent()
    return message


def is_dropped() -> bool:
    """Run the worker, and return whether it drops the queued e-mails without sending any."""
    done = {MailState.SENT, MailState.DROPPED}
    return sent() == [] and {mail.state for mail in Mail.objects.order_by("pk")} <= done


# ---------- Reading ----------


def body_of(message: EmailMultiAlternatives) -> str:
    """Return the message's plain text on one line, with single spaces."""
    return " ".join(str(message.body).split())


def paragraphs(message: EmailMultiAlternatives) -> list[str]:
    """Return the paragraphs of the plain text, each on one line, without the signature."""
    return [" ".join(part.split()) for part in str(message.body).split("\n\n")][:-1]


def calendar_of(message: EmailMultiAlternatives) -> tuple[str, Any]:
    """Return the method and event of the calendar, which must be in the message and attached."""
    [(name, attached, mimetype)] = message.attachments
    assert (name, mimetype) == ("event.ics", "application/ics")
    part = message.alternatives[1]
    assert part.content.encode() == attached
    [calendar] = icalendar.Calendar.from_ical(attached, multiple=True)
    assert part.mimetype == f"text/calendar; method={calendar['METHOD']}"
    in_mime = [each for each in message.message().walk() if not each.is_multipart()]
    assert [each.get_content_type() for each in in_mime] == [
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    assert in_mime[2].get_param("method") == calendar["METHOD"]
    assert in_mime[2].get_content_charset() == "utf-8"
    [event] = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event


# ---------- Snapshots ----------


def restart_ids(*models: type[Model]) -> None:
    """Restart the ids of these models at 1001, because addresses in e-mails contain ids."""
    with connection.cursor() as cursor:
        for model in models:
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 1001")


def assert_snapshots(app: str, messages: Iterable[EmailMultiAlternatives]) -> None:
    """Assert that there is one message of each kind in the app, and that each matches its file."""
    folder = Path(__file__).parent / app / "snapshots"
    texts = {}
    for message in messages:
        _assert_well_made(message)
        kind = _kind_of(message)
        assert kind not in texts
        texts[kind] = _snapshot_of(message)
    assert sorted(texts) == sorted(kind for kind in outbox.composers if kind.startswith(f"{app}."))
    if WRITE:
        folder.mkdir(exist_ok=True)
        for kind, text in texts.items():
            (folder / f"{kind}.txt").write_text(text)
    assert sorted(texts) == sorted(path.stem for path in folder.iterdir())
    for kind, text in texts.items():
        assert text == (folder / f"{kind}.txt").read_text(), f"{kind}: SNAPSHOTS=write rewrites it"


def _kind_of(message: EmailMultiAlternatives) -> str:
    pk = message.extra_headers["Message-ID"].removeprefix("<").split(".")[0]
    return Mail.objects.get(pk=pk).kind


def _snapshot_of(message: EmailMultiAlternatives) -> str:
    files = "".join(f"Attached: {name}\n" for name, _, _ in message.attachments)
    text = f"To: {message.to[0]}\nSubject: {message.subject}\n{files}\n{message.body}"
    return RANDOM_VALUE.sub(lambda match: "x" * len(match[0]), text)


def _assert_well_made(message: EmailMultiAlternatives) -> None:
    """Assert that text and HTML match, with correct escaping and unbroken addresses."""
    body, page = str(message.body), str(message.alternatives[0].content)
    assert message.from_email == "ASPeN <aspen@aspen.example>"
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    for line in body.splitlines():
        assert len(line) <= 70 or " " not in line, line  # addresses are not broken
    assert "&amp;" not in body
    assert "\n\n\n" not in body
    assert "<b>" not in page
    assert "<i>" not in page
    assert _words(body) == _words(_read(page))


def _read(page: str) -> str:
    """Return the visible text of the HTML, with each button's address as in the plain text."""
    body = page.split("<body", 1)[1].split(">", 1)[1]
    body = re.sub(r'<a href="([^"]*)" style="display[^>]*>([^<]*)</a>', r"\2 \1", body)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def _words(text: str) -> list[str]:
    """Return the words, without the characters that only lay out the plain text."""
    return re.findall(r"[^\s:>]+", text)
