"""The public course catalog, and the page to propose an event for it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from aspen.clock import fiscal_year, today
from aspen.formats import format_credits, format_day, format_time_range
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
from events.models import CatalogListing, CreditOffer
from events.permissions import get_editor, get_managed_event

PER_PAGE = 50


@login_not_required
@require_safe
@cached_until_changed
def catalog(request: HttpRequest) -> HttpResponse:
    """The approved courses of a fiscal year, by category."""
    year, wanted = CatalogForm(request.GET).chosen()
    numbers = queries.course_counts(year)
    chosen = next((each for each, _ in numbers if each.slug == wanted), None)
    offers = queries.catalog_courses(year)
    if chosen:
        offers = offers.filter(category=chosen)
    count = sum(number for each, number in numbers if chosen in (None, each))
    page = paginate(offers, request, size=PER_PAGE, count=count)
    query = {"year": year} | ({"category": chosen.slug} if chosen else {})
    context = {
        "year": year,
        "is_current": year == fiscal_year(today()),
        "years": [(each, f"?year={each}", each == year) for each in queries.years_with_courses()],
        "categories": [
            (each, number, f"?{urlencode({'year': year, 'category': each.slug})}", each == chosen)
            for each, number in numbers
        ],
        "chosen": chosen,
        "total": sum(number for _, number in numbers),
        "groups": _groups(page),
        "page": page,
        "query": f"{urlencode(query)}&",
    }
    return render(request, "events/catalog.html", context)


def _groups(offers: Any) -> list[tuple[Any, list[dict[str, Any]]]]:
    """The courses of one page under their categories."""
    groups: list[tuple[Any, list[dict[str, Any]]]] = []
    for offer in offers:
        if not groups or groups[-1][0] != offer.category:
            groups.append((offer.category, []))
        groups[-1][1].append(_course(offer))
    return groups


def _course(offer: CreditOffer) -> dict[str, Any]:
    event = offer.event
    labels = [calendar_presentation.RECORDING] if rules.has_recording(event, timezone.now()) else []
    if event.is_demonstration:
        labels.append(calendar_presentation.DEMONSTRATION)
    return {
        "title": event.title,
        "url": event.get_absolute_url(),
        "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        "where": calendar_presentation.format_place(event),
        "sponsor": event.sponsor,
        "credits": format_credits(offer.amount),
        "states": labels,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Propose an event for the catalog; shows its earlier listings."""
    person, event = get_editor(request), get_managed_event(request, pk)
    form = ProposeListingForm(request.POST if request.method == "POST" else None, event=event)
    if request.method == "POST" and form.is_valid():
        year = form.cleaned_data["fiscal_year"]
        with refusal_as_form_error(form):
            listing = propose_listing(event_id=event.pk, fiscal_year=year, by=person)
            messages.success(request, _proposed(listing))
            return redirect("events:propose", event.pk)
    context = {
        "event": event,
        "when": format_time_range(event.begins_at, event.ends_at, all_day=event.all_day),
        "listings": [_listing(each) for each in queries.listings_of(event)],
        "form": form,
        "why_not": queries.why_not_propose(event, queries.default_year(event)),
    }
    return render(request, "events/manage/propose_listing.html", context)


def _proposed(listing: CatalogListing) -> str:
    if listing.state == ListingState.APPROVED:
        return f"The event is already in the catalog of fiscal year {listing.fiscal_year}."
    return f"Proposed for the catalog of fiscal year {listing.fiscal_year}. Staff will decide."


def _listing(listing: CatalogListing) -> dict[str, Any]:
    moment = listing.decided_at or listing.proposed_at
    return {
        "year": listing.fiscal_year,
        "state": LISTING_LABELS[ListingState(listing.state)],
        "since": format_day(timezone.localdate(moment)),
        "reason": listing.reason,
    }
