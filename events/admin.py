"""The calendar, registrations and categories for staff. Custom events: credits/admin/queue.py."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from aspen.admin import CategoryInline, ReadOnlyAdmin, StaffAdmin, run_on_each
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.formats import format_day
from aspen.web.request import AuthenticatedHttpRequest
from events import queries
from events.admin_presentation import event_time, format_credit_lines
from events.attendance import actions as attendance_actions
from events.attendance import queries as attendance_queries
from events.catalog import queries as catalog_queries
from events.catalog.actions import propose_listing
from events.catalog.admin import CatalogListingAdmin
from events.editing import publishing
from events.enums import Attendance, EventState, Origin
from events.models import Category, CreditOffer, Event, Registration, Synonym
from events.overlapping_places import other_places_of_registrations, remarks_on

__all__ = ["CatalogListingAdmin"]  # Django imports this module only

# ---------- The calendar ----------


class EventAdminForm(forms.ModelForm):
    class Meta:
        model = Event
        fields = ("parent",)  # the admin adds the fields in its fieldsets
        help_texts = {
            "begins_at": "Mountain time.",
            "ends_at": "People can claim credit from this time on. If you leave this blank, they "
            "can claim it from the next day on.",
            "parent": "The conference that this session belongs to. People claim each session "
            "separately.",
            "registration_mode": "People who register here get their credit automatically after "
            "the event.",
            "capacity": "Leave blank for no limit. At a hybrid event, these are the places in the "
            "room.",
            "online_capacity": "Only for hybrid events. Leave blank for no limit.",
            "recording_available_at": "People can claim the recording from this time on.",
            "recording_until_at": "Leave blank for no deadline.",
            "registration_opens_at": "Leave blank to open registration immediately.",
            "registration_closes_at": "Leave blank to close registration when the event is over.",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.instance.pk:
            names = ("delivery", "capacity", "online_capacity")
            changed = Event(pk=self.instance.pk, **{name: data.get(name) for name in names})
            for field, reason in publishing.why_capacity_too_small(changed).items():
                self.add_error(field, reason)
        return data

    def clean_parent(self) -> Event | None:
        parent: Event | None = self.cleaned_data["parent"]
        if parent is None:
            return None
        if parent.pk == self.instance.pk:
            raise forms.ValidationError("An event cannot be a session of itself.")
        # The session's public page shows its conference.
        if parent.origin != Origin.CALENDAR:
            raise forms.ValidationError("The conference must be an event on the calendar.")
        if parent.parent_id is not None:
            raise forms.ValidationError("A session cannot have sessions of its own.")
        if self.instance.pk and self.instance.sessions.exists():
            raise forms.ValidationError("This event has sessions, so it cannot be a session.")
        return parent


class CreditOfferInline(CategoryInline):
    """An event's credit lines. Anyone who can change the event can change them."""

    model = CreditOffer
    verbose_name_plural = "Credit lines in steps of 0.5 (existing claims keep their credits)"

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("events.change_event")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("events.change_event")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("events.change_event")


