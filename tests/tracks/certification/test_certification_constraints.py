"""What must never be in certification, tried by going round Python."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, models, transaction
from django.utils import timezone

from accounts.enums import Role
from tests import factories as make
from tracks import actions
from tracks.enums import Ending, VerificationAnswer
from tracks.models import Certificate, Extension, Participation, Posting, Submission, Verification

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
TABLES = (Participation, Posting, Extension, Submission, Verification, Certificate)
# An id is unique by itself; together with these it only lets other tables point at both.
KEYS = {
    "tracks_participation_with_person",
    "tracks_submission_with_answers",
    "tracks_submission_with_participation",
}


def refused(row: models.Model, constraint: str, **values: Any) -> None:
    """This change of the row breaks the constraint, and nothing changes."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rows.update(**values)


def another(row: Any, **values: Any) -> None:
    """Write the row once more, with these values in place of its own."""
    copy = type(row)._default_manager.get(pk=row.pk)
    copy.pk = None
    for name, value in values.items():
        setattr(copy, name, value)
    type(row)._default_manager.bulk_create([copy])


def no_other(row: models.Model, constraint: str, **values: Any) -> None:
    """A second row like this one breaks the constraint."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        another(row, **values)


def frozen(row: models.Model, name: str, statement: str, *values: Any) -> None:
    """The trigger of this name is there, and the statement on the row is refused with its words."""
    assert name in triggers(type(row))
    with (
        pytest.raises(ProgrammingError, match=r"pgtrigger: Cannot (update|delete)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table=row._meta.db_table), [*values, row.pk])


def triggers(table: type[models.Model]) -> set[str]:
    """The names of a table's triggers, besides those that write its history."""
    names = {trigger.name for trigger in getattr(table._meta, "triggers", ())}
    return {name for name in names if not name.startswith(("insert_", "update_", "delete_"))}


DELETE = "DELETE FROM {table} WHERE id = %s"


# ---------- Periods ----------


def test_a_period_is_in_a_known_state_and_reaches_back_unless_it_follows_a_certificate() -> None:
    participation = make.following()
    refused(participation, "tracks_state_known", state="lost")
    ahead = participation.selected_on + DAY
    refused(participation, "tracks_counts_from_not_after_selection", counts_from=ahead)
    certificate = make.certificate(participation)
    following = Participation.objects.get(follows=certificate)
    assert following.counts_from > following.selected_on
    refused(following, "tracks_counts_from_not_after_selection", follows=None)


def test_an_extension_is_longer_and_has_a_reason() -> None:
    participation = make.following()
    actions.extend_participations(
        participation_ids=[participation.pk],
        closes_on=participation.closes_on + DAY,
        reason="A year of illness.",
        by=make.person(),
    )
    extension = participation.extensions.get()
    refused(extension, "tracks_extension_is_longer", closes_on=participation.closes_on)
    refused(extension, "tracks_extension_has_a_reason", reason="")


# ---------- Records that were sent ----------


def test_one_record_of_a_period_is_under_way() -> None:
    no_other(make.submission(), "tracks_one_open_submission")


def test_a_record_is_the_persons_own_and_has_a_name() -> None:
    sent = make.submission()
    end(sent)
    no_other(sent, "tracks_submission_participation_same_person", person=make.person())
    no_other(sent, "tracks_submission_has_a_name", name="")


def end(sent: Submission) -> None:
    actions.take_back_submission(participation_id=sent.participation_id, by=sent.person)


def test_a_record_is_reviewed_by_another_person_after_it_was_sent() -> None:
    sent, staff, now = make.submission(), make.person(), timezone.now()
    refused(sent, "tracks_reviewed_both_or_neither", reviewed_at=now)
    refused(sent, "tracks_reviewed_both_or_neither", reviewed_by=staff)
    early = {"reviewed_at": sent.submitted_at - DAY, "reviewed_by": staff}
    refused(sent, "tracks_submitted_before_reviewed", **early)
    own = {"reviewed_at": now, "reviewed_by": sent.person}
    refused(sent, "tracks_submission_not_reviewed_by_owner", **own)


def test_a_record_is_verified_by_another_person_after_its_review() -> None:
    sent = make.verification().submission
    assert sent
    sent.refresh_from_db()
    assert sent.reviewed_at
    now = timezone.now()
    refused(sent, "tracks_verified_both_or_neither", verified_at=now)
    refused(sent, "tracks_verified_both_or_neither", verified_name="Dana")
    refused(sent, "tracks_verified_both_or_neither", verified_by=make.person())
    signed = {"verified_at": now, "verified_name": "Dana"}
    early = signed | {"verified_at": sent.reviewed_at - DAY}
    refused(sent, "tracks_reviewed_before_verified", **early)
    refused(sent, "tracks_submission_not_verified_by_owner", **signed, verified_by=sent.person)
    never = make.submission()
    refused(never, "tracks_reviewed_before_verified", **signed)


