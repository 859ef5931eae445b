"""Constraints and triggers of certification, tested by direct writes to the database."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, models, transaction
from django.db.models import Value
from django.utils import timezone

from accounts.enums import Role
from aspen.db.constraints import CleanColumn
from tests import factories as make
from tracks import actions
from tracks.enums import Ending, VerificationAnswer
from tracks.models import (
    Certificate,
    Extension,
    Participation,
    Posting,
    RecordVersion,
    Submission,
    Verification,
)

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
TABLES = (
    Participation,
    Posting,
    Extension,
    Submission,
    RecordVersion,
    Verification,
    Certificate,
)
# These constraints include the id, which is unique anyway, so that other tables can reference it
# together with a second column.
KEYS = {
    "tracks_participation_with_person",
    "tracks_submission_with_answers",
    "tracks_submission_with_participation",
}


def assert_refused(row: models.Model, constraint: str, **values: Any) -> None:
    """Assert that this change to the row violates the constraint."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rows.update(**values)


def copy_row(row: Any, **values: Any) -> None:
    """Insert a copy of the row with these values."""
    copy = type(row)._default_manager.get(pk=row.pk)
    copy.pk = None
    for name, value in values.items():
        setattr(copy, name, value)
    type(row)._default_manager.bulk_create([copy])


def assert_no_duplicate(row: models.Model, constraint: str, **values: Any) -> None:
    """Assert that a copy of the row with these values violates the constraint."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        copy_row(row, **values)


def assert_frozen(row: models.Model, name: str, statement: str, *values: Any) -> None:
    """Assert that the trigger exists and that it blocks the statement on the row."""
    assert name in triggers(type(row))
    with (
        pytest.raises(ProgrammingError, match=r"pgtrigger: Cannot (update|delete)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table=row._meta.db_table), [*values, row.pk])


def triggers(table: type[models.Model]) -> set[str]:
    """Return the names of a table's triggers, except those that write its history."""
    names = {trigger.name for trigger in getattr(table._meta, "triggers", ())}
    return {name for name in names if not name.startswith(("insert_", "update_", "delete_"))}


DELETE = "DELETE FROM {table} WHERE id = %s"


# ---------- Periods ----------


def test_a_period_has_a_known_state_and_a_consistent_start() -> None:
    participation = make.following()
    assert_refused(participation, "tracks_state_known", state="lost")
    ahead = participation.selected_on + DAY
    assert_refused(participation, "tracks_counts_from_not_after_selection", counts_from=ahead)
    certificate = make.certificate(participation)
    following = Participation.objects.get(follows=certificate)
    assert_refused(following, "tracks_counts_from_not_after_selection", counts_from=ahead)


def test_a_period_follows_a_certificate_of_the_same_person_and_track() -> None:
    name = "follows_certificate_of_same_track"
    certificate = make.certificate()
    certified = certificate.participation
    following = Participation.objects.get(follows=certificate)
    other_person = make.following()
    other_track = make.following(certificate.person, "Library Staff")
    for other in (other_person, other_track):
        assert_refused(other, name, follows=certificate)
        assert_no_duplicate(other, name, follows=certificate)
    assert_refused(certified, name, follows=certificate)
    new = {"track": other_track.track, "rule_set": other_track.rule_set}
    Participation.objects.filter(pk=other_track.pk).update(state="left")
    for period in (following, certified):
        assert_refused(period, name, **new)


def test_an_extension_is_longer_and_has_a_reason() -> None:
    participation = make.following()
    actions.extend_participations(
        participation_ids=[participation.pk],
        closes_on=participation.closes_on + DAY,
        reason="A year of illness.",
        by=make.person(),
    )
    extension = participation.extensions.get()
    assert_refused(extension, "tracks_extension_is_longer", closes_on=participation.closes_on)
    assert_refused(extension, "tracks_extension_has_a_reason", reason="")


# ---------- Submissions ----------


def test_a_period_has_one_open_submission() -> None:
    assert_no_duplicate(make.submission(), "tracks_one_open_submission")


def test_a_submission_belongs_to_the_person_and_has_a_name() -> None:
    submission = make.submission()
    end(submission)
    assert_no_duplicate(
        submission, "tracks_submission_participation_same_person", person=make.person()
    )
    assert_no_duplicate(submission, "tracks_submission_has_a_name", name="")


def end(submission: Submission) -> None:
    actions.withdraw_submission(participation_id=submission.participation_id, by=submission.person)


