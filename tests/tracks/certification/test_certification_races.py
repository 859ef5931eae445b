"""Certification when several people press at the same moment."""

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
from tests.races import PATIENCE, run_concurrently
from tracks import actions
from tracks.certification import certifying, record, submitting, verifying
from tracks.enums import Ending, ParticipationState
from tracks.following import actions as following_actions
from tracks.models import Certificate, Participation, Submission, Verification

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 10
State = ParticipationState


def split(results: list[Any]) -> tuple[list[Any], list[Any]]:
    """What was returned, and what was refused; nothing else may come of it."""
    refused = [one for one in results if isinstance(one, Refused)]
    done = [one for one in results if not isinstance(one, Exception)]
    assert len(refused) + len(done) == len(results), results
    return done, refused


def failed(results: list[Any]) -> bool:
    """Whether the database had to refuse what the lock would have kept apart."""
    return any(isinstance(one, Exception) and not isinstance(one, Refused) for one in results)


def one_of(*acts: Callable[[], Any]) -> Callable[[int], Any]:
    return lambda index: acts[index % len(acts)]()


def state_of(participation: Participation) -> str:
    return str(Participation.objects.get(pk=participation.pk).state)


def submit(participation: Participation) -> Callable[[], Submission]:
    seen = record.record_fingerprint(record.make_record(participation, today()))

    def act() -> Submission:
        me = User.objects.get(pk=participation.person_id)
        return actions.submit_track(participation_id=participation.pk, seen=seen, name="J", by=me)

    return act


@pytest.fixture
def without_lock(monkeypatch: Any) -> Callable[[Any], None]:
    """Let a module's actions pass each other: each looks, waits, and writes."""

    def release(*modules: Any) -> None:
        for module in modules:
            monkeypatch.setattr(module, "lock_people", lambda ids: list(ids))
        step = submitting.apply_step

        def slowly(*args: Any, **kwargs: Any) -> None:
            time.sleep(0.3)  # Everybody has looked before anybody writes.
            step(*args, **kwargs)

        for module in {*modules, submitting, verifying} - {following_actions}:
            if hasattr(module, "apply_step"):
                monkeypatch.setattr(module, "apply_step", slowly)

    return release


# ---------- Sending ----------


def test_ten_times_sent_at_once_is_sent_once() -> None:
    participation = make.following()
    done, refused = split(run_concurrently(MANY, one_of(submit(participation))))
    assert refused == []
    sent = Submission.objects.get()
    assert {one.pk for one in done} == {sent.pk}
    assert state_of(participation) == State.SUBMITTED


def test_control_without_the_lock_the_database_has_to_refuse(without_lock: Any) -> None:
    participation = make.following()
    act = submit(participation)
    without_lock(submitting)
    results = run_concurrently(MANY, one_of(act))
    assert failed(results)
    assert Submission.objects.count() == 1


# ---------- Choosing ----------


def test_ten_times_chosen_at_once_is_one_period() -> None:
    june, track = make.person(), make.track()
    results = run_concurrently(MANY, lambda _: actions.select_track(track=track, by=june))
    done, refused = split(results)
    assert refused == []
    assert sorted(is_new for _, is_new in done) == [False] * 9 + [True]
    assert {one.pk for one, _ in done} == {Participation.objects.get().pk}


# ---------- Verifying ----------


def verify(asked: Verification) -> Callable[[], Certificate | None]:
    return lambda: actions.verify_record(verification_id=asked.pk, by=None)


def test_ten_times_verified_at_once_is_one_certificate_and_one_next_period() -> None:
    asked = make.verification()
    done, refused = split(run_concurrently(MANY, one_of(verify(asked))))
    assert refused == []
    certificate = Certificate.objects.get()
    assert {one.pk for one in done} == {certificate.pk}
    assert Participation.objects.get(follows=certificate).state == State.OPEN


def test_control_two_verifications_without_the_lock_collide(without_lock: Any) -> None:
    asked = make.verification()
    without_lock(verifying)
    results = run_concurrently(MANY, one_of(verify(asked)))
    assert failed(results)
    assert Certificate.objects.count() == 1


