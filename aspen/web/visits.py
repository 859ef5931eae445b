"""Limits on the sessions of visitors who are not signed in, which anyone can create."""

import datetime as dt
from collections.abc import Callable
from importlib import import_module

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

# Enough to confirm an address in the same browser, or to sign in again and go on with a form.
VISIT_LIFETIME = dt.timedelta(hours=2)
# More visitors than this at the same time are an attack. Forms are then no longer kept for them.
MAX_VISITS = 2_000


def end_visits_soon(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """End a session two hours after its last change unless its visitor signs in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        session = request.session
        if session.modified and session.keys() and not request.user.is_authenticated:
            session.set_expiry(VISIT_LIFETIME)
        return response

    return middleware


def has_room_for_text() -> bool:
    """Return whether another visitor's form can be kept. One query."""
    # Imported here because settings name the middleware of this module.
    from django.contrib.sessions.models import Session

    now = timezone.now()
    visits = Session.objects.filter(expire_date__range=(now, now + VISIT_LIFETIME))
    return visits.count() < MAX_VISITS


def delete_expired_sessions() -> None:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
