"""The staff queue of custom events: the list, the event pages and decisions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Min, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from accounts.models import User
from aspen.admin import run_on_each, staff_page
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.errors import Refused
from aspen.form_fields import LineField
from aspen.staff_queue import ConditionFilter, QueueAdmin, SeenForm, reason_field
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo
from credits import review
from credits.admin import queue_presentation
from events import actions, queries, undoing
from events.enums import CUSTOM_EVENT_TRANSITIONS, EVENT_LABELS, Decision, EventState, Origin
from events.models import WAITING_SINCE, CustomEvent, Event

DECIDE_PERMISSION = "events.decide_event"
# The fields that rows show and automatic checks compare.
LIST_FIELDS = (
    *("title", "begins_at", "ends_at", "all_day", "sponsor", "origin", "state", "parent"),
    *("recording_url", "recording_available_at"),
    *("created_at", "submitted_at", "decided_at", "changed_at"),
    *("created_by__display_name", "created_by__email", "college_work"),
)
# ?tick=clear selects the rows without warnings.
SELECT, CLEAR = "tick", "clear"


class CustomEventStateFilter(ConditionFilter):
    """A filter by status. It shows waiting events by default."""

    title, parameter_name = "status", "state"
    default = EventState.PENDING.value

    def options(self) -> list[tuple[str, str, Q]]:
        states = (EventState.PENDING, EventState.DRAFT, EventState.PUBLISHED, EventState.DECLINED)
        return [
            *(
                (each.value, EVENT_LABELS[Origin.CUSTOM][each].text, Q(state=each))
                for each in states
            ),
            ("all", "All", Q()),
        ]


class DecisionForm(SeenForm):
    decision = forms.ChoiceField(
        choices=Decision.choices, error_messages={"required": "Choose a decision."}
    )
    reason = reason_field(
        "The person will see this. Required to return or decline.",
        label="Question or reason",
        required=False,
        max_length=2000,
    )


class SelectedRowForm(forms.Form):
    """A selected row: the event, its version, and whether the row showed a warning."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    has_warning = forms.BooleanField(required=False)
    seen = LineField(max_length=60)

    @classmethod
    def read(cls, value: str) -> dict[str, Any] | None:
        """Parse a value from queue_presentation.checkbox_value. Return None if it is invalid."""
        event, has_warning, seen = [*value.split("|", 2), "", "", ""][:3]
        form = cls({"event": event, "has_warning": has_warning, "seen": seen})
        return form.cleaned_data if form.is_valid() else None


class PageByIds(Paginator):
    """A paginator that selects a page's ids first, to avoid joining all earlier rows."""

    def page(self, number: int | str) -> Page:
        page = super().page(number)
        events: Any = self.object_list
        rows: Any = page.object_list
        page.object_list = events.filter(pk__in=list(rows.values_list("pk", flat=True)))
        return page


class QueueChangeList(ChangeList):
    """One page of the list, with its events' check results."""

    rows: list[queue_presentation.QueueRow]

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Event]:
        """Load only the fields that rows and automatic checks need."""
        events = super().get_queryset(*args, **kwargs).select_related(None)
        return events.select_related("created_by", "college_work").only(*LIST_FIELDS)

    def get_results(self, request: HttpRequest) -> None:
        assert request.user.is_authenticated
        super().get_results(request)
        self.is_selected = getattr(request, SELECT, "") == CLEAR
        can_decide = self.model_admin.has_decide_permission(request)  # type: ignore[attr-defined]
        self.rows = [
            queue_presentation.queue_row(
                item, by=request.user, can_decide=can_decide, selects_clear=self.is_selected
            )
            for item in review.queue_items(list(self.result_list))
        ]
        self.can_select = any(row.can_select for row in self.rows)
        self.clear = sum(row.is_clear for row in self.rows)
        self.select_link = self.get_query_string({SELECT: CLEAR})


