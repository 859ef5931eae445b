"""Claims with their credits and evidence, drafts, merges, awards and certificates of attendance."""

import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.urls import reverse

from aspen.db.constraints import CompositeForeignKey, both_or_neither, clean_columns
from aspen.db.fields import EmailAddressField, LineField, ShortTextField, TextField
from aspen.halves import CreditAmountField, in_halves
from credits.enums import ENDED, LIVE, ClaimRole, ClaimSource, ClaimState
from events.enums import EventState
from events.models import Category, Event
from events.models.material import upload_storage

_LIVE_STATES = ", ".join(f"'{state.value}'" for state in sorted(LIVE))
# Locks the event first, as the actions do, so that it cannot be merged at the same time. A claim
# that is already live on the event keeps it from being merged, so no lock is needed. The migration
# that adds this trigger adds one to events, too, so that no event with a live claim is marked as
# merged.
NO_LIVE_CLAIM_ON_MERGED_EVENT = pgtrigger.Trigger(
    name="no_live_claim_on_merged_event",
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("state", "event_id"),
    when=pgtrigger.Before,
    declare=[("event_state", "text")],
    func=f"""
        IF NEW.state NOT IN ({_LIVE_STATES}) THEN RETURN NEW; END IF;
        IF TG_OP = 'UPDATE' THEN
            IF OLD.event_id = NEW.event_id AND OLD.state IN ({_LIVE_STATES}) THEN
                RETURN NEW;
            END IF;
        END IF;
        SELECT state INTO event_state FROM events_event WHERE id = NEW.event_id FOR NO KEY UPDATE;
        IF event_state = '{EventState.MERGED}' THEN
            RAISE check_violation USING
                CONSTRAINT = 'credits_no_live_claim_on_merged_event',
                MESSAGE = 'violates credits_no_live_claim_on_merged_event';
        END IF;
        RETURN NEW;
    """,
)


