"""The content of an e-mail, and the message with text and HTML built from it."""

import dataclasses
import re
import textwrap
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from aspen.models import Mail

LINE_WIDTH = 70
MAX_SUBJECT_LENGTH = 150
# Invalid in headers and useless in text.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Attachment(NamedTuple):
    """A file in an e-mail. The composer makes it, so the outbox never stores its bytes."""

    name: str
    content: bytes
    mimetype: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Email:
    """The content of an e-mail to one person, in plain text with absolute URLs.

    The first paragraph says what has happened. `quote` is a heading and what someone wrote.
    `button` is the label and URL of the next step. A POST to `unsubscribe` turns off e-mails of
    this kind (RFC 8058).
    """

    subject: str
    paragraphs: Sequence[str]
    quote: tuple[str, str] | None = None
    facts: Sequence[tuple[str, str]] = ()
    button: tuple[str, str] | None = None
    closing: Sequence[str] = ()
    calendar: bytes | None = None
    method: str = "REQUEST"
    attachments: Sequence[Attachment] = ()
    unsubscribe: str = ""


def page_url(name: str, *arguments: object) -> str:
    """Return the absolute URL of one of the portal's pages."""
    return full_url(reverse(name, args=arguments))


def full_url(path: str) -> str:
    return f"{settings.ADDRESS}{path}"


def build_message(mail: Mail, email: Email) -> EmailMultiAlternatives:
    """Build the message for the mail server, always with the same Message-ID.

    Raises an exception if a header is invalid.
    """
    message = EmailMultiAlternatives(
        subject=textwrap.shorten(_clean(email.subject), MAX_SUBJECT_LENGTH, placeholder=" …"),
        body=render_to_string("mail/email.txt", _in_text(mail, email)).strip() + "\n",
        to=[mail.recipient],
        reply_to=[settings.CONTACT_EMAIL],
        headers=_headers(mail, email),
    )
    message.attach_alternative(
        render_to_string("mail/email.html", _in_html(mail, email)), "text/html"
    )
    if email.calendar is not None:
        # Outlook, Gmail and Apple Mail treat the alternative as an invitation. The attachment is
        # for people; a different type keeps it from counting as a second invitation.
        invitation = email.calendar.decode()
        message.attach_alternative(invitation, f"text/calendar; method={email.method}")
        message.attach("event.ics", email.calendar, "application/ics")
    for each in email.attachments:
        message.attach(each.name, each.content, each.mimetype)
    message.message()
    return message


def _headers(mail: Mail, email: Email) -> dict[str, str]:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    headers = {
        "Message-ID": f"<{mail.pk}.{mail.created_at:%Y%m%d%H%M%S}.outbox@{domain}>",
        "Auto-Submitted": "auto-generated",
    }
    if email.unsubscribe:
        headers["List-Unsubscribe"] = f"<{email.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _common(mail: Mail, email: Email) -> dict[str, object]:
    name = _clean(mail.recipient_name)
    return {
        "greeting": f"Hello {name}," if name else "Hello,",
        "button": email.button,
        "contact": settings.CONTACT_EMAIL,
        "portal": settings.ADDRESS,
    }


def _in_html(mail: Mail, email: Email) -> dict[str, object]:
    return _common(mail, email) | {
        "subject": _clean(email.subject),
        "paragraphs": [_plain(paragraph) for paragraph in email.paragraphs],
        "quote": email.quote and (email.quote[0], _plain(email.quote[1])),
        "facts": [(label, _plain(value)) for label, value in email.facts],
        "closing": [_plain(paragraph) for paragraph in email.closing],
    }


def _in_text(mail: Mail, email: Email) -> dict[str, object]:
    return _common(mail, email) | {
        "paragraphs": [_wrapped(paragraph) for paragraph in email.paragraphs],
        "quote": email.quote and (email.quote[0], _wrapped(email.quote[1], "> ")),
        "facts": "\n".join(_aligned(email.facts)),
        "closing": [_wrapped(paragraph) for paragraph in email.closing],
    }


def _aligned(facts: Sequence[tuple[str, str]]) -> Iterable[str]:
    """Yield labels and values in two columns."""
    column = max((len(label) for label, _ in facts), default=0) + 2
    for label, value in facts:
        yield textwrap.fill(
            " ".join(_plain(value).split()),
            LINE_WIDTH,
            initial_indent=f"{label}:".ljust(column),
            subsequent_indent=" " * column,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _wrapped(text: str, indent: str = "") -> str:
    """Return the text wrapped at LINE_WIDTH. Keeps its line breaks and does not split URLs."""
    lines = _plain(text).strip().splitlines()
    return "\n".join(
        textwrap.fill(
            line,
            LINE_WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or indent.rstrip()
        for line in lines
    )


def _plain(text: str) -> str:
    """Return the text with Unix line breaks and no control characters."""
    return CONTROL_CHARACTERS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def _clean(text: str) -> str:
    """Return the text on one line."""
    return " ".join(_plain(text).split())
