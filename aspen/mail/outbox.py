"""The outbox: e-mails about committed changes, each sent at most once.

Next to each composer (`@email`) is the function that queues its message: it calls `enqueue` in the
action's transaction. The job worker composes each message from the facts of that moment and sends
it (`deliver_due`). A message is committed as being sent before the mail server gets it: if the
worker is killed in between, it may have arrived, and only staff send it again.
"""

import datetime as dt
import logging
import smtplib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.core import mail as mailing
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from aspen.errors import Refused
from aspen.mail.message import Email, build_message
from aspen.models import Mail, MailState

if TYPE_CHECKING:
    from accounts.models import User

__all__ = [
    "NotYet",
    "Recipient",
    "composers",
    "dated_key",
    "deliver_due",
    "email",
    "enqueue",
    "enqueue_many",
    "is_dated",
    "send_again",
]

logger = logging.getLogger(__name__)

# Reads the current facts in a fixed number of queries; None if there is nothing left to say.
Composer = Callable[[Mail], Email | None]
composers: dict[str, Composer] = {}

# Staff with this permission decide whether to send these again.
STUCK_STATES = (MailState.FAILED, MailState.UNCERTAIN)
RESEND_PERMISSION = "aspen.resend_mail"
# The wait after the first, second … failed attempt; after the last one the message has failed.
RETRY_DELAYS = [
    dt.timedelta(minutes=1),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=2),
    dt.timedelta(hours=6),
    dt.timedelta(hours=24),
]
# Far longer than EMAIL_TIMEOUT.
LOST_AFTER = dt.timedelta(minutes=15)
LOST_ERROR = "The worker stopped while the mail server had the message, so it may have arrived."
ERROR_LENGTH = 1_000


class NotYet(Exception):
    """Raised by a composer whose message is due only at a later moment."""

    def __init__(self, moment: dt.datetime) -> None:
        super().__init__(str(moment))
        self.moment = moment


def email(kind: str) -> Callable[[Composer], Composer]:
    """Register a composer for a kind. The kind is stored with each message: never rename it.

    Raises ValueError if the kind already has a composer.
    """

    def register(composer: Composer) -> Composer:
        if kind in composers:
            raise ValueError(f"{composers[kind].__module__} already composes {kind}")
        composers[kind] = composer
        return composer

    return register


# ---------- Queueing ----------


class Recipient(NamedTuple):
    """The name and e-mail address of a recipient who needs no account."""

    name: str
    address: str


def enqueue(*, kind: str, key: str, to: "User | Recipient", **facts: object) -> None:
    """Queue a message to someone, in the caller's transaction. Idempotent by `key`.

    `kind` names the composer; `facts` are the ids and texts it needs (JSON).
    """
    enqueue_many(kind=kind, messages=[(key, to, facts)])


def enqueue_many(
    *, kind: str, messages: Iterable[tuple[str, "User | Recipient", Mapping[str, object]]]
) -> None:
    """Queue a message of this kind to each (key, person, facts). One query; idempotent by key."""
    now = timezone.now()
    rows = [
        Mail(kind=kind, key=key, facts=dict(facts), next_try_at=now, **_addressed(to))
        for key, to, facts in messages
    ]
    if not rows:
        return
    Mail.objects.bulk_create(rows, ignore_conflicts=True)
    _wake_on_commit()


def dated_key(name: str, pk: int, at: dt.datetime) -> str:
    """The key of an e-mail about something that can happen to a row repeatedly."""
    return f"{name}:{pk}:{at.isoformat()}"


def is_dated(mail: Mail, at: dt.datetime | None) -> bool:
    """Whether the message was queued for this moment, not for a later one."""
    *_, queued = mail.key.split(":", 2)
    return dt.datetime.fromisoformat(queued) == at


def _addressed(to: "User | Recipient") -> dict[str, object]:
    if isinstance(to, Recipient):
        return {"to_name": to.name, "to_address": to.address}
    return {"to": to}


def _wake_on_commit() -> None:
    """Wake the worker once per transaction, unless its savepoint is rolled back.

    The worker checks every minute anyway, so a failure here does no harm.
    """
    connection = transaction.get_connection()
    savepoints = set(connection.savepoint_ids)
    if any(
        func is wake_worker and sids <= savepoints for sids, func, *_ in connection.run_on_commit
    ):
        return
    transaction.on_commit(wake_worker, robust=True)


def wake_worker() -> None:
    """Ask the worker to deliver now, unless it has already been asked."""
    with suppress(AlreadyEnqueued), transaction.atomic():
        app.tasks["aspen.tasks.deliver_mail"].defer()


# ---------- Delivering ----------


class _Taken(NamedTuple):
    """A message taken from the outbox; `message` is None if there is nothing to send."""

    mail: Mail
    message: EmailMultiAlternatives | None


