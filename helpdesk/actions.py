"""Actions on tickets. Each function is atomic and takes `by=`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.core.files.base import File
from django.utils import timezone

from accounts import actions as account_actions
from accounts.enums import PositionKind
from accounts.models import Organization, User
from accounts.queries import lock_people
from aspen.db import audit
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.formats import format_amount
from credits import actions as credit_actions
from credits.models import Credit
from events import uploads
from events.models import Category
from helpdesk.enums import TicketState
from helpdesk.models import Attachment, Correction, Message, Ticket
from helpdesk.queries import WORK_PERMISSION
from tracks import actions as track_actions
from tracks.models import Track


@audited
def open_ticket(
    *, subject: str, body: str, credit: Credit | None, by: User, files: Iterable[File] = ()
) -> Ticket:
    """Open a ticket for `by` with its first message and the message's files. Locks `by`.

    Idempotent: if an identical ticket is still waiting, returns that ticket. A constraint ensures
    that the credit belongs to `by`. Raises Refused if a file is not allowed or the disk is full.
    """
    lock_people([by.pk])
    waiting = Ticket.objects.filter(
        person=by, credit=credit, subject=subject, state=TicketState.OPEN, messages__body=body
    ).first()
    if waiting:
        return waiting
    now = timezone.now()
    ticket = Ticket.objects.create(
        person=by, subject=subject, credit=credit, opened_at=now, changed_at=now
    )
    message = Message.objects.create(ticket=ticket, author=by, body=body, sent_at=now)
    for file in files:
        _attach(message, file)
    return ticket


def _attach(message: Message, file: File) -> None:
    kind = uploads.kind_of(file)
    attachment = Attachment(
        message=message,
        file_name=uploads.clean_name(file.name or ""),
        content_type=kind.content_type,
        size=file.size,
    )
    attachment.file.save(uploads.random_name(), file, save=False)
    attachment.save()


class MissingLibrary(NamedTuple):
    """A library that is not in the directory. `position` is what the person does there, or ""."""

    name: str
    town: str
    position: str


class WelcomeAnswers(NamedTuple):
    """What a person answered on the welcome page. Nothing has to be answered."""

    organization: Organization | None = None
    kind: PositionKind | None = None
    missing: MissingLibrary | None = None
    tracks: Sequence[Track] = ()
    has_past_credits: bool = False
    note: str = ""
    files: Sequence[File] = ()


MISSING_LIBRARY = "My library is not in the directory"
PAST_CREDITS = "Credits from before I had an account"


@audited
def answer_welcome(*, answers: WelcomeAnswers, by: User) -> list[Ticket]:
    """Do what a person asked for on the welcome page, all or nothing. Return the tickets.

    Records the position, chooses the tracks, and opens a ticket about a library that is not in the
    directory and another about credits from before, with the files. Then the page is finished.
    Locks the person. Idempotent, except for tickets that have been answered.

    Raises Refused if a track has no rules in force, a file is not allowed or the disk is full.
    """
    lock_people([by.pk])
    if answers.organization and answers.kind:
        account_actions.take_position(organization=answers.organization, kind=answers.kind, by=by)
    for track in answers.tracks:
        track_actions.select_track(track=track, by=by)
    tickets = []
    if answers.missing:
        name, town, position = answers.missing
        lines = [
            f"Library: {name}",
            f"Town: {town}" if town else "",
            f"Position: {position}" if position else "",
            "Please add it to the directory.",
        ]
        body = "\n".join(filter(None, lines))
        tickets.append(open_ticket(subject=MISSING_LIBRARY, body=body, credit=None, by=by))
    if answers.has_past_credits:
        body = answers.note or "I have credits or certificates from before. Please enter them."
        tickets.append(
            open_ticket(subject=PAST_CREDITS, body=body, credit=None, by=by, files=answers.files)
        )
    account_actions.finish_welcome(by=by)
    return tickets


def _lock_ticket(ticket_id: int) -> Ticket:
    return Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)


def ticket_version(ticket: Ticket) -> str:
    """Return the ticket's version, which changes with each message and correction."""
    return ticket.changed_at.isoformat()


@audited
def reply(*, ticket_id: int, body: str, by: User) -> Message:
    """Add a message to a ticket.

    A message from the ticket's author reopens the ticket; any other message answers it. Locks the
    ticket. Idempotent: does nothing if the last message is the same and also by `by`.
    """
    ticket = _lock_ticket(ticket_id)
    last = ticket.messages.order_by("-sent_at", "-id").first()
    if last and last.author_id == by.pk and last.body == body:
        return last
    state = TicketState.OPEN if ticket.person_id == by.pk else TicketState.ANSWERED
    return _add_message(ticket, body, by=by, state=state)


def _add_message(ticket: Ticket, body: str, *, by: User, state: TicketState) -> Message:
    now = timezone.now()
    ticket.state = state
    ticket.has_unread_answer = state == TicketState.ANSWERED
    ticket.changed_at = now
    ticket.save(update_fields=["state", "has_unread_answer", "changed_at"])
    return Message.objects.create(ticket=ticket, author=by, body=body, sent_at=now)


@audited
def mark_read(*, ticket: Ticket, by: User) -> None:
    """Record that `by` has read the answer, if `ticket` is theirs and as it was loaded.

    An answer that came in the meantime stays unread. Idempotent.
    """
    unread = Ticket.objects.filter(pk=ticket.pk, person=by, has_unread_answer=True)
    unread.filter(changed_at=ticket.changed_at).update(has_unread_answer=False)


@audited
def correct_credit(
    *,
    ticket_id: int,
    credit_id: int,
    category: Category,
    amount: Decimal,
    note: str,
    by: User,
    seen: str = "",
) -> Correction:
    """Correct one of the ticket author's credits, record the correction and answer the ticket.

    Updates the author's tracks. `seen` is the version of the ticket that `by` saw, if known. Raises
    Refused if the ticket has changed since, if nothing would change, or if the credit belongs to
    `by` or no longer counts. Raises Credit.DoesNotExist if it belongs to another person.
    """
    if not by.has_perm(WORK_PERMISSION):
        raise Refused("Only the help desk can correct credits.")
    ticket = _lock_ticket(ticket_id)
    if seen and seen != ticket_version(ticket):
        raise Refused(
            "This ticket has changed since you opened this page. Please review it and submit "
            "again. What you entered is still below."
        )
    if ticket.person_id == by.pk:
        raise Refused("You cannot correct your own credits. Ask a colleague to do it.")
    if not Credit.objects.filter(pk=credit_id, person=ticket.person_id).exists():
        raise Credit.DoesNotExist
    audit.add_audit_context(ticket=ticket.pk)
    before = credit_actions.correct_credit(
        credit_id=credit_id, category=category, amount=amount, by=by
    )
    correction = Correction.objects.create(
        ticket=ticket,
        person_id=ticket.person_id,
        credit=before,
        category_before=before.category,
        category_after=category,
        amount_before=before.amount,
        amount_after=amount,
        applied_by=by,
        applied_at=timezone.now(),
    )
    title = before.claim.event.title
    text = (
        f"Corrected: “{title}” was {before.category} {format_amount(before.amount)} and "
        f"is now {category} {format_amount(amount)}."
    )
    _add_message(ticket, f"{text}\n\n{note}".strip(), by=by, state=TicketState.ANSWERED)
    return correction
