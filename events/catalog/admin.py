"""The course catalog for staff: coordinators prepare it, and the committee approves courses."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aspen.admin import staff_page
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.db.last_change import LastChange, last_change
from aspen.form_fields import LineField
from aspen.formats import format_day
from aspen.staff_queue import QueueAdmin
from aspen.text import clean_line
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from aspen.web.undo import undo_url
from events import queries
from events.admin_presentation import event_time, format_credit_lines
from events.catalog import queries as catalog_queries
from events.catalog.actions import (
    LISTING_DECISIONS,
    ListingsResult,
    decide_listings,
    renew_listings,
    undo_listing_decisions,
)
from events.catalog.forms import MeetingForm
from events.enums import Decision, ListingState
from events.models import CatalogListing
from events.undoing import is_undoable

MAX_REASONS_SHOWN = 5
MAX_APPROVED = 200  # at a time


class ListingDecisionForm(ActionForm):
    """The form to choose an action for the selected listings and give a reason."""

    reason = LineField(
        label="Reason (required to decline):",
        required=False,
        max_length=2000,
        widget=forms.TextInput,
    )


class UndoForm(forms.Form):
    """The query string of an Undo button: when the decision was made, and the listing, if one."""

    at = forms.DateTimeField(input_formats=["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"])
    id = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


@admin.register(CatalogListing)
class CatalogListingAdmin(QueueAdmin):
    """The listings for all fiscal years, oldest proposal first.

    The committee approves courses and removes them. Coordinators prepare the catalog: they renew
    courses and decline proposals.
    """

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
    search_fields = ("event__search_key__finds",)
    ordering = ("proposed_at", "id")
    fields = (
        "event_page",
        "fiscal_year",
        "state",
        ("proposed_by", "proposed_at"),
        ("decided_by", "decided_at"),
        "meeting_and_voters",
        "reason",
    )
    readonly_fields = ("event_page", "meeting_and_voters")
    action_form = ListingDecisionForm
    change_form_template = "admin/events/cataloglisting/change_form.html"
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

    @admin.display(description="approved by the committee")
    def meeting_and_voters(self, listing: CatalogListing) -> str:
        if listing.meeting is None:
            return "–"
        return f"{format_day(listing.meeting.day)}: {', '.join(listing.meeting.voters)}"

    # ---------- Permissions ----------

    def has_prepare_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(catalog_queries.PREPARE_PERMISSION)

    def has_decline_permission(self, request: HttpRequest) -> bool:
        return self.has_decide_permission(request) or self.has_prepare_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_prepare_permission(request) or super().has_view_permission(request, obj)

    # ---------- Deciding ----------

    def get_urls(self) -> list[URLPattern]:
        pages = {"approve": self.approve_view, "undo": self.undo_view}
        return [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"events_cataloglisting_{name}")
            for name, view in pages.items()
        ] + super().get_urls()

    @admin.action(description="Approve…", permissions=["decide"])
    def approve(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]
    ) -> HttpResponse | None:
        """Ask for the meeting and who voted, without changing anything."""
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MAX_APPROVED + 1])
        if len(ids) > MAX_APPROVED:
            messages.error(request, f"Select at most {MAX_APPROVED} courses at a time.")
            return None
        return self._approve_page(request, ids, MeetingForm())

    @form_recovery.recover_after_sign_in
    def approve_view(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Approve the courses at a meeting of the committee."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        typed = form_recovery.recovered_form(request) or {}
        data = request.POST if request.method == "POST" else typed or request.GET
        ids = _ids(str(data.get("ids", "")))
        if not ids:
            messages.warning(request, "First select the courses to approve.")
            return HttpResponseRedirect(self.url("changelist"))
        if request.method != "POST":
            return self._approve_page(request, ids, MeetingForm(initial=typed))
        form = MeetingForm(request.POST)
        if form.is_valid():
            with refusal_as_form_error(form):
                result = decide_listings(
                    ids=ids, decision=Decision.APPROVE, by=request.user, **form.cleaned_data
                )
                if result.changed or not result.skipped:
                    number = f"{len(result.changed)} of {len(ids)}"
                    self._decided(request, result, "Approved", number)
                    return HttpResponseRedirect(self.url("changelist"))
                for reason in result.skipped[:MAX_REASONS_SHOWN]:
                    form.add_error(None, reason)
        return self._approve_page(request, ids, form)

    def _approve_page(
        self, request: HttpRequest, ids: list[int], form: MeetingForm
    ) -> HttpResponse:
        chosen = self.get_queryset(request).filter(pk__in=ids).select_related("event")
        rows = [
            (str(each.event), each.fiscal_year, format_credit_lines(each.event))
            for each in chosen.order_by("event__title", "fiscal_year", "pk")
        ]
        context = {
            "title": "Approve courses",
            "rows": rows,
            "form": form,
            "ids": ",".join(map(str, ids)),
            "approve_url": self.url("approve"),
        }
        template = "admin/events/cataloglisting/approve.html"
        return staff_page(request, template, CatalogListing, context)

    @admin.action(description="Decline or remove from the catalog", permissions=["decline"])
    def decline(self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]) -> None:
        reason = clean_line(request.POST.get("reason", ""))[:2000].rstrip()
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        with refusal_as_message(request):
            result = decide_listings(
                ids=ids, decision=Decision.DECLINE, reason=reason, by=request.user
            )
            number = f"{len(result.changed)} of {len(ids)}"
            self._decided(request, result, "Declined", number, reason=reason)

    def _decided(
        self,
        request: HttpRequest,
        result: ListingsResult,
        done: str,
        number: str,
        *,
        reason: str = "",
    ) -> None:
        """Log the decision and report it, with an Undo button."""
        for listing in result.changed:
            self.log_change(request, listing, f"{done}. {reason}".strip())
        undo = self._undo_url(result.changed[0]) if result.changed else ""
        _report(request, result, f"{done}: {number}.", undo=undo)

    # ---------- Undoing ----------

    def _undo_url(self, listing: CatalogListing, *, alone: bool = False) -> str:
        """Return the URL that undoes the last decision on the listing.

        Unless `alone`, it also undoes it for the listings that were decided on together with it.
        """
        listing.refresh_from_db(fields=["decided_at"])
        assert listing.decided_at is not None
        query = {"at": listing.decided_at.isoformat()} | ({"id": listing.pk} if alone else {})
        return undo_url(self.url("undo"), **query)

    def undo_view(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Undo one decision on the course catalog, for one listing or all that it was about."""
        if not self.has_decline_permission(request):
            raise PermissionDenied
        form = UndoForm(request.GET)
        if request.method == "POST" and form.is_valid():
            chosen = CatalogListing.objects.filter(decided_at=form.cleaned_data["at"])
            if form.cleaned_data["id"]:
                chosen = chosen.filter(pk=form.cleaned_data["id"])
            ids = list(chosen.order_by("pk").values_list("pk", flat=True))
            if not ids:
                messages.error(
                    request,
                    "Someone has decided again since then, so that decision cannot be undone.",
                )
            with refusal_as_message(request):
                result = undo_listing_decisions(ids=ids, by=request.user)
                for listing in result.changed:
                    self.log_change(request, listing, "Decision undone.")
                if ids:
                    _report(request, result, f"Undone: {len(result.changed)} of {len(ids)}.")
        return HttpResponseRedirect(self.url("changelist"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the Undo button to the listing's page for a day after a decision."""
        listing, undo = kwargs["obj"], ""
        if listing.decided_at and self.has_decline_permission(request):
            change = last_change(listing, "state", "decided_at")
            if is_undoable(change, LISTING_DECISIONS) and self._may_undo(request, change):
                undo = self._undo_url(listing, alone=True)
        return super().render_change_form(request, context | {"undo_url": undo}, *args, **kwargs)

    def _may_undo(self, request: HttpRequest, change: LastChange | None) -> bool:
        assert change is not None
        states = {change.before.state, change.after.state}
        return ListingState.APPROVED not in states or self.has_decide_permission(request)

    @admin.action(description="Propose again for the next fiscal year", permissions=["prepare"])
    def renew(self, request: AuthenticatedHttpRequest, chosen: QuerySet[CatalogListing]) -> None:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        result = renew_listings(ids=ids, by=request.user)
        _report(
            request,
            result,
            f"Proposed for the next fiscal year: {len(result.changed)} of {len(ids)}. The catalog "
            "committee decides on the proposals.",
        )


def _ids(text: str) -> list[int]:
    """Return the valid ids in a comma-separated list."""
    numbers = [parse_id(part) for part in text.split(",")[:MAX_APPROVED]]
    return sorted({number for number in numbers if number})


def _report(request: HttpRequest, result: ListingsResult, done: str, *, undo: str = "") -> None:
    """Show the message `done`, and the first few reasons why listings were skipped.

    `undo` is the URL of the message's Undo button, if any.
    """
    for reason in result.skipped[:MAX_REASONS_SHOWN]:
        messages.warning(request, reason)
    if len(result.skipped) > MAX_REASONS_SHOWN:
        messages.warning(request, f"In all, {len(result.skipped)} courses were skipped.")
    if result.changed or not result.skipped:
        messages.success(request, done, extra_tags=undo)


@waits_for(catalog_queries.DECIDE_PERMISSION, order=20)
def proposed_courses() -> list[Waiting]:
    proposed = CatalogListing.objects.filter(state=ListingState.PROPOSED)
    oldest = proposed.aggregate(count=Count("pk"), since=Min("proposed_at"))
    url = f"{reverse('admin:events_cataloglisting_changelist')}?state__exact=proposed"
    return oldest_waits("course", "proposed for the catalog", url, **oldest)
