"""Tracks and their dated rules, for CE Coordinators."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from aspen import words
from aspen.admin import CategoryLinesInline, StaffAdmin
from aspen.errors import Refused
from aspen.http import person_of
from tracks import actions
from tracks.models import Participation, Requirement, RuleSet, Track


@admin.register(Track)
class TrackAdmin(StaffAdmin):
    """The tracks themselves stay; what changes over the years are their rule sets."""

    list_display = ("name", "description")
    fields = readonly_fields = ("name", "position")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*self.fields, "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class RequirementInline(CategoryLinesInline):
    """A category without a line does not count at all."""

    model = Requirement
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
    refusal: Refused | None = None

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

    def clean(self) -> None:
        super().clean()
        if self.refusal:
            field = self.refusal.field
            self.add_error(field if field in self.fields else None, str(self.refusal))


@admin.register(RuleSet)
class RuleSetAdmin(StaffAdmin):
    """Rules that somebody follows are frozen: what people were promised does not change.

    New rules are a new rule set with its own first day; the old one gets a last day.
    """

    form = RuleSetForm
    fields = (
        "track",
        "name",
        "kind",
        "valid_from",
        "valid_until",
        "total",
        "years",
        "catalogue_only",
        "audience",
        "source",
    )
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

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Of rules that somebody follows only the last day changes: new rules take over then."""
        if not _is_used(obj):
            return ()
        return [name for name in self.fields if name != "valid_until"]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        frozen = (
            "Somebody follows these rules, so only the last day on which they can be chosen may "
            "change. For new rules, add a rule set with a later first day."
        )
        fields = self.get_fields(request, obj)
        return [(None, {"fields": fields, "description": frozen if _is_used(obj) else ""})]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask again with the action's words in the form, where it refused what was sent."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refused as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)  # a class made for this request
        form.refusal = getattr(request, "refusal", None)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: save_related() has the lines too, and the action stores both together."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        rule_set: RuleSet = form.instance
        [formset] = formsets
        formset.save(commit=False)  # fills what the history page says; the action writes
        if _is_used(rule_set):
            actions.end_rule_set(
                rule_set_id=rule_set.pk,
                valid_until=form.cleaned_data["valid_until"],
                by=person_of(request),
            )
            return
        lines = [line.cleaned_data for line in formset.forms]
        actions.save_rule_set(
            rule_set=rule_set,
            requirements={
                line["category"].pk: line["minimum"]
                for line in lines
                if line.get("category") and not line.get("DELETE")
            },
            by=person_of(request),
        )
