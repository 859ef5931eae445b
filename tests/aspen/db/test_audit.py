"""Every change is recorded with the person who made it, in a history that no one can rewrite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from accounts.enums import Role
from accounts.models import AccountHistory, RoleHistory
from aspen.db import database_role
from credits import actions
from credits.enums import ClaimState
from credits.models import ClaimHistory, Credit, CreditHistory
from events.actions import decide_custom_event, mark_attendance, register, settle_due
from events.enums import Attendance, Decision
from events.models import CreditOffer, CreditOfferHistory, Event, EventHistory
from helpdesk import actions as helpdesk_actions
from helpdesk.models import TicketHistory
from tests import factories as make
from tracks.actions import leave_track, select_track
from tracks.models import ParticipationHistory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def portal_role(db: None) -> None:
    """Create the portal's database role if it does not exist. The embedded server has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.PORTAL_ROLE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {settings.PORTAL_ROLE} ROLE CURRENT_USER")
            database_role.grant_table_privileges()


def entries(history: Any, *names: str) -> list[tuple[Any, ...]]:
    """Return each history entry's label, person, action and the named columns, in order."""
    keys = ("pgh_label", "pgh_context__by", "pgh_context__act", *names)
    return list(history.objects.order_by("pgh_id").values_list(*keys))


def test_the_history_of_a_custom_event_and_its_claim() -> None:
    person, staff = make.person(), make.person(Role.CE_COORDINATOR)
    claim = actions.claim_custom_event(facts=make.facts(), by=person)
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.RETURN, reason="Which library?", by=staff
    )
    assert entries(ClaimHistory, "state", "reason") == [
        ("insert", person.pk, "credits.claim_custom_event", "pending", ""),
        ("update", staff.pk, "events.decide_custom_event", "returned", "Which library?"),
    ]
    assert entries(EventHistory, "state") == [
        ("insert", person.pk, "credits.claim_custom_event", "pending"),
        ("update", staff.pk, "events.decide_custom_event", "draft"),
    ]
    assert entries(CreditHistory, "amount") == [
        ("insert", person.pk, "credits.claim_custom_event", 1),
    ]


def test_a_correction_records_the_ticket() -> None:
    person, helper = make.person(), make.person(Role.HELP_DESK)
    credit = make.claim(person).credits.get()
    ticket = helpdesk_actions.open_ticket(subject="Wrong", body="Please", credit=credit, by=person)
    helpdesk_actions.correct_credit(
        ticket_id=ticket.pk,
        credit_id=credit.pk,
        category=make.category(make.ADMINISTRATION),
        amount=credit.amount,
        note="",
        by=helper,
    )
    first, second = CreditHistory.objects.order_by("pgh_id")
    assert first.category.slug == make.TECHNOLOGY
    assert second.category.slug == make.ADMINISTRATION
    assert second.pgh_context == {
        "by": helper.pk,
        "act": "helpdesk.correct_credit",
        "ticket": ticket.pk,
    }
    assert [row[:3] for row in entries(TicketHistory)] == [
        ("insert", person.pk, "helpdesk.open_ticket"),
        ("update", helper.pk, "helpdesk.correct_credit"),
    ]


def test_bulk_updates_and_plain_sql_are_recorded() -> None:
    claim = make.claim(make.person())
    Credit.objects.filter(claim=claim).update(amount=3)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_creditoffer SET amount = 2.5")
    CreditOffer.objects.all().delete()
    assert [row[0] for row in entries(CreditHistory)] == ["insert", "update"]
    assert list(
        CreditOfferHistory.objects.order_by("pgh_id").values_list("pgh_label", "amount")
    ) == [("insert", 1), ("update", 2.5), ("delete", 2.5)]


def test_updates_that_change_nothing_are_not_recorded() -> None:
    claim = make.claim(make.person())
    Credit.objects.filter(claim=claim).update(amount=1)
    Event.objects.filter(pk=claim.event_id).update(check_in_code="ABCDEF")
    assert len(entries(CreditHistory)) == 1
    assert len(entries(EventHistory)) == 1


