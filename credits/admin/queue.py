"""The queue of custom events: what librarians created with Create New…, and staff's decisions."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Min, Model, Q, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.models import User
from aspen.admin import ReadOnlyAdmin
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.errors import Refused
from aspen.web.request import AuthenticatedHttpRequest
from credits import review
from credits.admin import queue_presentation
from events import actions, queries
from events.enums import CUSTOM_EVENT_TRANSITIONS, Decision, EventState, Origin
from events.models import WAITS_SINCE, CustomEvent, Event

LIST = "admin:events_customevent_changelist"
PAGE = "admin:events_customevent_change"
# What a row of the list says, and what it is compared by.
LISTED = (
    *("title", "begins_at", "ends_at", "all_day", "sponsor", "origin", "state", "parent"),
    *("recording_url", "recording_available_at"),
    *("created_at", "submitted_at", "decided_at"),
    *("created_by__display_name", "created_by__email", "college_work"),
)
# ?tick=clear ticks the rows without remarks.
TICK, CLEAR = "tick", "clear"


class StateFilter(admin.SimpleListFilter):
    """The queue shows what waits unless somebody asks for more."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = (EventState.PENDING, EventState.DRAFT, EventState.PUBLISHED, EventState.DECLINED)
        return [
            *((state.value, queue_presentation.state_in_words(state)) for state in states),
            ("all", "All"),
        ]

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


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        choices=Decision.choices, error_messages={"required": "Choose one of the buttons."}
    )
    reason = forms.CharField(
        required=False,
        max_length=2000,
        label="Question or reason",
        help_text="The person will read it. To return or to decline needs one.",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "class": "vLargeTextField"}),
    )
    seen = forms.CharField(max_length=60, required=False)


