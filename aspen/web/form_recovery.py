"""Keeps a form submitted after the session ended until the person signs in again.

A view opts in with @recover_after_sign_in and fills its form from recovered_form(). Forms of other
views, including any with passwords, are never kept.

Every form says in a hidden field, signed, for whom its page was made (aspen/web/csrf_tag.py). It is
kept in the browser's session, and restored only for this person, once, at the URL it was sent to,
within half an hour. A form without the field, such as one sent by a program, is not kept. Django
discards the session's data when someone signs out or another person takes over the session.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.core import ratelimit
from django.core import signing
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from aspen.web import visits

SESSION_KEY = "typed"
AUTHOR_FIELD = "form_author"
MAX_CHARACTERS = 50_000
MAX_FORMS = 3  # per browser, to keep the session small
RECOVERY_WINDOW = dt.timedelta(minutes=30)
FORM_ENCODED = "application/x-www-form-urlencoded"
WITH_FILES = "multipart/form-data"

_signer = signing.Signer(salt="aspen.web.form_recovery")

MarkedView = TypeVar("MarkedView", bound=Callable[..., Any])


def recover_after_sign_in(view: MarkedView) -> MarkedView:
    """Mark a view that calls recovered_form(). The order of decorators does not matter."""
    view.recovers_form = True  # type: ignore[attr-defined]
    return view


def sign_author(person_id: int) -> str:
    """Return the value of the hidden field that says for whom a form was made."""
    return _signer.sign(str(person_id))


def _author_of(data: QueryDict) -> int | None:
    try:
        return int(_signer.unsign(data.get(AUTHOR_FIELD, "")))
    except (signing.BadSignature, ValueError):
        return None


def store_submitted_form(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Keep a form submitted to a marked view for its author; return whether it was kept.

    Nothing is kept if someone else is signed in now, or if the same network address or all visitors
    together have submitted too many forms. Uploaded files are not kept.
    """
    author = _author_of(request.POST)
    if (
        author is None
        or (request.user.is_authenticated and request.user.pk != author)
        or not getattr(view, "recovers_form", False)
        or request.content_type not in (FORM_ENCODED, WITH_FILES)
        or len(request.POST.urlencode()) > MAX_CHARACTERS
        or any("password" in name for name in request.POST)
        or not ratelimit.consume(request, action="kept_form")
        or not visits.has_room_for_text()
    ):
        return False
    typed = {
        name: values
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", AUTHOR_FIELD)
    }
    forms = dict(request.session.get(SESSION_KEY, {}))
    path = request.get_full_path()
    forms.pop(path, None)  # the newest comes last
    forms[path] = {"at": timezone.now().timestamp(), "by": author, "typed": typed}
    request.session[SESSION_KEY] = dict(list(forms.items())[-MAX_FORMS:])
    return True


def recovered_form(request: HttpRequest) -> dict[str, str] | None:
    """Return the form that this person recently submitted to this URL without effect, or None.

    Always None unless this is a GET by someone who is signed in. Of fields with several values, it
    has the last one; recovered_data() has all.
    """
    data = recovered_data(request)
    return None if data is None else {name: str(data[name]) for name in data}


def recovered_data(request: HttpRequest) -> QueryDict | None:
    """Return the same as recovered_form(), as submitted."""
    if request.method != "GET" or not request.user.is_authenticated:
        return None
    forms = dict(request.session.get(SESSION_KEY, {}))
    entry = forms.pop(request.get_full_path(), None)
    if entry is None:
        return None
    request.session[SESSION_KEY] = forms
    age = timezone.now().timestamp() - entry["at"]
    if entry["by"] != request.user.pk or age > RECOVERY_WINDOW.total_seconds():
        return None
    data = QueryDict(mutable=True)
    for name, values in entry["typed"].items():
        data.setlist(name, values)
    return data
