"""The outbox: e-mails about committed changes, each sent at most once.

Next to each composer (`@email`) is a function that calls `enqueue` to queue its message in the
action's transaction. The job worker composes the message from the data at the time of sending and
sends it (`deliver_due`). The message is marked as being sent before it goes to the mail server. If
the worker is killed in between, the message may have arrived, so only staff can send it again.
"""

import datetime as dt
import logging
import smtplib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.core import mail as mailing
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q, QuerySet
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
    "enqueue_or_hurry",
    "is_current",
    "lock_given_to_server",
    "resendable",
    "send_again",
]

logger = logging.getLogger(__name__)

# Takes a fixed number of queries. Returns None if the message is no longer needed.
Composer = Callable[[Mail], Email | None]
composers: dict[str, Composer] = {}
# Staff can send messages of these kinds again even if the mail server has accepted them.
repeatable_kinds: set[str] = set()

# Staff with the permission decide whether to send messages in these states again.
STUCK_STATES = (MailState.FAILED, MailState.UNCERTAIN)
RESEND_PERMISSION = "aspen.resend_mail"
# The message may have arrived.
GIVEN_TO_SERVER = (MailState.SENDING, MailState.SENT, MailState.UNCERTAIN)
# The wait after each failed attempt. A message that fails once more has failed for good.
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
LOST_ERROR = "The worker stopped while sending the message, so it may have arrived."
ERROR_LENGTH = 1_000


class NotYet(Exception):
    """Raised by a composer if its message is not due until a later time."""

    def __init__(self, moment: dt.datetime) -> None:
        super().__init__(str(moment))
        self.moment = moment


def email(kind: str, *, repeatable: bool = False) -> Callable[[Composer], Composer]:
    """Register a composer for a kind. Never rename a kind, because messages store it.

    Staff can send a `repeatable` message again, which is for people who did not get it. Raises
    ValueError if the kind already has a composer.
    """

    def register(composer: Composer) -> Composer:
        if kind in composers:
            raise ValueError(f"{composers[kind].__module__} already composes {kind}")
        composers[kind] = composer
        if repeatable:
            repeatable_kinds.add(kind)
        return composer

    return register


# ---------- Queueing ----------


class Recipient(NamedTuple):
    """The name and e-mail address of a recipient who needs no account."""

    name: str
    address: str


def enqueue(*, kind: str, key: str, to: "User | Recipient", **facts: object) -> None:
    """In the caller's transaction, queue a message to one recipient. Idempotent by `key`.

    `kind` identifies the composer; `facts` are the ids and strings it needs (JSON).
    """
    enqueue_many(kind=kind, messages=[(key, to, facts)])


def enqueue_many(
    *, kind: str, messages: Iterable[tuple[str, "User | Recipient", Mapping[str, object]]]
) -> None:
    """Queue a message of this kind to each (key, person, facts). One query; idempotent by key."""
    now = timezone.now()
    rows = [
        Mail(kind=kind, key=key, facts=dict(facts), next_try_at=now, **_recipient_fields(to))
        for key, to, facts in messages
    ]
    if not rows:
        return
    Mail.objects.bulk_create(rows, ignore_conflicts=True)
    _wake_on_commit()


def enqueue_or_hurry(*, kind: str, to: Recipient, **facts: object) -> None:
    """Queue a message that a person can request several times.

    If the same message is still waiting, for example for the mail server, queue no second one, and
    try to send the first one now.
    """
    waiting = Mail.objects.filter(
        kind=kind, to_address=to.address, facts=facts, state=MailState.WAITING
    )
    if waiting.update(next_try_at=timezone.now(), attempts=0):
        _wake_on_commit()
    else:
        enqueue(kind=kind, key=f"{kind}:{uuid4()}", to=to, **facts)


def dated_key(name: str, pk: int, at: dt.datetime) -> str:
    """Return the key of an e-mail about something that can happen to a row more than once."""
    return f"{name}:{pk}:{at.isoformat()}"


def is_current(mail: Mail, at: dt.datetime | None) -> bool:
    """Return whether the message was queued for this time (`dated_key`) and is therefore still
    current.
    """
    *_, queued = mail.key.split(":", 2)
    return dt.datetime.fromisoformat(queued) == at


def lock_given_to_server(keys: Collection[str]) -> set[str]:
    """Return those of these messages' keys that were given to the mail server. One query.

    Locks the messages until the transaction ends, so a waiting message is not composed before the
    caller's changes are committed. Take this lock last.
    """
    rows = Mail.objects.select_for_update(of=("self",), no_key=True).filter(key__in=keys)
    found = rows.order_by("pk").values_list("key", "state")
    return {key for key, state in found if state in GIVEN_TO_SERVER}


def _recipient_fields(to: "User | Recipient") -> dict[str, object]:
    if isinstance(to, Recipient):
        return {"to_name": to.name, "to_address": to.address}
    return {"to": to}


def _wake_on_commit() -> None:
    """Wake the worker once per transaction, unless the savepoint is rolled back.

    The worker checks every minute anyway, so a failure here is harmless.
    """
    connection = transaction.get_connection()
    savepoints = set(connection.savepoint_ids)
    if any(
        func is wake_worker and sids <= savepoints for sids, func, *_ in connection.run_on_commit
    ):
        return
    transaction.on_commit(wake_worker, robust=True)


def wake_worker() -> None:
    """Queue a job to deliver now, unless one is already queued."""
    with suppress(AlreadyEnqueued), transaction.atomic():
        app.tasks["aspen.tasks.deliver_mail"].defer()


# ---------- Delivering ----------


class _Taken(NamedTuple):
    """A row taken from the outbox. `message` is None if nothing needs to be sent."""

    mail: Mail
    message: EmailMultiAlternatives | None


