"""Queries about tickets."""

from django.db.models import QuerySet

from accounts.models import User
from helpdesk.enums import TicketState
from helpdesk.models import Correction, Message, Ticket

WORK_PERMISSION = "helpdesk.work_ticket"


def tickets_visible_to(person: User) -> QuerySet[Ticket]:
    """Return the person's own tickets, or all tickets for help desk staff, latest change first."""
    tickets = Ticket.objects.order_by("-changed_at", "-id")
    return tickets if person.has_perm(WORK_PERMISSION) else tickets.filter(person=person)


def own_tickets(person: User) -> QuerySet[Ticket]:
    return Ticket.objects.filter(person=person).order_by("-changed_at", "-id")


def tickets_in_state(state: str) -> QuerySet[Ticket]:
    """Return tickets in a state, oldest change first."""
    return (
        Ticket.objects.filter(state=state or TicketState.OPEN)
        .select_related("person", "credit__claim__event", "credit__category")
        .order_by("changed_at", "id")
    )


def messages_of_ticket(ticket: Ticket) -> QuerySet[Message]:
    return ticket.messages.select_related("author").order_by("sent_at", "id")


def corrections_of_ticket(ticket: Ticket) -> QuerySet[Correction]:
    return ticket.corrections.select_related(
        "category_before", "category_after", "applied_by", "credit__claim__event"
    ).order_by("applied_at", "id")
