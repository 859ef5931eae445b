"""Changes to a record after it was sent: the signers are shown the difference and confirm it."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from credits.actions import (
    claim_custom_event,
    correct_credit,
    decide_claim,
    merge_events,
    undo_merge,
)
from credits.enums import ClaimState
from credits.models import Credit
from events.actions import decide_custom_event
from events.enums import Decision
from tests import factories as make
from tests.emails import body_of, sent
from tests.web import flash_messages, signed_in
from tracks import actions, integrity
from tracks.certification import record
from tracks.certification.queries import sent_record
from tracks.certification.supervisors import token_of
from tracks.enums import Ending, ParticipationState
from tracks.models import Certificate, Participation, RecordVersion, Submission, Verification

pytestmark = pytest.mark.django_db
MOVED = "4 credits moved from Technology to Library Administration; still complete."


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian")


@pytest.fixture
def participation(june: User) -> Participation:
    """A record of 17 credits, of which 15 are needed, and at least 10 in Library Administration."""
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    make.claim(june, title="Budgets", credits={make.ADMINISTRATION: "10.0"}, days=-40)
    make.claim(june, title="Passwords", credits={make.TECHNOLOGY: "4.0"}, days=-30)
    make.claim(june, title="Networks", credits={make.TECHNOLOGY: "3.0"}, days=-20)
    return participation


@pytest.fixture
def submission(participation: Participation) -> Submission:
    return make.submission(participation)


def credit(title: str) -> Credit:
    return Credit.objects.get(claim__event__title=title)


def move(title: str, slug: str = make.ADMINISTRATION) -> None:
    """Move a credit to another category, as a correction by the help desk."""
    correct_credit(
        credit_id=credit(title).pk,
        category=make.category(slug),
        amount=credit(title).amount,
        by=make.person(Role.HELP_DESK),
    )


def fingerprint(submission: Submission) -> str:
    return record.record_fingerprint(sent_record(submission).now)


def confirm(submission: Submission, *, by: User | None = None) -> None:
    actions.confirm_change(
        submission_id=submission.pk,
        seen=fingerprint(submission),
        by=by or make.person(Role.CE_COORDINATOR),
    )


def state_of(submission: Submission) -> str:
    return Participation.objects.get(pk=submission.participation_id).state


def link(question: Verification) -> str:
    return f"/verify/{token_of(question)}/"


def admin(submission: Submission, what: str = "change") -> str:
    return f"/admin/tracks/submission/{submission.pk}/{what}/"


# ---------- With the supervisor ----------


def test_the_signers_confirm_a_difference_with_one_press_each(submission: Submission) -> None:
    question = make.verification(submission)
    supervisor, coordinator = Client(), signed_in(make.person(Role.CE_COORDINATOR))
    before = supervisor.get(link(question)).context["record"].fingerprint
    move("Passwords")
    assert state_of(submission) == ParticipationState.REVIEWED
    # The supervisor waits for the coordinator.
    page = supervisor.get(link(question))
    assertContains(page, MOVED)
    assertContains(page, "The CE Coordinator has to confirm the change first.")
    assertNotContains(page, "I verify this record</button>")
    # The coordinator presses once.
    assertContains(
        coordinator.get("/admin/tracks/submission/?state=changed"), "has to confirm a change"
    )
    shown = coordinator.get(admin(submission))
    assertContains(shown, MOVED)
    answer = coordinator.post(admin(submission, "confirm"), {"seen": shown.context["seen"]})
    assert "Change confirmed." in flash_messages(answer)[0]
    assertNotContains(coordinator.get(admin(submission)), "Confirm change")
    # An old page does not verify. The name is kept.
    sign = {"right": "1", "name": "Dana M. Chair"}
    old = supervisor.post(link(question), {"seen": before, **sign})
    assertContains(old, "The record has changed since you opened it")
    assertContains(old, "Dana M. Chair")
    assert not Certificate.objects.exists()
    # Then the supervisor presses once.
    page = supervisor.get(link(question))
    assertContains(page, MOVED)
    supervisor.post(link(question), {"seen": page.context["record"].fingerprint, **sign})
    certificate = Certificate.objects.get()
    assert certificate.record["measured_on"] == submission.record["measured_on"]
    [administration, *_] = certificate.record["categories"]
    assert administration["counted"] == "14.0"
    assert integrity.find_violations() == []


def test_nothing_is_verified_that_the_supervisor_was_not_shown(submission: Submission) -> None:
    question = make.verification(submission)
    move("Passwords")
    seen = fingerprint(submission)
    with pytest.raises(Refused, match="has not confirmed the change"):
        actions.verify_record(verification_id=question.pk, seen=seen, by=None)
    confirm(submission)
    # By default, the supervisor saw only the record in the request.
    with pytest.raises(Refused, match="has changed since you opened it"):
        actions.verify_record(verification_id=question.pk, by=None)
    actions.verify_record(verification_id=question.pk, seen=seen, by=None)


def test_a_new_question_has_the_record_as_it_is_now(submission: Submission) -> None:
    question = make.verification(submission)
    move("Passwords")
    confirm(submission)
    again = actions.ask_again(
        verification_id=question.pk,
        supervisor=make.SUPERVISOR,
        by=make.person(Role.CE_COORDINATOR),
    )
    assert record.record_fingerprint(again.record) == fingerprint(submission)
    assertNotContains(Client().get(link(again)), "has changed since you were asked")


def test_a_change_that_is_undone_needs_no_confirmation(submission: Submission) -> None:
    question = make.verification(submission)
    move("Passwords")
    move("Passwords", make.TECHNOLOGY)
    assert not sent_record(submission).needs_confirmation
    assert actions.verify_record(verification_id=question.pk, by=None)
    assert integrity.find_violations() == []


def test_a_change_that_leaves_the_record_incomplete_reopens_it(submission: Submission) -> None:
    make.verification(submission)
    decide_claim(
        claim_id=credit("Budgets").claim_id,
        target=ClaimState.DECLINED,
        reason="An author talk.",
        by=make.person(Role.CE_COORDINATOR),
    )
    submission.refresh_from_db()
    assert (submission.ending, submission.reason) == (
        Ending.REOPENED,
        "“Budgets” no longer counts.",
    )
    assert not submission.versions.exists()


def test_another_credit_takes_the_place_of_one_that_no_longer_counts(
    submission: Submission, june: User
) -> None:
    make.verification(submission)
    make.claim(june, title="Claimed late", credits={make.TECHNOLOGY: "3.0"}, days=-15)
    decide_claim(
        claim_id=credit("Networks").claim_id,
        target=ClaimState.DECLINED,
        reason="An author talk.",
        by=make.person(Role.CE_COORDINATOR),
    )
    [version] = submission.versions.all()
    assert version.change == (
        "“Networks” (3 credits in Technology) is no longer in the record; “Claimed late” "
        "(3 credits in Technology) is now in the record; still complete."
    )


def test_training_that_is_undecided_again_is_decided_before_the_change_is_confirmed(
    june: User,
) -> None:
    staff = make.person(Role.CE_COORDINATOR)
    participation = make.following(june)
    # At noon, because an event that ends after midnight is earned a day later.
    begins_at = (timezone.localtime() - dt.timedelta(days=20)).replace(hour=12)
    facts = make.facts(
        category=make.category(make.ADMINISTRATION),
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=1),
    )
    claim = claim_custom_event(facts=facts, by=june)
    same = make.event(days=-20)
    done = merge_events(source_id=claim.event_id, target_id=same.pk, reason="Same.", by=staff)
    submission = make.submission(participation)
    question = make.verification(submission)
    undo_merge(merge_id=done.merge.pk, by=staff)
    [version] = submission.versions.all()
    assert "is waiting for a staff decision" in version.change
    with pytest.raises(Refused, match="Decide on it first"):
        confirm(submission)
    assertNotContains(signed_in(staff).get(admin(submission)), "Confirm change")
    assertContains(Client().get(link(question)), "is waiting for a staff decision")
    decide_custom_event(event_id=claim.event_id, decision=Decision.APPROVE, reason="", by=staff)
    confirm(submission)
    assert actions.verify_record(verification_id=question.pk, seen=fingerprint(submission), by=None)


def test_the_supervisor_is_reminded_once_the_change_is_confirmed(submission: Submission) -> None:
    with time_machine.travel(timezone.now()) as clock:
        make.verification(submission)
        move("Passwords")
        clock.shift(dt.timedelta(days=8))
        assert actions.remind_supervisors() == 0
        confirm(submission)
        assert actions.remind_supervisors() == 1


# ---------- With the CE Coordinator ----------


def test_a_change_under_review_is_confirmed_by_the_review(submission: Submission) -> None:
    reviewer = make.person(Role.CE_COORDINATOR)
    client = signed_in(reviewer)
    values = {"seen": client.get(admin(submission)).context["seen"]}
    values["supervisor"] = make.SUPERVISOR.email
    move("Passwords")
    assert state_of(submission) == ParticipationState.SUBMITTED
    old = client.post(admin(submission, "review"), values)
    assertContains(old, "This record has changed since you opened it")
    page = client.get(admin(submission))
    assertContains(page, "Changed since it was sent")
    assertContains(page, MOVED)
    client.post(admin(submission, "review"), values | {"seen": page.context["seen"]})
    assert state_of(submission) == ParticipationState.REVIEWED
    assert submission.versions.get().confirmed_by == reviewer
    question = submission.verifications.get()
    assert record.record_fingerprint(question.record) == fingerprint(submission)
    assert actions.verify_record(verification_id=question.pk, by=None)


def test_a_review_without_the_change_is_refused(submission: Submission) -> None:
    move("Passwords")
    with pytest.raises(Refused, match="has changed since you opened it"):
        make.verification(submission)
    with pytest.raises(Refused, match="has not been reviewed yet"):
        confirm(submission)


def test_only_the_record_that_was_seen_is_confirmed(submission: Submission) -> None:
    make.verification(submission)
    move("Passwords")
    seen = fingerprint(submission)
    move("Networks")
    with pytest.raises(Refused, match="has changed since you opened it"):
        actions.confirm_change(
            submission_id=submission.pk, seen=seen, by=make.person(Role.CE_COORDINATOR)
        )
    confirm(submission)
    confirm(submission)  # pressed twice
    assert [each.confirmed_at is None for each in submission.versions.all()] == [True, False]


def test_the_supervisor_does_not_confirm(submission: Submission, june: User) -> None:
    make.verification(submission)
    move("Passwords")
    dana = make.person(Role.CE_COORDINATOR, email=make.SUPERVISOR.email)
    with pytest.raises(Refused, match="a colleague has to confirm"):
        confirm(submission, by=dana)
    with pytest.raises(Refused, match="your own record"):
        confirm(submission, by=june)
    for by in (dana, june):
        name = "tracks_record_version_not_confirmed_by_others"
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            RecordVersion.objects.update(confirmed_by=by, confirmed_at=submission.submitted_at)


def test_those_who_confirm_do_not_verify(submission: Submission) -> None:
    question, coordinator = make.verification(submission), make.person(Role.CE_COORDINATOR)
    move("Passwords")
    confirm(submission, by=coordinator)
    with pytest.raises(Refused, match="someone else has to verify it"):
        actions.verify_record(
            verification_id=question.pk, seen=fingerprint(submission), by=coordinator
        )


# ---------- The person ----------


def test_the_person_is_e_mailed_and_sees_the_change(submission: Submission, june: User) -> None:
    make.verification(submission)
    sent()
    move("Passwords")
    [message] = sent()
    assert message.to == [june.email]
    assert message.subject == "Your record for Library Trustee has changed"
    assert MOVED in " ".join(body_of(message).replace("> ", "").split())
    page = signed_in(june).get(f"/tracks/{submission.participation_id}/")
    assertContains(page, MOVED)
    assertContains(page, "You do not need to do anything. The record is still complete.")


# ---------- The difference ----------


def test_the_difference_between_two_records(participation: Participation) -> None:
    day = make.submission(participation).submitted_at.date()
    before = record.make_record(participation, day)
    assert record.describe_difference(before, before) == ""
    move("Networks")
    Credit.objects.filter(pk=credit("Passwords").pk).update(amount=Decimal("3.5"))
    Credit.objects.filter(pk=credit("Budgets").pk).update(
        amount=Decimal("9.5"), category=make.category(make.PUBLIC)
    )
    after = record.make_record(participation, day)
    assert record.describe_difference(before, after) == (
        "3 credits moved from Technology to Library Administration; “Budgets” earns 9.5 credits in "
        "Library Services to the Public instead of 10 credits in Library Administration; "
        "“Passwords” earns 3.5 credits in Technology instead of 4 credits in Technology; "
        "incomplete."
    )
