"""Queries about tickets and help articles."""

import re

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import OuterRef, QuerySet

from accounts.models import User
from helpdesk.enums import TicketState
from helpdesk.models import Article, Attachment, Correction, Message, Ticket

WORK_PERMISSION = "helpdesk.work_ticket"
MAX_SEARCH_WORDS = 12


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


def unread_answers() -> QuerySet[Ticket]:
    """Return the tickets with an unread answer, for the person of the outer query."""
    return Ticket.objects.filter(person=OuterRef("pk"), has_unread_answer=True)


def open_tickets() -> QuerySet[Ticket]:
    """Return the tickets that wait for the help desk, about the credit of the outer query."""
    return Ticket.objects.filter(credit=OuterRef("pk"), state=TicketState.OPEN)


def messages_of_ticket(ticket: Ticket) -> QuerySet[Message]:
    """Return a ticket's messages with their files. Two queries."""
    messages = ticket.messages.select_related("author").prefetch_related("attachments")
    return messages.order_by("sent_at", "id")


def attachments_of(ticket: Ticket) -> QuerySet[Attachment]:
    return Attachment.objects.filter(message__ticket=ticket).order_by("id")


def corrections_of_ticket(ticket: Ticket) -> QuerySet[Correction]:
    return ticket.corrections.select_related(
        "category_before", "category_after", "applied_by", "credit__claim__event"
    ).order_by("applied_at", "id")


def published_articles() -> QuerySet[Article]:
    return Article.objects.filter(is_published=True).order_by("position", "title")


def search_articles(words: str) -> QuerySet[Article]:
    """Return the published articles that have any of the words, the best match first.

    A question such as “how do I add a webinar” finds articles that have only some of its words.
    Words match by their stem or their beginning.
    """
    terms = re.findall(r"\w+", words)[:MAX_SEARCH_WORDS]
    if not terms:
        return Article.objects.none()
    raw = " | ".join(f"'{term}':*" for term in terms)
    query = SearchQuery(raw, config="aspen", search_type="raw")
    title = SearchVector("title", weight="A", config="aspen")
    found = title + SearchVector("text", weight="D", config="aspen")
    return (
        published_articles()
        .alias(found=found, rank=SearchRank(found, query))
        .filter(found=query)
        .order_by("-rank", "position", "title")
    )
