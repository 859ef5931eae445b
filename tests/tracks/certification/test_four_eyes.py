"""People who review a record do not verify it, and supervisors are held against the directory."""

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from accounts.enums import OrganizationKind, PositionKind, Role
from accounts.models import Position, User
from aspen.errors import Refused
from tests import factories as make
from tests.web import signed_in
from tracks import actions
from tracks.actions import SupervisorContact
from tracks.certification.supervisors import token_of
from tracks.models import Submission, Verification

pytestmark = pytest.mark.django_db
WHY = "Someone else has to verify it"


@pytest.fixture
def reviewer() -> User:
    """A coordinator with a primary, a confirmed and an unconfirmed address."""
    reviewer = make.person(Role.CE_COORDINATOR, email="rae@msl.example")
    EmailAddress.objects.create(user=reviewer, email="rae@home.example", verified=True)
    EmailAddress.objects.create(user=reviewer, email="rae@new.example", verified=False)
    return reviewer


ADDRESSES = ["rae@msl.example", "Rae@HOME.example", " rae@new.example"]


def review(submission: Submission, supervisor: SupervisorContact, *, by: User) -> Verification:
    actions.review_submission(submission_id=submission.pk, supervisor=supervisor, by=by)
    return submission.verifications.get(answered_at=None)


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_reviewer_cannot_be_asked(reviewer: User, address: str) -> None:
    submission, own = make.submission(), SupervisorContact("Rae", address)
    with pytest.raises(Refused, match=WHY):
        review(submission, own, by=reviewer)
    question = review(submission, make.SUPERVISOR, by=reviewer)
    with pytest.raises(Refused, match=WHY):
        actions.ask_again(
            verification_id=question.pk, supervisor=own, by=make.person(Role.CE_COORDINATOR)
        )
    assert submission.verifications.get() == question


def test_an_address_that_became_the_reviewers_own_cannot_verify(reviewer: User) -> None:
    question = review(make.submission(), make.SUPERVISOR, by=reviewer)
    EmailAddress.objects.create(user=reviewer, email=make.SUPERVISOR.email, verified=True)
    with pytest.raises(Refused, match="someone else has to verify it"):
        actions.verify_record(verification_id=question.pk, by=None)
    with pytest.raises(IntegrityError, match="tracks_supervisor_is_not_reviewer"):
        Verification.objects.filter(pk=question.pk).update(
            answer="verified", answered_at=question.asked_at
        )


def test_the_reviewer_cannot_answer_through_the_supervisors_link(reviewer: User) -> None:
    question = review(make.submission(), make.SUPERVISOR, by=reviewer)
    with pytest.raises(Refused, match="someone else has to verify it"):
        actions.verify_record(verification_id=question.pk, by=reviewer)
    page = signed_in(reviewer).get(f"/verify/{token_of(question)}/")
    assertContains(page, "You cannot verify a record that you reviewed")
    assertNotContains(page, "I verify this record")
    assertContains(Client().get(f"/verify/{token_of(question)}/"), "I verify this record")


def test_the_database_refuses_one_person_in_both_parts(reviewer: User) -> None:
    submission = make.submission()
    question = review(submission, make.SUPERVISOR, by=reviewer)
    rows = Submission.objects.filter(pk=submission.pk)
    name = "tracks_submission_not_verified_by_reviewer"
    now = question.asked_at
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        rows.update(verified_at=now, verified_by=reviewer, verified_name="Rae")
    supervisor = make.person()
    EmailAddress.objects.create(user=supervisor, email=make.SUPERVISOR.email, verified=True)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        rows.update(reviewed_by=supervisor)


# ---------- The directory ----------


def add_position(person: User, kind: PositionKind, place, **fields) -> None:
    Position.objects.create(person=person, organization=place, kind=kind, **fields)


def page_of(submission: Submission):
    return signed_in(make.person(Role.CE_COORDINATOR)).get(
        f"/admin/tracks/submission/{submission.pk}/change/"
    )


NOT_KNOWN = "not known as a supervisor of this library"


def test_a_supervisor_named_by_hand_is_held_against_the_directory() -> None:
    june, library = make.person(), make.organization()
    branch = make.organization(parent=library)
    add_position(june, PositionKind.STAFF, branch)
    submission = make.submission(make.following(june, "Library Staff"))
    assertContains(page_of(submission), f"Dana Chair, dana.chair@board.example: {NOT_KNOWN}")
    dana = make.person(email="dana@home.example")
    EmailAddress.objects.create(user=dana, email="dana.chair@board.example", verified=True)
    add_position(dana, PositionKind.TRUSTEE, library)
    assertContains(page_of(submission), NOT_KNOWN)
    add_position(dana, PositionKind.DIRECTOR, library)
    assertNotContains(page_of(submission), NOT_KNOWN)
    other = SupervisorContact("Someone", "someone@else.example")
    review(submission, other, by=make.person(Role.CE_COORDINATOR))
    assertContains(page_of(submission), f"Someone, someone@else.example: {NOT_KNOWN}")


def test_a_supervisor_entered_in_the_position_is_known() -> None:
    june, boss = make.person(), make.person(email="dana.chair@board.example")
    add_position(june, PositionKind.STAFF, make.organization(), supervisor=boss)
    assertNotContains(page_of(make.submission(make.following(june))), NOT_KNOWN)


@pytest.mark.parametrize(
    ("track", "kind", "place", "fits"),
    [
        ("Library Director", PositionKind.DIRECTOR, OrganizationKind.PUBLIC, True),
        ("Library Director", PositionKind.DIRECTOR, OrganizationKind.ACADEMIC, False),
        ("Library Director", PositionKind.STAFF, OrganizationKind.PUBLIC, False),
        ("Library Trustee", PositionKind.TRUSTEE, OrganizationKind.PUBLIC, True),
        ("Library Trustee", PositionKind.BOARD_CHAIR, OrganizationKind.PUBLIC, True),
        ("Library Trustee", PositionKind.DIRECTOR, OrganizationKind.PUBLIC, False),
        ("Library Staff", PositionKind.TRUSTEE, OrganizationKind.PUBLIC, True),
    ],
)
def test_a_track_that_does_not_fit_the_positions_is_remarked(track, kind, place, fits) -> None:
    june = make.person()
    add_position(june, kind, make.organization(kind=place))
    participation = make.following(june, track)
    warning = "no such position is on file"
    here = signed_in(june).get(f"/tracks/{participation.pk}/submit/")
    assert any(warning in each.text for each in here.context["warnings"]) is not fits
    submission = make.submission(participation)
    assert any(warning in each for each in submission.remarks) is not fits
    shown = page_of(submission).context
    assert any(warning in each for each in shown["remarks"]) is not fits
    assert (shown["new"], shown["resolved"]) == ([], [])
