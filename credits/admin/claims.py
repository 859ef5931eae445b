"""Claims and their credits, to look at. A wrong one is corrected through a help ticket."""

from django.contrib import admin
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aspen import words
from aspen.admin import ReadOnlyAdmin
from credits.admin.correcting import correct_event_view
from credits.models import Claim, Credit
from events.enums import Origin


class CreditInline(admin.TabularInline):
    """The claim's credits; whoever may see the claim sees them."""

    model = Credit
    fields = ("line", "category", "amount")
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credit]:
        return super().get_queryset(request).select_related("category")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    """Every claim, kept for good. Custom events are decided in their own queue."""

    list_display = ("person", "event", "credit", "state", "source", "claimed_at")
    list_filter = ("state", "source", "role")
    search_fields = ("person__display_name", "person__email", "event__title")
    fields = (
        "person",
        "event_page",
        "role",
        "source",
        "state",
        "claimed_at",
        "claimed_by",
        "decided_at",
        "decided_by",
        "reason",
    )
    readonly_fields = ("event_page",)
    inlines = (CreditInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        credits = Credit.objects.select_related("category").order_by("line")
        return (
            super()
            .get_queryset(request)
            .select_related("person", "event", "claimed_by", "decided_by")
            .prefetch_related(Prefetch("credits", credits))
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(correct_event_view)
        return [
            path("correct-event/<int:event_id>/", view, name="credits_claim_correct_event"),
            *super().get_urls(),
        ]

    @admin.display(description="CE credit")
    def credit(self, claim: Claim) -> str:
        return "; ".join(
            f"{credit.category} {words.amount(credit.amount)}" for credit in claim.credits.all()
        )

    @admin.display(description="event")
    def event_page(self, claim: Claim) -> str:
        """The calendar and the custom events have pages of their own here."""
        kind = "customevent" if claim.event.origin == Origin.CUSTOM else "event"
        url = reverse(f"admin:events_{kind}_change", args=[claim.event_id])
        return format_html('<a href="{}">{}</a>', url, claim.event)
