"""Tracks and rule sets in the admin, for CE Coordinators."""

import functools
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.models import User
from aspen.admin import CategoryInline, StaffAdmin
from aspen.clock import today
from aspen.db.audit import dry_run
from aspen.errors import Refused
from aspen.formats import format_credits
from aspen.web.request import parse_id
from tracks.models import Participation, Requirement, RuleSet, Track
from tracks.rule_sets import actions
from tracks.rule_sets.impact import RuleSetImpact, rule_set_impact


@admin.register(Track)
class TrackAdmin(StaffAdmin):
    """Tracks, which cannot be added. Only their rule sets change over the years."""

    list_display = ("name", "description")
    fields = readonly_fields = ("name", "position")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*self.fields, "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class RequirementInline(CategoryInline):
    """The categories that count. A category without a requirement does not."""

    model = Requirement
    verbose_name_plural = "Categories that count, each with its minimum (0 for no minimum)"

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


class PreviewDone(Exception):
    """Raised after a dry run to leave Django's save process, with the impact to show."""

    def __init__(self, impact: RuleSetImpact) -> None:
        super().__init__("Preview only.")
        self.impact = impact


class RuleSetForm(forms.ModelForm):
    refusal: Refused | None = None
    is_preview = False

    class Meta:
        model = RuleSet
        fields = "__all__"  # noqa: DJ007 - all fields are meant
        help_texts = {
            "kind": "Renewal rules are for people who have already earned a certificate for the "
            "track.",
            "valid_from": "People who choose the track on or after this day follow these rules. If "
            "several rule sets are in force, the one that started last applies. People who chose "
            "the track earlier keep their rules.",
            "valid_until": "The last day on which these rules can be chosen. Leave blank if "
            "there is none yet.",
            "total": "Total credits required, in halves. Credits beyond the minimums are elective.",
            "years": "How many years back credits count, and how many years a person has to "
            "finish.",
            "audience": "Who the rules are for, and whether certification is required.",
        }

    def is_valid(self) -> bool:
        """Return False after a preview, so that the form is shown again as it was filled in."""
        return super().is_valid() and not self.is_preview

    def clean(self) -> None:
        super().clean()
        if self.refusal:
            field = self.refusal.field
            self.add_error(field if field in self.fields else None, str(self.refusal))


@admin.register(RuleSet)
class RuleSetAdmin(StaffAdmin):
    """Rules are frozen once someone follows them, because people were promised these rules.

    To change the rules, staff add a rule set with a later first day and end the old one.
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
        "catalog_only",
        "audience",
        "source",
    )
    list_display = ("name", "track", "kind", "valid_from", "valid_until", "credits", "followed_by")
    list_filter = ("track", "kind", "catalog_only")
    list_select_related = ("track",)
    search_fields = ("name", "audience", "source")
    inlines = (RequirementInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSet]:
        followers = Participation.objects.filter(rule_set=OuterRef("pk"))
        rule_sets: QuerySet[RuleSet] = super().get_queryset(request)
        return rule_sets.annotate(is_used=Exists(followers), followers=Count("participations"))

    @admin.display(description="total", ordering="total")
    def credits(self, rule_set: RuleSet) -> str:
        return format_credits(rule_set.total)

    @admin.display(description="followed by")
    def followed_by(self, rule_set: RuleSet) -> str:
        followers: int = rule_set.followers  # type: ignore[attr-defined]
        return f"{followers} (frozen)" if followers else "no one yet"

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Make everything but the last day read-only once someone follows the rules."""
        if not _is_used(obj):
            return ()
        return [name for name in self.fields if name != "valid_until"]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        frozen = (
            "Someone follows these rules, so only the last day can be changed. To change the "
            "rules, add a new version with a later first day."
        )
        fields = self.get_fields(request, obj)
        return [(None, {"fields": fields, "description": frozen if _is_used(obj) else ""})]

    change_form_template = "admin/tracks/ruleset/change_form.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form again if the action was refused, or with the impact after a preview."""
        context: dict[str, Any] = {"replaces": _rule_set_to_replace(request), "impact": None}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except Refused as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
        except PreviewDone as previewed:
            request.is_preview = True  # type: ignore[attr-defined]
            context["impact"] = previewed.impact
        return super().changeform_view(request, object_id, form_url, context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["may_preview"] = not _is_used(context["original"] if kwargs.get("change") else None)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Django creates the class for this request, so attributes can be set on it.
        form: Any = super().get_form(request, *args, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        form.is_preview = getattr(request, "is_preview", False)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill the form for a new version from the old one, except its name and days."""
        old = _rule_set_to_replace(request)
        if old is None:
            return {}
        not_copied = ("name", "valid_from", "valid_until")
        return {name: getattr(old, name) for name in self.fields if name not in not_copied}

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        old = _rule_set_to_replace(request)
        # Only on GET. On POST, Django would ignore submitted lines that equal the initial ones.
        if old is not None and request.method != "POST":
            lines = old.requirements.order_by("category__position")
            kwargs["initial"] = list(lines.values("category", "minimum"))
        return kwargs

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing. The action in save_related() saves the rule set with its requirements."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        assert request.user.is_authenticated
        rule_set: RuleSet = form.instance
        [formset] = formsets
        formset.save(commit=False)  # only for the text in the admin history; the action writes
        if _is_used(rule_set):
            actions.end_rule_set(
                rule_set_id=rule_set.pk,
                valid_until=form.cleaned_data["valid_until"],
                by=request.user,
            )
            return
        lines = [line.cleaned_data for line in formset.forms]
        requirements = {
            line["category"].pk: line["minimum"]
            for line in lines
            if line.get("category") and not line.get("DELETE")
        }
        old = _rule_set_to_replace(request)
        save = functools.partial(_save, rule_set, requirements, old=old, by=request.user)
        if "_preview" in request.POST:
            raise PreviewDone(dry_run(lambda: rule_set_impact(save(), today())))
        save()
        if old is not None:
            self.log_change(request, old, f"Replaced by “{rule_set}”.")


def _save(
    rule_set: RuleSet, requirements: dict[int, Decimal], *, old: RuleSet | None, by: User
) -> RuleSet:
    if old is None:
        return actions.save_rule_set(rule_set=rule_set, requirements=requirements, by=by)
    return actions.replace_rule_set(
        rule_set_id=old.pk, new=rule_set, requirements=requirements, by=by
    )


def _rule_set_to_replace(request: HttpRequest) -> RuleSet | None:
    """Return the rule set that the new one replaces, according to the query string."""
    if "replaces" not in request.GET:
        return None
    if not hasattr(request, "replaced"):
        pk = parse_id(request.GET["replaces"]) or 0  # no rule set has id 0
        request.replaced = get_object_or_404(RuleSet, pk=pk)  # type: ignore[attr-defined]
    replaced: RuleSet = request.replaced  # type: ignore[attr-defined]
    return replaced
