"""A merge says which submitted records it changes, and undoing it brings them back."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from accounts.enums import Role
from accounts.models import User
from credits.actions import decide_claim, merge_events, undo_merge
from credits.enums import ClaimState
from credits.models import Claim, Merge
from events.models import Event
from tests import factories as make
from tests.emails import sent
from tests.web import signed_in
from tracks import actions, integrity
from tracks.certification.queries import sent_record
from tracks.certification.supervisors import token_of
from tracks.enums import Ending, ParticipationState
from tracks.models import Participation, Submission

pytestmark = pytest.mark.django_db
START = "/admin/credits/merge/start/"
REOPENS = (
    "June Librarian, Library Trustee: reopens, because it is no longer complete. “Budgets, again” "
    "no longer counts."
)


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian")


@pytest.fixture
def twice(june: User) -> tuple[Event, Event]:
    """Two events of 8 credits that June claimed and that are the same training."""
    credits = {make.ADMINISTRATION: "8.0"}
    events = [make.event(title=title, credits=credits) for title in ("Budgets", "Budgets, again")]
    for event in events:
        make.claim(june, event)
    return events[0], events[1]


@pytest.fixture
def submission(june: User, twice: tuple[Event, Event]) -> Submission:
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    return make.submission(participation)


def merge(source: Event, target: Event) -> Merge:
    by = make.person(Role.CE_COORDINATOR)
    done = merge_events(source_id=source.pk, target_id=target.pk, reason="The same.", by=by)
    return done.merge


def undo(done: Merge) -> None:
    undo_merge(merge_id=done.pk, by=make.person(Role.CE_COORDINATOR))
    assert integrity.find_violations() == []


def state_of(submission: Submission) -> str:
    return Participation.objects.get(pk=submission.participation_id).state


def staff() -> Client:
    return signed_in(make.person(Role.CE_COORDINATOR))


def test_the_preview_and_the_page_for_undoing_name_the_records(
    submission: Submission, twice: tuple[Event, Event]
) -> None:
    make.verification(submission)
    kept, dropped = twice
    preview = staff().get(START, {"source": dropped.pk, "target": kept.pk})
    assertContains(preview, "Submitted records that will change")
    assertContains(preview, REOPENS)
    assert state_of(submission) == ParticipationState.REVIEWED
    done = merge(dropped, kept)
    assert state_of(submission) == ParticipationState.OPEN
    assertContains(staff().get(f"/admin/credits/merge/{done.pk}/undo/"), REOPENS)


def test_a_merge_without_submitted_records_names_none() -> None:
    pair = make.event(), make.event()
    make.claim(make.person(), pair[0])
    preview = staff().get(START, {"source": pair[0].pk, "target": pair[1].pk})
    assertNotContains(preview, "Submitted records that will change")


def test_undoing_sends_a_reviewed_record_to_the_supervisor_again(
    submission: Submission, twice: tuple[Event, Event], june: User
) -> None:
    question = make.verification(submission)
    done = merge(twice[1], twice[0])
    submission.refresh_from_db()
    assert submission.ending == Ending.REOPENED
    sent()
    undo(done)
    submission.refresh_from_db()
    assert (submission.ending, submission.ended_at, submission.reason) == ("", None, "")
    assert state_of(submission) == ParticipationState.REVIEWED
    again = submission.verifications.get(answered_at=None)
    assert (again.supervisor_email, again.pk > question.pk) == (question.supervisor_email, True)
    assertContains(Client().get(f"/verify/{token_of(again)}/"), "I verify this record")
    assert sorted(message.to[0] for message in sent()) == [make.SUPERVISOR.email, june.email]
    assert actions.verify_record(verification_id=again.pk, by=None)
    assert integrity.find_violations() == []


def test_undoing_puts_a_record_back_under_review(
    submission: Submission, twice: tuple[Event, Event], june: User
) -> None:
    done = merge(twice[1], twice[0])
    assert state_of(submission) == ParticipationState.OPEN
    assert len(sent()) == 1
    undo(done)
    assert state_of(submission) == ParticipationState.SUBMITTED
    [message] = sent()
    assert (message.to, message.subject) == (
        [june.email],
        "Your record is with the CE Coordinator again: Library Trustee",
    )
    # The person is e-mailed again if the same record comes back once more.
    merge(twice[1], twice[0])
    assert len(sent()) == 1


def test_undoing_a_change_that_left_the_record_complete_needs_no_confirmation(
    submission: Submission, twice: tuple[Event, Event], june: User
) -> None:
    question = make.verification(submission)
    make.claim(june, title="Claimed late", credits={make.ADMINISTRATION: "8.0"}, days=-30)
    done = merge(twice[1], twice[0])
    assert state_of(submission) == ParticipationState.REVIEWED
    assert [each["is_reopened"] for each in done.records] == [False]
    assert "still complete" in done.records[0]["text"]
    assert sent_record(submission).needs_confirmation
    undo(done)
    # The late claim fills the place of the duplicate, which is surplus now.
    if not sent_record(submission).needs_confirmation:
        assert actions.verify_record(verification_id=question.pk, by=None)


def _leave(submission: Submission) -> None:
    actions.leave_track(participation_id=submission.participation_id, by=submission.person)


def _submit_again(submission: Submission) -> None:
    make.claim(submission.person, credits={make.ADMINISTRATION: "8.0"}, days=-30)
    make.submission(submission.participation)


def _decline(submission: Submission) -> None:
    decide_claim(
        claim_id=Claim.objects.get(event__title="Budgets").pk,
        target=ClaimState.DECLINED,
        reason="An author talk.",
        by=make.person(Role.CE_COORDINATOR),
    )


@pytest.mark.parametrize("since", [_leave, _submit_again, _decline])
def test_a_record_that_has_changed_since_is_not_put_back(
    submission: Submission, twice: tuple[Event, Event], since: Any
) -> None:
    done = merge(twice[1], twice[0])
    submission.participation.refresh_from_db()
    since(submission)
    state = state_of(submission)
    undo(done)
    submission.refresh_from_db()
    assert submission.ending == Ending.REOPENED
    assert state_of(submission) == state
