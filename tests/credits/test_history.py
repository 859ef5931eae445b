"""The history of claims and credits."""

import datetime as dt
import itertools
from typing import Any

import pytest
from django.utils import timezone

from accounts.actions import portal_user
from accounts.enums import Role
from accounts.models import User
from aspen.db import audit
from aspen.db.audit import audited
from aspen.formats import format_day, format_time_range
from credits import actions, history
from credits.actions import store
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim, Credit, Evidence
from events.actions import (
    decide_custom_event,
    mark_attendance,
    register,
    revise_custom_event,
    settle_due,
)
from events.enums import Attendance, Decision
from events.models import Event, Presenter
from helpdesk import actions as helpdesk_actions
from tests import factories as make

pytestmark = pytest.mark.django_db


def entries(claim: Claim, **kwargs: Any) -> list[str]:
    """Return the history entries without today's date."""
    today = format_day(timezone.localdate())
    claim.refresh_from_db()
    return [
        str(each).replace(f" on {today}", "") for each in history.claim_history(claim, **kwargs)
    ]


@audited
def change(*, by: User | None, **values: Any) -> None:
    """Set these values on all credits in an audited action."""
    Credit.objects.update(**values)


@audited
def change_event(event: Event, *, by: User | None = None, **values: Any) -> None:
    Event.objects.filter(pk=event.pk).update(**values)


@pytest.mark.parametrize(
    ("source", "how"),
    [
        (ClaimSource.CALENDAR, ", with Add CE credit"),
        (ClaimSource.LIST, ", from the Continuing Education list"),
    ],
)
def test_the_first_entry_has_the_date_source_and_credits(source: ClaimSource, how: str) -> None:
    person = make.person()
    event = make.event(credits={make.ADMINISTRATION: "1.5", make.TECHNOLOGY: "1.0"})
    claim = actions.claim_event(event_id=event.pk, source=source, by=person)
    [entry] = history.claim_history(claim)
    day = format_day(timezone.localdate(claim.claimed_at))
    assert str(entry) == (
        f"Claimed by you on {day}{how}: Library Administration 1.5 and Technology 1."
    )
    assert entry.at == claim.claimed_at


def test_decisions_have_a_person_and_a_reason() -> None:
    person = make.person(display_name="Pat")
    staff = make.person(Role.CE_COORDINATOR, display_name="Dana")
    claim = actions.claim_custom_event(facts=make.facts(title="First"), by=person)
    decide: Any = {"event_id": claim.event_id, "by": staff}
    decide_custom_event(decision=Decision.RETURN, reason="Which library?", **decide)
    facts = make.facts(title="Second", category=make.category(make.PUBLIC))
    revise_custom_event(event_id=claim.event_id, facts=facts, by=person)
    decide_custom_event(decision=Decision.APPROVE, reason="", **decide)
    decide_custom_event(decision=Decision.DECLINE, reason="Held twice.", **decide)
    expected = [
        "Claimed by you, with Create New…: Technology 1.",
        "Returned for changes by the CE Coordinator (Dana): Which library?",
        "The event was renamed from “First” to “Second” by you.",
        "Credit moved from Technology to Library Services to the Public by you.",
        "Resubmitted by you.",
        "Approved by the CE Coordinator (Dana).",
        "Declined by the CE Coordinator (Dana): Held twice.",
    ]
    assert entries(claim) == expected
    assert entries(claim, reader=person) == expected
    assert entries(claim, reader=staff) == [
        each.replace("by you", "by Pat").replace("by the CE Coordinator (Dana)", "by you")
        if "Dana" not in each
        else each
        for each in expected
    ]


