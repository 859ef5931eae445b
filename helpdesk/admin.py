"""Help articles, and read-only tickets, which staff answer on the portal's own pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from aspen.admin import ReadOnlyAdmin, StaffAdmin
from aspen.admin_site import Waiting, oldest_waits, waits_for
from helpdesk.enums import TicketState
from helpdesk.forms import ArticleForm
from helpdesk.models import Article, Ticket
from helpdesk.queries import WORK_PERMISSION


@admin.register(Article)
class ArticleAdmin(StaffAdmin):
    form = ArticleForm
    list_display = ("title", "position", "is_published")
    list_filter = ("is_published",)
    search_fields = ("title", "text")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the address of an article, which people bookmark and pages link to."""
        return ("slug",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("title",)}


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ("subject", "person", "state", "opened_at", "changed_at")
    list_filter = ("state",)
    list_select_related = ("person",)
    search_fields = ("subject", "person__search_key__finds")
    fields = ("subject", "person", "credit", "state", "opened_at", "changed_at")
    readonly_fields = ("portal_page",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*self.list_display, *self._help_desk_fields(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *self._help_desk_fields(request)]

    def _help_desk_fields(self, request: HttpRequest) -> list[str]:
        return ["portal_page"] if request.user.has_perm(WORK_PERMISSION) else []

    @admin.display(description="help desk page")
    def portal_page(self, ticket: Ticket) -> str:
        return format_html('<a href="{}">Open ticket {}</a>', ticket.get_absolute_url(), ticket.pk)


@waits_for(WORK_PERMISSION, order=40)
def tickets_to_answer() -> list[Waiting]:
    tickets = Ticket.objects.filter(state=TicketState.OPEN)
    waiting = tickets.aggregate(count=Count("pk"), since=Min("changed_at"))
    return oldest_waits("help ticket", "to answer", reverse("helpdesk:queue"), **waiting)
