"""Queries and rules for the course catalog.

An event can be in the catalog only for fiscal years in which people can earn its credit, at the
event itself or by watching its recording.
"""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from aspen.clock import day_of_end, fiscal_year, today
from events.enums import EventState, ListingState, Origin
from events.models import CatalogListing, Category, CreditOffer, Event

DECIDE_PERMISSION = "events.decide_listing"
PREPARE_PERMISSION = "events.prepare_listing"


def may_decide_listings(person: User) -> bool:
    """Return True if the person can approve courses for the catalog and remove them from it."""
    return person.is_active and person.has_perm(DECIDE_PERMISSION)


def may_prepare_listings(person: User) -> bool:
    """Return True if the person can prepare the catalog: renew courses and decline proposals."""
    return person.is_active and person.has_perm(PREPARE_PERMISSION)


# ---------- Which years ----------


def catalog_years_of(event: Event) -> range:
    """Return the fiscal years for which the event can be in the catalog. No query.

    These are the year of its last day and, if it has a recording, each year in which people can
    watch it, through next year.
    """
    last = fiscal_year(event.last_day)
    if event.recording_available_at is None:
        return range(last, last + 1)
    first = fiscal_year(timezone.localdate(event.recording_available_at))
    until = fiscal_year(today()) + 1
    if event.recording_until_at:
        until = min(until, fiscal_year(day_of_end(event.recording_until_at)))
    return range(min(first, last), max(last, until) + 1)


def default_year(event: Event) -> int:
    """Suggest the current fiscal year if possible, otherwise the year of the event's last day."""
    now = fiscal_year(today())
    return now if now in catalog_years_of(event) else fiscal_year(event.last_day)


def why_not_in_catalog(event: Event) -> str | None:
    """Return why an event cannot be in the catalog at all, or None. No query."""
    if event.origin == Origin.CALENDAR and event.state == EventState.PUBLISHED:
        return None
    return f"“{event.title}” is not on the calendar, so it cannot be in the catalog."


def why_not_propose(event: Event, year: int) -> str | None:
    """Return why an event cannot be proposed for a fiscal year, or None. One query."""
    if reason := why_not_in_catalog(event):
        return reason
    if year not in catalog_years_of(event):
        return f"“{event.title}” earns no credit in fiscal year {year}. Choose another year."
    if not event.offers.all():
        return (
            f"“{event.title}” earns no CE credit, so it cannot be in the catalog. For a "
            "conference, propose each session separately."
        )
    return None


# ---------- Courses ----------

IN_CATALOG = Q(
    event__origin=Origin.CALENDAR,
    event__state=EventState.PUBLISHED,
    event__listings__state=ListingState.APPROVED,
)


def catalog_courses(year: int) -> QuerySet[CreditOffer]:
    """Return the credit lines of a fiscal year's approved courses, by category and title."""
    return (
        CreditOffer.objects.filter(IN_CATALOG, event__listings__fiscal_year=year)
        .select_related("event", "category")
        .defer("event__search", "event__description")
        .order_by("category__position", "event__title", "event__begins_at", "pk")
    )


def approvals() -> QuerySet[CatalogListing]:
    """Return the approved courses of all years, by meeting, latest first.

    Courses that were approved before approvals named a meeting come last.
    """
    return (
        CatalogListing.objects.filter(
            event__origin=Origin.CALENDAR,
            event__state=EventState.PUBLISHED,
            state=ListingState.APPROVED,
        )
        .select_related("event", "meeting__recorded_by")
        .defer("event__search", "event__description")
        .order_by(
            F("meeting__day").desc(nulls_last=True),
            "-meeting_id",
            "event__title",
            "fiscal_year",
            "pk",
        )
    )


def course_counts(year: int) -> list[tuple[Category, int]]:
    """Count the fiscal year's approved courses in each category."""
    offers = catalog_courses(year).order_by().values("category").annotate(number=Count("pk"))
    counts = dict(offers.values_list("category", "number"))
    return [(each, counts.get(each.pk, 0)) for each in Category.objects.order_by("position")]


def years_with_courses() -> list[int]:
    """Return fiscal years with approved courses, and the current one, latest first. One query."""
    approved = CatalogListing.objects.filter(state=ListingState.APPROVED).order_by()
    return sorted(
        {*approved.values_list("fiscal_year", flat=True), fiscal_year(today())}, reverse=True
    )


def with_catalog_years(events: QuerySet[Event]) -> QuerySet[Event]:
    """Annotate `catalog_years`: the fiscal years for which the event is in the catalog."""
    return events.annotate(catalog_years=approved_years("pk"))


def catalog_years_shown(event: Event) -> list[int]:
    """Return the catalog years to show on the event page: those in which the event earns credit.

    The event must come from `with_catalog_years`.
    """
    approved: list[int] = event.catalog_years  # type: ignore[attr-defined]
    possible = () if why_not_in_catalog(event) else catalog_years_of(event)
    return [year for year in approved if year in possible]


def approved_years(event: str) -> Any:
    """Return a subquery for the approved years, ascending. `event` is the path to the event."""
    approved = CatalogListing.objects.filter(event=OuterRef(event), state=ListingState.APPROVED)
    return ArraySubquery(approved.order_by("fiscal_year").values("fiscal_year"))


def listings_of(event: Event) -> QuerySet[CatalogListing]:
    """Return the event's listings, latest year first."""
    return event.listings.order_by("-fiscal_year")
