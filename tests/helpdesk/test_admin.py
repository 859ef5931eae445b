"""Tickets in the admin, and the work waiting for staff on its index page."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from credits.actions import claim_custom_event
from events.actions import decide_custom_event
from events.enums import Decision, EventState, ListingState
from events.models import Event
from helpdesk import actions
from helpdesk.models import Ticket
from tests import factories
from tests.web import signed_in, text

pytestmark = pytest.mark.django_db
TICKETS = "/admin/helpdesk/ticket/"
EVENTS_WAIT = "/admin/events/customevent/"


def a_ticket(**fields: Any) -> Ticket:
    values = {"subject": "A question", "body": "?", "credit": None, "by": factories.person()}
    return actions.open_ticket(**values | fields)


def a_custom_event() -> Event:
    return claim_custom_event(facts=factories.facts(), by=factories.person()).event


def ago(days: int) -> dt.datetime:
    """Return the local time this many days ago.

    Days are counted in Montana, where two of them each year are not 24 hours long.
    """
    return timezone.localtime() - dt.timedelta(days=days)


def waiting(person: User) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = signed_in(person).get("/admin/").context["waiting"]
    return lines


def test_the_index_starts_with_the_work_that_waits() -> None:
    first = a_custom_event()
    a_custom_event()
    open_ticket = a_ticket()
    answered = a_ticket()
    staff = factories.person(Role.HELP_DESK)
    actions.reply(ticket_id=answered.pk, body="Done", by=staff)
    Event.objects.filter(pk=first.pk).update(created_at=ago(9))
    Ticket.objects.filter(pk=open_ticket.pk).update(changed_at=ago(1))
    ticket = ("1 help ticket to answer, waiting 1 day", "/help/queue/")
    assert waiting(factories.person(Role.CE_COORDINATOR)) == [
        ("2 custom events to approve, the oldest waiting 9 days", EVENTS_WAIT),
        ticket,
    ]
    assert waiting(staff) == [ticket]
    assert waiting(factories.person(Role.ADMINISTRATOR)) == []


def test_the_index_lists_the_work_of_all_apps_in_order() -> None:
    a_ticket()
    factories.submission()
    factories.listing(factories.event(), state=ListingState.PROPOSED)
    a_custom_event()
    everything = factories.person(Role.CE_COORDINATOR, is_superuser=True)
    assert [text for text, _ in waiting(everything)] == [
        "1 custom event to approve, received today",
        "1 course proposed for the catalog, received today",
        "1 record to review, received today",
        "1 help ticket to answer, received today",
    ]


def test_returned_events_without_an_answer_are_listed_after_thirty_days() -> None:
    for days in (45, 31, 29):
        event = a_custom_event()
        decide_custom_event(
            event_id=event.pk, decision=Decision.RETURN, reason="Which day?", by=factories.person()
        )
        Event.objects.filter(pk=event.pk).update(decided_at=ago(days))
    factories.event(state=EventState.PENDING, submitted_at=ago(2))
    assert waiting(factories.person(Role.CE_COORDINATOR)) == [
        (
            "2 returned custom events unanswered for 30 days, the oldest waiting 45 days",
            f"{EVENTS_WAIT}?state=draft",
        ),
        ("1 proposed event to publish, waiting 2 days", "/events/manage/?show=waiting"),
    ]


def test_the_index_says_if_nothing_is_waiting() -> None:
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    page = text(client.get("/admin/"))
    assert "Nothing needs your decision." in page
    assert page.index("Needs your decision") < page.index("Recent actions")


def test_a_ticket_links_to_its_page_for_help_desk_staff() -> None:
    ticket = a_ticket()
    for role, count in ((Role.HELP_DESK, 1), (Role.ADMINISTRATOR, 0)):
        client = signed_in(factories.person(role))
        for address in (TICKETS, f"{TICKETS}{ticket.pk}/change/"):
            assert text(client.get(address)).count(f'href="/help/{ticket.pk}/"') == count


def test_tickets_cannot_be_changed_in_the_admin() -> None:
    ticket = a_ticket()
    client = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    answers = [
        client.post(f"{TICKETS}{ticket.pk}/change/", {"state": "answered"}),
        client.post(f"{TICKETS}{ticket.pk}/delete/", {"post": "yes"}),
        client.get(f"{TICKETS}add/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_event_editors_cannot_see_tickets() -> None:
    a_ticket(subject="Private matter")
    answer = signed_in(factories.person(Role.EVENT_EDITOR)).get(TICKETS)
    assert answer.status_code == 403
    assert "Private matter" not in text(answer)


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        person = factories.person()
        credit = factories.claim(person).credits.get()
        ticket = a_ticket(credit=credit, by=person)
        a_custom_event()
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    with django_assert_num_queries(11):
        client.get("/admin/")
    with django_assert_num_queries(7):
        client.get(TICKETS)
    client.get(f"{TICKETS}{ticket.pk}/change/")  # Django remembers content types
    with django_assert_num_queries(8):
        client.get(f"{TICKETS}{ticket.pk}/change/")
