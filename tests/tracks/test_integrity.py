"""check_credits finds what constraints normally prevent, and nothing in sound data.

Each fault is made by going round Python, and where needed round the database's own triggers.
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
    """A person with a posted credit, an archived one, one from a registration and a custom one."""
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
    """Run a statement while these tables have no triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in untriggered:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        for table in untriggered:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def faults() -> dict[str, int]:
    return {finding.fault: finding.count for finding in integrity.find_violations()}


def test_nothing_is_found_where_everything_is_as_it_should_be(person: User) -> None:
    assert integrity.find_violations() == []
    out = StringIO()
    call_command("check_credits", stdout=out)
    assert "4 credits in 4 claims: all checks passed." in out.getvalue()


def test_nor_after_leaving_withdrawing_and_deciding(person: User) -> None:
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


def test_claims_that_stand_twice(person: User) -> None:
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


def test_a_claim_without_who_when_and_why(person: User) -> None:
    names = ("decision_recorded", "decided_both_or_neither", "refusal_has_reason")
    for name in names:
        by_sql(f"ALTER TABLE credits_claim DROP CONSTRAINT credits_claim_{name}")
    claim = make.claim(make.person())
    Claim.objects.filter(pk=claim.pk).update(state=ClaimState.WITHDRAWN)
    assert faults() == {"Claims that ended without a name, date or reason": 1}


def test_a_registration_that_led_to_nothing() -> None:
    event = make.event(days=1)
    register(event_id=event.pk, by=make.person())
    begins_at, ends_at = "2026-01-05T16:00Z", "2026-01-05T17:00Z"
    Event.objects.filter(pk=event.pk).update(begins_at=begins_at, ends_at=ends_at)
    event.registrations.update(settled_at=timezone.now())
    assert faults() == {"Registrations that did not lead to a credit": 1}


def test_a_claim_on_an_event_that_was_declined(person: User) -> None:
    Event.objects.filter(origin="custom").update(
        state=EventState.DECLINED,
        decided_at=timezone.now(),
        decided_by=make.person(),
        decision_reason="Because.",
    )
    assert faults() == {"Claims on declined, canceled or merged events": 1}


def test_a_claim_returned_without_a_question(person: User) -> None:
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


def test_what_the_history_does_not_tell(person: User) -> None:
    by_sql("UPDATE credits_credit SET amount = 2 WHERE amount = 1", "credits_credit")
    offers = CreditOffer.objects.count()
    by_sql("DELETE FROM events_creditofferhistory", "events_creditofferhistory")
    assert faults() == {
        "Credits that differ from their history": 4,
        "Credit lines of events that differ from their history": offers,
    }


def test_a_credit_that_is_gone(person: User) -> None:
    # Not posted, so that nothing else holds it.
    old = Credit.objects.earliest("claim__event__last_day")
    by_sql(f"DELETE FROM credits_credit WHERE id = {old.pk}", "credits_credit")
    assert faults() == {"Claims without any credit": 1, "Credits that were deleted": 1}


def test_the_command_says_in_words_what_is_wrong_and_fails(person: User) -> None:
    Posting.objects.all().delete()
    out = StringIO()
    with pytest.raises(CommandError, match="4 claims: 1 check failed"):
        call_command("check_credits", stdout=out)
    assert "Every credit is archived, posted, or withdrawn" in out.getvalue()
    assert "  Credits not posted where they count: 3 (" in out.getvalue()


def test_the_same_statements_however_many_credits(
    person: User, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(len(integrity.INTEGRITY_CHECKS)):  # type: ignore[operator]
        integrity.find_violations()
