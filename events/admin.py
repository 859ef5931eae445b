"""The calendar, the queue of custom events, registrations and categories, for staff."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import queries as account_queries
from aspen import words
from aspen.admin import CategoryLinesInline, ReadOnlyAdmin, StaffAdmin
from aspen.errors import Refused
from aspen.http import person_of
from events import actions, queries
from events.enums import DECISIONS, Attendance, Decision, EventState, Origin
from events.models import Category, CreditOffer, CustomEvent, Event, Registration


def _when(event: Event) -> str:
    return words.when(event.begins_at, event.ends_at, all_day=event.all_day)


def _credit(event: Event) -> str:
    """The prefetched credit lines: Library Administration 3; Technology 1."""
    return "; ".join(
        f"{offer.category} {words.amount(offer.amount)}" for offer in event.offers.all()
    )


# ---------- The calendar ----------


class EventForm(forms.ModelForm):
    class Meta:
        model = Event
        fields = ("state", "parent")  # the administration adds those of its fieldsets
        help_texts = {
            "state": "Cancelled events stay on the calendar, marked, and earn no credit.",
            "begins_at": "Mountain time.",
            "ends_at": "Credit can be claimed from then on. Without an end: after that day.",
            "parent": "The conference of which this is a session; sessions are claimed one by one.",
            "registration_mode": "Whoever registers here gets the credit once the event is over.",
            "capacity": "Empty: no limit.",
            "recording_available_at": "The recording can be claimed from then on.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "state" in self.fields:
            # The other states belong to custom events.
            field = cast(forms.ChoiceField, self.fields["state"])
            field.choices = [
                (state.value, state.label) for state in (EventState.PUBLISHED, EventState.CANCELLED)
            ]

    def clean_parent(self) -> Event | None:
        parent: Event | None = self.cleaned_data["parent"]
        if parent is None:
            return None
        if parent.pk == self.instance.pk:
            raise forms.ValidationError("An event cannot be a session of itself.")
        # The public page of the session names its conference.
        if parent.origin != Origin.CALENDAR:
            raise forms.ValidationError("A conference is an event on the calendar.")
        if parent.parent_id is not None:
            raise forms.ValidationError("A session cannot be the conference of other sessions.")
        return parent


class CreditOfferInline(CategoryLinesInline):
    """The credit lines of an event; whoever may change the event may change them."""

    model = CreditOffer
    verbose_name_plural = (
        "Credit lines, in halves (claims made already keep the credits they were made with)"
    )

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
    """Calendar events. When their days change, the credits earned at them follow."""

    form = EventForm
    list_display = ("title", "when", "type", "delivery", "state", "credit")
    list_filter = ("type", "delivery", "state", "in_catalogue", "is_demonstration")
    search_fields = ("title", "sponsor", "presenter", "city")
    ordering = ("-begins_at", "-id")
    raw_id_fields = ("parent",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    inlines = (CreditOfferInline,)
    fieldsets = (
        (None, {"fields": ("title", "type", "state", "description")}),
        ("When", {"fields": ("begins_at", "ends_at", "all_day")}),
        (
            "Where and who",
            {
                "fields": (
                    "delivery",
                    "location",
                    "city",
                    "sponsor",
                    "presenter",
                    "audience",
                    "parent",
                )
            },
        ),
        ("Registration", {"fields": ("registration_mode", "registration_url", "capacity")}),
        (
            "Recording and source",
            {"fields": ("recording_available_at", "recording_url", "source_url", "in_catalogue")},
        ),
    )

    @admin.display(description="when", ordering="begins_at")
    def when(self, event: Event) -> str:
        return _when(event)

    @admin.display(description="CE credit")
    def credit(self, event: Event) -> str:
        return _credit(event)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events = super().get_queryset(request)
        return events.filter(origin=Origin.CALENDAR).prefetch_related(queries.OFFERS)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = person_of(request)
        actions.save_event(event=obj, by=person_of(request))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)  # fills what the history page says; the action writes
        lines = [line.cleaned_data for line in formset.forms]
        actions.set_offers(
            event=form.instance,
            offers={
                line["category"].pk: line["amount"]
                for line in lines
                if line.get("category") and not line.get("DELETE")
            },
        )


@admin.register(Category)
class CategoryAdmin(StaffAdmin):
    """Exactly four: claims, rules and charts refer to them. Only the description may change."""

    list_display = ("name", "shape", "description")
    fields = readonly_fields = ("name", "shape", "slug", "position")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*self.fields, "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


# ---------- Registrations ----------


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    """Who has a place. Being marked absent takes the credit away, present brings it back."""

    list_display = ("person", "event", "event_day", "state", "attendance")
    list_filter = ("state", "attendance")
    list_select_related = ("person", "event")
    search_fields = ("person__display_name", "person__email", "event__title")
    ordering = ("-event__begins_at", "id")
    actions = ("mark_present", "mark_absent")

    @admin.display(description="day", ordering="event__last_day")
    def event_day(self, registration: Registration) -> str:
        return words.day(registration.event.last_day)

    def has_mark_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.change_event")

    @admin.action(description="Mark present", permissions=["mark"])
    def mark_present(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        self._mark(request, chosen, Attendance.PRESENT)

    @admin.action(description="Mark absent", permissions=["mark"])
    def mark_absent(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        self._mark(request, chosen, Attendance.ABSENT)

    def _mark(
        self, request: HttpRequest, chosen: QuerySet[Registration], attendance: Attendance
    ) -> None:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        done = _count_done(
            request,
            ids,
            lambda pk: actions.mark_attendance(
                registration_id=pk, attendance=attendance, by=person_of(request)
            ),
        )
        messages.success(request, f"Marked as {attendance.label.lower()}: {done} of {len(ids)}.")


def _count_done(request: HttpRequest, ids: list[int], act: Callable[[int], object]) -> int:
    """Act on each, in a transaction of its own; say why where one is refused; count the others."""
    done = 0
    for pk in ids:
        try:
            act(pk)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            done += 1
    return done


# ---------- The queue of custom events ----------


class StateFilter(admin.SimpleListFilter):
    """The queue shows what waits unless somebody asks for more."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = (EventState.PENDING, EventState.DRAFT, EventState.PUBLISHED, EventState.DECLINED)
        return [*((state.value, _state(state)) for state in states), ("all", "All")]

    def value(self) -> str:
        known = {value for value, _ in self.lookup_choices}
        chosen = super().value()
        return chosen if chosen in known else EventState.PENDING.value

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == self.value(),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        return queryset if value == "all" else queryset.filter(state=value)


