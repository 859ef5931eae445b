"""Typed rows for the help desk's pages."""

from typing import NamedTuple

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from aspen.formats import format_amount, format_credits, format_day, format_time_range
from aspen.web.labels import Label
from credits.models import Credit
from events.enums import Origin
from events.models import Category
from helpdesk.enums import TICKET_LABELS, TicketState
from helpdesk.models import Correction, Message, Ticket


class TicketRow(NamedTuple):
    url: str
    subject: str
    person: str
    state: Label
    is_waiting: bool
    changed: str
    is_unread: bool


def ticket_row(ticket: Ticket, person: str = "") -> TicketRow:
    return TicketRow(
        url=ticket.get_absolute_url(),
        subject=ticket.subject,
        person=person,
        state=ticket_label(ticket),
        is_waiting=ticket.state == TicketState.OPEN,
        changed=format_time_range(ticket.changed_at, None, all_day=False),
        is_unread=ticket.has_unread_answer,
    )


def ticket_label(ticket: Ticket) -> Label:
    return TICKET_LABELS[TicketState(ticket.state)]


class TicketCredit(NamedTuple):
    """The current state of the credit that a ticket is about. `url` can be empty."""

    title: str
    url: str
    when: str
    amount: str
    category: Category
    state: str


def ticket_credit(credit: Credit | None, reader: User) -> TicketCredit | None:
    if credit is None:
        return None
    event = credit.claim.event
    # Only its author can open the page of a custom event.
    can_open = event.origin == Origin.CALENDAR or event.created_by_id == reader.pk
    return TicketCredit(
        title=event.title,
        url=event.get_absolute_url() if can_open else "",
        when=format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        amount=format_credits(credit.amount),
        category=credit.category,
        state=credit.claim.get_state_display(),
    )


class AttachedFile(NamedTuple):
    name: str
    url: str


class MessageRow(NamedTuple):
    who: str
    when: str
    body: str
    is_staff: bool
    files: list[AttachedFile]


def message_row(message: Message, ticket: Ticket, reader: User) -> MessageRow:
    is_staff = message.author_id != ticket.person_id
    who = "You" if message.author_id == reader.pk else message.author.display_name
    return MessageRow(
        who=f"{who} (help desk)" if is_staff else who,
        when=format_time_range(message.sent_at, None, all_day=False),
        body=message.body,
        is_staff=is_staff,
        files=[
            AttachedFile(each.file_name, reverse("helpdesk:attachment", args=[ticket.pk, each.pk]))
            for each in message.attachments.all()
        ],
    )


class CorrectionRow(NamedTuple):
    what: str
    by: str
    event: str


def correction_row(correction: Correction) -> CorrectionRow:
    before = f"{correction.category_before} {format_amount(correction.amount_before)}"
    after = f"{correction.category_after} {format_amount(correction.amount_after)}"
    day = format_day(timezone.localdate(correction.applied_at))
    return CorrectionRow(
        what=f"{before} → {after}",
        by=f"by {correction.applied_by}, {day}",
        event=correction.credit.claim.event.title,
    )
