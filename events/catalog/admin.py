"""The course catalog for staff: decide on proposals and renew courses."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Count, Min, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.staff_queue import QueueAdmin
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from events import queries
from events.admin_presentation import event_time, format_credit_lines
from events.catalog import queries as catalog_queries
from events.catalog.actions import ListingsResult, decide_listings, renew_listings
from events.enums import Decision, ListingState
from events.models import CatalogListing

MAX_REASONS_SHOWN = 5


class ListingDecisionForm(ActionForm):
    """The form to choose an action for the selected listings and give a reason."""

    reason = forms.CharField(
        label="Reason (required to decline):",
        required=False,
        max_length=2000,
        widget=forms.TextInput,
    )


@admin.register(CatalogListing)
class CatalogListingAdmin(QueueAdmin):
    """The listings for all fiscal years, oldest proposal first."""

    decide_permission = catalog_queries.DECIDE_PERMISSION
    list_display = (
        "event",
        "fiscal_year",
        "state",
        "when",
        "credit",
        "proposed_by",
        "proposed_at",
        "decided_by",
    )
    list_filter = ("state", "fiscal_year", "event__delivery", "event__offers__category")
    list_select_related = ("event", "proposed_by", "decided_by")
    search_fields = ("event__title", "event__sponsor", "event__presenter")
    ordering = ("proposed_at", "id")
    fields = (
        "event_page",
        "fiscal_year",
        "state",
        ("proposed_by", "proposed_at"),
        ("decided_by", "decided_at"),
        "reason",
    )
    readonly_fields = ("event_page",)
    action_form = ListingDecisionForm
    actions = ("approve", "decline", "renew")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogListing]:
        listings: QuerySet[CatalogListing] = super().get_queryset(request)
        offers = Prefetch("event__offers", queries.OFFERS.queryset)
        return listings.defer("event__search", "event__description").prefetch_related(offers)

    @admin.display(description="when", ordering="event__begins_at")
    def when(self, listing: CatalogListing) -> str:
        return event_time(listing.event)

    @admin.display(description="CE credit")
    def credit(self, listing: CatalogListing) -> str:
        return format_credit_lines(listing.event)

    @admin.display(description="event")
    def event_page(self, listing: CatalogListing) -> str:
        address = reverse("events:detail", args=[listing.event_id])
        return format_html('<a href="{}">{}</a>', address, listing.event)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]) -> None:
        self._decide(request, chosen, Decision.APPROVE, "Approved")

    @admin.action(description="Decline or remove from the catalog", permissions=["decide"])
    def decline(self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]) -> None:
        self._decide(request, chosen, Decision.DECLINE, "Declined")

    def _decide(
        self,
        request: AuthenticatedHttpRequest,
        chosen: QuerySet[CatalogListing],
        decision: Decision,
        done: str,
    ) -> None:
        reason = request.POST.get("reason", "").replace("\x00", "")[:2000]
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        with refusal_as_message(request):
            result = decide_listings(ids=ids, decision=decision, reason=reason, by=request.user)
            note = f"{done}. {reason}" if decision == Decision.DECLINE else f"{done}."
            for listing in result.changed:
                self.log_change(request, listing, note)
            _report(request, result, f"{done}: {len(result.changed)} of {len(ids)}.")

    @admin.action(description="Propose again for the next fiscal year", permissions=["decide"])
    def renew(self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]) -> None:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        result = renew_listings(ids=ids, by=request.user)
        _report(
            request,
            result,
            f"Proposed for the next fiscal year: {len(result.changed)} of {len(ids)}. Ask a "
            "colleague to approve the proposals.",
        )


def _report(request: HttpRequest, result: ListingsResult, done: str) -> None:
    """Show the message `done`, and the first few reasons why listings were skipped."""
    for reason in result.skipped[:MAX_REASONS_SHOWN]:
        messages.warning(request, reason)
    if len(result.skipped) > MAX_REASONS_SHOWN:
        messages.warning(request, f"In all, {len(result.skipped)} courses were skipped.")
    if result.changed or not result.skipped:
        messages.success(request, done)


@waits_for(catalog_queries.DECIDE_PERMISSION, order=20)
def proposed_courses() -> list[Waiting]:
    proposed = CatalogListing.objects.filter(state=ListingState.PROPOSED)
    oldest = proposed.aggregate(count=Count("pk"), since=Min("proposed_at"))
    url = f"{reverse('admin:events_cataloglisting_changelist')}?state__exact=proposed"
    return oldest_waits("course", "proposed for the catalog", url, **oldest)
