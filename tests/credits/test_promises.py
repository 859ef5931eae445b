"""Promises 2, 3 and 6: one live claim per event, no lost credits, and credits belong to people.

Constraints are tested with `.update()`, raw SQL, or a plain insert, bypassing Python.
"""

import time
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from aspen.errors import Refused
from aspen.transitions import Actor
from credits import actions, queries
from credits.actions import claiming, store
from credits.enums import CLAIM_TRANSITIONS, ENDED, LIVE, ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import queries as event_queries
from tests import factories as make
from tests.races import run_concurrently
from tests.web import signed_in

pytestmark = pytest.mark.django_db


def insert_claim(person, event):
    return Claim.objects.bulk_create(
        [
            Claim(
                person=person,
                event=event,
                source=ClaimSource.CALENDAR,
                claimed_at=timezone.now(),
                claimed_by=person,
            )
        ]
    )


def test_a_second_live_claim_is_refused_by_the_database():
    claim = make.claim(make.person())
    with pytest.raises(IntegrityError, match="credits_one_live_claim_per_event"):
        insert_claim(claim.person, claim.event)


def test_the_action_refuses_and_returns_the_existing_claim():
    claim = make.claim(make.person())
    with pytest.raises(actions.AlreadyClaimed) as refusal:
        actions.claim_event(event_id=claim.event_id, source=ClaimSource.LIST, by=claim.person)
    assert refusal.value.claim == claim


@pytest.mark.django_db(transaction=True)
def test_twenty_concurrent_requests_make_one_claim():
    person, event = make.person(), make.event()

    def press_the_green_button(_):
        client = signed_in(person)
        return client.post(f"/continuing-education/claim/{event.pk}/").status_code

    assert run_concurrently(20, press_the_green_button) == [302] * 20
    assert Claim.objects.filter(person=person, event=event).count() == 1
    assert Credit.objects.filter(person=person).count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_constraint_and_locks_there_are_two_claims(monkeypatch):
    """Without the locks and the constraint, the same twenty requests break the promise."""
    person, event = make.person(), make.event()
    monkeypatch.setattr(claiming, "lock_people", lambda ids: None)
    monkeypatch.setattr(event_queries, "lock_event", lambda event_id: None)
    why_not_claim = queries.why_person_cannot_claim

    def check_slowly(*args):
        time.sleep(0.3)  # Everyone checks before anyone writes.
        return why_not_claim(*args)

    monkeypatch.setattr(queries, "why_person_cannot_claim", check_slowly)
    constraint = next(
        one for one in Claim._meta.constraints if one.name == "credits_one_live_claim_per_event"
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(Claim, constraint)
    try:
        run_concurrently(
            20,
            lambda _: actions.claim_event(
                event_id=event.pk, source=ClaimSource.CALENDAR, by=person
            ),
        )
        assert Claim.objects.filter(person=person, event=event).count() > 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE credits_claim CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(Claim, constraint)


@pytest.mark.parametrize("model", [Claim, Credit])
def test_neither_claim_nor_credit_can_be_deleted(model):
    make.claim(make.person())
    with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
        Credit.objects.all().delete()
    with (
        pytest.raises(ProgrammingError, match="Cannot delete"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM {model._meta.db_table}")
    assert model.objects.count() == 1


@pytest.mark.parametrize("state", sorted(ENDED | {ClaimState.RETURNED}))
def test_ended_and_returned_claims_have_a_person_time_and_reason(state):
    claim = make.claim(make.person())
    claims = Claim.objects.filter(pk=claim.pk)
    staff, now = make.person(), timezone.now()
    with pytest.raises(IntegrityError, match="credits_claim_"), transaction.atomic():
        claims.update(state=state)
    with pytest.raises(IntegrityError, match="refusal_has_reason"), transaction.atomic():
        claims.update(state=state, decided_by=staff, decided_at=now)
    with pytest.raises(IntegrityError, match="claim_decided_both_or_neither"), transaction.atomic():
        claims.update(state=state, decided_at=now, reason="A duplicate.")
    assert claims.update(state=state, decided_by=staff, decided_at=now, reason="A duplicate.") == 1


def test_a_claim_cannot_be_approved_by_its_claimant():
    claim = make.claim(make.person())
    with pytest.raises(IntegrityError, match="credits_claim_not_decided_by_claimant"):
        Claim.objects.filter(pk=claim.pk).update(
            state=ClaimState.APPROVED, decided_by=claim.person, decided_at=timezone.now()
        )


def test_a_credit_belongs_to_its_claims_person():
    make.claim(make.person())
    with pytest.raises(IntegrityError, match="credits_credit_person_matches_claim"):
        Credit.objects.update(person=make.person())


@pytest.mark.parametrize("amount", ["0", "0.4", "0.7", "1.3", "-1"])
def test_amounts_must_be_multiples_of_one_half(amount):
    make.claim(make.person())
    with pytest.raises(IntegrityError, match="credits_amount_in_halves"):
        Credit.objects.update(amount=Decimal(amount))


@pytest.mark.parametrize("source", list(ClaimState))
@pytest.mark.parametrize("target", list(ClaimState))
@pytest.mark.parametrize("actor", list(Actor))
def test_only_transitions_in_the_table_are_allowed(source, target, actor):
    claim = make.claim(make.person())
    staff = make.person()
    Claim.objects.filter(pk=claim.pk).update(
        state=source, decided_by=staff, decided_at=timezone.now(), reason="For the test."
    )
    claim.refresh_from_db()
    if CLAIM_TRANSITIONS[target].allows(source, actor):
        store.move_claim(claim, target, actor=actor, reason="Because.", by=staff)
        claim.refresh_from_db()
        assert (claim.state, claim.decided_by) == (target, staff)
    else:
        with pytest.raises(Refused):
            store.move_claim(claim, target, actor=actor, reason="Because.", by=staff)
        claim.refresh_from_db()
        assert claim.state == source


def test_every_state_is_either_live_or_ended():
    assert set(ClaimState) == LIVE | ENDED
    assert not LIVE & ENDED
