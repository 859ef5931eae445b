"""What is corrected after a record was sent or a certificate issued is followed to the end."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import Role
from credits.actions import decide_claim
from credits.enums import ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.models import Event
from tests import factories as make
from tracks import actions, proof, queries
from tracks.models import Certificate

pytestmark = pytest.mark.django_db


def move(event: Event, days: float) -> None:
    """Staff correct the days of an event."""
    event.begins_at += dt.timedelta(days=days)
    event.ends_at += dt.timedelta(days=days)
    event_actions.save_event(event=event, by=make.person())


def revoke(certificate: Certificate, *, reopen: bool = False) -> None:
    actions.revoke_certificate(
        certificate_id=certificate.pk,
        reason="An invented training.",
        reopen=reopen,
        by=make.person(Role.CE_COORDINATOR),
    )


# ---------- After the certificate ----------


def test_what_was_declined_since_does_not_come_back_with_a_reopened_period():
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
    assert proof.check() == []


def test_what_turned_out_to_be_earned_after_the_issue_counts_in_the_period_since():
    with time_machine.travel(timezone.now()) as clock:
        certificate = make.certificate()
        claim = Claim.objects.get()
        clock.shift(dt.timedelta(days=30))
        move(claim.event, 20)
        [following] = queries.active_participations(certificate.person)
        assert not following.postings.exists()
        revoke(certificate)
    assert following.postings.get().credit == claim.credits.get()
    assert proof.check() == []
