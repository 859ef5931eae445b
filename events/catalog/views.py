"""The public course catalog, and the page where editors propose an event for it."""

from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from aspen.formats import format_credits, format_day, format_time_range
from aspen.web.labels import Label
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from events import rules
from events.calendar import presentation as calendar_presentation
from events.calendar.page_cache import cached_until_changed
from events.catalog import queries
from events.catalog.actions import propose_listing
from events.catalog.forms import CatalogForm, ProposeListingForm
from events.enums import LISTING_LABELS, ListingState
from events.models import CatalogListing, CatalogMeeting, Category, CreditOffer
from events.permissions import get_editor, get_managed_event

PER_PAGE = 50
DEMONSTRATION_MEETING = Label("Demonstration meeting", "neutral", "i")


class Course(NamedTuple):
    """A course as shown in the catalog."""

    title: str
    url: str
    when: str
    where: str
    sponsor: str
    credits: str
    states: list[Label]


class CatalogPage(NamedTuple):
    """The context of templates/events/catalog.html."""

    year: int
    # Each year with its link, and whether it is shown.
    years: list[tuple[int, str, bool]]
    # Each category with its number of courses, its link, and whether it is chosen.
    categories: list[tuple[Category, int, str, bool]]
    chosen: Category | None
    total: int
    groups: list[tuple[Category, list[Course]]]
    page: Page[CreditOffer]
    query: str


@login_not_required
@require_safe
@cached_until_changed
def catalog(request: HttpRequest) -> HttpResponse:
    """Show a fiscal year's approved courses, by category."""
    year, slug = CatalogForm(request.GET).year_and_category()
    counts = queries.course_counts(year)
    chosen = next((category for category, _ in counts if category.slug == slug), None)
    offers = queries.catalog_courses(year)
    if chosen:
        offers = offers.filter(category=chosen)
    count = sum(number for category, number in counts if chosen in (None, category))
    page = paginate(offers, request, size=PER_PAGE, count=count)
    query = {"year": year} | ({"category": chosen.slug} if chosen else {})
    catalog_page = CatalogPage(
        year=year,
        years=[(each, f"?year={each}", each == year) for each in queries.years_with_courses()],
        categories=[
            (
                category,
                number,
                f"?{urlencode({'year': year, 'category': category.slug})}",
                category == chosen,
            )
            for category, number in counts
        ],
        chosen=chosen,
        total=sum(number for _, number in counts),
        groups=_groups(page),
        page=page,
        query=f"{urlencode(query)}&",
    )
    return render(request, "events/catalog.html", catalog_page._asdict())


def _groups(page: Page[CreditOffer]) -> list[tuple[Category, list[Course]]]:
    """Group a page's courses by category."""
    by_category = groupby(page.object_list, key=lambda offer: offer.category)
    return [(category, [_course(offer) for offer in offers]) for category, offers in by_category]


def _course(offer: CreditOffer) -> Course:
    event = offer.event
    labels = [calendar_presentation.RECORDING] if rules.has_recording(event, timezone.now()) else []
    # In a demonstration, the header says it for all rows.
    if event.is_demonstration and not settings.DEMO:
        labels.append(calendar_presentation.DEMONSTRATION)
    return Course(
        title=event.title,
        url=event.get_absolute_url(),
        when=format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        where=calendar_presentation.format_place(event),
        sponsor=event.sponsor,
        credits=format_credits(offer.amount),
        states=labels,
    )


class Approvals(NamedTuple):
    """The courses that one meeting approved, as shown on the page of approvals."""

    day: str  # blank for courses approved before approvals named a meeting
    voters: str
    is_demonstration: bool
    # Each course's title and URL, and the fiscal year.
    courses: list[tuple[str, str, int]]


@login_not_required
@require_safe
@cached_until_changed
def approvals(request: HttpRequest) -> HttpResponse:
    """Show when the committee approved each course in the catalog, and who voted."""
    page = paginate(queries.approvals(), request, size=PER_PAGE)
    by_meeting = groupby(page.object_list, key=lambda listing: listing.meeting)
    context = {
        "meetings": [_approvals(meeting, list(listings)) for meeting, listings in by_meeting],
        "page": page,
        "query": "",
        "demonstration": DEMONSTRATION_MEETING,
    }
    return render(request, "events/catalog_approvals.html", context)


def _approvals(meeting: CatalogMeeting | None, listings: list[CatalogListing]) -> Approvals:
    return Approvals(
        day=format_day(meeting.day) if meeting else "",
        voters=", ".join(meeting.voters) if meeting else "",
        is_demonstration=meeting is not None and meeting.recorded_by.is_demonstration,
        courses=[
            (each.event.title, each.event.get_absolute_url(), each.fiscal_year) for each in listings
        ],
    )


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Propose an event for the catalog. The page also shows its listings."""
    person, event = get_editor(request), get_managed_event(request, pk)
    form = ProposeListingForm(request.POST if request.method == "POST" else None, event=event)
    if request.method == "POST" and form.is_valid():
        year = form.cleaned_data["fiscal_year"]
        with refusal_as_form_error(form):
            listing = propose_listing(event_id=event.pk, fiscal_year=year, by=person)
            messages.success(request, _proposed_message(listing))
            return redirect("events:propose", event.pk)
    context = {
        "event": event,
        "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        "listings": [_listing(each) for each in queries.listings_of(event)],
        "form": form,
        "why_not": queries.why_not_propose(event, queries.default_year(event)),
    }
    return render(request, "events/manage/propose_listing.html", context)


def _proposed_message(listing: CatalogListing) -> str:
    if listing.state == ListingState.APPROVED:
        return f"The event is already in the fiscal year {listing.fiscal_year} catalog."
    return f"Proposed for the fiscal year {listing.fiscal_year} catalog. Staff will review it."


class Listing(NamedTuple):
    """A listing as shown on the page where editors propose an event."""

    year: int
    state: Label
    since: str
    reason: str


def _listing(listing: CatalogListing) -> Listing:
    since = timezone.localdate(listing.decided_at or listing.proposed_at)
    state = LISTING_LABELS[ListingState(listing.state)]
    return Listing(listing.fiscal_year, state, format_day(since), listing.reason)
