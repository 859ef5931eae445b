"""Addresses that more than one page of staff leads to."""

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

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
    return [(file.file_name, _address("credits:evidence", file.pk)) for file in files]


def merge(source: Event, target: Event | None = None) -> str:
    """Where a custom event is merged into another, that one chosen already where it is known."""
    asked = {"source": source.pk} | ({"target": target.pk} if target else {})
    address = _address("admin:credits_merge_start")
    return address and f"{address}?{urlencode(asked)}"


def correct(event: Event) -> str:
    return _address("admin:credits_claim_correct_event", event.pk)


def _address(name: str, *args: int) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
