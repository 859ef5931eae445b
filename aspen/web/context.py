"""What every template may know about the portal itself. Asks no query."""

from functools import partial

from django.conf import settings
from django.http import HttpRequest

# The name of the library where the signed-in person works; accounts keeps it up to date.
LIBRARY = "library"
# Whether that person looks after events, as it was when signing in: for links, not for rights.
ORGANIZES = "organizes"
# Whether that person is a library's director or board's chair, as it was when signing in.
LEADS = "leads"
OWN, ALL = "own", "all"


def portal(request: HttpRequest) -> dict[str, object]:
    return {
        "DEMO": settings.DEMO,
        "CONTACT_EMAIL": settings.CONTACT_EMAIL,
        # Asked only by pages that show it: session and person may not have been read yet.
        "library": partial(library, request),
        "organizes": partial(organizes, request),
        "leads": partial(leads, request),
    }


def library(request: HttpRequest) -> str:
    return str(request.session.get(LIBRARY, "")) if request.user.is_authenticated else ""


def organizes(request: HttpRequest) -> str:
    """ALL events, those of the OWN organizations, or empty for none."""
    return str(request.session.get(ORGANIZES, "")) if request.user.is_authenticated else ""


def leads(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.session.get(LEADS))