def test_a_correction_by_the_help_desk_has_its_ticket() -> None:
    person = make.person()
    helper = make.person(Role.HELP_DESK, display_name="Robin")
    claim = make.claim(person)
    credit = claim.credits.get()
    ticket = helpdesk_actions.open_ticket(subject="Wrong", body="Please", credit=credit, by=person)
    steps = [(make.ADMINISTRATION, 1), (make.ADMINISTRATION, "0.5"), (make.PUBLIC, 1)]
    for slug, amount in steps:
        helpdesk_actions.correct_credit(
            ticket_id=ticket.pk,
            credit_id=credit.pk,
            category=make.category(slug),
            amount=make.Decimal(amount),
            note="",
            by=helper,
        )
    by = f"by the help desk (Robin), ticket {ticket.pk}."
    assert entries(claim)[1:] == [
        f"Credit moved from Technology to Library Administration {by}",
        f"Library Administration changed from 1 to 0.5 {by}",
        f"Credit changed from Library Administration 0.5 to Library Services to the Public 1 {by}",
    ]
    assert {each.ticket for each in history.claim_history(claim)[1:]} == {ticket.pk}


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (Role.CE_COORDINATOR, "the CE Coordinator (Robin)"),
        (Role.HELP_DESK, "the help desk (Robin)"),
        (Role.ADMINISTRATOR, "an administrator (Robin)"),
        (Role.EVENT_EDITOR, "the organizer (Robin)"),
        (None, "Robin"),
    ],
)
def test_staff_are_shown_with_their_role(role: Role | None, name: str) -> None:
    claim = make.claim(make.person())
    change(amount=2, by=make.person(role, display_name="Robin"))
    assert entries(claim)[1:] == [f"Technology changed from 1 to 2 by {name}."]


def test_a_change_without_a_person() -> None:
    claim = make.claim(make.person())
    change(amount=2, by=None)
    assert entries(claim)[1:] == ["Technology changed from 1 to 2."]


def test_an_automatic_credit_is_withdrawn_after_an_absence() -> None:
    person = make.person()
    organizer = make.person(Role.EVENT_EDITOR, display_name="Sam")
    event = make.event(days=1)
    registration = register(event_id=event.pk, by=person)
    past = timezone.now() - dt.timedelta(days=1)
    Event.objects.update(begins_at=past, ends_at=past)
    settle_due(person=person)
    mark_attendance(registration_id=registration.pk, attendance=Attendance.ABSENT, by=organizer)
    claim = Claim.objects.get()
    added = "Added automatically, because {} registered: Technology 1."
    withdrawn_entry = "Withdrawn by the organizer (Sam): The organizer marked you as absent."
    assert entries(claim) == [added.format("you"), withdrawn_entry]
    assert entries(claim, reader=organizer)[0] == added.format("the person")


def test_presenter_credit_replaces_attendee_credit() -> None:
    person = make.person()
    attended = make.claim(person)
    Presenter.objects.create(event=attended.event, person=person)
    settle_due()
    presented = Claim.objects.exclude(pk=attended.pk).get()
    assert entries(presented) == ["Added automatically, because you presented: Technology 2."]
    assert entries(attended)[1:] == [
        "Withdrawn by the portal: Your presenter credit for this event replaces your attendee "
        "credit."
    ]


def test_a_withdrawal_by_the_person() -> None:
    person = make.person()
    claim = make.claim(person)
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    assert entries(claim)[1:] == ["Withdrawn by you."]


def test_a_line_withdrawn_and_restored() -> None:
    claim = make.claim(make.person(), credits={make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "2.0"})
    staff = make.person(Role.CE_COORDINATOR, display_name="Dana")
    now = timezone.now()
    [credit, other] = claim.credits.order_by("line")

    @audited
    def withdraw_line(*, by: User) -> None:
        withdrawn = {"withdrawn_at": now, "withdrawn_by": by, "withdrawn_reason": "Never offered."}
        Credit.objects.filter(pk=credit.pk).update(**withdrawn)

    @audited
    def restore(*, by: User) -> None:
        audit.add_audit_context(reason="It was offered.")
        Credit.objects.filter(pk=credit.pk).update(
            withdrawn_at=None, withdrawn_by=None, withdrawn_reason=""
        )

    withdraw_line(by=staff)
    restore(by=staff)
    line = "Library Administration 1"
    assert entries(claim)[1:] == [
        f"{line} withdrawn by the CE Coordinator (Dana): Never offered.",
        f"{line} restored by the CE Coordinator (Dana): It was offered.",
    ]
    loaded = history.with_history(Credit.objects.filter(claim=claim))
    lengths = {each.pk: len(history.credit_history(each)) for each in loaded}
    assert (lengths[credit.pk], lengths[other.pk]) == (3, 1)


