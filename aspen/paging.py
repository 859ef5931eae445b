"""Pages of a list."""

from typing import Any

from django.core import paginator
from django.http import HttpRequest


def numbered_page(
    items: Any, request: HttpRequest, *, size: int, count: int | None = None
) -> paginator.Page:
    """The page that the address asks for (`?page=`); nonsense is the first, too far is the last.

    `count` spares the counting query when the number of items is known already.
    """
    pages = paginator.Paginator(items, size)
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page"))
