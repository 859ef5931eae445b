"""The staff queue of custom events: the list, the page of one event, and the decisions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Min, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.models import User
from aspen.admin import run_on_each, staff_page
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.errors import Refused
from aspen.staff_queue import ConditionFilter, QueueAdmin, SeenForm, reason_field
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from credits import review
from credits.admin import queue_presentation
from events import actions, queries
from events.enums import CUSTOM_EVENT_TRANSITIONS, EVENT_LABELS, Decision, EventState, Origin
from events.models import WAITING_SINCE, CustomEvent, Event

DECIDES = "events.decide_event"
# The fields that a row shows and that automatic checks compare.
LIST_FIELDS = (
    *("title", "begins_at", "ends_at", "all_day", "sponsor", "origin", "state", "parent"),
    *("recording_url", "recording_available_at"),
    *("created_at", "submitted_at", "decided_at"),
    *("created_by__display_name", "created_by__email", "college_work"),
)
# ?tick=clear selects the rows without warnings.
TICK_ALL, CLEAR_ALL = "tick", "clear"


class CustomEventStateFilter(ConditionFilter):
    """Shows waiting events by default."""

    title = parameter_name = "state"
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
        choices=Decision.choices, error_messages={"required": "Choose one of the buttons."}
    )
    reason = reason_field(
        "The person will read it. Required to return or decline.",
        label="Question or reason",
        required=False,
        max_length=2000,
    )


class TickedRowForm(forms.Form):
    """A selected row: the event, its version, and whether it showed a warning."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    doubtful = forms.BooleanField(required=False)
    seen = forms.CharField(max_length=60)

    @classmethod
    def read(cls, value: str) -> dict[str, Any] | None:
        """Parse the value of a checkbox (queue_presentation.checkbox_value), or return None."""
        event, doubtful, seen = [*value.split("|", 2), "", "", ""][:3]
        form = cls({"event": event, "doubtful": doubtful, "seen": seen})
        return form.cleaned_data if form.is_valid() else None


class PageByIds(Paginator):
    """Selects the ids of a page first, which avoids joining all earlier rows."""

    def page(self, number: int | str) -> Page:
        page = super().page(number)
        events: Any = self.object_list
        found: Any = page.object_list
        page.object_list = events.filter(pk__in=list(found.values_list("pk", flat=True)))
        return page


class QueueChangeList(ChangeList):
    """A page of the list with the check results of its events."""

    rows: list[dict[str, Any]]

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Event]:
        """The events with only the fields that rows and automatic checks need."""
        events = super().get_queryset(*args, **kwargs).select_related(None)
        return events.select_related("created_by", "college_work").only(*LIST_FIELDS)

    def get_results(self, request: HttpRequest) -> None:
        assert request.user.is_authenticated
        super().get_results(request)
        may_decide = self.model_admin.has_decide_permission(request)  # type: ignore[attr-defined]
        checked = review.queue_items(list(self.result_list))
        self.rows = [
            queue_presentation.queue_row(each, by=request.user, may_decide=may_decide)
            for each in checked
        ]
        self.can_tick = sum(row["can_tick"] for row in self.rows)
        self.clear = sum(row["is_clear"] for row in self.rows)
        self.is_ticked = getattr(request, TICK_ALL, "") == CLEAR_ALL
        for row in self.rows:
            row["is_ticked"] = self.is_ticked and row["is_clear"]
        self.tick_link = self.get_query_string({TICK_ALL: CLEAR_ALL})


@admin.register(CustomEvent)
class CustomEventAdmin(QueueAdmin):
    """Custom events, the longest waiting first."""

    decides = DECIDES
    steps = ("decide", "publish")
    list_display = ("title",)
    list_filter = (CustomEventStateFilter, "offers__category")
    search_fields = (
        "title",
        "sponsor",
        "presenter",
        "created_by__display_name",
        "created_by__email",
    )
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
        setattr(request, TICK_ALL, "".join(query.pop(TICK_ALL, [])))
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
        """Approve the selected events, one transaction each, so that a refusal stops no other.

        Skips events with a warning that their row did not show.
        """
        choices = [TickedRowForm.read(value) for value in request.POST.getlist("chosen")]
        chosen = {each["event"]: each for each in choices[: self.list_per_page] if each}
        if not chosen:
            messages.warning(request, "Select the custom events to approve first.")
            return
        events = list(self.get_queryset(request).filter(pk__in=chosen).order_by(*self.ordering))
        remarks = review.check_results_by_event(events, review.claims_of_authors(events))
        doubtful = []

        def approve(event: Event) -> None:
            choice = chosen[event.pk]
            if remarks.get(event.pk) and not choice["doubtful"]:
                raise Refused(queue_presentation.new_remark(event, remarks[event.pk]))
            actions.decide_custom_event(
                event_id=event.pk, decision=Decision.APPROVE, reason="", seen=choice["seen"], by=by
            )
            self.log_change(request, event, "Approve.")
            if choice["doubtful"]:
                doubtful.append(event.title)

        done = run_on_each(request, events, approve)
        if done:
            messages.success(
                request, queue_presentation.approval_message(done, len(chosen), doubtful)
            )

    # ---------- One event ----------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The event with everything that helps to decide, and the decision buttons."""
        return self._page(request, self.shown(request, object_id), DecisionForm())

    def decide_view(self, request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
        """Approve, return or decline; if refused, show the page again with the typed reason."""
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
                done = EVENT_LABELS[Origin.CUSTOM][target].text.lower()
                messages.success(
                    request,
                    f"“{event.title}” is {done}. {event.created_by} is notified by e-mail and on "
                    "the Continuing Education page.",
                )
                return self.go_on(request, event)
        return self._page(request, self.shown(request, str(event.pk)), form)

    def publish_view(self, request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
        """Put the custom event on the calendar, which approves a waiting one."""
        with refusal_as_message(request):
            actions.publish_custom_event(
                event_id=event.pk, seen=request.POST.get("seen", ""), by=request.user
            )
            self.log_change(request, event, "Published to the calendar.")
            messages.success(
                request,
                f"“{event.title}” is on the calendar, and {event.created_by}'s credit is approved.",
            )
            return self.go_on(request, event)
        return HttpResponseRedirect(self.url("change", event.pk))

    def _page(self, request: HttpRequest, event: Event, form: DecisionForm) -> HttpResponse:
        assert request.user.is_authenticated
        may_decide = self.has_decide_permission(request)
        context = {
            **queue_presentation.decision_page(event, by=request.user, may_decide=may_decide),
            "title": event.title,
            "subtitle": "Custom event",
            "record": event,
            "seen": queries.custom_event_version(event),
            "form": form,
            "next_url": self.next_url(event, by=request.user),
            "decide_url": self.url("decide", event.pk),
            "publish_url": self.url("publish", event.pk),
        }
        return staff_page(request, "admin/events/customevent/decide.html", CustomEvent, context)


@waits_for(DECIDES, order=10)
def events_to_decide() -> list[Waiting]:
    """Custom events and proposals waiting for staff, and returned ones without an answer."""
    customs = reverse("admin:events_customevent_changelist")
    proposals = f"{reverse('events:manage')}?show=waiting"
    lines = {
        (Origin.CUSTOM, EventState.PENDING): ("custom event", "to approve", customs),
        (Origin.CUSTOM, EventState.DRAFT): (
            "returned custom event",
            "without an answer for 30 days",
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
    found = {(origin, state): facts for origin, state, *facts in rows}
    return [
        line
        for key, said in lines.items()
        if key in found
        for line in oldest_waits(*said, *found[key])
    ]
