"""Keyset pagination: pages of a list ordered by time that are stable while the list changes.

A link to the next page carries the last row's key, and one to the previous page the first row's,
so that rows added or removed meanwhile make no row appear twice or not at all. The page number is
computed from the rows before it, whatever the address says.
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
    """The position of a row in a list ordered by a moment and then by id."""

    moment: dt.datetime
    pk: int

    def __str__(self) -> str:
        """2026-12-03T16:00:00Z~17"""
        return f"{self.moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat()}Z~{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of `str`. Raises ValueError for anything else."""
        found = KEY_PATTERN.fullmatch(text)
        if not found or int(found["pk"]) > MAX_ID:
            raise ValueError("This is no key.")
        try:
            return cls(dt.datetime.fromisoformat(found["moment"]), int(found["pk"]))
        except ValueError:
            raise ValueError("This is no key.") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeysetPage(Generic[ModelRow]):
    """Some rows of a list, and the query parameters of the previous and next page."""

    rows: list[ModelRow]
    count: int
    number: int
    last: int
    previous: str
    next: str


class Order(NamedTuple):
    """By this field and then by id, ascending or descending."""

    field: str
    is_descending: bool = False

    def beyond(self, key: Key) -> Q:
        """Rows after the key. The first condition lets PostgreSQL use the index."""
        side = "lt" if self.is_descending else "gt"
        further = Q(**{f"{self.field}__{side}": key.moment}) | Q(**{f"pk__{side}": key.pk})
        return Q(**{f"{self.field}__{side}e": key.moment}) & further

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
    """The rows after or just before a key, or the page of this number. Two queries.

    Beyond the end it is the last page, before the beginning the first one.
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
        found = list(order.sorted(rows.filter(order.beyond(after)))[:size])
    elif before and not after and start:
        found = list(order.reversed().sorted(rows.filter(ahead))[:size])[::-1]
        start = max(0, start - len(found))
    else:
        asked = last if after else 1 if before else min(page, last)
        start = (asked - 1) * size
        found = list(order.sorted(rows)[start : start + size]) if total else []
    return _page(order, found, start=start, total=total, size=size)


def next_after(rows: QuerySet[ModelRow], order: Order, key: Key) -> ModelRow | None:
    """The row after the key, or else the first of the other rows. At most two queries."""
    others = order.sorted(rows.exclude(pk=key.pk))
    return others.filter(order.beyond(key)).first() or others.first()


def _page(
    order: Order, found: list[ModelRow], *, start: int, total: int, size: int
) -> KeysetPage[ModelRow]:
    """A page with `start` rows before it."""
    # Rounded, because rows may have come or gone before it.
    number = max(2, round(start / size) + 1) if start else 1
    behind = max(0, total - start - len(found))
    return KeysetPage(
        rows=found,
        count=total,
        number=number,
        last=number + math.ceil(behind / size),
        previous=f"page={number - 1}&before={order.key(found[0])}" if start and found else "",
        next=f"page={number + 1}&after={order.key(found[-1])}" if behind and found else "",
    )


def page_numbered(
    rows: QuerySet[ModelRow], *, size: int, page: int, count: int
) -> KeysetPage[ModelRow]:
    """The page of this number of a list of `count` rows in any order. One query."""
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
    items: Any, request: HttpRequest, *, size: int, count: int | None = None
) -> paginator.Page:
    """The page of `?page=`; an invalid number gives the first page, one too high the last.

    `count`, if known, saves the counting query.
    """
    pages = paginator.Paginator(items, size)
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page"))
