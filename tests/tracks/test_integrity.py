"""check_credits finds faults that constraints normally prevent.

Each fault is introduced directly in the database, with its triggers disabled if necessary.
"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from credits.actions import claim_custom_event, withdraw_claim
from credits.enums import ClaimState
from credits.models import Claim, Credit
from events.actions import decide_custom_event, register, settle_due
from events.enums import Decision, EventState
from events.models import CreditOffer, Event
from tests import factories as make
from tracks import integrity
from tracks.actions import leave_track, select_track
from tracks.models import Participation, Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    """A person with a posted, an archived and a custom credit, and one from a registration."""
    person = make.person()
    make.claim(person)
    make.claim(person, days=-2200)
    claim_custom_event(facts=make.facts(), by=person)
    select_track(track=make.track(), by=person)
    event = make.event(days=1)
    register(event_id=event.pk, by=person)
    Event.objects.filter(pk=event.pk).update(
        begins_at="2026-01-05T16:00Z", ends_at="2026-01-05T17:00Z"
    )
    settle_due(person=person)
    return person


def by_sql(statement: str, *untriggered: str) -> None:
    """Run a statement with the triggers of these tables disabled."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in untriggered:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        for table in untriggered:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def faults() -> dict[str, int]:
    return {finding.fault: finding.count for finding in integrity.find_violations()}


def test_sound_data_has_no_faults(person: User) -> None:
    assert integrity.find_violations() == []
    out = StringIO()
    call_command("check_credits", stdout=out)
    assert "4 credits in 4 claims: all checks passed." in out.getvalue()


def test_leaving_withdrawing_and_deciding_leave_no_faults(person: User) -> None:
    leave_track(participation_id=Participation.objects.get().pk, by=person)
    for claim in Claim.objects.exclude(event__origin="custom").order_by("pk")[:1]:
        withdraw_claim(claim_id=claim.pk, by=person)
    custom = Event.objects.get(origin="custom")
    for decision in (Decision.APPROVE, Decision.DECLINE):
        decide_custom_event(
            event_id=custom.pk, decision=decision, reason="Because.", by=make.person()
        )
    assert integrity.find_violations() == []


def test_a_credit_that_is_not_posted(person: User) -> None:
    credit = Posting.objects.order_by("pk")[0].credit_id
    Posting.objects.filter(credit=credit).delete()
    assert faults() == {"Credits not posted where they count": 1}
    [finding] = integrity.find_violations()
    assert str(finding) == f"Credits not posted where they count: 1 ({credit})"


def test_a_credit_that_is_posted_where_it_does_not_count(person: User) -> None:
    old = Credit.objects.earliest("claim__event__last_day")
    Posting.objects.create(credit=old, participation=Participation.objects.get(), person=person)
    assert faults() == {"Credits posted where they do not count": 1}


def test_a_posting_to_a_track_that_was_left(person: User) -> None:
    Participation.objects.update(state="left")
    assert faults() == {"Postings to a track that was left": 3}


def test_duplicate_claims(person: User) -> None:
    [name] = [
        each.name for each in Claim._meta.constraints if each.name.startswith("credits_one_live")
    ]
    claim = make.claim(make.person())
    by_sql(f"DROP INDEX {name}")
    Claim.objects.bulk_create(
        [
            Claim(
                person=claim.person,
                event=claim.event,
                source=claim.source,
                claimed_at=timezone.now(),
                claimed_by=claim.person,
            )
        ]
    )
    assert faults() == {"Duplicate claims": 1, "Claims without any credit": 1}


def test_a_withdrawn_claim_without_name_date_and_reason(person: User) -> None:
    names = ("decision_recorded", "decided_both_or_neither", "refusal_has_reason")
    for name in names:
        by_sql(f"ALTER TABLE credits_claim DROP CONSTRAINT credits_claim_{name}")
    claim = make.claim(make.person())
    Claim.objects.filter(pk=claim.pk).update(state=ClaimState.WITHDRAWN)
    assert faults() == {"Claims that ended without a name, date or reason": 1}


def test_a_registration_that_did_not_lead_to_a_credit() -> None:
    event = make.event(days=1)
    register(event_id=event.pk, by=make.person())
    begins_at, ends_at = "2026-01-05T16:00Z", "2026-01-05T17:00Z"
    Event.objects.filter(pk=event.pk).update(begins_at=begins_at, ends_at=ends_at)
    event.registrations.update(settled_at=timezone.now())
    assert faults() == {"Registrations that did not lead to a credit": 1}


def test_a_claim_on_a_declined_event(person: User) -> None:
    Event.objects.filter(origin="custom").update(
        state=EventState.DECLINED,
        decided_at=timezone.now(),
        decided_by=make.person(),
        decision_reason="Because.",
    )
    assert faults() == {"Claims on declined, canceled or merged events": 1}


def test_a_returned_claim_whose_event_is_not_open_for_changes(person: User) -> None:
    Claim.objects.filter(event__origin="custom").update(
        state=ClaimState.RETURNED,
        decided_at=timezone.now(),
        decided_by=make.person(),
        reason="Which library?",
    )
    assert faults() == {"Returned claims whose event is not open for changes": 1}


def test_an_event_merged_without_a_record() -> None:
    event = make.event()
    Event.objects.filter(pk=event.pk).update(state=EventState.MERGED, merged_into=make.event())
    assert faults() == {"Merged events without a record of the merge": 1}


def test_rows_that_differ_from_their_history(person: User) -> None:
    by_sql("UPDATE credits_credit SET amount = 2 WHERE amount = 1", "credits_credit")
    offers = CreditOffer.objects.count()
    by_sql("DELETE FROM events_creditofferhistory", "events_creditofferhistory")
    assert faults() == {
        "Credits that differ from their history": 4,
        "Credit lines of events that differ from their history": offers,
    }


def test_a_deleted_credit(person: User) -> None:
    # Not posted, so no other row references it.
    old = Credit.objects.earliest("claim__event__last_day")
    by_sql(f"DELETE FROM credits_credit WHERE id = {old.pk}", "credits_credit")
    assert faults() == {"Claims without any credit": 1, "Credits that were deleted": 1}


def test_the_command_reports_faults_and_fails(person: User) -> None:
    Posting.objects.all().delete()
    out = StringIO()
    with pytest.raises(CommandError, match="4 claims: 1 check failed"):
        call_command("check_credits", stdout=out)
    assert "Every credit is archived, posted, or withdrawn" in out.getvalue()
    assert "  Credits not posted where they count: 3 (" in out.getvalue()


def test_each_check_takes_one_query(person: User, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(len(integrity.INTEGRITY_CHECKS)):  # type: ignore[operator]
        integrity.find_violations()
