"""Tickets and corrections: permissions, effects, and the database's constraints."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today
from aspen.errors import Refused
from credits.actions import claim_custom_event
from credits.enums import ClaimState
from credits.models import Claim, Credit
from credits.signals import OpenTicket, open_ticket_of, with_open_tickets
from events.actions import decide_custom_event
from events.enums import Decision
from helpdesk import actions
from helpdesk.enums import TicketState
from helpdesk.models import Correction, Message, Ticket
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY, category
from tracks.actions import select_track
from tracks.counting.queries import active_participations, progress_of
from tracks.models import Posting, Requirement

pytestmark = pytest.mark.django_db
ONE = Decimal("1.0")


def a_credit(person: User) -> Credit:
    return factories.claim(person).credits.get()


def a_ticket(person: User, credit: Credit | None = None) -> Ticket:
    return actions.open_ticket(
        subject="Weeding, Thu", body="Wrong category", credit=credit, by=person
    )


def reply(ticket: Ticket, body: str, by: User) -> Message:
    return actions.reply(ticket_id=ticket.pk, body=body, by=by)


def correct(ticket: Ticket, credit: Credit, by: User, **changes: object) -> Correction:
    values = {"category": category(ADMINISTRATION), "amount": ONE, "note": ""} | changes
    return actions.correct_credit(ticket_id=ticket.pk, credit_id=credit.pk, by=by, **values)


def earned(person: User) -> dict[str, Decimal]:
    ((_, progress),) = progress_of(active_participations(person), today())
    return {line.category.slug: line.earned for line in progress.lines if line.earned}


# ---------- Conversation ----------


def test_a_ticket_opens_with_the_persons_message() -> None:
    person = factories.person()
    ticket = a_ticket(person)
    assert ticket.state == TicketState.OPEN
    assert [(m.author, m.body) for m in ticket.messages.all()] == [(person, "Wrong category")]


def test_the_same_ticket_sent_twice_is_opened_once() -> None:
    person = factories.person()
    credit = a_credit(person)
    assert a_ticket(person, credit) == a_ticket(person, credit)
    assert Message.objects.count() == 1
    assert a_ticket(person) != a_ticket(person, credit)


def test_the_persons_reply_reopens_an_answered_ticket() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    ticket = a_ticket(person)
    reply(ticket, "Which one?", staff)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.ANSWERED
    reply(ticket, "The first", person)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.OPEN


def test_the_same_reply_sent_twice_in_a_row_is_saved_once() -> None:
    person = factories.person()
    ticket = a_ticket(person)
    first = reply(ticket, "Please", person)
    assert reply(ticket, "Please", person) == first
    assert ticket.messages.count() == 2


# ---------- Corrections ----------


def test_a_correction_changes_the_credit_is_recorded_and_answers_the_ticket() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    ticket = a_ticket(person, credit)
    correction = correct(ticket, credit, staff, amount=Decimal("1.5"), note="Sorry!")
    credit.refresh_from_db()
    ticket.refresh_from_db()
    assert (credit.category.slug, credit.amount) == (ADMINISTRATION, Decimal("1.5"))
    assert (correction.category_before.slug, correction.amount_before) == (TECHNOLOGY, ONE)
    assert (correction.applied_by, correction.person) == (staff, person)
    assert ticket.state == TicketState.ANSWERED
    last = ticket.messages.order_by("id").last()
    assert last is not None
    assert last.author == staff
    assert last.body.endswith("and is now Library Administration 1.5.\n\nSorry!")


def test_the_tracks_progress_follows_a_correction() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    select_track(track=factories.track(), by=person)
    assert earned(person) == {TECHNOLOGY: ONE}
    correct(a_ticket(person, credit), credit, staff, amount=Decimal("0.5"))
    assert earned(person) == {ADMINISTRATION: Decimal("0.5")}


def test_a_correction_posts_or_removes_the_credit_by_the_rules() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    participation, _ = select_track(track=factories.track(), by=person)
    Requirement.objects.filter(
        rule_set=participation.rule_set, category=category(ADMINISTRATION)
    ).delete()
    ticket = a_ticket(person, credit)
    correct(ticket, credit, staff)
    assert list(Posting.objects.all()) == []
    correct(ticket, credit, staff, category=category(TECHNOLOGY))
    assert [posting.credit for posting in Posting.objects.all()] == [credit]


def test_a_correction_of_a_custom_event_corrects_its_credit_line_too() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    claim = claim_custom_event(facts=factories.facts(), by=person)
    credit = claim.credits.get()
    correct(a_ticket(person, credit), credit, staff)
    assert [offer.category.slug for offer in claim.event.offers.all()] == [ADMINISTRATION]


def test_staff_cannot_correct_their_own_credit() -> None:
    staff = factories.person(Role.HELP_DESK)
    credit = a_credit(staff)
    with pytest.raises(Refused, match="You cannot correct your own credits"):
        correct(a_ticket(staff, credit), credit, staff)


@pytest.mark.parametrize("role", [None, Role.EVENT_EDITOR, Role.ADMINISTRATOR])
def test_only_the_help_desk_can_correct(role: Role | None) -> None:
    person, other = factories.person(), factories.person(role)
    credit = a_credit(person)
    with pytest.raises(Refused, match="Only the help desk"):
        correct(a_ticket(person, credit), credit, other)


def test_a_correction_must_change_something() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    ticket = a_ticket(person, credit)
    correct(ticket, credit, staff)
    with pytest.raises(Refused, match="already has this category"):
        correct(ticket, credit, staff)
    assert Correction.objects.count() == 1


@pytest.mark.parametrize("amount", ["0", "0.3", "-1.0", "1.2"])
def test_amounts_must_be_halves(amount: str) -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    with pytest.raises(Refused) as refusal:
        correct(a_ticket(person, credit), credit, staff, amount=Decimal(amount))
    assert refusal.value.field == "amount"
    credit.refresh_from_db()
    assert credit.amount == ONE


def test_a_declined_credit_cannot_be_corrected() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    claim = claim_custom_event(facts=factories.facts(), by=person)
    decide_custom_event(event_id=claim.event_id, decision=Decision.DECLINE, reason="No", by=staff)
    assert Claim.objects.get().state == ClaimState.DECLINED
    credit = claim.credits.get()
    with pytest.raises(Refused, match="nothing to correct"):
        correct(a_ticket(person, credit), credit, staff)
    assert list(Correction.objects.all()) == []


def test_a_ticket_cannot_correct_another_persons_credit() -> None:
    person, other = factories.person(), factories.person()
    staff = factories.person(Role.HELP_DESK)
    foreign = a_credit(other)
    with pytest.raises(Credit.DoesNotExist):
        correct(a_ticket(person), foreign, staff)


# ---------- Constraints ----------


@pytest.fixture
def correction() -> Correction:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    return correct(a_ticket(person, credit), credit, staff)


def refused_by_database(name: str, row: Correction | Ticket | Message, **values: object) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(**values)


def test_a_ticket_must_be_about_the_persons_own_credit(correction: Correction) -> None:
    foreign = a_credit(factories.person())
    refused_by_database(
        "helpdesk_ticket_credit_same_person", a_ticket(factories.person()), credit=foreign
    )
    with pytest.raises(IntegrityError, match="helpdesk_ticket_credit_same_person"):
        a_ticket(factories.person(), foreign)


def test_a_correction_must_be_of_the_tickets_person(correction: Correction) -> None:
    foreign = a_credit(factories.person())
    refused_by_database("helpdesk_correction_credit_same_person", correction, credit=foreign)
    refused_by_database(
        "helpdesk_correction_ticket_same_person",
        correction,
        ticket=a_ticket(factories.person()),
    )


def test_the_database_checks_who_corrects_what(correction: Correction) -> None:
    refused_by_database(
        "helpdesk_correction_not_by_owner", correction, applied_by=correction.person
    )
    refused_by_database(
        "helpdesk_correction_changes_something",
        correction,
        category_after=correction.category_before,
        amount_after=correction.amount_before,
    )
    refused_by_database("helpdesk_correction_in_halves", correction, amount_after=Decimal("1.3"))


def test_tickets_and_messages_cannot_be_empty(correction: Correction) -> None:
    refused_by_database("helpdesk_ticket_has_subject", correction.ticket, subject="")
    refused_by_database(
        "helpdesk_ticket_state_known", correction.ticket, state="lost", has_unread_answer=False
    )
    message = Message.objects.create(
        ticket=correction.ticket, author=correction.person, body="?", sent_at=timezone.now()
    )
    refused_by_database("helpdesk_message_not_empty", message, body="")


def test_a_correction_based_on_an_outdated_ticket_is_refused() -> None:
    person, first, second = (
        factories.person(),
        *(factories.person(role=Role.HELP_DESK) for _ in range(2)),
    )
    credit = factories.claim(person).credits.get()
    ticket = actions.open_ticket(subject="Wrong", body="Please", credit=credit, by=person)
    seen = actions.ticket_version(ticket)
    common = {"ticket_id": ticket.pk, "credit_id": credit.pk, "note": "", "seen": seen}
    actions.correct_credit(
        category=factories.category(factories.PUBLIC), amount=credit.amount, by=first, **common
    )
    with pytest.raises(Refused, match="since you opened this page"):
        actions.correct_credit(
            category=factories.category(factories.COLLECTION),
            amount=credit.amount,
            by=second,
            **common,
        )
    credit.refresh_from_db()
    assert credit.category.slug == factories.PUBLIC


def test_a_correction_can_give_up_to_twice_the_events_credits() -> None:
    person, staff = factories.person(), factories.person(role=Role.HELP_DESK)
    credit = factories.claim(person, credits={factories.TECHNOLOGY: "0.5"}).credits.get()
    ticket = actions.open_ticket(subject="Wrong", body="Please", credit=credit, by=person)
    common = {"ticket_id": ticket.pk, "credit_id": credit.pk, "note": "", "by": staff}
    category = factories.category()
    with pytest.raises(Refused, match=r"The event offers 0\.5 credits"):
        actions.correct_credit(category=category, amount=Decimal("1.5"), **common)
    actions.correct_credit(category=category, amount=Decimal("1.0"), **common)
    credit.refresh_from_db()
    assert credit.amount == Decimal("1.0")


# ---------- Unread answers ----------


def is_unread(ticket: Ticket) -> bool:
    ticket.refresh_from_db()
    return ticket.has_unread_answer


def test_an_answer_is_unread_until_the_person_reads_or_replies(staff: User) -> None:
    person = factories.person()
    ticket = a_ticket(person)
    reply(ticket, "More details", by=person)
    assert not is_unread(ticket)
    reply(ticket, "Which one?", by=staff)
    assert is_unread(ticket)
    actions.mark_read(ticket=ticket, by=staff)
    assert is_unread(ticket)
    actions.mark_read(ticket=ticket, by=person)
    assert not is_unread(ticket)
    reply(ticket, "Please tell us.", by=staff)
    reply(ticket, "The first", by=person)
    assert not is_unread(ticket)


def test_an_answer_that_came_after_the_page_was_loaded_stays_unread(staff: User) -> None:
    person = factories.person()
    ticket = a_ticket(person)
    reply(ticket, "First answer", by=staff)
    shown = Ticket.objects.get()
    reply(ticket, "Second answer", by=staff)
    actions.mark_read(ticket=shown, by=person)
    assert is_unread(ticket)


def test_only_an_answered_ticket_can_be_unread() -> None:
    a_ticket(factories.person())
    with pytest.raises(IntegrityError, match="only_answered_tickets_unread"), transaction.atomic():
        Ticket.objects.update(has_unread_answer=True)


# ---------- Open tickets ----------


@pytest.mark.parametrize("items", [1, 3])
def test_open_tickets_are_found_by_credit_in_one_query(
    items: int, staff: User, django_assert_num_queries: Any
) -> None:
    person = factories.person()
    asked = {
        credit.pk: a_ticket(person, credit) for credit in [a_credit(person) for _ in range(items)]
    }
    reply(a_ticket(person, a_credit(person)), "Done", by=staff)
    a_credit(person)
    a_ticket(person)
    with django_assert_num_queries(1):
        credits = list(with_open_tickets(Credit.objects.filter(person=person)))
    found = {credit.pk: ticket for credit in credits if (ticket := open_ticket_of(credit))}
    assert len(credits) == len(asked) + 2
    assert found == {
        pk: OpenTicket(today(), ticket.get_absolute_url()) for pk, ticket in asked.items()
    }


def test_a_credit_leads_to_the_latest_open_ticket_about_it() -> None:
    person = factories.person()
    credit = a_credit(person)
    a_ticket(person, credit)
    second = actions.open_ticket(subject="Again", body="Wrong day", credit=credit, by=person)
    found = open_ticket_of(with_open_tickets(Credit.objects.all()).get())
    assert found == OpenTicket(today(), second.get_absolute_url())
