"""The queue of custom events: what librarians created with Create New…, and staff's decisions."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import queries as account_queries
from aspen import words
from aspen.admin import ReadOnlyAdmin
from aspen.errors import Refused
from aspen.http import person_of
from events import actions, queries
from events.admin_words import count_done, credit_in_words, when
from events.enums import DECISIONS, Decision, EventState, Origin
from events.models import CustomEvent, Event


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
    seen = forms.CharField(max_length=60, required=False)


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
        return when(event)

    @admin.display(description="CE credit")
    def credit(self, event: CustomEvent) -> str:
        return credit_in_words(event)

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
        done = count_done(
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
            "seen": queries.version(event),
            "facts": _facts(event),
            "person": person,
            "positions": account_queries.positions_of(person),
            "similar": [
                (other, when(other), credit_in_words(other))
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
        ("CE credit", credit_in_words(event)),
        ("Sponsor", event.sponsor),
        ("Trainer or presenter", event.presenter),
    ]
    if event.decided_at:
        day = words.day(timezone.localdate(event.decided_at))
        facts.append(("Last decision", f"{day}, {event.decided_by}. {event.decision_reason}"))
    return facts