@pghistory.track(model_name="ClaimHistory")
class Claim(models.Model):
    """One person's statement that they took part in an event. Claims are never deleted."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims")
    event = models.ForeignKey(Event, models.PROTECT, related_name="claims")
    role = models.CharField(max_length=10, choices=ClaimRole, default=ClaimRole.ATTENDEE)
    source = models.CharField(max_length=15, choices=ClaimSource)
    state = models.CharField(
        "status", max_length=10, choices=ClaimState, default=ClaimState.PENDING
    )
    claimed_at = models.DateTimeField()
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="entered_claims"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decided_claims",
    )
    reason = TextField(blank=True, help_text="Why the claim was returned, declined or withdrawn.")
    note = ShortTextField(
        max_length=1000, blank=True, help_text="A note from the person who made the claim."
    )

    class Meta:
        ordering = ["-claimed_at", "-id"]
        permissions = [
            ("decide_claim", "Can approve and decline claims, and correct event credits"),
            ("award_credit", "Can award an event's credits to people"),
        ]
        constraints = [
            *clean_columns("credits_claim", texts=["reason", "note"]),
            models.UniqueConstraint(
                fields=["person", "event"],
                condition=Q(state__in=sorted(LIVE)),
                name="credits_one_live_claim_per_event",
                violation_error_message="You have already claimed this event.",
            ),
            # Referenced by the composite foreign keys of credits and evidence.
            models.UniqueConstraint(fields=["id", "person"], name="credits_claim_with_person"),
            models.CheckConstraint(
                condition=Q(
                    state__in=ClaimState.values,
                    role__in=ClaimRole.values,
                    source__in=ClaimSource.values,
                ),
                name="credits_claim_choices_known",
            ),
            both_or_neither(
                "decided_at", "decided_by", name="credits_claim_decided_both_or_neither"
            ),
            models.CheckConstraint(
                condition=Q(state=ClaimState.PENDING) | Q(decided_at__isnull=False),
                name="credits_claim_decision_recorded",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(ENDED | {ClaimState.RETURNED})) | ~Q(reason=""),
                name="credits_claim_refusal_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=ClaimState.APPROVED) | ~Q(decided_by=F("person")),
                name="credits_claim_not_decided_by_claimant",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_claims", operation=pgtrigger.Delete),
            NO_LIVE_CLAIM_ON_MERGED_EVENT,
        ]

    def __str__(self) -> str:
        return f"Claim {self.pk}"


@pghistory.track(model_name="CreditHistory")
class Credit(models.Model):
    """The credits of a claim in one category. Credits are never deleted.

    `line` numbers the credits of a claim from 1.

    There is no "archived" column: a live credit is archived as long as no posting refers to it. If
    an event is corrected, individual lines of a claim can be withdrawn; the claim and its other
    lines remain.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="credits")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="credits")
    line = models.PositiveSmallIntegerField(
        help_text="Position of this line within the claim, starting at 1."
    )
    category = models.ForeignKey(Category, models.PROTECT, related_name="credits")
    amount = CreditAmountField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_reason = TextField(blank=True)

    class Meta:
        ordering = ["claim_id", "line"]
        constraints = [
            *clean_columns("credits_credit", texts=["withdrawn_reason"]),
            models.UniqueConstraint(fields=["claim", "line"], name="credits_one_credit_per_line"),
            # Referenced by the composite foreign key of postings.
            models.UniqueConstraint(fields=["id", "person"], name="credits_credit_with_person"),
            CompositeForeignKey(
                fields=["claim", "person"],
                to="credits.Claim",
                to_fields=["id", "person"],
                name="credits_credit_person_matches_claim",
            ),
            in_halves(name="credits_amount_in_halves"),
            both_or_neither(
                "withdrawn_at",
                "withdrawn_by",
                reason="withdrawn_reason",
                name="credits_credit_withdrawn_all_or_none",
            ),
        ]
        triggers = [pgtrigger.Protect(name="protect_credits", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.category} {self.amount}"


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), model_name="EvidenceHistory")
class Evidence(models.Model):
    """A file that shows that the person took part, such as a certificate or a transcript."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="evidence")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    file = models.FileField(storage=upload_storage, upload_to="evidence", max_length=200)
    file_name = LineField(max_length=150)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(help_text="In bytes.")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["claim_id", "id"]
        verbose_name_plural = "evidence"
        constraints = [
            *clean_columns("credits_evidence", lines=["file_name"]),
            CompositeForeignKey(
                fields=["claim", "person"],
                to="credits.Claim",
                to_fields=["id", "person"],
                name="credits_evidence_person_matches_claim",
            ),
            models.CheckConstraint(
                condition=~Q(file="") & ~Q(file_name="") & Q(size__gte=1),
                name="credits_evidence_is_a_file",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class Draft(models.Model):
    """A Create New… form that the person has not submitted yet. Each person has at most one."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="draft")
    typed = models.JSONField(default=dict, help_text="Form input by field name.")
    kept_at = models.DateTimeField()

    class Meta:
        ordering = ["person_id"]

    def __str__(self) -> str:
        return f"Draft of {self.person_id}"


class Merge(models.Model):
    """The merge of a duplicate event into another.

    `moved` and `dropped` record each claim's state before the merge, so that it can be undone.
    """

    source = models.ForeignKey(Event, models.PROTECT, related_name="merges")
    target = models.ForeignKey(Event, models.PROTECT, related_name="merges_into")
    reason = ShortTextField(max_length=1000, blank=True)
    was = models.CharField(
        max_length=10,
        choices=EventState,
        help_text="The status of the duplicate event before the merge.",
    )
    moved = models.JSONField(
        default=list, help_text="Claims that moved, with their earlier states."
    )
    dropped = models.JSONField(
        default=list, help_text="Duplicate claims that were withdrawn, with their earlier states."
    )
    records = models.JSONField(
        default=list, help_text="Submitted records that the merge changed (RecordEffect)."
    )
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-merged_at", "-id"]
        constraints = [
            *clean_columns("credits_merge", texts=["reason"]),
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(undone_at=None),
                name="credits_event_merged_once",
            ),
            models.CheckConstraint(
                condition=~Q(source=F("target")), name="credits_merged_into_another"
            ),
            both_or_neither("undone_at", "undone_by", name="credits_merge_undone_both_or_neither"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} into {self.target_id}"


