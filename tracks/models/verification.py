"""Requests to supervisors to verify a record or one year of it."""

import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from aspen.db.constraints import CompositeForeignKey, clean_columns
from aspen.db.fields import EmailAddressField, LineField, TextField
from tracks.enums import VerificationAnswer
from tracks.models.participation import Participation
from tracks.models.submission import Submission
from tracks.models.triggers import IS_REVIEWER, REVIEWERS, refuse_if


@pghistory.track(model_name="VerificationHistory")
class Verification(models.Model):
    """A request to a supervisor to verify a record or one year of it.

    Supervisors do not need an account: they answer once, through a link that contains `nonce` and
    expires. Asking again or asking another supervisor adds another row.
    """

    participation = models.ForeignKey(Participation, models.PROTECT, related_name="verifications")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    submission = models.ForeignKey(
        Submission, models.PROTECT, null=True, blank=True, related_name="verifications"
    )
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    record = models.JSONField(help_text="The record as it was when the supervisor was asked.")
    supervisor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="verifies"
    )
    supervisor_name = LineField(max_length=150)
    supervisor_email = EmailAddressField(max_length=254)
    nonce = models.UUIDField(default=uuid.uuid4, unique=True)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    reminders = models.PositiveSmallIntegerField(default=0)
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=10, choices=VerificationAnswer, blank=True)
    reason = TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            *clean_columns(
                "tracks_verification",
                lines=["supervisor_name"],
                texts=["reason"],
                emails=["supervisor_email"],
            ),
            models.UniqueConstraint(
                fields=["submission"],
                condition=Q(answered_at=None),
                name="tracks_one_open_question_per_submission",
            ),
            models.UniqueConstraint(
                fields=["participation", "year"],
                condition=Q(answered_at=None) | Q(answer=VerificationAnswer.VERIFIED),
                name="tracks_year_verified_once",
            ),
            models.CheckConstraint(
                condition=Q(submission=None, year__isnull=False)
                | Q(submission__isnull=False, year=None),
                name="tracks_verification_of_a_submission_or_a_year",
            ),
            CompositeForeignKey(
                fields=["participation", "person"],
                to="tracks.Participation",
                to_fields=["id", "person"],
                name="tracks_verification_participation_same_person",
            ),
            CompositeForeignKey(
                fields=["submission", "participation"],
                to="tracks.Submission",
                to_fields=["id", "participation"],
                name="tracks_verification_submission_same_participation",
            ),
            models.CheckConstraint(
                condition=Q(supervisor=None) | ~Q(supervisor=F("person")),
                name="tracks_verification_supervisor_not_owner",
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None, answer="")
                | Q(answered_at__isnull=False, answer__in=VerificationAnswer.values),
                name="tracks_verification_answered_both_or_neither",
            ),
            models.CheckConstraint(
                condition=~Q(answer__in=[VerificationAnswer.REFUSED, VerificationAnswer.WITHDRAWN])
                | ~Q(reason=""),
                name="tracks_verification_refused_with_a_reason",
            ),
            # Questions can be withdrawn later, such as when a new link replaces an expired one.
            models.CheckConstraint(
                condition=Q(answered_at=None)
                | Q(answer=VerificationAnswer.WITHDRAWN)
                | Q(answered_at__lte=F("expires_at")),
                name="tracks_verification_answered_before_it_expires",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("asked_at")),
                name="tracks_verification_expires_after_asked",
            ),
            models.CheckConstraint(
                condition=Q(supervisor_email=Lower("supervisor_email"))
                & ~Q(supervisor_email="")
                & ~Q(supervisor_name=""),
                name="tracks_supervisor_is_named",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_verifications", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="verification_question_is_frozen",
                fields=["participation", "person", "submission", "year", "record"],
            ),
            # Withdrawing a question that an earlier version asked of the reviewer is possible.
            pgtrigger.Trigger(
                name="supervisor_is_not_reviewer",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert
                | pgtrigger.UpdateOf("answer", "supervisor_id", "supervisor_email"),
                func=refuse_if(
                    "NEW.answer <> 'withdrawn' AND NEW.answer <> 'refused' AND "
                    + IS_REVIEWER.format(
                        reviewers=REVIEWERS.format(submission="NEW.submission_id"),
                        supervisor="NEW.supervisor_id",
                        address="NEW.supervisor_email",
                    ),
                    name="tracks_supervisor_is_not_reviewer",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Verification {self.pk}"