@admin.register(Event)
class EventAdmin(StaffAdmin):
    """Published and canceled calendar events.

    A change of an event's dates changes the day on which its credits were earned. Publishing and
    canceling have their own pages, which e-mail the people concerned.
    """

    form = EventAdminForm
    list_display = ("title", "when", "type", "delivery", "state", "credit")
    list_filter = ("type", "delivery", "state", "is_demonstration")
    search_fields = ("search_key__finds",)
    ordering = ("-begins_at", "-id")
    raw_id_fields = ("parent", "organization")
    readonly_fields = ("status",)
    inlines = (CreditOfferInline,)
    actions = ("propose_for_catalog",)
    fieldsets = (
        (None, {"fields": ("title", "type", "status", "description")}),
        ("When", {"fields": ("begins_at", "ends_at", "all_day")}),
        (
            "Where and who",
            {
                "fields": (
                    "delivery",
                    "location",
                    "city",
                    "room",
                    "organization",
                    "sponsor",
                    "presenter",
                    "audience",
                    "parent",
                )
            },
        ),
        (
            "Registration",
            {
                "fields": (
                    "registration_mode",
                    "registration_url",
                    "capacity",
                    "online_capacity",
                    "has_waitlist",
                    "registration_opens_at",
                    "registration_closes_at",
                    "allows_walk_ins",
                )
            },
        ),
        (
            "Recording and source",
            {
                "fields": (
                    "recording_available_at",
                    "recording_until_at",
                    "recording_url",
                    "source_url",
                )
            },
        ),
    )

    @admin.display(description="when", ordering="begins_at")
    def when(self, event: Event) -> str:
        return event_time(event)

    @admin.display(description="status")
    def status(self, event: Event) -> str:
        return event.state_label.text if event.pk else "Draft. You can publish it after saving it."

    @admin.display(description="CE credit")
    def credit(self, event: Event) -> str:
        return format_credit_lines(event)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events = super().get_queryset(request)
        # Drafts and proposals have their own pages in the portal.
        public = events.filter(
            origin=Origin.CALENDAR, state__in=[EventState.PUBLISHED, EventState.CANCELLED]
        )
        return public.prefetch_related(queries.OFFERS)

    @admin.action(description="Propose for the course catalog", permissions=["change"])
    def propose_for_catalog(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[Event]
    ) -> None:
        """Propose each event for its suggested fiscal year."""
        years = {event.pk: catalog_queries.default_year(event) for event in chosen.order_by("pk")}
        done = run_on_each(
            request,
            list(years),
            lambda pk: propose_listing(event_id=pk, fiscal_year=years[pk], by=request.user),
        )
        messages.success(request, f"Proposed for the catalog: {done} of {len(years)}.")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        assert request.user.is_authenticated
        if not change:
            obj.created_by, obj.state = request.user, EventState.DRAFT
        publishing.save_event(event=obj, by=request.user)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Continue with the preview, from which the event is published."""
        messages.success(request, f"“{obj}” was saved as a draft. Check it, then publish it.")
        return HttpResponseRedirect(reverse("events:preview", args=[obj.pk]))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)  # for the history page (the action writes the lines)
        lines = [line.cleaned_data for line in formset.forms]
        publishing.set_offers(
            event=form.instance,
            offers={
                line["category"].pk: line["amount"]
                for line in lines
                if line.get("category") and not line.get("DELETE")
            },
        )


@admin.register(Category)
class CategoryAdmin(StaffAdmin):
    """The four fixed CE categories. Only the short name and the description can change."""

    list_display = ("name", "short_name", "shape", "description")
    fields = readonly_fields = ("name", "shape", "slug", "position")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*self.fields, "short_name", "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Synonym)
class SynonymAdmin(StaffAdmin):
    """Words that mean the same to the calendar's search. No row refers to them."""

    list_display = ("word", "also", "works_both_ways")
    search_fields = ("word__finds", "also__finds")
    ordering = ("word", "also", "id")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("events.delete_synonym")


# ---------- Registrations ----------


class RegistrationChangeList(ChangeList):
    """One page of registrations, with remarks on two places at the same time."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        others = other_places_of_registrations(self.result_list)
        for registration in self.result_list:
            registration.remarks = remarks_on(registration, others)


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    """Registrations.

    Marking someone absent withdraws the credit, and marking them present restores it.
    """

    list_display = (
        *("person", "event", "event_day", "state"),
        *("attendance_mode", "attendance", "same_time"),
    )
    list_filter = ("state", "attendance_mode", "attendance")
    list_select_related = ("person", "event")
    search_fields = ("person__search_key__finds", "event__search_key__finds")
    ordering = ("-event__begins_at", "id")
    actions = ("mark_present", "mark_absent")

    @admin.display(description="day", ordering="event__last_day")
    def event_day(self, registration: Registration) -> str:
        return format_day(registration.event.last_day)

    @admin.display(description="at the same time")
    def same_time(self, registration: Registration) -> str:
        return " ".join(registration.remarks)  # type: ignore[attr-defined]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RegistrationChangeList

    def has_mark_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.change_event")

    @admin.action(description="Mark present", permissions=["mark"])
    def mark_present(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[Registration]
    ) -> None:
        self._mark(request, chosen, Attendance.PRESENT)

    @admin.action(description="Mark absent", permissions=["mark"])
    def mark_absent(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[Registration]
    ) -> None:
        self._mark(request, chosen, Attendance.ABSENT)

    def _mark(
        self,
        request: AuthenticatedHttpRequest,
        chosen: QuerySet[Registration],
        attendance: Attendance,
    ) -> None:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        done = run_on_each(
            request,
            ids,
            lambda pk: attendance_actions.mark_attendance(
                registration_id=pk, attendance=attendance, by=request.user
            ),
        )
        messages.success(request, f"Marked as {attendance.label.lower()}: {done} of {len(ids)}.")


@waits_for("events.change_event", order=25)
def people_to_match() -> list[Waiting]:
    lists = attendance_queries.lists_with_unmatched_people()
    if not lists:
        return []
    oldest, number = lists[0], sum(each.number for each in lists)
    url = reverse("events:match_list", args=[oldest.event_id, oldest.list_id])
    return oldest_waits(
        "person", "on attendance lists to match", url, number, oldest.since, many="people"
    )
