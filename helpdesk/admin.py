"""Tickets for looking up, and what waits for staff on the first page of the administration.

Tickets are answered on the portal's own pages. This module knows every app below, so it is the
one that can tell what waits.
"""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, F, Min, Q, When
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from aspen import formats
from aspen.admin import ReadOnlyAdmin, stuck_mail
from credits import review
from events.catalog import queries as catalog_queries
from events.enums import EventState, ListingState, Origin
from events.models import WAITS_SINCE, CatalogueListing, Event
from helpdesk.enums import TicketState
from helpdesk.models import Ticket
from helpdesk.queries import WORK
from tracks.models import Submission


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ("subject", "person", "state", "opened_at", "changed_at")
    list_filter = ("state",)
    list_select_related = ("person",)
    search_fields = ("subject", "person__display_name", "person__email")
    fields = ("subject", "person", "credit", "state", "opened_at", "changed_at")
    readonly_fields = ("portal_page",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*self.list_display, *self._for_those_who_answer(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *self._for_those_who_answer(request)]

    def _for_those_who_answer(self, request: HttpRequest) -> list[str]:
        return ["portal_page"] if request.user.has_perm(WORK) else []

    @admin.display(description="help desk page")
    def portal_page(self, ticket: Ticket) -> str:
        return format_html('<a href="{}">Open ticket {}</a>', ticket.get_absolute_url(), ticket.pk)


def waiting_for(user: Any) -> list[dict[str, str]]:
    """What waits for somebody with these rights and for how long, each with its address.

    At most five queries.
    """
    waiting = _events_waiting() if user.has_perm("events.decide_event") else []
    if user.has_perm(catalog_queries.DECIDE):
        proposed = CatalogueListing.objects.filter(state=ListingState.PROPOSED)
        found = proposed.aggregate(count=Count("pk"), since=Min("proposed_at"))
        url = f"{reverse('admin:events_cataloguelisting_changelist')}?state__exact=proposed"
        waiting += _task("{} course{} proposed for the catalog", url, **found)
    if user.has_perm("tracks.review_submission"):
        waiting += _records_waiting()
    if user.has_perm(WORK):
        tickets = Ticket.objects.filter(state=TicketState.OPEN)
        found = tickets.aggregate(count=Count("pk"), since=Min("changed_at"))
        url = reverse("helpdesk:queue")
        waiting += _task("{} help ticket{} to answer", url, **found)
    return waiting + stuck_mail(user)


def _events_waiting() -> list[dict[str, str]]:
    """Custom events and proposals that wait for staff, and those whose authors do not answer."""
    customs = reverse("admin:events_customevent_changelist")
    proposals = f"{reverse('events:manage')}?show=waiting"
    tasks = {
        (Origin.CUSTOM, EventState.PENDING): ("{} custom event{} to approve", customs),
        (Origin.CUSTOM, EventState.DRAFT): (
            "{} returned custom event{} without an answer for 30 days",
            f"{customs}?state={EventState.DRAFT}",
        ),
        (Origin.CALENDAR, EventState.PENDING): ("{} proposed event{} to publish", proposals),
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
        for key, (text, url) in tasks.items()
        if key in found
        for line in _task(text, url, *found[key])
    ]


def _records_waiting() -> list[dict[str, str]]:
    """Records to review, and those with a supervisor whose link has expired without an answer."""
    page = reverse("admin:tracks_submission_changelist")
    expired = Q(verifications__answered_at=None, verifications__expires_at__lte=timezone.now())
    under_way = Submission.objects.filter(ended_at=None)
    to_review, unanswered = Q(reviewed_at=None), Q(reviewed_at__isnull=False) & expired
    found = under_way.aggregate(
        reviews=Count("pk", filter=to_review, distinct=True),
        reviews_since=Min("submitted_at", filter=to_review),
        unanswered=Count("pk", filter=unanswered, distinct=True),
        unanswered_since=Min("verifications__expires_at", filter=unanswered),
    )
    return [
        *_task("{} record{} to review", page, found["reviews"], found["reviews_since"]),
        *_task(
            "{} record{} without an answer of the supervisor",
            f"{page}?state=supervisor",
            found["unanswered"],
            found["unanswered_since"],
        ),
    ]


def _task(text: str, url: str, count: int, since: dt.datetime | None) -> list[dict[str, str]]:
    """12 custom events to approve, the oldest waits 9 days"""
    if since is None:
        return []
    which = "it" if count == 1 else "the oldest"
    said = text.format(count, "" if count == 1 else "s")
    return [{"text": f"{said}, {which} {formats.waits(since)}", "url": url}]


_index = admin.site.index


def _index_with_waiting(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> TemplateResponse:
    waiting = waiting_for(request.user)
    return _index(request, {**(extra_context or {}), "waiting": waiting})


admin.site.index = _index_with_waiting  # type: ignore[method-assign]