def test_a_record_is_reviewed_by_someone_else_after_its_submission() -> None:
    submission, staff, now = make.submission(), make.person(), timezone.now()
    assert_refused(submission, "tracks_reviewed_both_or_neither", reviewed_at=now)
    assert_refused(submission, "tracks_reviewed_both_or_neither", reviewed_by=staff)
    early = {"reviewed_at": submission.submitted_at - DAY, "reviewed_by": staff}
    assert_refused(submission, "tracks_submitted_before_reviewed", **early)
    own = {"reviewed_at": now, "reviewed_by": submission.person}
    assert_refused(submission, "tracks_submission_not_reviewed_by_owner", **own)


def test_a_record_is_verified_by_someone_else_after_its_review() -> None:
    submission = make.verification().submission
    assert submission
    submission.refresh_from_db()
    assert submission.reviewed_at
    now = timezone.now()
    assert_refused(submission, "tracks_verified_both_or_neither", verified_at=now)
    assert_refused(submission, "tracks_verified_both_or_neither", verified_name="Dana")
    assert_refused(submission, "tracks_verified_both_or_neither", verified_by=make.person())
    signed = {"verified_at": now, "verified_name": "Dana"}
    early = signed | {"verified_at": submission.reviewed_at - DAY}
    assert_refused(submission, "tracks_reviewed_before_verified", **early)
    assert_refused(
        submission,
        "tracks_submission_not_verified_by_owner",
        **signed,
        verified_by=submission.person,
    )
    never = make.submission()
    assert_refused(never, "tracks_reviewed_before_verified", **signed)


def test_an_ended_submission_has_a_time_a_known_ending_and_a_reason_if_sent_back() -> None:
    submission, now = make.submission(), timezone.now()
    assert_refused(submission, "tracks_submission_ended_both_or_neither", ended_at=now)
    assert_refused(submission, "tracks_submission_ended_both_or_neither", ending=Ending.TAKEN_BACK)
    assert_refused(
        submission, "tracks_submission_ended_both_or_neither", ended_at=now, ending="burnt"
    )
    assert_refused(submission, "tracks_submission_ended_both_or_neither", ended_by=make.person())
    for ending in (Ending.RETURNED, Ending.REFUSED, Ending.REOPENED):
        assert_refused(
            submission, "tracks_submission_sent_back_with_a_reason", ended_at=now, ending=ending
        )
    assert_refused(
        submission, "tracks_certified_after_verification", ended_at=now, ending=Ending.CERTIFIED
    )


