"""Context for every template, without queries."""

from functools import partial

from django.conf import settings
from django.http import HttpRequest

from aspen.web import waiting

# Session keys. The name of the person's library, which accounts keeps up to date.
LIBRARY = "library"
# Whether the person could manage events when they signed in: for links, not for permissions.
MANAGES_EVENTS = "manages_events"
# Whether the person was a library's director or board chair when they signed in.
LEADS_LIBRARY = "leads"
# The person's color scheme, "light" or "dark". Without it, pages follow the device.
THEME = "theme"
OWN, ALL = "own", "all"


def portal(request: HttpRequest) -> dict[str, object]:
    return {
        "DEMO": settings.DEMO,
        "CONTACT_EMAIL": settings.CONTACT_EMAIL,
        # Lazy, so that pages that do not show these load neither the session nor the person.
        "library": partial(library, request),
        "manages_events": partial(manages_events, request),
        "leads_library": partial(leads_library, request),
        "theme": partial(theme, request),
        "badges": partial(badges, request),
    }


def library(request: HttpRequest) -> str:
    return str(request.session.get(LIBRARY, "")) if request.user.is_authenticated else ""


def manages_events(request: HttpRequest) -> str:
    """Return which events the person manages: ALL, their OWN organizations' or none ("")."""
    return str(request.session.get(MANAGES_EVENTS, "")) if request.user.is_authenticated else ""


def leads_library(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.session.get(LEADS_LIBRARY))


def theme(request: HttpRequest) -> str:
    """Return "light" or "dark" if the person chose a color scheme, or ""."""
    return str(request.session.get(THEME, "")) if request.user.is_authenticated else ""


def badges(request: HttpRequest) -> dict[str, waiting.Badge | None]:
    """Return the badges of the menu by its entries. Their counts came with the person."""
    return waiting.badges(request.user) if request.user.is_authenticated else {}