class Choice(forms.Form):
    """One ticked row: which event, as which version, and whether it showed a remark."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    doubtful = forms.BooleanField(required=False)
    seen = forms.CharField(max_length=60)

    @classmethod
    def read(cls, value: str) -> dict[str, Any] | None:
        """The parts of what a box sends (queue_words.box_value), or None for nonsense."""
        event, doubtful, seen = [*value.split("|", 2), "", "", ""][:3]
        form = cls({"event": event, "doubtful": doubtful, "seen": seen})
        return form.cleaned_data if form.is_valid() else None


class PageByIds(Paginator):
    """Finds the ids of a page first: reading and joining all rows before it costs most of it."""

    def page(self, number: int | str) -> Page:
        page = super().page(number)
        events: Any = self.object_list
        found: Any = page.object_list
        page.object_list = events.filter(pk__in=list(found.values_list("pk", flat=True)))
        return page


class Queue(ChangeList):
    """A page of the list with what there is to think about each of its events."""

    rows: list[dict[str, Any]]

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Event]:
        """The events with as much of them as the rows and automatic care need."""
        events = super().get_queryset(*args, **kwargs).select_related(None)
        return events.select_related("created_by", "college_work").only(*LISTED)

    def get_results(self, request: HttpRequest) -> None:
        assert request.user.is_authenticated
        super().get_results(request)
        may_decide = self.model_admin.has_decide_permission(request)  # type: ignore[attr-defined]
        checked = review.check(list(self.result_list))
        self.rows = [
            queue_presentation.row(each, by=request.user, may_decide=may_decide) for each in checked
        ]
        self.can_tick = sum(row["can_tick"] for row in self.rows)
        self.clear = sum(row["is_clear"] for row in self.rows)
        self.is_ticked = getattr(request, TICK, "") == CLEAR
        for row in self.rows:
            row["is_ticked"] = self.is_ticked and row["is_clear"]
        self.tick_link = self.get_query_string({TICK: CLEAR})


@admin.register(CustomEvent)
class CustomEventAdmin(ReadOnlyAdmin):
    """What librarians created with Create New…, the longest waiting first."""

    list_display = ("title",)
    list_filter = (StateFilter, "offers__category")
    search_fields = (
        "title",
        "sponsor",
        "presenter",
        "created_by__display_name",
        "created_by__email",
    )
    ordering = (WAITS_SINCE.asc(), "id")
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
        return Queue

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_decide_permission(request) or super().has_view_permission(request, obj)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.decide_event")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "<path:object_id>/decide/",
                wrap(self.decide_view),
                name="events_customevent_decide",
            ),
            path(
                "<path:object_id>/publish/",
                wrap(self.publish_view),
                name="events_customevent_publish",
            ),
            *super().get_urls(),
        ]

    # ---------- The list ----------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = request.GET.copy()
        setattr(request, TICK, "".join(asked.pop(TICK, [])))
        # Django turns away what it takes for an unknown filter.
        request.GET = asked  # type: ignore[assignment]
        if request.method == "POST":
            assert request.user.is_authenticated
            if not self.has_decide_permission(request):
                raise PermissionDenied
            self._approve(request, by=request.user)
            return HttpResponseRedirect(f"{reverse(LIST)}?{asked.urlencode()}".rstrip("?"))
        return super().changelist_view(request, extra_context)

    def _approve(self, request: HttpRequest, *, by: User) -> None:
        """Approve what was ticked, each in a transaction of its own.

        What has a remark now that its row did not show is left: nobody has looked at it.
        """
        choices = [Choice.read(value) for value in request.POST.getlist("chosen")]
        chosen = {each["event"]: each for each in choices[: self.list_per_page] if each}
        if not chosen:
            messages.warning(request, "Tick the custom events to approve first.")
            return
        events = list(self.get_queryset(request).filter(pk__in=chosen).order_by(*self.ordering))
        remarks = review.remarks_on(events, review.claims_of_authors(events))
        done, doubtful = 0, []
        for event in events:
            if remarks.get(event.pk) and not chosen[event.pk]["doubtful"]:
                messages.error(request, queue_presentation.new_remark(event, remarks[event.pk]))
                continue
            try:
                actions.decide_custom_event(
                    event_id=event.pk,
                    decision=Decision.APPROVE,
                    reason="",
                    seen=chosen[event.pk]["seen"],
                    by=by,
                )
            except Refused as refusal:
                messages.error(request, str(refusal))
                continue
            done += 1
            self.log_change(request, event, "Approve.")
            if chosen[event.pk]["doubtful"]:
                doubtful.append(event.title)
        if done:
            messages.success(request, queue_presentation.approved(done, len(chosen), doubtful))

    # ---------- One event ----------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything known about the event, and the buttons to decide."""
        return self._page(request, object_id, DecisionForm())

    def decide_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Approve, return or decline; what was refused is shown with the typed reason kept."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        event = self.get_object(request, unquote(object_id))
        if event is None or request.method != "POST":
            return HttpResponseRedirect(reverse(PAGE, args=[object_id]))
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
                by=request.user,
            )
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
            return self._page(request, object_id, form)
        self.log_change(request, event, f"{decision.label}. {reason}".strip())
        done = queue_presentation.state_in_words(CUSTOM_EVENT_TRANSITIONS[decision].target).lower()
        messages.success(
            request,
            f"“{event.title}” is {done}. {event.created_by} is told by mail, and sees it on the "
            "Continuing Education page.",
        )
        return self._on(request, event)

    def publish_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Put the custom event on the calendar; what waited is approved by it."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        event = self.get_object(request, unquote(object_id))
        if event is None or request.method != "POST":
            return HttpResponseRedirect(reverse(PAGE, args=[object_id]))
        try:
            actions.publish_custom_event(
                event_id=event.pk, seen=request.POST.get("seen", ""), by=request.user
            )
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse(PAGE, args=[object_id]))
        self.log_change(request, event, "Published to the calendar.")
        messages.success(
            request,
            f"“{event.title}” is on the calendar, and {event.created_by}'s credit is approved.",
        )
        return self._on(request, event)

    def _on(self, request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
        """To the next one that waits, or back to the empty list."""
        following = review.next_waiting(event, by=request.user)
        if following is None:
            return HttpResponseRedirect(reverse(LIST))
        return HttpResponseRedirect(reverse(PAGE, args=[following.pk]))

    def _page(self, request: HttpRequest, object_id: str, form: DecisionForm) -> HttpResponse:
        assert request.user.is_authenticated
        event = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        if event is None:
            raise Http404
        following = review.next_waiting(event, by=request.user)
        context = {
            **self.admin_site.each_context(request),
            **queue_presentation.page(
                event, by=request.user, may_decide=self.has_decide_permission(request)
            ),
            "title": event.title,
            "subtitle": "Custom event",
            "opts": self.opts,
            "event": event,
            "seen": queries.version(event),
            "form": form,
            "next": following is not None,
            "next_url": reverse(PAGE, args=[following.pk]) if following else "",
            "decide_url": reverse("admin:events_customevent_decide", args=[event.pk]),
            "publish_url": reverse("admin:events_customevent_publish", args=[event.pk]),
        }
        return TemplateResponse(request, "admin/events/customevent/decide.html", context)


@waits_for("events.decide_event", order=10)
def events_to_decide() -> list[Waiting]:
    """Custom events and proposals that wait for staff, and those whose authors do not answer."""
    customs = reverse(LIST)
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
    since = Case(When(returned, then=F("decided_at")), default=WAITS_SINCE)
    rows = (
        Event.objects.filter(Q(state=EventState.PENDING) | review.unanswered())
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
