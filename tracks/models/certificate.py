"""Certificates."""

import datetime as dt
import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.urls import reverse

from aspen.db.constraints import CompositeForeignKey, both_or_neither, clean_columns
from aspen.db.fields import LineField, TextField
from tracks.models.participation import Participation
from tracks.models.submission import Submission
from tracks.models.triggers import refuse_if

# The ids of the credits in a record, counted and surplus.
RECORDED_CREDITS = Func(
    F("record"),
    template="jsonb_path_query_array(%(expressions)s, '$.lines[*].credit')"
    " || jsonb_path_query_array(%(expressions)s, '$.surplus[*].credit')",
    output_field=models.JSONField(),
)


@pghistory.track(exclude=["recorded_credits"], model_name="CertificateHistory")
class Certificate(models.Model):
    """An issued certificate with the record it counts. It never changes, except to be revoked.

    `replaces` is an earlier certificate for the same period, such as one with a wrong name.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.CharField(
        max_length=20,
        unique=True,
        help_text="The year, followed by the certificate's number within that year.",
    )
    participation = models.ForeignKey(Participation, models.PROTECT, related_name="certificates")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="certificates"
    )
    submission = models.ForeignKey(Submission, models.PROTECT, related_name="certificates")
    reviewed_at = models.DateTimeField()
    verified_at = models.DateTimeField()
    name = LineField(max_length=150)
    listed_as = LineField(max_length=150, blank=True)
    record = models.JSONField()
    recorded_credits = models.GeneratedField(
        expression=RECORDED_CREDITS, output_field=models.JSONField(), db_persist=True
    )
    coordinator_name = LineField(max_length=150)
    supervisor_name = LineField(max_length=150)
    issued_on = models.DateField()
    expires_on = models.DateField(help_text="The last day on which the certificate is valid.")
    issued_at = models.DateTimeField(db_default=Now())
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_reason = TextField(blank=True)

    class Meta:
        ordering = ["-issued_on", "-number"]
        permissions = [("view_reports", "Can see the reports on certification and credits")]
        constraints = [
            *clean_columns(
                "tracks_certificate",
                lines=["name", "listed_as", "coordinator_name", "supervisor_name"],
                texts=["revoked_reason"],
            ),
            models.UniqueConstraint(
                fields=["participation"],
                condition=Q(revoked_at=None),
                name="tracks_one_valid_certificate",
            ),
            CompositeForeignKey(
                fields=["participation", "person"],
                to="tracks.Participation",
                to_fields=["id", "person"],
                name="tracks_certificate_participation_same_person",
            ),
            CompositeForeignKey(
                fields=["submission", "participation"],
                to="tracks.Submission",
                to_fields=["id", "participation"],
                name="tracks_certificate_submission_same_participation",
            ),
            # A certificate has both, so its submission must have both.
            CompositeForeignKey(
                fields=["submission", "reviewed_at", "verified_at"],
                to="tracks.Submission",
                to_fields=["id", "reviewed_at", "verified_at"],
                name="tracks_certificate_reviewed_and_verified",
            ),
            models.CheckConstraint(
                condition=Q(expires_on__gt=F("issued_on")),
                name="tracks_certificate_expires_after_issue",
            ),
            both_or_neither(
                "revoked_at",
                "revoked_by",
                reason="revoked_reason",
                name="tracks_revoked_all_or_none",
            ),
            models.CheckConstraint(
                condition=Q(revoked_by=None) | ~Q(revoked_by=F("person")),
                name="tracks_certificate_not_revoked_by_holder",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(coordinator_name="") & ~Q(supervisor_name=""),
                name="tracks_certificate_names_people",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_certificates", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="certificates_are_frozen",
                exclude=["recorded_credits", "revoked_at", "revoked_by", "revoked_reason"],
            ),
            pgtrigger.Trigger(
                name="certificate_has_the_confirmed_record",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func=refuse_if(
                    "NEW.record <> coalesce((SELECT record FROM tracks_recordversion"
                    " WHERE submission_id = NEW.submission_id ORDER BY number DESC LIMIT 1),"
                    " (SELECT record FROM tracks_submission WHERE id = NEW.submission_id))",
                    name="tracks_certificate_has_the_confirmed_record",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("tracks:certificate", args=[self.uuid])

    @property
    def measured_on(self) -> dt.date:
        """The day on which the certified record was measured and sent."""
        return dt.date.fromisoformat(self.record["measured_on"])