def test_verified_and_refused_at_once_one_of_the_two_holds() -> None:
    asked = make.verification()

    def refuse() -> None:
        actions.refuse_record(verification_id=asked.pk, reason="Unknown to me.", by=None)

    _, refused = split(run_concurrently(MANY, one_of(verify(asked), refuse)))
    assert len(refused) == MANY / 2
    sent = Submission.objects.get()
    assert (sent.ending, Certificate.objects.count()) in {
        (Ending.CERTIFIED, 1),
        (Ending.REFUSED, 0),
    }


def test_verified_and_corrected_at_once_a_certificate_counts_what_was_true() -> None:
    """Corrected first, the record goes back; certified first, the certificate stays as it is."""
    asked = make.verification()
    credit = asked.participation.postings.get().credit
    category, staff = make.category(make.ADMINISTRATION), make.person(Role.HELP_DESK)

    def correct() -> None:
        correct_credit(credit_id=credit.pk, category=category, amount=credit.amount - 1, by=staff)

    results = run_concurrently(2, one_of(verify(asked), correct))
    _, refused = split(results)
    sent = Submission.objects.get()
    if refused:
        assert "no longer needed" in str(refused[0])
        assert (sent.ending, Certificate.objects.count()) == (Ending.REOPENED, 0)
        assert state_of(asked.participation) == State.OPEN
    else:
        certificate = Certificate.objects.get()
        assert record.counted_credits(certificate.record) == credit.amount
        assert state_of(asked.participation) == State.CERTIFIED


# ---------- Reviewing ----------


def test_reviewed_and_returned_at_once_never_both() -> None:
    sent, staff = make.submission(), make.person(Role.CE_COORDINATOR)

    def review() -> None:
        actions.review_submission(submission_id=sent.pk, supervisor=make.SUPERVISOR, by=staff)

    def give_back() -> None:
        actions.return_submission(
            submission_id=sent.pk, reason="Twice.", seen=State.SUBMITTED, by=staff
        )

    done, refused = split(run_concurrently(MANY, one_of(review, give_back)))
    assert (len(done), len(refused)) == (1, MANY - 1)
    sent.refresh_from_db()
    asked = Verification.objects.filter(answered_at=None).count()
    assert (state_of(sent.participation), sent.ending, asked) in {
        (State.REVIEWED, "", 1),
        (State.OPEN, Ending.RETURNED, 0),
    }


def test_control_without_the_lock_both_happen(without_lock: Any, monkeypatch: Any) -> None:
    sent, staff = make.submission(), make.person(Role.CE_COORDINATOR)
    without_lock(submitting)
    both_have_looked, step = threading.Barrier(2), submitting.apply_step

    def later(*args: Any, **kwargs: Any) -> None:
        both_have_looked.wait(timeout=PATIENCE)
        step(*args, **kwargs)

    monkeypatch.setattr(submitting, "apply_step", later)

    def review() -> None:
        actions.review_submission(submission_id=sent.pk, supervisor=make.SUPERVISOR, by=staff)

    def give_back() -> None:
        actions.return_submission(submission_id=sent.pk, reason="Twice.", by=staff)

    results = run_concurrently(2, one_of(review, give_back))
    assert [one for one in results if isinstance(one, Exception)] == []


# ---------- Numbers ----------


def ten_asked() -> list[Verification]:
    return [make.verification() for _ in range(MANY)]


def test_ten_certificates_at_once_have_ten_numbers_without_a_gap() -> None:
    asked = ten_asked()
    done, refused = split(run_concurrently(MANY, lambda index: verify(asked[index])()))
    assert refused == []
    year = today().year
    assert sorted(one.number for one in done) == [
        f"{year}-{number:04d}" for number in range(1, MANY + 1)
    ]


def test_control_without_taking_turns_numbers_collide(monkeypatch: Any) -> None:
    asked = ten_asked()

    def without_turns(year: int) -> str:
        number = f"{year}-{Certificate.objects.count() + 1:04d}"
        time.sleep(0.3)
        return number

    monkeypatch.setattr(certifying, "_next_number", without_turns)
    assert failed(run_concurrently(MANY, lambda index: verify(asked[index])()))
    assert Certificate.objects.count() < MANY
