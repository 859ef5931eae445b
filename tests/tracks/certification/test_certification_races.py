"""Certification when several people act at the same time."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today
from aspen.errors import Refused
from credits.actions import correct_credit
from tests import factories as make
from tests.races import TIMEOUT, run_concurrently
from tracks import actions
from tracks.certification import certifying, record, submitting, verifying
from tracks.enums import Ending, ParticipationState
from tracks.models import Certificate, Participation, Submission, Verification

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 10
State = ParticipationState


def split(results: list[Any]) -> tuple[list[Any], list[Any]]:
    """Split the results into values and refusals. Any other exception fails the test."""
    refused = [each for each in results if isinstance(each, Refused)]
    done = [each for each in results if not isinstance(each, Exception)]
    assert len(refused) + len(done) == len(results), results
    return done, refused


def failed(results: list[Any]) -> bool:
    """Return True if the database raised an error that the lock would have prevented."""
    return any(isinstance(each, Exception) and not isinstance(each, Refused) for each in results)


def take_turns(*actions: Callable[[], Any]) -> Callable[[int], Any]:
    return lambda index: actions[index % len(actions)]()


def state_of(participation: Participation) -> str:
    return str(Participation.objects.get(pk=participation.pk).state)


def submit(participation: Participation) -> Callable[[], Submission]:
    seen = record.record_fingerprint(record.make_record(participation, today()))

    def action() -> Submission:
        me = User.objects.get(pk=participation.person_id)
        return actions.submit_track(participation_id=participation.pk, seen=seen, name="J", by=me)

    return action


@pytest.fixture
def without_lock(monkeypatch: Any) -> Callable[[Any], None]:
    """A function that lets a module's actions run concurrently: each reads, waits and writes.

    It fails if the module has no `lock_people` or `apply_step` to replace.
    """

    def release(module: Any) -> None:
        monkeypatch.setattr(module, "lock_people", lambda ids: list(ids))
        apply_step = module.apply_step

        def apply_step_later(*args: Any, **kwargs: Any) -> None:
            time.sleep(0.3)  # Everyone has read before anyone writes.
            apply_step(*args, **kwargs)

        monkeypatch.setattr(module, "apply_step", apply_step_later)

    return release


# ---------- Submitting ----------


def test_ten_simultaneous_submissions_make_one() -> None:
    participation = make.following()
    done, refused = split(run_concurrently(MANY, take_turns(submit(participation))))
    assert refused == []
    submission = Submission.objects.get()
    assert {each.pk for each in done} == {submission.pk}
    assert state_of(participation) == State.SUBMITTED


def test_control_without_the_lock_the_database_raises_an_error(without_lock: Any) -> None:
    participation = make.following()
    action = submit(participation)
    without_lock(submitting)
    results = run_concurrently(MANY, take_turns(action))
    assert failed(results)
    assert Submission.objects.count() == 1


# ---------- Choosing ----------


def test_ten_simultaneous_choices_make_one_period() -> None:
    june, track = make.person(), make.track()
    results = run_concurrently(MANY, lambda _: actions.select_track(track=track, by=june))
    done, refused = split(results)
    assert refused == []
    assert sorted(is_new for _, is_new in done) == [False] * 9 + [True]
    assert {each.pk for each, _ in done} == {Participation.objects.get().pk}


# ---------- Verifying ----------


def verify(question: Verification) -> Callable[[], Certificate | None]:
    return lambda: actions.verify_record(verification_id=question.pk, by=None)


def test_ten_simultaneous_verifications_make_one_certificate_and_one_next_period() -> None:
    question = make.verification()
    done, refused = split(run_concurrently(MANY, take_turns(verify(question))))
    assert refused == []
    certificate = Certificate.objects.get()
    assert {each.pk for each in done} == {certificate.pk}
    assert Participation.objects.get(follows=certificate).state == State.OPEN


def test_control_two_verifications_without_the_lock_collide(without_lock: Any) -> None:
    question = make.verification()
    without_lock(verifying)
    results = run_concurrently(MANY, take_turns(verify(question)))
    assert failed(results)
    assert Certificate.objects.count() == 1


def test_a_record_verified_and_refused_at_once_gets_only_one_answer() -> None:
    question = make.verification()

    def refuse() -> None:
        actions.refuse_record(verification_id=question.pk, reason="Unknown to me.", by=None)

    _, refused = split(run_concurrently(MANY, take_turns(verify(question), refuse)))
    assert len(refused) == MANY / 2
    submission = Submission.objects.get()
    assert (submission.ending, Certificate.objects.count()) in {
        (Ending.CERTIFIED, 1),
        (Ending.REFUSED, 0),
    }


def test_a_record_verified_and_corrected_at_once_is_certified_or_reopened() -> None:
    """If the correction comes first, the record reopens. Otherwise, it is certified as it was."""
    question = make.verification()
    credit = question.participation.postings.get().credit
    category, staff = make.category(make.ADMINISTRATION), make.person(Role.HELP_DESK)

    def correct() -> None:
        correct_credit(credit_id=credit.pk, category=category, amount=credit.amount - 1, by=staff)

    results = run_concurrently(2, take_turns(verify(question), correct))
    _, refused = split(results)
    submission = Submission.objects.get()
    if refused:
        assert "no longer needed" in str(refused[0])
        assert (submission.ending, Certificate.objects.count()) == (Ending.REOPENED, 0)
        assert state_of(question.participation) == State.OPEN
    else:
        certificate = Certificate.objects.get()
        assert record.counted_credits(certificate.record) == credit.amount
        assert state_of(question.participation) == State.CERTIFIED


# ---------- Reviewing ----------


def test_a_record_is_never_both_reviewed_and_returned() -> None:
    submission, staff = make.submission(), make.person(Role.CE_COORDINATOR)

    def review() -> None:
        actions.review_submission(submission_id=submission.pk, supervisor=make.SUPERVISOR, by=staff)

    def return_it() -> None:
        actions.return_submission(
            submission_id=submission.pk, reason="Twice.", expected_state=State.SUBMITTED, by=staff
        )

    done, refused = split(run_concurrently(MANY, take_turns(review, return_it)))
    assert (len(done), len(refused)) == (1, MANY - 1)
    submission.refresh_from_db()
    open_questions = Verification.objects.filter(answered_at=None).count()
    assert (state_of(submission.participation), submission.ending, open_questions) in {
        (State.REVIEWED, "", 1),
        (State.OPEN, Ending.RETURNED, 0),
    }


def test_control_without_the_lock_a_record_is_both_reviewed_and_returned(
    without_lock: Any, monkeypatch: Any
) -> None:
    submission, staff = make.submission(), make.person(Role.CE_COORDINATOR)
    without_lock(submitting)
    both_have_read, apply_step = threading.Barrier(2), submitting.apply_step

    def wait_and_apply_step(*args: Any, **kwargs: Any) -> None:
        both_have_read.wait(timeout=TIMEOUT)
        apply_step(*args, **kwargs)

    monkeypatch.setattr(submitting, "apply_step", wait_and_apply_step)

    def review() -> None:
        actions.review_submission(submission_id=submission.pk, supervisor=make.SUPERVISOR, by=staff)

    def return_it() -> None:
        actions.return_submission(submission_id=submission.pk, reason="Twice.", by=staff)

    results = run_concurrently(2, take_turns(review, return_it))
    assert [each for each in results if isinstance(each, Exception)] == []


# ---------- Numbers ----------


def ten_questions() -> list[Verification]:
    return [make.verification() for _ in range(MANY)]


def test_ten_simultaneous_certificates_have_consecutive_numbers() -> None:
    question = ten_questions()
    done, refused = split(run_concurrently(MANY, lambda index: verify(question[index])()))
    assert refused == []
    year = today().year
    assert sorted(each.number for each in done) == [
        f"{year}-{number:04d}" for number in range(1, MANY + 1)
    ]


def test_control_without_the_numbering_lock_numbers_collide(monkeypatch: Any) -> None:
    question = ten_questions()

    def next_number_unlocked(year: int) -> str:
        number = f"{year}-{Certificate.objects.count() + 1:04d}"
        time.sleep(0.3)
        return number

    monkeypatch.setattr(certifying, "_next_number", next_number_unlocked)
    assert failed(run_concurrently(MANY, lambda index: verify(question[index])()))
    assert Certificate.objects.count() < MANY
