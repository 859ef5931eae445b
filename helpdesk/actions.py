"""Actions on tickets. Each function is atomic and takes `by=`."""

from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db import audit
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.formats import format_amount
from credits import actions as credit_actions
from credits.models import Credit
from events.models import Category
from helpdesk.enums import TicketState
from helpdesk.models import Correction, Message, Ticket
from helpdesk.queries import WORK_PERMISSION


@audited
def open_ticket(*, subject: str, body: str, credit: Credit | None, by: User) -> Ticket:
    """Open a ticket for `by` with its first message. Locks `by`.

    Idempotent: if an identical ticket is still waiting, returns that ticket. A constraint ensures
    that the credit belongs to `by`.
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
    Message.objects.create(ticket=ticket, author=by, body=body, sent_at=now)
    return ticket


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
