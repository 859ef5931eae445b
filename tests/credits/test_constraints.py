"""Database constraints on evidence, credit lines, merges, college courses and awards."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Value
from django.utils import timezone

from credits.enums import LIVE, ClaimState
from credits.models import AwardList, Claim, Credit, Evidence, Merge, WaitingAward
from events import queries
from events.enums import CollegeCreditType, EventState
from events.models import CollegeWork, Event
from tests import factories as make
from tests.races import run_concurrently

pytestmark = pytest.mark.django_db
DECIDED = {"decided_at": timezone.now(), "reason": "For the test."}


def assert_refused(model: type[models.Model], constraint: str, **values: Any) -> None:
    """Check that the constraint prevents this update of all rows."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model._default_manager.all().update(**values)


def test_evidence_is_a_file_of_the_claims_person() -> None:
    claim = make.claim(make.person())
    values = {"file": "evidence/1", "file_name": "a.pdf", "content_type": "application/pdf"}
    Evidence.objects.create(claim=claim, person=claim.person, size=9, **values)
    assert_refused(Evidence, "credits_evidence_person_matches_claim", person=make.person())
    assert_refused(Evidence, "credits_evidence_is_a_file", file="")
    assert_refused(Evidence, "credits_evidence_is_a_file", file_name="")
    assert_refused(Evidence, "credits_evidence_is_a_file", size=0)


def test_a_withdrawn_line_has_a_person_and_a_reason() -> None:
    make.claim(make.person())
    staff, now = make.person(), timezone.now()
    name = "credits_credit_withdrawn_all_or_none"
    assert_refused(Credit, name, withdrawn_at=now)
    assert_refused(Credit, name, withdrawn_at=now, withdrawn_by=staff)
    assert_refused(Credit, name, withdrawn_at=now, withdrawn_reason="One line is enough.")
    assert_refused(Credit, name, withdrawn_reason="One line is enough.")


def test_an_event_is_merged_only_once_and_not_into_itself() -> None:
    source, target, staff = make.event(), make.event(), make.person()
    values = {"was": "published", "merged_at": timezone.now(), "merged_by": staff}
    Merge.objects.create(source=source, target=target, **values)
    with pytest.raises(IntegrityError, match="event_merged_once"), transaction.atomic():
        Merge.objects.create(source=source, target=make.event(), **values)
    assert_refused(Merge, "credits_merged_into_another", target=source)
    assert_refused(Merge, "credits_merge_undone_both_or_neither", undone_by=staff)
    assert_refused(Merge, "credits_merge_undone_both_or_neither", undone_at=timezone.now())
    Merge.objects.update(undone_at=timezone.now(), undone_by=staff)
    Merge.objects.create(source=source, target=target, **values)


def test_a_merged_event_refers_to_another_event() -> None:
    event, name = make.event(), "events_merged_into_another"
    assert_refused(Event, name, state=EventState.MERGED)
    assert_refused(Event, name, merged_into=make.event())
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(state=EventState.MERGED, merged_into=event)


LIVE_ON_MERGED = "credits_no_live_claim_on_merged_event"


@pytest.mark.parametrize("state", sorted(LIVE))
def test_an_event_with_a_live_claim_cannot_be_merged(state: ClaimState) -> None:
    claim, target = make.claim(make.person()), make.event()
    Claim.objects.update(state=state, **DECIDED, decided_by=make.person())
    event = Event.objects.filter(pk=claim.event_id)
    with pytest.raises(IntegrityError, match=LIVE_ON_MERGED), transaction.atomic():
        event.update(state=EventState.MERGED, merged_into=target)
    Claim.objects.update(state=ClaimState.WITHDRAWN)
    assert event.update(state=EventState.MERGED, merged_into=target) == 1


def test_a_merged_event_gets_no_live_claim() -> None:
    merged, claim = make.event(state=EventState.MERGED), make.claim(make.person())
    copy = Claim.objects.get()
    copy.pk, copy.event = None, merged
    with pytest.raises(IntegrityError, match=LIVE_ON_MERGED), transaction.atomic():
        Claim.objects.bulk_create([copy])
    assert_refused(Claim, LIVE_ON_MERGED, event=merged)
    Claim.objects.update(state=ClaimState.DECLINED, **DECIDED, decided_by=make.person())
    assert Claim.objects.filter(pk=claim.pk).update(event=merged) == 1
    assert_refused(Claim, LIVE_ON_MERGED, state=ClaimState.PENDING)


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_stays_live_does_not_wait_for_its_event() -> None:
    claim, staff = make.claim(make.person()), make.person()

    def approve(_: int) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            return Claim.objects.update(state=ClaimState.APPROVED, **DECIDED, decided_by=staff)

    with transaction.atomic():
        queries.lock_event(claim.event_id)
        assert run_concurrently(1, approve) == [1]


def test_college_courses_have_a_known_credit_system_and_credits() -> None:
    CollegeWork.objects.create(
        event=make.event(), system=CollegeCreditType.SEMESTER, course_credits=3
    )
    assert_refused(CollegeWork, "events_college_course_credits_known", course_credits=4)
    assert_refused(CollegeWork, "events_college_course_credits_known", course_credits=0)
    assert_refused(CollegeWork, "events_college_course_credits_known", system="trimester")


def test_an_applied_list_has_a_person_and_a_time() -> None:
    staff = make.person()
    AwardList.objects.create(event=make.event(), uploaded_by=staff)
    assert_refused(
        AwardList, "credits_award_list_applied_both_or_neither", applied_at=timezone.now()
    )
    assert_refused(AwardList, "credits_award_list_applied_both_or_neither", applied_by=staff)


def test_each_address_has_one_waiting_award_per_event() -> None:
    event, staff = make.event(), make.person()
    values = {"event": event, "awarded_by": staff, "awarded_at": timezone.now()}
    WaitingAward.objects.create(address="new@library.example", **values)
    with pytest.raises(IntegrityError, match="one_award_per_address"), transaction.atomic():
        WaitingAward.objects.create(address="new@library.example", **values)
    assert_refused(
        WaitingAward, "credits_award_address_in_lower_case", address=Value("New@library.example")
    )
    assert_refused(WaitingAward, "credits_award_address_in_lower_case", address="")
    claim = make.claim(make.person(), event)
    assert_refused(WaitingAward, "credits_award_claim_has_matched_at", claim=claim)