@admin.register(CustomEvent)
class CustomEventAdmin(QueueAdmin):
    """Custom events, longest waiting first."""

    decide_permission = DECIDE_PERMISSION
    steps = ("decide", "publish")
    list_display = ("title",)
    list_filter = (CustomEventStateFilter, "offers__category")
    search_fields = ("search_key__finds", "created_by__search_key__finds")
    ordering = (WAITING_SINCE.asc(), "id")
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None
    paginator = PageByIds

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomEvent]:
        events = super().get_queryset(request)
        return (
            events.filter(origin=Origin.CUSTOM)
            .select_related("created_by", "decided_by", "college_work")
            .defer("search")
            .prefetch_related(queries.OFFERS)
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueChangeList

    def next_waiting(self, record: Event, *, by: User) -> Event | None:
        return review.next_custom_event(record, by=by)

    # ---------- The list ----------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        query = request.GET.copy()
        setattr(request, SELECT, "".join(query.pop(SELECT, [])))
        # Django rejects unknown filters.
        request.GET = query  # type: ignore[assignment]
        if request.method == "POST":
            assert request.user.is_authenticated
            if not self.has_decide_permission(request):
                raise PermissionDenied
            self._approve(request, by=request.user)
            return HttpResponseRedirect(f"{self.url('changelist')}?{query.urlencode()}".rstrip("?"))
        return super().changelist_view(request, extra_context)

    def _approve(self, request: HttpRequest, *, by: User) -> None:
        """Approve each selected event in its own transaction, so refusals do not stop the rest.

        Skip events with a warning that was not shown in the list.
        """
        choices = [SelectedRowForm.read(value) for value in request.POST.getlist("chosen")]
        chosen = {each["event"]: each for each in choices[: self.list_per_page] if each}
        if not chosen:
            messages.warning(request, "Select at least one custom event to approve.")
            return
        events = list(self.get_queryset(request).filter(pk__in=chosen).order_by(*self.ordering))
        results = review.check_results_by_event(events, review.claims_of_authors(events))
        with_warnings = []

        def approve(event: Event) -> None:
            choice = chosen[event.pk]
            if results.get(event.pk) and not choice["has_warning"]:
                raise Refused(queue_presentation.new_warning(event, results[event.pk]))
            actions.decide_custom_event(
                event_id=event.pk, decision=Decision.APPROVE, reason="", seen=choice["seen"], by=by
            )
            self.log_change(request, event, "Approve.")
            if choice["has_warning"]:
                with_warnings.append(event.title)

        done = run_on_each(request, events, approve)
        if done:
            messages.success(
                request, queue_presentation.approval_message(done, len(chosen), with_warnings)
            )

    # ---------- One event ----------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the event, the information needed to decide and the decision buttons."""
        return self._page(request, self.shown(request, object_id), DecisionForm())

    def decide_view(self, request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
        """Decide on the event. If that is refused, show the page with the reason entered."""
        form = DecisionForm(request.POST)
        if form.is_valid():
            decision = Decision(form.cleaned_data["decision"])
            reason = form.cleaned_data["reason"]
            with refusal_as_form_error(form):
                actions.decide_custom_event(
                    event_id=event.pk,
                    decision=decision,
                    reason=reason,
                    seen=form.cleaned_data["seen"],
                    by=request.user,
                )
                self.log_change(request, event, f"{decision.label}. {reason}".strip())
                target = CUSTOM_EVENT_TRANSITIONS[decision].target
                state = EVENT_LABELS[Origin.CUSTOM][target].text.lower()
                self._offer_undo(
                    request,
                    event,
                    f"“{event.title}” is {state}. {event.created_by} will be notified by e-mail "
                    "and on the Continuing Education page.",
                )
                return self.go_on(request, event)
        return self._page(request, self.shown(request, str(event.pk)), form)

    def recovered_page(
        self, request: AuthenticatedHttpRequest, record: Event, typed: dict[str, str]
    ) -> HttpResponse:
        event = self.shown(request, str(record.pk))
        return self._page(request, event, DecisionForm(initial=typed))

    def publish_view(self, request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
        """Publish the custom event to the calendar, which also approves it if it is waiting."""
        with refusal_as_message(request):
            actions.move_custom_event_to_calendar(
                event_id=event.pk, seen=request.POST.get("seen", ""), by=request.user
            )
            self.log_change(request, event, "Published to the calendar.")
            self._offer_undo(
                request,
                event,
                f"“{event.title}” is on the calendar, and {event.created_by}'s credit is approved.",
            )
            return self.go_on(request, event)
        return HttpResponseRedirect(self.url("change", event.pk))

    def _offer_undo(self, request: HttpRequest, event: Event, text: str) -> None:
        url = reverse("admin:events_customevent_undo", args=[event.pk])
        change = undoing.last_decision(event)
        success_with_undo(request, text, url, seen=change.version if change else "")

    def get_urls(self) -> list[URLPattern]:
        # Not one of the steps, because a published event is no custom event any more.
        undo = self.admin_site.admin_view(self.undo_view)
        return [
            path("<int:event_id>/undo/", undo, name="events_customevent_undo"),
            *super().get_urls(),
        ]

    def undo_view(self, request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
        """Undo the last decision on the event, or its publishing."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        event = get_object_or_404(Event.objects.defer("search"), pk=event_id)
        if request.method == "POST":
            with refusal_as_message(request):
                event = actions.undo_custom_event_decision(
                    event_id=event_id, seen=request.GET.get("seen", ""), by=request.user
                )
                self.log_change(request, event, "Decision undone.")
                state = event.state_label.text.lower()
                messages.success(
                    request, f"The decision on “{event.title}” was undone. It is {state} again."
                )
        return HttpResponseRedirect(queue_presentation.event_page_url(event))

    def _page(self, request: HttpRequest, event: Event, form: DecisionForm) -> HttpResponse:
        assert request.user.is_authenticated
        can_decide = self.has_decide_permission(request)
        was_decided = can_decide and event.decided_at is not None
        change = undoing.last_decision(event) if was_decided else None
        context = {
            **queue_presentation.decision_page(event, by=request.user, can_decide=can_decide),
            "title": event.title,
            "subtitle": "Custom event",
            "record": event,
            "seen": queries.custom_event_version(event),
            "form": form,
            "next_url": self.next_url(event, by=request.user),
            "decide_url": self.url("decide", event.pk),
            "publish_url": self.url("publish", event.pk),
            "undo": queue_presentation.undo_button(event, change, by=request.user),
        }
        return staff_page(request, "admin/events/customevent/decide.html", CustomEvent, context)


@waits_for(DECIDE_PERMISSION, order=10)
def events_to_decide() -> list[Waiting]:
    """Count custom events and proposals waiting for staff, and unanswered returned ones."""
    customs = reverse("admin:events_customevent_changelist")
    proposals = f"{reverse('events:manage')}?show=waiting"
    lines = {
        (Origin.CUSTOM, EventState.PENDING): ("custom event", "to approve", customs),
        (Origin.CUSTOM, EventState.DRAFT): (
            "returned custom event",
            "unanswered for 30 days",
            f"{customs}?state={EventState.DRAFT}",
        ),
        (Origin.CALENDAR, EventState.PENDING): ("proposed event", "to publish", proposals),
    }
    returned = Q(state=EventState.DRAFT)
    since = Case(When(returned, then=F("decided_at")), default=WAITING_SINCE)
    rows = (
        Event.objects.filter(Q(state=EventState.PENDING) | review.unanswered_returns())
        .order_by()
        .values_list("origin", "state")
        .annotate(count=Count("pk"), since=Min(since))
    )
    waiting = {(origin, state): numbers for origin, state, *numbers in rows}
    return [
        line
        for key, texts in lines.items()
        if key in waiting
        for line in oldest_waits(*texts, *waiting[key])
    ]
