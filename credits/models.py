import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from aspen.constraints import CompositeForeignKey
from aspen.halves import CreditAmountField, in_halves
from credits.enums import ENDED, LIVE, ClaimRole, ClaimSource, ClaimState
from events.models import Category, Event


class Claim(models.Model):
    """One person's statement "I took part in this event". It is never deleted."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims")
    event = models.ForeignKey(Event, models.PROTECT, related_name="claims")
    role = models.CharField(max_length=10, choices=ClaimRole, default=ClaimRole.ATTENDEE)
    source = models.CharField(max_length=15, choices=ClaimSource)
    state = models.CharField(max_length=10, choices=ClaimState, default=ClaimState.PENDING)
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
    reason = models.TextField(blank=True, help_text="Why it was returned, declined or withdrawn.")

    class Meta:
        ordering = ["-claimed_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "event"],
                condition=Q(state__in=sorted(LIVE)),
                name="credits_one_live_claim_per_event",
                violation_error_message="You have already claimed this event.",
            ),
            # Lets a credit point at its claim and the claim's person together.
            models.UniqueConstraint(fields=["id", "person"], name="credits_claim_with_person"),
            models.CheckConstraint(
                condition=Q(
                    state__in=ClaimState.values,
                    role__in=ClaimRole.values,
                    source__in=ClaimSource.values,
                ),
                name="credits_claim_words_known",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None)
                | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="credits_claim_decided_by_someone_sometime",
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
                name="credits_nobody_approves_their_own_claim",
            ),
        ]
        triggers = [pgtrigger.Protect(name="claims_are_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"Claim {self.pk}"


class Credit(models.Model):
    """So many credits of one claim in one category. It is never deleted.

    Archived is not a column: a credit is archived while no posting refers to it.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="credits")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="credits")
    line = models.PositiveSmallIntegerField(help_text="First, second … credit line of the claim.")
    category = models.ForeignKey(Category, models.PROTECT, related_name="credits")
    amount = CreditAmountField()

    class Meta:
        ordering = ["claim_id", "line"]
        constraints = [
            models.UniqueConstraint(fields=["claim", "line"], name="credits_one_credit_per_line"),
            # Lets a posting point at its credit and the credit's person together.
            models.UniqueConstraint(fields=["id", "person"], name="credits_credit_with_person"),
            CompositeForeignKey(
                fields=["claim", "person"],
                to="credits.Claim",
                to_fields=["id", "person"],
                name="credits_credit_of_the_claims_person",
            ),
            in_halves(name="credits_amount_in_halves"),
        ]
        triggers = [pgtrigger.Protect(name="credits_are_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.category} {self.amount}"
