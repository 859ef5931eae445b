"""The course catalog for everybody, and proposing an event for it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from aspen import formats
from aspen.clock import fiscal_year, today
from aspen.errors import Refused
from aspen.web.paging import numbered_page
from aspen.web.request import AuthenticatedHttpRequest
from events import rules
from events.calendar import presentation as calendar_presentation
from events.calendar.page_cache import until_it_changes
from events.catalog import queries
from events.catalog.actions import propose_listing
from events.catalog.forms import CatalogueForm, ProposeForm
from events.enums import ListingState
from events.models import CatalogueListing, CreditOffer
from events.permissions import editor_of, managed

PER_PAGE = 50
STATES = {
    ListingState.PROPOSED: ("warn", "…"),
    ListingState.APPROVED: ("good", "✓"),
    ListingState.DECLINED: ("bad", "✕"),
}


@login_not_required
@require_safe
@until_it_changes
def show(request: HttpRequest) -> HttpResponse:
    """The approved courses of a fiscal year, by category."""
    year, wanted = CatalogueForm(request.GET).chosen()
    numbers = queries.numbers(year)
    chosen = next((each for each, _ in numbers if each.slug == wanted), None)
    offers = queries.courses(year)
    if chosen:
        offers = offers.filter(category=chosen)
    count = sum(number for each, number in numbers if chosen in (None, each))
    page = numbered_page(offers, request, size=PER_PAGE, count=count)
    query = {"year": year} | ({"category": chosen.slug} if chosen else {})
    context = {
        "year": year,
        "is_current": year == fiscal_year(today()),
        "years": [(each, f"?year={each}", each == year) for each in queries.years()],
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
    return render(request, "events/catalogue.html", context)


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
        "when": formats.when(event.begins_at, event.ends_at, all_day=event.all_day),
        "where": calendar_presentation.where(event),
        "sponsor": event.sponsor,
        "credits": formats.credits(offer.amount),
        "states": labels,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """For those who look after an event: propose it, and what became of what was proposed."""
    person, event = editor_of(request), managed(request, pk)
    form = ProposeForm(request.POST if request.method == "POST" else None, event=event)
    if request.method == "POST" and form.is_valid():
        year = form.cleaned_data["fiscal_year"]
        try:
            listing = propose_listing(event_id=event.pk, fiscal_year=year, by=person)
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, _proposed(listing))
            return redirect("events:propose", event.pk)
    context = {
        "event": event,
        "when": formats.when(event.begins_at, event.ends_at, all_day=event.all_day),
        "listings": [_listing(each) for each in queries.listings_of(event)],
        "form": form,
        "why_not": queries.why_not_propose(event, queries.usual_year(event)),
    }
    return render(request, "events/manage/catalogue.html", context)


def _proposed(listing: CatalogueListing) -> str:
    if listing.state == ListingState.APPROVED:
        return f"It is in the catalog of fiscal year {listing.fiscal_year} already."
    return f"It is proposed for the catalog of fiscal year {listing.fiscal_year}. Staff decide."


def _listing(listing: CatalogueListing) -> dict[str, Any]:
    state = ListingState(listing.state)
    tone, shape = STATES[state]
    moment = listing.decided_at or listing.proposed_at
    return {
        "year": listing.fiscal_year,
        "state": calendar_presentation.Label(state.label, tone, shape),
        "since": formats.day(timezone.localdate(moment)),
        "reason": listing.reason,
    }