def test_submissions_cannot_be_changed_or_deleted() -> None:
    submission = make.submission()
    assert_frozen(submission, "protect_submissions", DELETE)
    for column, value in {
        "record": "{}",
        "name": "Someone else",
        "person_id": make.person().pk,
        "participation_id": make.following().pk,
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        assert_frozen(submission, "submission_record_is_frozen", statement, value)


# ---------- Questions to supervisors ----------


def test_a_submission_has_one_open_question() -> None:
    question = make.verification()
    assert_no_duplicate(question, "tracks_one_open_question_per_submission", nonce=uuid.uuid4())
    assert_no_duplicate(
        question, "nonce", answered_at=timezone.now(), answer=VerificationAnswer.VERIFIED
    )


def a_year() -> Verification:
    june = make.person()
    participation = make.following(june)
    year = participation.postings.get().credit.claim.event.last_day.year
    return actions.ask_about_year(
        participation_id=participation.pk, year=year, supervisor=make.SUPERVISOR, by=june
    )


def test_a_year_is_asked_about_and_verified_once() -> None:
    question = a_year()
    assert_no_duplicate(question, "tracks_year_verified_once", nonce=uuid.uuid4())
    actions.verify_record(verification_id=question.pk, by=None)
    open_again = {"nonce": uuid.uuid4(), "answered_at": None, "answer": ""}
    assert_no_duplicate(question, "tracks_year_verified_once", **open_again)


def test_a_question_is_about_a_record_or_a_year_of_one_person() -> None:
    question, year = make.verification(), a_year()
    new = {
        "nonce": uuid.uuid4(),
        "answered_at": timezone.now(),
        "answer": VerificationAnswer.VERIFIED,
    }
    both = "tracks_verification_of_a_submission_or_a_year"
    assert_no_duplicate(question, both, **new, year=2026)
    assert_no_duplicate(year, both, **new, year=None)
    whose = "tracks_verification_participation_same_person"
    assert_no_duplicate(question, whose, **new, person=make.person())
    other = make.following(question.person, "Library Staff")
    which = "tracks_verification_submission_same_participation"
    assert_no_duplicate(question, which, **new, participation=other)


def test_a_supervisor_is_someone_else_with_a_name_and_has_time_to_answer() -> None:
    question = make.verification()
    assert_refused(question, "tracks_verification_supervisor_not_owner", supervisor=question.person)
    assert_refused(question, "tracks_supervisor_is_named", supervisor_email=Value("A@b.example"))
    assert_refused(question, "tracks_supervisor_is_named", supervisor_email="")
    assert_refused(question, "tracks_supervisor_is_named", supervisor_name="")
    assert_refused(
        question, "tracks_verification_expires_after_asked", expires_at=question.asked_at
    )


def test_an_answered_question_has_a_time_a_known_answer_and_a_reason_if_refused() -> None:
    question, now = make.verification(), timezone.now()
    somehow = "tracks_verification_answered_both_or_neither"
    assert_refused(question, somehow, answered_at=now)
    assert_refused(question, somehow, answer=VerificationAnswer.VERIFIED)
    assert_refused(question, somehow, answered_at=now, answer="perhaps")
    for answer in (VerificationAnswer.REFUSED, VerificationAnswer.WITHDRAWN):
        name = "tracks_verification_refused_with_a_reason"
        assert_refused(question, name, answered_at=now, answer=answer)


def test_an_expired_question_can_only_be_withdrawn() -> None:
    question = make.verification()
    late = {"answered_at": question.expires_at + dt.timedelta(microseconds=1), "reason": "Late."}
    for answer in (VerificationAnswer.VERIFIED, VerificationAnswer.REFUSED):
        expired = "tracks_verification_answered_before_it_expires"
        assert_refused(question, expired, **late, answer=answer)
    questions = Verification.objects.filter(pk=question.pk)
    assert questions.update(**late, answer=VerificationAnswer.WITHDRAWN) == 1


def test_questions_cannot_be_changed_or_deleted() -> None:
    question = make.verification()
    assert_frozen(question, "protect_verifications", DELETE)
    for column, value in {
        "record": "{}",
        "year": 2026,
        "submission_id": None,
        "person_id": make.person().pk,
        "participation_id": make.following().pk,
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        assert_frozen(question, "verification_question_is_frozen", statement, value)


# ---------- Certificates ----------


def test_a_period_has_one_valid_certificate() -> None:
    certificate = make.certificate()
    assert_no_duplicate(
        certificate, "tracks_one_valid_certificate", number="2026-9999", uuid=uuid.uuid4()
    )


def test_numbers_and_addresses_of_certificates_are_unique() -> None:
    certificate = make.certificate()
    revoke(certificate)
    assert_no_duplicate(certificate, "tracks_certificate_number", uuid=uuid.uuid4())
    assert_no_duplicate(certificate, "tracks_certificate_uuid", number="2026-9999")
    again = {"number": "2026-9998", "uuid": uuid.uuid4(), "replaces": certificate}
    copy_row(certificate, **again)
    second = again | {"number": "2026-9997", "uuid": uuid.uuid4()}
    assert_no_duplicate(certificate, "tracks_certificate_replaces_id", **second)


def revoke(certificate: Certificate) -> None:
    actions.revoke_certificate(
        certificate_id=certificate.pk, reason="Invented.", by=make.person(Role.CE_COORDINATOR)
    )


def test_a_certificate_needs_the_persons_own_reviewed_and_verified_record() -> None:
    certificate, stranger = make.certificate(), make.certificate()
    revoke(certificate)
    new = {"number": "2026-9999", "uuid": uuid.uuid4()}
    whose = "tracks_certificate_participation_same_person"
    assert_no_duplicate(certificate, whose, **new, person=stranger.person)
    which = "tracks_certificate_submission_same_participation"
    theirs = {
        name: getattr(stranger, name) for name in ("submission", "reviewed_at", "verified_at")
    }
    assert_no_duplicate(certificate, which, **new, **theirs)
    both = "tracks_certificate_reviewed_and_verified"
    for name in ("reviewed_at", "verified_at"):
        assert_no_duplicate(certificate, both, **new, **{name: timezone.now() + DAY})
        with pytest.raises(IntegrityError, match="null value"), transaction.atomic():
            copy_row(certificate, **new, **{name: None})
    other = make.submission(make.following(certificate.person, "Library Staff"))
    unverified = make.verification(other).submission
    assert unverified
    rests = {"submission": unverified, "participation": unverified.participation}
    assert_no_duplicate(certificate, both, **new, **rests)


def test_the_verification_behind_a_certificate_cannot_be_undone() -> None:
    certificate = make.certificate()
    submission = certificate.submission
    gone = {"verified_at": None, "verified_by": None, "verified_name": ""}
    rests = "tracks_certificate_reviewed_and_verified"
    with pytest.raises(IntegrityError, match=rests), transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(ended_at=None, ending="", **gone)


def test_a_certificate_has_names_and_expires_after_its_issue() -> None:
    certificate = make.certificate()
    revoke(certificate)
    new = {"number": "2026-9999", "uuid": uuid.uuid4()}
    for name in ("name", "coordinator_name", "supervisor_name"):
        assert_no_duplicate(certificate, "tracks_certificate_names_people", **new, **{name: ""})
    day = certificate.issued_on
    assert_no_duplicate(
        certificate, "tracks_certificate_expires_after_issue", **new, expires_on=day
    )


def test_a_certificate_is_revoked_by_someone_else_with_a_reason() -> None:
    certificate, staff, now = make.certificate(), make.person(), timezone.now()
    name = "tracks_revoked_all_or_none"
    assert_refused(certificate, name, revoked_at=now, revoked_by=staff)
    assert_refused(certificate, name, revoked_at=now, revoked_reason="Invented.")
    assert_refused(certificate, name, revoked_by=staff, revoked_reason="Invented.")
    assert_refused(
        certificate,
        "tracks_certificate_not_revoked_by_holder",
        revoked_at=now,
        revoked_by=certificate.person,
        revoked_reason="Mine.",
    )


def test_certificates_cannot_be_changed_or_deleted() -> None:
    certificate = make.certificate()
    assert_frozen(certificate, "protect_certificates", DELETE)
    for column, value in {
        "record": "{}",
        "name": "Someone else",
        "number": "1999-0001",
        "expires_on": dt.date(2099, 1, 1),
        "listed_as": "Someone else",
        "issued_on": dt.date(2020, 1, 1),
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        assert_frozen(certificate, "certificates_are_frozen", statement, value)


def test_the_reviewer_is_not_the_supervisor() -> None:
    """See test_four_eyes.py for each address of the reviewer."""
    question = Verification.objects.get(pk=make.verification().pk)
    submission = question.submission
    assert submission is not None
    reviewer = submission.reviewed_by
    assert reviewer is not None
    for row, trigger in (
        (submission, "submission_not_verified_by_reviewer"),
        (question, "supervisor_is_not_reviewer"),
    ):
        assert trigger in triggers(type(row))
    for column, value in (("supervisor", reviewer), ("supervisor_email", reviewer.email)):
        assert_refused(question, "tracks_supervisor_is_not_reviewer", **{column: value})
    assert_refused(
        submission,
        "tracks_submission_not_verified_by_reviewer",
        verified_at=timezone.now(),
        verified_by=reviewer,
        verified_name="Rae",
    )


def test_versions_of_a_record() -> None:
    question = make.verification()
    submission = question.submission
    assert submission is not None
    version = RecordVersion.objects.create(
        submission=submission, number=2, record=submission.record, change="One line."
    )
    now = timezone.now()
    assert_no_duplicate(version, "tracks_record_version_number_once")
    assert_no_duplicate(version, "tracks_record_version_after_the_first", number=1)
    assert_no_duplicate(version, "tracks_record_version_says_what_changed", number=3, change="")
    assert_refused(version, "tracks_record_version_confirmed_by_someone", confirmed_at=now)
    assert "record_version_not_confirmed_by_others" in triggers(RecordVersion)
    assert_refused(
        version,
        "tracks_record_version_not_confirmed_by_others",
        confirmed_at=now,
        confirmed_by=submission.person,
    )
    assert_frozen(version, "protect_record_versions", DELETE)
    statement = "UPDATE {table} SET change = %s WHERE id = %s"
    assert_frozen(version, "record_version_is_frozen", statement, "Nothing.")
    assert "verified_record_is_confirmed" in triggers(Submission)
    assert_refused(
        submission,
        "tracks_verified_record_is_confirmed",
        verified_at=now,
        verified_name="Dana Chair",
    )


def test_a_certificate_has_the_confirmed_record() -> None:
    certificate = make.certificate()
    assert "certificate_has_the_confirmed_record" in triggers(Certificate)
    assert_no_duplicate(
        certificate,
        "tracks_certificate_has_the_confirmed_record",
        record=certificate.record | {"total": "1"},
        uuid=uuid.uuid4(),
        number="1999-0001",
        revoked_at=timezone.now(),
        revoked_by=make.person(),
        revoked_reason="Invented.",
    )


# ---------- All of them ----------


def test_every_constraint_and_trigger_is_tested() -> None:
    """The tests are in this file or in test_promises.py; test_clean_columns.py tests clean text."""
    here = Path(__file__)
    text = here.read_text() + here.parents[1].joinpath("test_promises.py").read_text()
    names = {
        constraint.name
        for table in TABLES
        for constraint in table._meta.constraints
        if not isinstance(constraint, CleanColumn)
    }
    kept = {name for table in TABLES for name in triggers(table)}
    assert len(names) > 35
    assert sorted(name for name in (names | kept) - KEYS if f'"{name}"' not in text) == []
