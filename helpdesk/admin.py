"""Tickets for looking up, and what waits for staff on the first page of the administration.

Tickets are answered on the portal's own pages. This module knows every app below, so it is the
one that can tell what waits.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from aspen.admin import ReadOnlyAdmin, stuck_mail
from events.enums import EventState, Origin
from events.models import Event
from helpdesk.enums import TicketState
from helpdesk.models import Ticket
from helpdesk.queries import WORK


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
    """What waits for somebody with these rights, each with its address."""
    waiting = []
    if user.has_perm("events.decide_event"):
        pending = Event.objects.filter(state=EventState.PENDING).order_by().values_list("origin")
        counts = dict(pending.annotate(number=Count("pk")))
        if count := counts.get(Origin.CUSTOM):
            text = "1 custom event" if count == 1 else f"{count} custom events"
            url = reverse("admin:events_customevent_changelist")
            waiting.append({"text": f"{text} to approve", "url": url})
        if count := counts.get(Origin.CALENDAR):
            text = "1 proposed event" if count == 1 else f"{count} proposed events"
            url = f"{reverse('events:manage')}?show=waiting"
            waiting.append({"text": f"{text} to publish", "url": url})
    if user.has_perm(WORK):
        count = Ticket.objects.filter(state=TicketState.OPEN).count()
        if count:
            text = "1 help ticket" if count == 1 else f"{count} help tickets"
            waiting.append({"text": f"{text} to answer", "url": reverse("helpdesk:queue")})
    return waiting + stuck_mail(user)


_index = admin.site.index


def _index_with_waiting(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> TemplateResponse:
    waiting = waiting_for(request.user)
    return _index(request, {**(extra_context or {}), "waiting": waiting})


admin.site.index = _index_with_waiting  # type: ignore[method-assign]
