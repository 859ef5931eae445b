"""What every template may know about the portal itself. Asks no query."""

from django.conf import settings
from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, object]:
    known: dict[str, object] = {"DEMO": settings.DEMO, "CONTACT_EMAIL": settings.CONTACT_EMAIL}
    if settings.DEMO:
        known["demonstration"] = demonstration
    return known


def demonstration() -> dict[str, object]:
    """The published accounts, for the one page that lists them; a live portal never loads them."""
    from aspen.demo import people

    return {"password": people.PASSWORD, "accounts": people.TO_TRY}