def test_a_moved_claim_shows_changes_to_its_new_event() -> None:
    person, staff = make.person(), make.person(Role.CE_COORDINATOR, display_name="Dana")
    claim = actions.claim_custom_event(facts=make.facts(title="My {notes}"), by=person)
    target = make.event(title="Weeding")

    @audited
    def move(*, by: User) -> None:
        Claim.objects.filter(pk=claim.pk).update(event=target)

    move(by=staff)
    change_event(claim.event, title="Previous event")
    change_event(target, title="Weeding 101", presenter="Not said")
    assert entries(claim)[1:] == [
        "Moved from the event “Previous event” to “Weeding 101” by the CE Coordinator (Dana).",
        "The event was renamed from “Weeding” to “Weeding 101”.",
    ]


def test_a_change_to_the_events_time_has_an_entry() -> None:
    claim = make.claim(make.person())
    old = claim.event
    moved = old.begins_at - dt.timedelta(days=30)
    change_event(old, begins_at=moved, ends_at=moved, all_day=True)
    was = format_time_range(old.begins_at, old.ends_at, all_day=False)
    day = format_day(timezone.localdate(moved))
    assert entries(claim)[1:] == [f"The event's time was changed from {was} to {day}."]


def test_a_correction_for_everyone() -> None:
    claim = make.claim(make.person())

    @audited
    def correct(*, by: User) -> None:
        audit.add_audit_context(reason="It lasted two hours.", corrected=claim.event_id)
        Credit.objects.update(amount=2)

    correct(by=make.person(Role.CE_COORDINATOR, display_name="Dana"))
    assert entries(claim)[1:] == [
        "Technology changed from 1 to 2 by the CE Coordinator (Dana), for everyone who claimed "
        "this event: It lasted two hours."
    ]


def test_an_added_file() -> None:
    person = make.person()
    claim = make.claim(person)

    @audited
    def add(*, by: User) -> None:
        Evidence.objects.create(
            claim=claim, person=person, file="x", file_name="{a}.pdf", content_type="x", size=1
        )

    add(by=person)
    assert entries(claim)[1:] == ["File “{a}.pdf” added by you."]


def test_an_award() -> None:
    person, staff = make.person(), make.person(Role.CE_COORDINATOR, display_name="Dana")

    @audited
    def award(*, by: User) -> Claim:
        [claim] = store.create_claims(
            [make.event()], person=person, source=ClaimSource.AWARD, by=by
        )
        return claim

    assert entries(award(by=staff)) == ["Awarded by the CE Coordinator (Dana): Technology 1."]


def test_every_change_of_state_has_a_text() -> None:
    """Changes that the transition table does not allow have one, too."""
    claim = make.claim(make.person())
    portal = portal_user()
    for one, other in itertools.permutations(ClaimState, 2):
        for state in (one, other):
            Claim.objects.filter(pk=claim.pk).update(
                state=state, decided_at=timezone.now(), decided_by=portal, reason="Because"
            )
    assert {each.partition(" by ")[0] for each in entries(claim)[1:]} == {
        "Resubmitted",
        "Approved",
        "Returned for changes",
        "Declined",
        "Withdrawn",
        "Restored",
    }


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number: int, django_assert_num_queries: Any) -> None:
    claim = make.claim(make.person())
    for amount in range(2, 2 + number):
        change(amount=amount, by=make.person(Role.HELP_DESK))
    with django_assert_num_queries(1):
        assert len(history.claim_history(claim)) == 1 + number
