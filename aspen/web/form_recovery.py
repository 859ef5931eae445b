"""What someone sends after their session has ended, kept until they have signed in again.

Without it a long text that took longer than the session is lost: the sign-in page that answers
the form does not know it. A view takes part with @keep_typed and fills its form from
typed_before(); no other view's text is kept, so no password ever is.

Who typed it is not known, because the session that knew has ended. The text therefore goes into
the anonymous session of the same browser: no other browser can ask for it. Django hands an
anonymous session's data on to the person who signs in there, and throws all of it away when
someone signs out or another person takes the session over. It is handed out once, on the
address that it was sent to, and not later than half an hour after. What remains: at a shared
computer, whoever signs in next in the browser that was left on the sign-in page.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils import timezone

SESSION_KEY = "typed"
MAX_CHARACTERS = 50_000
MAX_FORMS = 3  # as many forms open in one browser; the session stays small
RECOVERY_WINDOW = dt.timedelta(minutes=30)
FORM_ENCODED = "application/x-www-form-urlencoded"
WITH_FILES = "multipart/form-data"

MarkedView = TypeVar("MarkedView", bound=Callable[..., Any])


def recover_after_sign_in(view: MarkedView) -> MarkedView:
    """Mark a view that asks typed_before(). Goes inside decorators that wrap, or outside."""
    view.keeps_typed = True  # type: ignore[attr-defined]
    return view


def store_submitted_form(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Keep what was typed into a form of a view that is marked; tell whether it was kept.

    Files that were sent with it are not: they would have to wait for someone unknown.
    """
    if (
        not getattr(view, "keeps_typed", False)
        or request.content_type not in (FORM_ENCODED, WITH_FILES)
        or len(request.POST.urlencode()) > MAX_CHARACTERS
    ):
        return False
    typed = request.POST.dict()
    typed.pop("csrfmiddlewaretoken", None)
    kept = dict(request.session.get(SESSION_KEY, {}))
    path = request.get_full_path()
    kept.pop(path, None)  # the newest stands last
    kept[path] = {"at": timezone.now().timestamp(), "typed": typed}
    request.session[SESSION_KEY] = dict(list(kept.items())[-MAX_FORMS:])
    return True


def recovered_form(request: HttpRequest) -> dict[str, str] | None:
    """What was sent to this address while signed out; None unless a signed-in GET asks in time."""
    if request.method != "GET" or not request.user.is_authenticated:
        return None
    kept = dict(request.session.get(SESSION_KEY, {}))
    entry = kept.pop(request.get_full_path(), None)
    if entry is None:
        return None
    request.session[SESSION_KEY] = kept
    age = timezone.now().timestamp() - entry["at"]
    return entry["typed"] if age <= RECOVERY_WINDOW.total_seconds() else None