class AwardList(models.Model):
    """A pasted or uploaded list of people to whom staff award an event's credits."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="award_lists")
    file_name = LineField(max_length=150, blank=True)
    # `rows` holds [address, line number], one per address; `refused` holds [line number, reason,
    # contents].
    rows = models.JSONField(default=list)
    refused = models.JSONField(default=list)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True, blank=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-uploaded_at", "-id"]
        constraints = [
            *clean_columns("credits_awardlist", lines=["file_name"]),
            both_or_neither(
                "applied_at", "applied_by", name="credits_award_list_applied_both_or_neither"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"List {self.pk}"


class WaitingAward(models.Model):
    """Credits awarded to an e-mail address that has no account.

    They go to the person who confirms the address.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="waiting_awards")
    address = EmailAddressField("e-mail address", max_length=254)
    awarded_at = models.DateTimeField()
    awarded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    claim = models.OneToOneField(Claim, models.PROTECT, null=True, blank=True, related_name="+")
    matched_at = models.DateTimeField(
        null=True, blank=True, help_text="When the award stopped waiting, with or without a claim."
    )

    class Meta:
        ordering = ["event_id", "address"]
        constraints = [
            *clean_columns("credits_waitingaward", emails=["address"]),
            models.UniqueConstraint(
                fields=["event", "address"], name="credits_one_award_per_address"
            ),
            models.CheckConstraint(
                condition=Q(address=Lower("address")) & ~Q(address=""),
                name="credits_award_address_in_lower_case",
            ),
            models.CheckConstraint(
                condition=Q(claim=None) | Q(matched_at__isnull=False),
                name="credits_award_claim_has_matched_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.address}"


@pghistory.track(model_name="AttendanceCertificateHistory")
class AttendanceCertificate(models.Model):
    """A certificate that someone took part in an event. It never changes, except to be withdrawn.

    It is for a person or for a guest, who has no account and was on an attendance list with this
    address. `claim` is the person's claim, or empty for an event that earns no credit.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.CharField(
        max_length=20,
        unique=True,
        help_text="A, the year, and the certificate's number within that year.",
    )
    event = models.ForeignKey(Event, models.PROTECT, related_name="attendance_certificates")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="attendance_certificates",
    )
    guest_address = EmailAddressField("guest’s e-mail address", max_length=254, blank=True)
    claim = models.ForeignKey(Claim, models.PROTECT, null=True, blank=True, related_name="+")
    name = LineField(max_length=300)
    printed = models.JSONField(help_text="The other text on it: attendance.PrintedFacts.")
    issued_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = TextField(blank=True, help_text="Anyone who checks it can read this.")

    class Meta:
        ordering = ["-issued_at", "-id"]
        constraints = [
            *clean_columns(
                "credits_attendancecertificate",
                lines=["name"],
                emails=["guest_address"],
                texts=["withdrawn_reason"],
                required=["name"],
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False, guest_address="")
                | Q(person=None, claim=None) & ~Q(guest_address=""),
                name="credits_attendance_of_a_person_or_a_guest",
            ),
            CompositeForeignKey(
                fields=["claim", "person"],
                to="credits.Claim",
                to_fields=["id", "person"],
                name="credits_attendance_person_matches_claim",
            ),
            models.UniqueConstraint(
                fields=["event", "person"],
                condition=Q(withdrawn_at=None),
                name="credits_one_attendance_of_a_person",
            ),
            models.UniqueConstraint(
                fields=["event", "guest_address"],
                condition=Q(withdrawn_at=None) & ~Q(guest_address=""),
                name="credits_one_attendance_of_a_guest",
            ),
            both_or_neither(
                "withdrawn_at",
                reason="withdrawn_reason",
                name="credits_attendance_withdrawn_with_reason",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="protect_attendance_certificates", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="attendance_certificates_are_frozen",
                exclude=["withdrawn_at", "withdrawn_reason"],
            ),
            pgtrigger.Protect(
                name="withdrawn_attendance_certificates_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """Return the URL of the page where anyone can check the certificate."""
        return reverse("attendance:check", args=[self.uuid])