def test_tracks_roles_and_accounts_are_recorded() -> None:
    person = make.person(Role.HELP_DESK)
    participation, _ = select_track(track=make.track(), by=person)
    leave_track(participation_id=participation.pk, by=person)
    person.groups.remove(Group.objects.get(name=Role.HELP_DESK.value))
    person.is_staff = False
    person.save()
    assert entries(ParticipationHistory, "state") == [
        ("insert", person.pk, "tracks.select_track", "open"),
        ("update", person.pk, "tracks.leave_track", "left"),
    ]
    assert [row[0] for row in entries(RoleHistory)] == ["insert", "delete"]
    mine = AccountHistory.objects.filter(pgh_obj=person).order_by("pgh_id")
    assert list(mine.values_list("is_staff", flat=True)) == [True, False]


def test_nested_actions_are_recorded_under_the_outer_one() -> None:
    """When staff mark someone absent, that action also withdraws the credit."""
    person, organizer = make.person(), make.person(Role.CE_COORDINATOR)
    event = make.event(days=1)
    registration = register(event_id=event.pk, by=person)
    begins_at, ends_at = "2026-01-05T16:00Z", "2026-01-05T17:00Z"
    Event.objects.filter(pk=event.pk).update(begins_at=begins_at, ends_at=ends_at)
    settle_due(person=person)
    mark_attendance(registration_id=registration.pk, attendance=Attendance.ABSENT, by=organizer)
    assert entries(ClaimHistory, "state") == [
        ("insert", person.pk, "credits.credit_attendance", "pending"),
        ("update", organizer.pk, "events.mark_attendance", "withdrawn"),
    ]


# ---------- No one can rewrite it ----------


@pytest.mark.parametrize("way", ["update", "delete"])
def test_the_application_cannot_rewrite_history(way: str) -> None:
    make.claim(make.person())
    history = ClaimHistory.objects.all()
    rewrite = history.delete if way == "delete" else lambda: history.update(state="approved")
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        rewrite()
    assert entries(ClaimHistory, "state")[0][-1] == ClaimState.PENDING


@contextmanager
def as_the_portal_role() -> Iterator[Any]:
    """Run the block with the rights of the portal's database role."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {settings.PORTAL_ROLE}")
        try:
            yield cursor
        finally:
            cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credits_claimhistory SET state = 'approved'",
        "DELETE FROM credits_claimhistory",
        "INSERT INTO credits_claimhistory (pgh_label) VALUES ('insert')",
        "TRUNCATE credits_claimhistory",
        "ALTER TABLE credits_claimhistory DISABLE TRIGGER ALL",
        "ALTER TABLE credits_claim DISABLE TRIGGER ALL",
        "DROP TABLE credits_claimhistory",
        "SET session_replication_role = replica",
    ],
)
def test_the_portals_database_role_cannot_rewrite_history(statement: str) -> None:
    make.claim(make.person())
    before = entries(ClaimHistory, "state")
    with as_the_portal_role() as cursor:
        with pytest.raises((ProgrammingError, DatabaseError)) as refusal, transaction.atomic():
            cursor.execute(statement)
    message = str(refusal.value)
    assert "permission denied" in message or "must be owner" in message
    assert entries(ClaimHistory, "state") == before


def test_the_portal_role_can_do_its_work_and_is_recorded() -> None:
    person = make.person()
    event = make.event()
    with as_the_portal_role():
        assert database_role.may_rewrite_history() == []
        make.claim(person, event)
        select_track(track=make.track(), by=person)
    assert entries(ClaimHistory)[0][:2] == ("insert", person.pk)
    assert database_role.may_rewrite_history() == database_role.history_tables()


def test_the_portal_role_can_write_all_tables_except_history() -> None:
    history = set(database_role.history_tables())
    with as_the_portal_role() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND NOT (has_table_privilege(oid, 'SELECT')"
            " AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')"
            " AND has_table_privilege(oid, 'DELETE'))"
        )
        assert {name for (name,) in cursor.fetchall()} == history