def test_a_record_ends_sometime_somehow_with_a_reason_where_it_goes_back() -> None:
    sent, now = make.submission(), timezone.now()
    refused(sent, "tracks_submission_ended_both_or_neither", ended_at=now)
    refused(sent, "tracks_submission_ended_both_or_neither", ending=Ending.TAKEN_BACK)
    refused(sent, "tracks_submission_ended_both_or_neither", ended_at=now, ending="burnt")
    refused(sent, "tracks_submission_ended_both_or_neither", ended_by=make.person())
    for ending in (Ending.RETURNED, Ending.REFUSED, Ending.REOPENED):
        refused(sent, "tracks_submission_sent_back_with_a_reason", ended_at=now, ending=ending)
    refused(sent, "tracks_certified_after_verification", ended_at=now, ending=Ending.CERTIFIED)


def test_what_was_sent_stays_and_is_kept() -> None:
    sent = make.submission()
    frozen(sent, "protect_submissions", DELETE)
    for column, value in {
        "record": "{}",
        "name": "Somebody else",
        "person_id": make.person().pk,
        "participation_id": make.following().pk,
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        frozen(sent, "submission_record_is_frozen", statement, value)


# ---------- Questions to supervisors ----------


def test_one_supervisor_is_asked_about_a_record_at_a_time() -> None:
    asked = make.verification()
    no_other(asked, "tracks_one_open_question_per_submission", nonce=uuid.uuid4())
    no_other(asked, "nonce", answered_at=timezone.now(), answer=VerificationAnswer.VERIFIED)


def a_year() -> Verification:
    june = make.person()
    participation = make.following(june)
    year = participation.postings.get().credit.claim.event.last_day.year
    return actions.ask_about_year(
        participation_id=participation.pk, year=year, supervisor=make.SUPERVISOR, by=june
    )


def test_a_year_is_asked_about_and_verified_once() -> None:
    asked = a_year()
    no_other(asked, "tracks_year_verified_once", nonce=uuid.uuid4())
    actions.verify_record(verification_id=asked.pk, by=None)
    open_again = {"nonce": uuid.uuid4(), "answered_at": None, "answer": ""}
    no_other(asked, "tracks_year_verified_once", **open_again)


def test_a_question_is_about_a_record_or_a_year_of_one_person() -> None:
    asked, year = make.verification(), a_year()
    new = {
        "nonce": uuid.uuid4(),
        "answered_at": timezone.now(),
        "answer": VerificationAnswer.VERIFIED,
    }
    both = "tracks_verification_of_a_submission_or_a_year"
    no_other(asked, both, **new, year=2026)
    no_other(year, both, **new, year=None)
    whose = "tracks_verification_participation_same_person"
    no_other(asked, whose, **new, person=make.person())
    other = make.following(asked.person, "Library Staff")
    which = "tracks_verification_submission_same_participation"
    no_other(asked, which, **new, participation=other)


def test_a_supervisor_is_another_person_with_a_name_and_has_time() -> None:
    asked = make.verification()
    refused(asked, "tracks_verification_supervisor_not_owner", supervisor=asked.person)
    refused(asked, "tracks_supervisor_is_named", supervisor_email="Dana@Board.example")
    refused(asked, "tracks_supervisor_is_named", supervisor_email="")
    refused(asked, "tracks_supervisor_is_named", supervisor_name="")
    refused(asked, "tracks_verification_expires_after_asked", expires_at=asked.asked_at)


def test_a_question_is_answered_sometime_somehow_with_a_reason_where_it_is_refused() -> None:
    asked, now = make.verification(), timezone.now()
    somehow = "tracks_verification_answered_both_or_neither"
    refused(asked, somehow, answered_at=now)
    refused(asked, somehow, answer=VerificationAnswer.VERIFIED)
    refused(asked, somehow, answered_at=now, answer="perhaps")
    for answer in (VerificationAnswer.REFUSED, VerificationAnswer.WITHDRAWN):
        name = "tracks_verification_refused_with_a_reason"
        refused(asked, name, answered_at=now, answer=answer)


def test_what_was_asked_stays_and_is_kept() -> None:
    asked = make.verification()
    frozen(asked, "protect_verifications", DELETE)
    for column, value in {
        "record": "{}",
        "year": 2026,
        "submission_id": None,
        "person_id": make.person().pk,
        "participation_id": make.following().pk,
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        frozen(asked, "verification_question_is_frozen", statement, value)


# ---------- Certificates ----------


def test_one_certificate_of_a_period_is_valid() -> None:
    certificate = make.certificate()
    no_other(certificate, "tracks_one_valid_certificate", number="2026-9999", uuid=uuid.uuid4())


def test_a_certificate_is_one_of_its_kind() -> None:
    certificate = make.certificate()
    revoke(certificate)
    no_other(certificate, "tracks_certificate_number", uuid=uuid.uuid4())
    no_other(certificate, "tracks_certificate_uuid", number="2026-9999")
    again = {"number": "2026-9998", "uuid": uuid.uuid4(), "replaces": certificate}
    another(certificate, **again)
    anew = again | {"number": "2026-9997", "uuid": uuid.uuid4()}
    no_other(certificate, "tracks_certificate_replaces_id", **anew)


def revoke(certificate: Certificate) -> None:
    actions.revoke_certificate(
        certificate_id=certificate.pk, reason="Invented.", by=make.person(Role.CE_COORDINATOR)
    )


def test_a_certificate_rests_on_the_persons_own_record_reviewed_and_verified() -> None:
    certificate, stranger = make.certificate(), make.certificate()
    revoke(certificate)
    new = {"number": "2026-9999", "uuid": uuid.uuid4()}
    whose = "tracks_certificate_participation_same_person"
    no_other(certificate, whose, **new, person=stranger.person)
    which = "tracks_certificate_submission_same_participation"
    theirs = {
        name: getattr(stranger, name) for name in ("submission", "reviewed_at", "verified_at")
    }
    no_other(certificate, which, **new, **theirs)
    both = "tracks_certificate_reviewed_and_verified"
    for name in ("reviewed_at", "verified_at"):
        no_other(certificate, both, **new, **{name: timezone.now() + DAY})
        with pytest.raises(IntegrityError, match="null value"), transaction.atomic():
            another(certificate, **new, **{name: None})
    other = make.submission(make.following(certificate.person, "Library Staff"))
    unverified = make.verification(other).submission
    assert unverified
    rests = {"submission": unverified, "participation": unverified.participation}
    no_other(certificate, both, **new, **rests)


def test_what_a_certificate_rests_on_cannot_be_taken_from_under_it() -> None:
    certificate = make.certificate()
    sent = certificate.submission
    gone = {"verified_at": None, "verified_by": None, "verified_name": ""}
    rests = "tracks_certificate_reviewed_and_verified"
    with pytest.raises(IntegrityError, match=rests), transaction.atomic():
        Submission.objects.filter(pk=sent.pk).update(ended_at=None, ending="", **gone)


def test_a_certificate_names_people_and_has_time() -> None:
    certificate = make.certificate()
    revoke(certificate)
    new = {"number": "2026-9999", "uuid": uuid.uuid4()}
    for name in ("name", "coordinator_name", "supervisor_name"):
        no_other(certificate, "tracks_certificate_names_people", **new, **{name: ""})
    day = certificate.issued_on
    no_other(certificate, "tracks_certificate_expires_after_issue", **new, expires_on=day)


def test_a_certificate_is_revoked_by_another_person_for_a_reason() -> None:
    certificate, staff, now = make.certificate(), make.person(), timezone.now()
    name = "tracks_revoked_all_or_none"
    refused(certificate, name, revoked_at=now, revoked_by=staff)
    refused(certificate, name, revoked_at=now, revoked_reason="Invented.")
    refused(certificate, name, revoked_by=staff, revoked_reason="Invented.")
    refused(
        certificate,
        "tracks_certificate_not_revoked_by_holder",
        revoked_at=now,
        revoked_by=certificate.person,
        revoked_reason="Mine.",
    )


def test_certificates_stay_as_they_are_and_are_kept() -> None:
    certificate = make.certificate()
    frozen(certificate, "protect_certificates", DELETE)
    for column, value in {
        "record": "{}",
        "name": "Somebody else",
        "number": "1999-0001",
        "expires_on": dt.date(2099, 1, 1),
        "listed_as": "Somebody else",
        "issued_on": dt.date(2020, 1, 1),
    }.items():
        statement = f"UPDATE {{table}} SET {column} = %s WHERE id = %s"
        frozen(certificate, "certificates_are_frozen", statement, value)


# ---------- All of them ----------


def test_every_constraint_and_trigger_is_tried() -> None:
    """Here, or among the promises about what is chosen and posted."""
    here = Path(__file__)
    text = here.read_text() + here.parents[1].joinpath("test_promises.py").read_text()
    names = {constraint.name for table in TABLES for constraint in table._meta.constraints}
    kept = {name for table in TABLES for name in triggers(table)}
    assert len(names) > 35
    assert sorted(name for name in (names | kept) - KEYS if f'"{name}"' not in text) == []
