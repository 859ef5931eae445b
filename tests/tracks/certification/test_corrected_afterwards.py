"""Corrections made after a record was submitted or a certificate issued."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.enums import Role
from credits.actions import claim_custom_event, decide_claim, merge_events, undo_merge
from credits.enums import ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.models import Event
from tests import factories as make
from tracks import actions, integrity
from tracks.certification import record
from tracks.certification.supervisors import token_of
from tracks.counting import queries as counting_queries
from tracks.enums import Ending, VerificationAnswer
from tracks.models import Certificate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def move(event: Event, days: float) -> None:
    """Move an event by this many days, as a correction by staff."""
    event.begins_at += dt.timedelta(days=days)
    event.ends_at += dt.timedelta(days=days)
    event_actions.save_event(event=event, by=make.person())


def revoke(certificate: Certificate, *, reopen: bool = False) -> None:
    actions.revoke_certificate(
        certificate_id=certificate.pk,
        reason="The training never took place.",
        reopen=reopen,
        by=make.person(Role.CE_COORDINATOR),
    )


# ---------- Submitted records ----------


def test_a_record_reopens_when_a_credit_in_it_gets_another_day(now):
    june = make.person()
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    now.move_to("2027-11-20 10:00 -0700")
    claim = make.claim(june, credits=make.ENOUGH["Library Trustee"])
    question = make.verification(make.submission(participation))
    move(claim.event, -4 * 365 - 30)  # still posted, but aged out
    assert participation.postings.get().credit.claim == claim
    [submission] = participation.submissions.all()
    assert submission.ending == Ending.REOPENED
    assert submission.reason == (
        f"The credit for “{claim.event.title}” was dated Sat, Nov 13, 2027 and is now dated "
        "Sun, Oct 15, 2023."
    )
    question.refresh_from_db()
    assert question.answer == VerificationAnswer.WITHDRAWN


def test_correcting_the_hours_within_a_day_does_not_reopen_a_record():
    participation = make.following()
    submission = make.submission(participation)
    event = Claim.objects.get().event
    event.ends_at += dt.timedelta(minutes=5)
    event_actions.save_event(event=event, by=make.person())
    submission.refresh_from_db()
    assert submission.ended_at is None


@pytest.mark.parametrize("is_reviewed", [False, True])
def test_training_that_is_undecided_again_is_a_change_in_a_reviewed_record(is_reviewed):
    participation, staff = make.following(), make.person(Role.CE_COORDINATOR)
    begins_at = timezone.now() - dt.timedelta(days=20)
    facts = make.facts(
        category=make.category(make.ADMINISTRATION),
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=1),
    )
    claim = claim_custom_event(facts=facts, by=participation.person)
    same = make.event(days=-20)
    done = merge_events(source_id=claim.event_id, target_id=same.pk, reason="Same.", by=staff)
    submission = make.submission(participation)
    assert claim.pk in {line.claim_id for line in record.record_lines(submission.record)}
    if is_reviewed:
        make.verification(submission)
    undo_merge(merge_id=done.merge.pk, by=staff)
    submission.refresh_from_db()
    assert submission.ending == ""
    why = f"“{facts.title}” is waiting for a staff decision."
    changes = [version.change for version in submission.versions.all()]
    assert changes == ([why] if is_reviewed else [])


def test_supervisors_do_not_see_what_the_coordinator_writes_to_the_person(client):
    question = make.verification()
    actions.return_submission(
        submission_id=question.submission_id,
        reason="Your vacation in May was not training.",
        by=make.person(Role.CE_COORDINATOR),
    )
    page = client.get(f"/verify/{token_of(question)}/").content.decode()
    assert "The CE Coordinator returned the record for changes." in page
    assert "vacation in May" not in page


# ---------- After the certificate ----------


def test_credits_declined_since_do_not_return_when_a_period_reopens():
    participation = make.following()
    stays = make.claim(participation.person, credits={make.ADMINISTRATION: "1.0"}, days=-9)
    certificate = make.certificate(participation)
    declined = Claim.objects.exclude(pk=stays.pk).get()
    decide_claim(
        claim_id=declined.pk,
        target=ClaimState.DECLINED,
        reason="Invented.",
        by=make.person(Role.CE_COORDINATOR),
    )
    assert participation.postings.count() == 2
    revoke(certificate, reopen=True)
    assert participation.postings.get().credit == stays.credits.get()
    assert integrity.find_violations() == []


def test_credits_found_to_be_earned_after_the_issue_count_in_the_next_period(now):
    certificate = make.certificate()
    claim = Claim.objects.get()
    now.shift(dt.timedelta(days=30))
    move(claim.event, 20)
    [following] = counting_queries.active_participations(certificate.person)
    assert not following.postings.exists()
    revoke(certificate)
    assert following.postings.get().credit == claim.credits.get()
    assert integrity.find_violations() == []