def deliver_due(*, limit: int = 100, stop: Callable[[], bool] = bool) -> int:
    """Handle up to `limit` due messages and return the number handled.

    Each message is committed as SENDING before it goes to the mail server, so that no other worker
    takes it. Several workers can run this concurrently. Never call it inside a transaction. Checks
    `stop()` between messages.
    """
    _mark_lost()
    server = mailing.get_connection()
    done = 0
    try:
        while done < limit and not stop():
            taken = _take()
            if taken is None:
                break
            done += 1
            if taken.message and not _send(taken.mail, taken.message, server):
                break
    finally:
        _close(server)
    return done


def _mark_lost() -> None:
    lost = Mail.objects.filter(
        state=MailState.SENDING, begun_at__lt=timezone.now() - LOST_AFTER
    ).update(state=MailState.UNCERTAIN, error=LOST_ERROR)
    if lost:
        logger.warning("%s messages were possibly sent; staff must decide what to do", lost)


@transaction.atomic(durable=True)
def _take() -> _Taken | None:
    """Take the message that has waited longest and compose it; return None if none is due.

    The row is committed as SENDING only if there is a message to send. If this is interrupted, the
    message keeps waiting.
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
    message = _compose(mail)
    if message:
        mail.state, mail.begun_at, mail.error = MailState.SENDING, now, ""
        mail.attempts += 1
        mail.address, mail.subject = message.to[0], str(message.subject)
    mail.save()
    return _Taken(mail, message)


def _compose(mail: Mail) -> EmailMultiAlternatives | None:
    """Compose the message. If it cannot be sent now, update the row and return None."""
    if reason := _why_not_send_to(mail.to):
        mail.state, mail.error = MailState.DROPPED, reason
        return None
    try:
        with transaction.atomic():
            content = composers[mail.kind](mail)
            if content:
                return build_message(mail, content)
        mail.state, mail.error = MailState.DROPPED, "The message was no longer needed."
    except NotYet as later:
        mail.next_try_at = later.moment
    except Exception as error:  # so that one bad message does not hold up the others
        logger.exception("message %s (%s) could not be composed", mail.pk, mail.kind)
        mail.attempts += 1
        for name, value in _after_failure(mail, error).items():
            setattr(mail, name, value)
    return None


def _why_not_send_to(person: "User | None") -> str:
    if person is None:
        return ""
    if not person.is_active:
        return "The account is not active."
    if person.is_demonstration and not settings.DEMO:
        return "Demonstration accounts do not receive e-mail."
    return ""


def _send(mail: Mail, message: EmailMultiAlternatives, server: BaseEmailBackend) -> bool:
    """Send the message and record the result. Return whether the server can take another one."""
    try:
        server.open()
    except OSError as error:
        _record(mail, **_after_failure(mail, error))
        return False
    try:
        server.send_messages([message])
    except smtplib.SMTPServerDisconnected as error:
        # It disconnected without replying and may have accepted the message.
        _record(mail, state=MailState.UNCERTAIN, error=_error_text(error))
        _close(server)
        return False
    except Exception as error:
        _record(mail, **_after_failure(mail, error, final=_is_final(error)))
        _close(server)
        return True
    _record(mail, state=MailState.SENT, sent_at=timezone.now(), error="")
    return True


def _record(mail: Mail, **values: object) -> None:
    """Update the row, unless staff decided to send the message again in the meantime."""
    undecided = [MailState.SENDING, MailState.UNCERTAIN]
    Mail.objects.filter(pk=mail.pk, state__in=undecided, begun_at=mail.begun_at).update(**values)


def _is_final(error: Exception) -> bool:
    """Return whether the server will never accept this address or text.

    Errors about the sender or authentication concern the portal's settings, not the message.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _after_failure(mail: Mail, error: Exception, *, final: bool = False) -> dict[str, object]:
    """Return the row's new values after a failed attempt: a time for the next one, or FAILED."""
    values: dict[str, object] = {"error": _error_text(error)}
    if final or mail.attempts > len(RETRY_DELAYS):
        return values | {"state": MailState.FAILED}
    wait = RETRY_DELAYS[mail.attempts - 1]
    return values | {"state": MailState.WAITING, "next_try_at": timezone.now() + wait}


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\x00", " ")[:ERROR_LENGTH]


def _close(server: BaseEmailBackend) -> None:
    with suppress(OSError):
        server.close()


# ---------- Staff ----------


def resendable(mails: QuerySet[Mail]) -> QuerySet[Mail]:
    """Return the messages that staff can send again."""
    return mails.filter(
        Q(state__in=STUCK_STATES) | Q(state=MailState.SENT, kind__in=repeatable_kinds)
    )


@transaction.atomic
def send_again(*, mail_ids: Iterable[int], by: "User") -> int:
    """Queue messages again and return the number queued.

    They will be composed again from the data at that time. A message that was sent stays on record,
    and a copy is queued. Idempotent. Raises Refused if `by` lacks the permission.
    """
    if not by.has_perm(RESEND_PERMISSION):
        raise Refused("You do not have permission to resend messages.")
    chosen = resendable(Mail.objects.filter(pk__in=list(mail_ids)))
    sent = list(chosen.filter(state=MailState.SENT).order_by("pk"))
    count = chosen.filter(state__in=STUCK_STATES).update(
        state=MailState.WAITING, next_try_at=timezone.now(), attempts=0
    )
    for mail in sent:
        to = Recipient(mail.to_name, mail.to_address)
        enqueue_or_hurry(kind=mail.kind, to=to, **mail.facts)
    if count:
        _wake_on_commit()
    return count + len(sent)
