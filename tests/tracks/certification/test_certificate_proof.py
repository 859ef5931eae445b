"""check_credits finds faults introduced into certificates directly in the database."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import Role
from aspen.clock import today
from tests import factories as make
from tests.tracks.test_integrity import by_sql, faults
from tracks import actions, integrity
from tracks.counting import queries as counting_queries
from tracks.models import Certificate, Participation, Posting, Submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def certificate():
    """A certificate with a counted credit and a surplus credit."""
    participation = make.following()
    make.claim(participation.person, days=-1)
    return make.certificate(participation)


def test_reissuing_and_revoking_leave_no_faults(certificate):
    assert integrity.find_violations() == []
    values = {"certificate_id": certificate.pk, "by": make.person(Role.CE_COORDINATOR)}
    again = actions.reissue_certificate(name="June", reason="Misspelled.", **values)
    assert integrity.find_violations() == []
    values["certificate_id"] = again.pk
    actions.revoke_certificate(reason="Because.", reopen=True, **values)
    assert integrity.find_violations() == []
    actions.revoke_certificate(
        certificate_id=make.certificate(certificate.participation).pk,
        reason="Because.",
        by=values["by"],
    )
    assert Certificate.objects.count() == 3
    assert integrity.find_violations() == []


def test_a_certified_period_without_a_certificate(certificate):
    Certificate.objects.update(
        revoked_at=timezone.now(), revoked_by=make.person(), revoked_reason="Because."
    )
    assert faults() == {"Certified periods without a certificate": 1}


def test_a_certificate_of_a_period_that_is_not_certified(certificate):
    Posting.objects.filter(participation=certificate.participation_id).delete()
    Participation.objects.filter(pk=certificate.participation_id).update(state="revoked")
    assert faults() == {
        "Certificates for a period that is not certified": 1,
        "Certificates that differ from the postings": 1,
    }


def test_a_certificate_counts_a_credit_that_is_not_posted(certificate):
    certificate.participation.postings.all().delete()
    assert faults() == {"Certificates that differ from the postings": 1}


def test_a_certificate_does_not_count_a_posted_credit(certificate):
    surplus = certificate.record["surplus"][0]["credit"]
    Posting.objects.create(
        credit_id=surplus, participation=certificate.participation, person=certificate.person
    )
    assert faults() == {"Certificates that differ from the postings": 1}


def test_a_certificate_of_a_refused_record(certificate):
    Submission.objects.update(ending="refused", reason="Because.")
    assert faults() == {"Certificates without a certified record": 1}


def test_two_certificates_count_the_same_credit(certificate):
    june = certificate.person
    with time_machine.travel(timezone.now() + dt.timedelta(days=10), tick=False):
        make.claim(june, days=-1, credits=make.ENOUGH["Library Trustee"])
        second = make.certificate(counting_queries.active_participations(june).get())
        assert integrity.find_violations() == []
        by_sql(
            "UPDATE tracks_certificate SET record = first.record FROM tracks_certificate AS first"
            f" WHERE tracks_certificate.id = {second.pk} AND first.id = {certificate.pk}",
            "tracks_certificate",
        )
        assert today() > certificate.issued_on
        assert faults() == {
            "Certificates without a certified record": 1,
            "Certificates that differ from the postings": 1,
            "Credits counted twice for one track": 1,
            "Certificates that differ from their history": 1,
        }


def test_two_tracks_can_count_one_credit(certificate):
    june = certificate.person
    staff, _ = actions.select_track(track=make.track(), by=june)
    make.claim(june, days=-2, credits=make.ENOUGH["Library Staff"])
    other = make.certificate(staff)
    counted = {line["credit"] for line in certificate.record["lines"]}
    assert counted <= {line["credit"] for line in other.record["lines"]}
    assert integrity.find_violations() == []


@pytest.mark.parametrize(
    ("table", "change", "name"),
    [
        ("submission", "note = 'x'", "Submissions"),
        ("verification", "reminders = 7", "Verifications"),
        ("certificate", "coordinator_name = 'x'", "Certificates"),
    ],
)
def test_rows_that_differ_from_their_history(certificate, table, change, name):
    by_sql(f"UPDATE tracks_{table} SET {change}", f"tracks_{table}")
    assert faults() == {f"{name} that differ from their history": 1}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("submission", "Submissions"),
        ("verification", "Verifications"),
        ("certificate", "Certificates"),
    ],
)
def test_deleted_rows(table, name):
    """Simulate deleted rows by adding history entries for ids that have no row."""
    make.verification()
    if table == "certificate":
        make.certificate()
    history = f"tracks_{table}history"
    by_sql(f"UPDATE {history} SET pgh_obj_id = pgh_obj_id + 1000000", history)
    found = faults()
    assert found.pop(f"{name} that were deleted") >= 1
    assert set(found) == {f"{name} that differ from their history"}