def _state(state: str) -> str:
    """A custom event is not published anywhere by its approval."""
    return "Approved" if state == EventState.PUBLISHED else EventState(state).label


class DecisionField(forms.ChoiceField):
    def to_python(self, value: Any) -> str:
        """A button sends what is written on it."""
        return str(super().to_python(value)).lower()


class DecisionForm(forms.Form):
    decision = DecisionField(
        choices=Decision.choices, error_messages={"required": "Choose one of the buttons."}
    )
    reason = forms.CharField(
        required=False,
        max_length=2000,
        help_text="The person will read it. Return and Decline need one.",
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80, "class": "vLargeTextField"}),
    )
    seen = forms.ChoiceField(choices=EventState.choices, required=False)


@admin.register(CustomEvent)
class CustomEventAdmin(ReadOnlyAdmin):
    """What librarians created with Create New…, the longest waiting first."""

    list_display = ("title", "person", "when", "sponsor", "credit", "state_now", "waiting_since")
    list_filter = (StateFilter, "offers__category")
    search_fields = (
        "title",
        "sponsor",
        "presenter",
        "created_by__display_name",
        "created_by__email",
    )
    ordering = ("created_at", "id")
    show_facets = admin.ShowFacets.NEVER
    actions = ("approve_selected",)

    @admin.display(description="person", ordering="created_by__display_name")
    def person(self, event: CustomEvent) -> str:
        return str(event.created_by)

    @admin.display(description="when", ordering="begins_at")
    def when(self, event: CustomEvent) -> str:
        return _when(event)

    @admin.display(description="CE credit")
    def credit(self, event: CustomEvent) -> str:
        return _credit(event)

    @admin.display(description="state", ordering="state")
    def state_now(self, event: CustomEvent) -> str:
        return _state(event.state)

    @admin.display(description="waiting since", ordering="created_at")
    def waiting_since(self, event: CustomEvent) -> str:
        """The day it was created; one that was returned and sent again says so."""
        if event.state != EventState.PENDING:
            return "–"
        day = words.day(timezone.localdate(event.created_at))
        return f"{day}, sent again" if event.decided_at else day

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomEvent]:
        events = super().get_queryset(request)
        return (
            events.filter(origin=Origin.CUSTOM)
            .select_related("created_by", "decided_by")
            .prefetch_related(queries.OFFERS)
        )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_decide_permission(request) or super().has_view_permission(request, obj)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.decide_event")

    @admin.action(description="Approve selected custom events", permissions=["decide"])
    def approve_selected(self, request: HttpRequest, chosen: QuerySet[CustomEvent]) -> None:
        ids = list(chosen.order_by("created_at", "pk").values_list("pk", flat=True))
        done = _count_done(
            request,
            ids,
            lambda pk: actions.decide_custom_event(
                event_id=pk, decision=Decision.APPROVE, reason="", by=person_of(request)
            ),
        )
        if done:
            messages.success(request, f"Approved: {done} of {len(ids)}.")

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        return [
            path("<path:object_id>/decide/", decide, name="events_customevent_decide"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything known about the event, and the buttons to decide."""
        return self._page(request, object_id, DecisionForm())

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve, return or decline; what was refused is shown with the typed reason kept."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        event = self.get_object(request, unquote(object_id))
        page = reverse("admin:events_customevent_change", args=[object_id])
        if event is None or request.method != "POST":
            return HttpResponseRedirect(page)
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return self._page(request, object_id, form)
        decision = Decision(form.cleaned_data["decision"])
        reason = form.cleaned_data["reason"]
        try:
            actions.decide_custom_event(
                event_id=event.pk,
                decision=decision,
                reason=reason,
                seen=form.cleaned_data["seen"],
                by=person_of(request),
            )
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
            return self._page(request, object_id, form)
        self.log_change(request, event, f"{decision.label}. {reason}".strip())
        done = _state(DECISIONS[decision][1]).lower()
        messages.success(
            request,
            f"“{event.title}” is {done}. {event.created_by} will see it on the Continuing "
            "Education page.",
        )
        return HttpResponseRedirect(reverse("admin:events_customevent_changelist"))

    def _page(self, request: HttpRequest, object_id: str, form: DecisionForm) -> HttpResponse:
        event = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        if event is None:
            raise Http404
        person = event.created_by
        assert person is not None  # events_custom_has_author
        open_decisions = [
            decision for decision, (sources, _) in DECISIONS.items() if event.state in sources
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": event.title,
            "subtitle": "Custom event",
            "opts": self.opts,
            "event": event,
            "facts": _facts(event),
            "person": person,
            "positions": account_queries.positions_of(person),
            "similar": [
                (other, _when(other), _credit(other))
                for other in queries.similar_titles(event.title)
            ],
            "form": form,
            "decisions": open_decisions if self.has_decide_permission(request) else [],
            "is_own": person.pk == request.user.pk,
            "decide_url": reverse("admin:events_customevent_decide", args=[event.pk]),
        }
        return TemplateResponse(request, "admin/events/customevent/decide.html", context)


def _length(time: dt.timedelta) -> str:
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02} hours"


def _facts(event: CustomEvent) -> list[tuple[str, str]]:
    """What the person typed, and what the length of the event says about the credit value."""
    facts = [
        ("State", _state(event.state)),
        ("Created", words.day(timezone.localdate(event.created_at))),
        ("Begins", words.when(event.begins_at, None, all_day=event.all_day)),
        ("Ends", words.when(event.ends_at, None, all_day=event.all_day) if event.ends_at else "–"),
        ("Length", _length(event.ends_at - event.begins_at) if event.ends_at else "–"),
        ("CE credit", _credit(event)),
        ("Sponsor", event.sponsor),
        ("Trainer or presenter", event.presenter),
    ]
    if event.decided_at:
        day = words.day(timezone.localdate(event.decided_at))
        facts.append(("Last decision", f"{day}, {event.decided_by}. {event.decision_reason}"))
    return facts
