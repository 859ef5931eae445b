"""Tracks, their dated rules and who follows them, for CE Coordinators."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from aspen import words
from aspen.admin import CategoryLinesInline, Lines, ReadOnlyAdmin, StaffAdmin
from tracks.models import Participation, Posting, Requirement, RuleSet, Track


@admin.register(Track)
class TrackAdmin(StaffAdmin):
    """The tracks themselves stay; what changes over the years are their rule sets."""

    list_display = ("name", "description")
    fields = readonly_fields = ("name", "position")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*self.fields, "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class RequirementFormSet(Lines):
    def clean(self) -> None:
        """What all minimums ask together must fit into the total; the rest is elective."""
        super().clean()
        lines = [line.cleaned_data for line in self.forms if not line.errors]
        kept = [line for line in lines if line.get("category") and not line.get("DELETE")]
        if not kept:
            raise forms.ValidationError("Name at least one category that counts.")
        minimums = sum((line["minimum"] for line in kept), Decimal(0))
        total = self.instance.total
        if isinstance(total, Decimal) and minimums > total:
            raise forms.ValidationError(
                f"The minimums add up to {words.credits(minimums)}, which is more than the total "
                f"of {words.credits(total)}. Lower a minimum or raise the total."
            )


class RequirementInline(CategoryLinesInline):
    """A category without a line does not count at all."""

    model = Requirement
    formset = RequirementFormSet
    verbose_name_plural = (
        "Categories that count, each with the least that must come from it (0: none must)"
    )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        name = "tracks.add_ruleset" if obj is None else "tracks.change_ruleset"
        return request.user.has_perm(name) and not _is_used(obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request, obj)


def _is_used(rule_set: Model | None) -> bool:
    return bool(getattr(rule_set, "is_used", False))


class RuleSetForm(forms.ModelForm):
    class Meta:
        model = RuleSet
        fields = "__all__"  # noqa: DJ007 - all there are
        help_texts = {
            "kind": "Renewal: for people who hold an earlier certificate of the track.",
            "valid_from": "Who chooses the track from this day on follows these rules. Of several "
            "rule sets in force the newest is taken; who has chosen already keeps theirs.",
            "valid_until": "The last day on which it can be chosen. Empty: until further notice.",
            "total": "Credits in all, in halves. Beyond the minimums they are elective.",
            "years": "How far back credits count, and how long the person has.",
            "audience": "Who follows it, and whether they must.",
        }


@admin.register(RuleSet)
class RuleSetAdmin(StaffAdmin):
    """Rules that somebody follows are frozen: what people were promised does not change.

    New rules are a new rule set with its own first day.
    """

    form = RuleSetForm
    list_display = ("name", "track", "kind", "valid_from", "valid_until", "credits", "followed_by")
    list_filter = ("track", "kind", "catalogue_only")
    list_select_related = ("track",)
    search_fields = ("name", "audience", "source")
    inlines = (RequirementInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSet]:
        followers = Participation.objects.filter(rule_set=OuterRef("pk"))
        rule_sets: QuerySet[RuleSet] = super().get_queryset(request)
        return rule_sets.annotate(is_used=Exists(followers), followers=Count("participations"))

    @admin.display(description="total", ordering="total")
    def credits(self, rule_set: RuleSet) -> str:
        return words.credits(rule_set.total)

    @admin.display(description="followed by")
    def followed_by(self, rule_set: RuleSet) -> str:
        followers: int = rule_set.followers  # type: ignore[attr-defined]
        return f"{followers}, so it is frozen" if followers else "nobody yet"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_used(obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        frozen = (
            "Somebody follows these rules, so they can no longer be changed. "
            "Add a new rule set with a later first day instead."
        )
        fields = self.get_fields(request, obj)
        return [(None, {"fields": fields, "description": frozen if _is_used(obj) else ""})]


@admin.register(Participation)
class ParticipationAdmin(ReadOnlyAdmin):
    """Who follows which track. People choose by themselves."""

    list_display = ("person", "track", "rule_set", "state", "selected_on", "closes_on", "posted")
    list_filter = ("track", "state", "rule_set")
    search_fields = ("person__display_name", "person__email")
    ordering = ("-selected_on", "-id")
    fields = (
        "person",
        "track",
        "rule_set",
        "state",
        "selected_on",
        "counts_from",
        "closes_on",
        "selected_by",
        "posted",
    )
    readonly_fields = ("posted",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        participations: QuerySet[Participation] = super().get_queryset(request)
        postings = Posting.objects.filter(participation=OuterRef("pk")).order_by()
        counts = postings.values("participation").annotate(count=Count("pk")).values("count")
        return participations.select_related("person", "track", "rule_set", "selected_by").annotate(
            posting_count=Coalesce(Subquery(counts), 0)
        )

    @admin.display(description="credits posted")
    def posted(self, participation: Participation) -> int:
        count: int = participation.posting_count  # type: ignore[attr-defined]
        return count
