"""Context for every template. Needs no query."""

from functools import partial

from django.conf import settings
from django.http import HttpRequest

# Session keys. The name of the library where the person works; accounts keeps it up to date.
LIBRARY = "library"
# Whether the person could manage events when signing in: for links, not for permissions.
ORGANIZES = "organizes"
# Whether the person was a library's director or board chair when signing in.
LEADS = "leads"
OWN, ALL = "own", "all"


def portal(request: HttpRequest) -> dict[str, object]:
    return {
        "DEMO": settings.DEMO,
        "CONTACT_EMAIL": settings.CONTACT_EMAIL,
        # Lazy: pages that do not show these need not load the session and the person.
        "library": partial(library, request),
        "organizes": partial(organizes, request),
        "leads": partial(leads, request),
    }


def library(request: HttpRequest) -> str:
    return str(request.session.get(LIBRARY, "")) if request.user.is_authenticated else ""


def organizes(request: HttpRequest) -> str:
    """ALL events, those of their OWN organizations, or an empty string."""
    return str(request.session.get(ORGANIZES, "")) if request.user.is_authenticated else ""


def leads(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.session.get(LEADS))
