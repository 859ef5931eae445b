"""Addresses of credits in My credits, a page of the app above."""

from django.db.models import F
from django.urls import reverse

from credits.models import Claim


def line_address(credit_id: int) -> str:
    """Return the address of a credit's line in My credits, opened, for its owner."""
    return f"{reverse('tracks:credits')}?open={credit_id}#credit-{credit_id}"


def claim_address(claim: Claim) -> str:
    """Return the address of the line of a claim's first credit that counts. Takes one query."""
    credit = claim.credits.order_by(F("withdrawn_at").desc(nulls_first=True), "line").first()
    return line_address(credit.pk) if credit else reverse("tracks:credits")
