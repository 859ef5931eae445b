"""Pages of a list."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest


def page_of(items: Any, request: HttpRequest, *, size: int, count: int | None = None) -> Page:
    """The page that the address asks for (`?page=`); nonsense is the first, too far is the last.

    `count` spares the counting query when the number of items is known already.
    """
    paginator = Paginator(items, size)
    if count is not None:
        paginator.count = count
    return paginator.get_page(request.GET.get("page"))
