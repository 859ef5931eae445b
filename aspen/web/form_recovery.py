"""Keeps a form submitted after the session ended until the person signs in again.

A view opts in with @recover_after_sign_in and fills its form from recovered_form(). Forms of other
views, including any with passwords, are never kept.

The form is stored in the browser's anonymous session, because its author is no longer known. Django
gives that session's data to the next person who signs in there, and discards it when someone signs
out or another person takes over the session. The form is restored once, at the URL it was sent to,
within half an hour. One risk remains: on a shared computer left at the sign-in page, the next
person to sign in can see the form.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils import timezone

SESSION_KEY = "typed"
MAX_CHARACTERS = 50_000
MAX_FORMS = 3  # per browser, to keep the session small
RECOVERY_WINDOW = dt.timedelta(minutes=30)
FORM_ENCODED = "application/x-www-form-urlencoded"
WITH_FILES = "multipart/form-data"

MarkedView = TypeVar("MarkedView", bound=Callable[..., Any])


def recover_after_sign_in(view: MarkedView) -> MarkedView:
    """Mark a view that calls recovered_form(). The order of decorators does not matter."""
    view.recovers_form = True  # type: ignore[attr-defined]
    return view


def store_submitted_form(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Keep a form submitted to a marked view; return whether it was kept.

    Uploaded files are not kept, because their owner is unknown.
    """
    if (
        not getattr(view, "recovers_form", False)
        or request.content_type not in (FORM_ENCODED, WITH_FILES)
        or len(request.POST.urlencode()) > MAX_CHARACTERS
    ):
        return False
    typed = request.POST.dict()
    typed.pop("csrfmiddlewaretoken", None)
    forms = dict(request.session.get(SESSION_KEY, {}))
    path = request.get_full_path()
    forms.pop(path, None)  # the newest comes last
    forms[path] = {"at": timezone.now().timestamp(), "typed": typed}
    request.session[SESSION_KEY] = dict(list(forms.items())[-MAX_FORMS:])
    return True


def recovered_form(request: HttpRequest) -> dict[str, str] | None:
    """Return the form that was recently submitted to this URL after the session ended, or None.

    Always None unless this is a GET by someone who is signed in.
    """
    if request.method != "GET" or not request.user.is_authenticated:
        return None
    forms = dict(request.session.get(SESSION_KEY, {}))
    entry = forms.pop(request.get_full_path(), None)
    if entry is None:
        return None
    request.session[SESSION_KEY] = forms
    age = timezone.now().timestamp() - entry["at"]
    return entry["typed"] if age <= RECOVERY_WINDOW.total_seconds() else None
