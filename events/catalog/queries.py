"""Reads on the course catalog, and what may be done about it.

An event is of use in the catalog of a fiscal year in which someone earns its credit, or watches
its recording; for any other year it is neither proposed nor carried over.
"""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from aspen.clock import fiscal_year, today
from events.enums import EventState, ListingState, Origin
from events.models import CatalogListing, Category, CreditOffer, Event

DECIDE_PERMISSION = "events.decide_listing"


def may_decide_listings(person: User) -> bool:
    """Whether the person approves and declines what is proposed for the catalog."""
    return person.is_active and person.has_perm(DECIDE_PERMISSION)


# ---------- Which years ----------


def catalog_years_of(event: Event) -> range:
    """The fiscal years in whose catalog the event is of use: no query.

    That of its last day; where it has a recording, each in which that can be watched, up to the
    next one.
    """
    last = fiscal_year(event.last_day)
    if event.recording_available_at is None:
        return range(last, last + 1)
    first = fiscal_year(timezone.localdate(event.recording_available_at))
    until = fiscal_year(today()) + 1
    if event.recording_until_at:
        until = min(until, fiscal_year(timezone.localdate(event.recording_until_at)))
    return range(min(first, last), max(last, until) + 1)


def default_year(event: Event) -> int:
    """The year to propose first: the present one where it is of use, else that of its last day."""
    now = fiscal_year(today())
    return now if now in catalog_years_of(event) else fiscal_year(event.last_day)


def why_not_list(event: Event) -> str | None:
    """Why an event cannot be in the catalog at all, or None. Asks no query."""
    if event.origin == Origin.CALENDAR and event.state == EventState.PUBLISHED:
        return None
    return f"“{event.title}” does not stand on the calendar, so it cannot be in the catalog."


def why_not_propose(event: Event, year: int) -> str | None:
    """Why an event cannot be proposed for the catalog of a fiscal year, or None. One query."""
    if reason := why_not_list(event):
        return reason
    if year not in catalog_years_of(event):
        return f"“{event.title}” earns no credit in fiscal year {year}. Choose another year."
    if not event.offers.all():
        return (
            f"“{event.title}” carries no CE credit, so it is no course of the catalog. Sessions of "
            "a conference are proposed one by one."
        )
    return None


# ---------- What is in it ----------

IN_CATALOG = Q(
    event__origin=Origin.CALENDAR,
    event__state=EventState.PUBLISHED,
    event__listings__state=ListingState.APPROVED,
)


def catalog_courses(year: int) -> QuerySet[CreditOffer]:
    """The approved courses of a fiscal year, by category and title: a row for each credit line."""
    return (
        CreditOffer.objects.filter(IN_CATALOG, event__listings__fiscal_year=year)
        .select_related("event", "category")
        .defer("event__search", "event__description")
        .order_by("category__position", "event__title", "event__begins_at", "pk")
    )


def course_counts(year: int) -> list[tuple[Category, int]]:
    """How many approved courses each category has in a fiscal year. One query."""
    offers = catalog_courses(year).order_by().values("category").annotate(number=Count("pk"))
    found = dict(offers.values_list("category", "number"))
    return [(each, found.get(each.pk, 0)) for each in Category.objects.order_by("position")]


def years_with_courses() -> list[int]:
    """The fiscal years that have approved courses, and the present one, latest first. One query."""
    found = CatalogListing.objects.filter(state=ListingState.APPROVED).order_by()
    return sorted(
        {*found.values_list("fiscal_year", flat=True), fiscal_year(today())}, reverse=True
    )


def with_catalog_years(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate the fiscal years in whose catalog an event is, as `catalog_years`."""
    return events.annotate(catalog_years=approved_years("pk"))


def catalog_years_shown(event: Event) -> list[int]:
    """The years that an event's page names: none where it does not stand, or is not earned then.

    The event comes from `with_years`.
    """
    approved: list[int] = event.catalog_years  # type: ignore[attr-defined]
    useful = () if why_not_list(event) else catalog_years_of(event)
    return [year for year in approved if year in useful]


def approved_years(event: str) -> Any:
    """The fiscal years for which the event at this path is approved, ascending: an array."""
    approved = CatalogListing.objects.filter(event=OuterRef(event), state=ListingState.APPROVED)
    return ArraySubquery(approved.order_by("fiscal_year").values("fiscal_year"))


def listings_of(event: Event) -> QuerySet[CatalogListing]:
    """What was proposed for an event and became of it, the latest year first."""
    return event.listings.order_by("-fiscal_year")
