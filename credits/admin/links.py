"""Addresses that more than one page of staff leads to."""

from urllib.parse import urlencode

from django.urls import reverse

from credits.models import Claim
from events.enums import Origin
from events.models import Event


def event_page(event: Event) -> str:
    """The calendar and the custom events have pages of their own in the administration."""
    kind = "customevent" if event.origin == Origin.CUSTOM else "event"
    return reverse(f"admin:events_{kind}_change", args=[event.pk])


def evidence(claim: Claim | None) -> list[tuple[str, str]]:
    """The prefetched files that were added to a claim: name and address."""
    files = claim.evidence.all() if claim else ()
    return [(file.file_name, reverse("credits:evidence", args=[file.pk])) for file in files]


def merge(source: Event, target: Event | None = None) -> str:
    """Where a custom event is merged into another, that one chosen already where it is known."""
    asked = {"source": source.pk} | ({"target": target.pk} if target else {})
    return f"{reverse('admin:credits_merge_start')}?{urlencode(asked)}"


def correct(event: Event) -> str:
    return reverse("admin:credits_claim_correct_event", args=[event.pk])
