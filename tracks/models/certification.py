"""Submissions, requests to supervisors to verify them, and certificates."""

import datetime as dt
import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower, Now
from django.urls import reverse

from aspen.db.constraints import CompositeForeignKey, both_or_neither, clean_columns
from aspen.db.fields import EmailAddressField, LineField, ShortTextField, TextField
from tracks.enums import Ending, VerificationAnswer
from tracks.models.participation import Participation

# SQL: the account or the address of a supervisor belongs to a person who reviewed the record.
_IS_REVIEWER = """({supervisor} IN {reviewers} OR EXISTS (
    SELECT FROM accounts_user WHERE id IN {reviewers} AND lower(email) = lower({address})
) OR EXISTS (
    SELECT FROM account_emailaddress
    WHERE user_id IN {reviewers} AND lower(email) = lower({address})
))"""
# Those who reviewed the record or confirmed a change in it.
_REVIEWERS = """(
    SELECT reviewed_by_id FROM tracks_submission WHERE id = {submission}
    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = {submission}
)"""
_ASKED_REVIEWER = (
    "EXISTS (SELECT FROM tracks_verification AS question WHERE submission_id = {submission}"
    " AND (answered_at IS NULL OR answer = 'verified') AND "
    + _IS_REVIEWER.format(
        reviewers="{reviewers}",
        supervisor="question.supervisor_id",
        address="question.supervisor_email",
    )
    + ")"
)
# A named check constraint, because a trigger can read other tables.
_REFUSE = """RAISE EXCEPTION 'violates check constraint "{name}"'
    USING ERRCODE = 'check_violation', CONSTRAINT = '{name}'"""


def _refuse_if(condition: str, *, name: str) -> str:
    """Return a trigger function that refuses the row if the condition is true."""
    return f"IF {condition} THEN {_REFUSE.format(name=name)}; END IF; RETURN NEW;"


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
                func=_refuse_if(
                    "NEW.verified_by_id = NEW.reviewed_by_id OR NEW.verified_by_id IN "
                    + _REVIEWERS.format(submission="NEW.id")
                    + " OR "
                    + _ASKED_REVIEWER.format(submission="NEW.id", reviewers="(NEW.reviewed_by_id)"),
                    name="tracks_submission_not_verified_by_reviewer",
                ),
            ),
            pgtrigger.Trigger(
                name="verified_record_is_confirmed",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("verified_at"),
                func=_refuse_if(
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
                func=_refuse_if(
                    "NEW.confirmed_by_id IN (SELECT person_id FROM tracks_submission"
                    " WHERE id = NEW.submission_id) OR "
                    + _ASKED_REVIEWER.format(
                        submission="NEW.submission_id", reviewers="(NEW.confirmed_by_id)"
                    ),
                    name="tracks_record_version_not_confirmed_by_others",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} of submission {self.submission_id}"


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
                func=_refuse_if(
                    "NEW.answer <> 'withdrawn' AND NEW.answer <> 'refused' AND "
                    + _IS_REVIEWER.format(
                        reviewers=_REVIEWERS.format(submission="NEW.submission_id"),
                        supervisor="NEW.supervisor_id",
                        address="NEW.supervisor_email",
                    ),
                    name="tracks_supervisor_is_not_reviewer",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Verification {self.pk}"


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
                func=_refuse_if(
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