def deliver_due(*, limit: int = 100, stop: Callable[[], bool] = bool) -> int:
    """Handle at most `limit` due messages; return their number.

    Each is committed as being sent before the mail server gets it, so that no other worker takes
    it; never call this inside a transaction. Several may run at once. `stop` is called between
    messages.
    """
    _give_up_lost()
    line = mailing.get_connection()
    done = 0
    try:
        while done < limit and not stop():
            taken = _take()
            if taken is None:
                break
            done += 1
            if taken.message and not _hand_over(taken.mail, taken.message, line):
                break
    finally:
        _hang_up(line)
    return done


def _give_up_lost() -> None:
    lost = Mail.objects.filter(
        state=MailState.SENDING, begun_at__lt=timezone.now() - LOST_AFTER
    ).update(state=MailState.UNCERTAIN, error=LOST_ERROR)
    if lost:
        logger.warning("%s messages were possibly sent; staff decide about them", lost)


@transaction.atomic(durable=True)
def _take() -> _Taken | None:
    """Take the longest waiting message and compose it, or return None if none is due.

    If interrupted, the message waits as before: the row is committed as being sent only if there
    is a message to send.
    """
    now = timezone.now()
    mail = (
        Mail.objects.select_related("to")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .filter(state=MailState.WAITING, next_try_at__lte=now)
        .order_by("next_try_at", "id")
        .first()
    )
    if mail is None:
        return None
    message = _composed(mail)
    if message:
        mail.state, mail.begun_at, mail.error = MailState.SENDING, now, ""
        mail.attempts += 1
        mail.address, mail.subject = message.to[0], str(message.subject)
    mail.save()
    return _Taken(mail, message)


def _composed(mail: Mail) -> EmailMultiAlternatives | None:
    """The message, or None with the reason in the row's state."""
    if reason := _why_not_to(mail.to):
        mail.state, mail.error = MailState.DROPPED, reason
        return None
    try:
        with transaction.atomic():
            composed = composers[mail.kind](mail)
            if composed:
                return build_message(mail, composed)
        mail.state, mail.error = MailState.DROPPED, "There was nothing left to say."
    except NotYet as later:
        mail.next_try_at = later.moment
    except Exception as error:  # one message that cannot be composed holds up no other
        logger.exception("message %s (%s) could not be composed", mail.pk, mail.kind)
        mail.attempts += 1
        for name, value in _after_failure(mail, error).items():
            setattr(mail, name, value)
    return None


def _why_not_to(person: "User | None") -> str:
    if person is None:
        return ""
    if not person.is_active:
        return "The account is not active."
    if person.is_demonstration and not settings.DEMO:
        return "Demonstration accounts get no mail."
    return ""


def _hand_over(mail: Mail, message: EmailMultiAlternatives, line: BaseEmailBackend) -> bool:
    """Send the message and record the result.

    Returns whether the server still accepts messages.
    """
    try:
        line.open()
    except OSError as error:
        _record(mail, **_after_failure(mail, error))
        return False
    try:
        line.send_messages([message])
    except smtplib.SMTPServerDisconnected as error:
        # It disconnected without an answer and may have accepted the message before.
        _record(mail, state=MailState.UNCERTAIN, error=_words(error))
        _hang_up(line)
        return False
    except Exception as error:
        _record(mail, **_after_failure(mail, error, final=_is_final(error)))
        _hang_up(line)
        return True
    _record(mail, state=MailState.SENT, sent_at=timezone.now(), error="")
    return True


def _record(mail: Mail, **values: object) -> None:
    """Update the message, unless staff decided to send it again in the meantime."""
    undecided = [MailState.SENDING, MailState.UNCERTAIN]
    Mail.objects.filter(pk=mail.pk, state__in=undecided, begun_at=mail.begun_at).update(**values)


def _is_final(error: Exception) -> bool:
    """Whether the server will never accept this address or text.

    Errors about the sender or authentication concern the portal's settings, not the message.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _after_failure(mail: Mail, error: Exception, *, final: bool = False) -> dict[str, object]:
    """The row's values after a failed attempt: when to try again, or failed."""
    values: dict[str, object] = {"error": _words(error)}
    if final or mail.attempts > len(RETRY_DELAYS):
        return values | {"state": MailState.FAILED}
    wait = RETRY_DELAYS[mail.attempts - 1]
    return values | {"state": MailState.WAITING, "next_try_at": timezone.now() + wait}


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\x00", " ")[:ERROR_LENGTH]


def _hang_up(line: BaseEmailBackend) -> None:
    with suppress(OSError):
        line.close()


# ---------- Staff ----------


@transaction.atomic
def send_again(*, mail_ids: Iterable[int], by: "User") -> int:
    """Queue failed or possibly sent messages again; return their number.

    They are composed again from the facts at that time. Idempotent. Raises Refused without the
    permission.
    """
    if not by.has_perm(RESEND_PERMISSION):
        raise Refused("You do not have permission to send messages again.")
    stuck = Mail.objects.filter(pk__in=list(mail_ids), state__in=STUCK_STATES)
    number = stuck.update(state=MailState.WAITING, next_try_at=timezone.now(), attempts=0)
    if number:
        _wake_on_commit()
    return number
