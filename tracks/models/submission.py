"""Submitted records and their versions."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from aspen.db.constraints import CompositeForeignKey, both_or_neither, clean_columns
from aspen.db.fields import EmailAddressField, LineField, ShortTextField, TextField
from tracks.enums import Ending
from tracks.models.participation import Participation
from tracks.models.triggers import ASKED_REVIEWER, REVIEWERS, refuse_if


@pghistory.track(model_name="SubmissionHistory")
class Submission(models.Model):
    """A submitted record, with the person and time of each step.

    `record` (tracks/certification/record.py) is the record as the person saw it when submitting.
    A submission ends once: withdrawn, returned, refused, reopened by a correction, or certified.
    """

    participation = models.ForeignKey(Participation, models.PROTECT, related_name="submissions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()
    record = models.JSONField()
    remarks = models.JSONField(
        default=list, help_text="Warnings from the automatic checks, as sentences."
    )
    note = ShortTextField(max_length=1000, blank=True, help_text="For the CE Coordinator.")
    name = LineField(max_length=150, help_text="As it should appear on the certificate.")
    listed_as = LineField(
        max_length=150,
        blank=True,
        help_text="Name on the annual list. Blank if the person is not to be listed by name.",
    )
    # The supervisor the person suggested, if any.
    supervisor_name = LineField(max_length=150, blank=True)
    supervisor_email = EmailAddressField(max_length=254, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    verified_name = LineField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    ending = models.CharField(max_length=10, choices=Ending, blank=True)
    reason = TextField(blank=True)

    class Meta:
        ordering = ["-submitted_at", "-id"]
        permissions = [
            ("review_submission", "Can review records, extend periods and revoke certificates")
        ]
        constraints = [
            *clean_columns(
                "tracks_submission",
                lines=["name", "listed_as", "supervisor_name", "verified_name"],
                texts=["note", "reason"],
                emails=["supervisor_email"],
            ),
            models.UniqueConstraint(
                fields=["participation"],
                condition=Q(ended_at=None),
                name="tracks_one_open_submission",
            ),
            # Lets a certificate reference a submission that was reviewed and verified.
            models.UniqueConstraint(
                fields=["id", "reviewed_at", "verified_at"], name="tracks_submission_with_answers"
            ),
            # Lets a verification reference the submission together with its participation.
            models.UniqueConstraint(
                fields=["id", "participation"], name="tracks_submission_with_participation"
            ),
            CompositeForeignKey(
                fields=["participation", "person"],
                to="tracks.Participation",
                to_fields=["id", "person"],
                name="tracks_submission_participation_same_person",
            ),
            both_or_neither("reviewed_at", "reviewed_by", name="tracks_reviewed_both_or_neither"),
            models.CheckConstraint(
                condition=Q(verified_at=None, verified_by=None, verified_name="")
                | Q(verified_at__isnull=False) & ~Q(verified_name=""),
                name="tracks_verified_both_or_neither",
            ),
            # Needs IS NOT NULL, because a comparison with NULL would pass.
            models.CheckConstraint(
                condition=Q(verified_at=None)
                | Q(reviewed_at__isnull=False, reviewed_at__lte=F("verified_at")),
                name="tracks_reviewed_before_verified",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at=None) | Q(submitted_at__lte=F("reviewed_at")),
                name="tracks_submitted_before_reviewed",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by=None) | ~Q(reviewed_by=F("person")),
                name="tracks_submission_not_reviewed_by_owner",
            ),
            models.CheckConstraint(
                condition=Q(verified_by=None) | ~Q(verified_by=F("person")),
                name="tracks_submission_not_verified_by_owner",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, ending="")
                | Q(ended_at__isnull=False, ending__in=Ending.values),
                name="tracks_submission_ended_both_or_neither",
            ),
            models.CheckConstraint(
                condition=~Q(ending__in=[Ending.RETURNED, Ending.REFUSED, Ending.REOPENED])
                | ~Q(reason=""),
                name="tracks_submission_sent_back_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(ending=Ending.CERTIFIED) | Q(verified_at__isnull=False),
                name="tracks_certified_after_verification",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="tracks_submission_has_a_name"),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_submissions", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="submission_record_is_frozen",
                fields=["participation", "person", "record", "name"],
            ),
            pgtrigger.Trigger(
                name="submission_not_verified_by_reviewer",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("reviewed_by_id", "verified_by_id"),
                func=refuse_if(
                    "NEW.verified_by_id = NEW.reviewed_by_id OR NEW.verified_by_id IN "
                    + REVIEWERS.format(submission="NEW.id")
                    + " OR "
                    + ASKED_REVIEWER.format(submission="NEW.id", reviewers="(NEW.reviewed_by_id)"),
                    name="tracks_submission_not_verified_by_reviewer",
                ),
            ),
            pgtrigger.Trigger(
                name="verified_record_is_confirmed",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("verified_at"),
                func=refuse_if(
                    "NEW.verified_at IS NOT NULL AND (SELECT confirmed_at IS NULL"
                    " FROM tracks_recordversion WHERE submission_id = NEW.id"
                    " ORDER BY number DESC LIMIT 1)",
                    name="tracks_verified_record_is_confirmed",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Submission {self.pk}"


@pghistory.track(model_name="RecordVersionHistory")
class RecordVersion(models.Model):
    """A submitted record after a change that left it complete.

    The submission itself has the record as it was sent, version 1. The CE Coordinator confirms the
    last version, by reviewing the record or afterward, before the supervisor can verify it.
    """

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    record = models.JSONField()
    change = TextField(help_text="How it differs from the version before.")
    made_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["submission_id", "number"]
        constraints = [
            *clean_columns("tracks_recordversion", texts=["change"]),
            models.UniqueConstraint(
                fields=["submission", "number"], name="tracks_record_version_number_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=2), name="tracks_record_version_after_the_first"
            ),
            models.CheckConstraint(
                condition=~Q(change=""), name="tracks_record_version_says_what_changed"
            ),
            both_or_neither(
                "confirmed_at", "confirmed_by", name="tracks_record_version_confirmed_by_someone"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_record_versions", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="record_version_is_frozen",
                fields=["submission", "number", "record", "change", "made_at"],
            ),
            pgtrigger.Trigger(
                name="record_version_not_confirmed_by_others",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("confirmed_by_id"),
                func=refuse_if(
                    "NEW.confirmed_by_id IN (SELECT person_id FROM tracks_submission"
                    " WHERE id = NEW.submission_id) OR "
                    + ASKED_REVIEWER.format(
                        submission="NEW.submission_id", reviewers="(NEW.confirmed_by_id)"
                    ),
                    name="tracks_record_version_not_confirmed_by_others",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} of submission {self.submission_id}"
