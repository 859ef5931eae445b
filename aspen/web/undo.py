"""Messages with an Undo button."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest


def success_with_undo(request: HttpRequest, text: str, url: str, **query: object) -> None:
    """Say that something was done, with a button that posts to `url` to undo it.

    The query string tells the view what the person saw, such as the version of the decision.
    """
    messages.success(request, text, extra_tags=undo_url(url, **query))


def undo_url(url: str, **query: object) -> str:
    """Return the URL with this query string, for the button."""
    return f"{url}?{urlencode(query)}" if query else url
