"""Keyset pagination: pages of a list ordered by time that stay stable while the list changes.

The link to the next page contains the last row's key, and the link to the previous page the first
row's, so that no row is repeated or skipped if others are added or removed in the meantime. The
page number is computed from the rows before the page, whatever the URL says.
"""

import dataclasses
import datetime as dt
import math
import re
from typing import Any, Generic, NamedTuple, Self, TypeVar

from django.core import paginator
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest

MAX_ID = 2**63 - 1
KEY_PATTERN = re.compile(r"(?P<moment>[0-9T:.-]{19,26}Z)~(?P<pk>[0-9]{1,19})")
ModelRow = TypeVar("ModelRow", bound=Model)


class Key(NamedTuple):
    """The position of a row in a list ordered by a time and then by id."""

    moment: dt.datetime
    pk: int

    def __str__(self) -> str:
        """Return a string such as "2026-12-03T16:00:00Z~17"."""
        return f"{self.moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat()}Z~{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of `str`. Raises ValueError for any other string."""
        match = KEY_PATTERN.fullmatch(text)
        if not match or int(match["pk"]) > MAX_ID:
            raise ValueError("This is not a key.")
        try:
            return cls(dt.datetime.fromisoformat(match["moment"]), int(match["pk"]))
        except ValueError:
            raise ValueError("This is not a key.") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeysetPage(Generic[ModelRow]):
    """A page of a list, and the query parameters of the previous and next pages."""

    rows: list[ModelRow]
    count: int
    number: int
    last: int
    previous: str
    next: str


class Order(NamedTuple):
    """A sort order: by this field and then by id, ascending or descending."""

    field: str
    is_descending: bool = False

    def beyond(self, key: Key) -> Q:
        """Return rows after the key. The first condition lets PostgreSQL use the index."""
        lookup = "lt" if self.is_descending else "gt"
        after = Q(**{f"{self.field}__{lookup}": key.moment}) | Q(**{f"pk__{lookup}": key.pk})
        return Q(**{f"{self.field}__{lookup}e": key.moment}) & after

    def sorted(self, rows: QuerySet[ModelRow]) -> QuerySet[ModelRow]:
        sign = "-" if self.is_descending else ""
        return rows.order_by(f"{sign}{self.field}", f"{sign}pk")

    def reversed(self) -> "Order":
        return Order(self.field, not self.is_descending)

    def key(self, row: Any) -> Key:
        return Key(getattr(row, self.field), row.pk)


def keyset_page(
    rows: QuerySet[ModelRow],
    order: Order,
    *,
    size: int,
    page: int = 1,
    after: Key | None = None,
    before: Key | None = None,
) -> KeysetPage[ModelRow]:
    """Return the page after or before a key, or page number `page`. Two queries.

    Past the end, return the last page; before the start, the first.
    """
    ahead = Q(pk=None)
    if after:
        ahead = ~order.beyond(after)
    elif before:
        ahead = order.reversed().beyond(before)
    numbers = rows.order_by().aggregate(total=Count("pk"), ahead=Count("pk", filter=ahead))
    total: int = numbers["total"]
    start: int = numbers["ahead"]
    last = max(1, math.ceil(total / size))
    if after and start < total:
        page_rows = list(order.sorted(rows.filter(order.beyond(after)))[:size])
    elif before and not after and start:
        page_rows = list(order.reversed().sorted(rows.filter(ahead))[:size])[::-1]
        start = max(0, start - len(page_rows))
    else:
        number = last if after else 1 if before else min(page, last)
        start = (number - 1) * size
        page_rows = list(order.sorted(rows)[start : start + size]) if total else []
    return _page(order, page_rows, start=start, total=total, size=size)


def next_after(rows: QuerySet[ModelRow], order: Order, key: Key) -> ModelRow | None:
    """Return the row after the key or, if there is none, the first other row. Up to two queries."""
    others = order.sorted(rows.exclude(pk=key.pk))
    return others.filter(order.beyond(key)).first() or others.first()


def _page(
    order: Order, rows: list[ModelRow], *, start: int, total: int, size: int
) -> KeysetPage[ModelRow]:
    """Return a page with `start` rows before it."""
    # Rounded, because earlier rows may have been added or removed.
    number = max(2, round(start / size) + 1) if start else 1
    remaining = max(0, total - start - len(rows))
    return KeysetPage(
        rows=rows,
        count=total,
        number=number,
        last=number + math.ceil(remaining / size),
        previous=f"page={number - 1}&before={order.key(rows[0])}" if start and rows else "",
        next=f"page={number + 1}&after={order.key(rows[-1])}" if remaining and rows else "",
    )


def page_numbered(
    rows: QuerySet[ModelRow] | list[ModelRow], *, size: int, page: int, count: int
) -> KeysetPage[ModelRow]:
    """Return page number `page` of a list of `count` rows, however it is sorted. One query.

    Rows that are loaded already take none. They must begin with the first row.
    """
    last = max(1, math.ceil(count / size))
    number = min(page, last)
    return KeysetPage(
        rows=list(rows[(number - 1) * size : number * size]) if count else [],
        count=count,
        number=number,
        last=last,
        previous=f"page={number - 1}" if number > 1 else "",
        next=f"page={number + 1}" if number < last else "",
    )


def paginate(
    items: Any,
    request: HttpRequest,
    *,
    size: int,
    count: int | None = None,
    number: int | None = None,
) -> paginator.Page:
    """Return page `number`, or the page for `?page=`.

    Return the first page if the number is invalid, and the last if it is too high. Passing a known
    `count` saves the query that counts.
    """
    pages = paginator.Paginator(items, size)
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page") if number is None else number)
