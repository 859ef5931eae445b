"""What every template may know about the portal itself. Asks no query."""

from django.conf import settings
from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, object]:
    return {"DEMO": settings.DEMO, "CONTACT_EMAIL": settings.CONTACT_EMAIL}
