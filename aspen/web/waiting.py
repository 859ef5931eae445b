"""Counts in the menu of what waits for a person, such as records to verify.

Apps add theirs to `counts` in AppConfig.ready(). The query that loads the person of a request also
counts (accounts/backends.py), so no page needs a query for them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.db.models import F, Func, IntegerField, Model, QuerySet, Subquery

Person = TypeVar("Person", bound=Model)


class Count(NamedTuple):
    """One kind of thing that waits, and the menu's entry (`place`) whose page shows it.

    `rows` returns a queryset of them for the person of the outer query, with OuterRef. `what`
    follows the number, as in “1 to verify”.
    """

    name: str
    place: str
    what: str
    rows: Callable[[], QuerySet[Any]]


class Badge(NamedTuple):
    """The number beside an entry of the menu, and the same in words."""

    number: int
    text: str


# The entries of the menu that can have a badge.
PLACES = ("dashboard", "help")
counts: list[Count] = []


def with_counts(people: QuerySet[Person]) -> QuerySet[Person]:
    """Add the counts to a query for people."""
    numbers = {f"waiting_{each.name}": _number(each) for each in counts}
    counted: QuerySet[Person] = people.annotate(**numbers)
    return counted


def _number(count: Count) -> Subquery:
    # Count() would group the rows by each of their columns.
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(count.rows().order_by().annotate(number=number).values("number"))


def number_of(name: str, person: Any) -> int:
    """Return one of the counts that with_counts() loaded, so that pages skip needless queries."""
    return getattr(person, f"waiting_{name}", 0)


def badges(person: Any) -> dict[str, Badge | None]:
    """Return the badges of a person that with_counts() loaded, by PLACES."""
    found: dict[str, Badge | None] = dict.fromkeys(PLACES)
    for count in counts:
        if number := number_of(count.name, person):
            earlier = found[count.place] or Badge(0, "")
            text = ", ".join(filter(None, [earlier.text, f"{number} {count.what}"]))
            found[count.place] = Badge(earlier.number + number, text)
    return found


def count_one_less(person: Any, name: str) -> None:
    """Let the page that is about to be shown no longer count one of the things named `name`."""
    column = f"waiting_{name}"
    setattr(person, column, max(0, getattr(person, column, 0) - 1))
