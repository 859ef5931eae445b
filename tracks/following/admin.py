"""Who follows which track, and more time for one or many of them."""

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import (
    Count,
    Min,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.enums import PositionKind
from accounts.models import Position
from aspen import formats
from aspen.admin import ReadOnlyAdmin
from aspen.clock import today, years_before
from aspen.db.audit import rehearse
from aspen.errors import Refused
from aspen.web.request import AuthenticatedHttpRequest, number_in
from tracks.counting import credits as own_credits
from tracks.counting import eligibility
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTORS_YEARS, directors_deadline
from tracks.following import actions
from tracks.models import Extension, Participation, Posting

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

LIST = "admin:tracks_participation_changelist"
PAGE = "admin:tracks_participation_change"
AT_MOST = 500
QUARTERS = 8
SHOWN = 100


class QuarterFilter(admin.SimpleListFilter):
    """The quarter in which periods end: past ones, the next two years, and later."""

    title = "last day"
    parameter_name = "closes"
    PAST, LATER = "past", "later"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        quarters = [
            (day.isoformat(), f"{(day.month + 2) // 3}. quarter of {day.year}")
            for day in quarters_from(today())
        ]
        return [(self.PAST, "Over"), *quarters, (self.LATER, "Later")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Participation]
    ) -> QuerySet[Participation]:
        firsts = quarters_from(today(), QUARTERS + 1)
        if self.value() == self.PAST:
            return queryset.filter(closes_on__lt=today())
        if self.value() == self.LATER:
            return queryset.filter(closes_on__gte=firsts[-1])
        for first, following in itertools.pairwise(firsts):
            if self.value() == first.isoformat():
                return queryset.filter(closes_on__gte=first, closes_on__lt=following)
        return queryset


def quarters_from(day: dt.date, number: int = QUARTERS) -> list[dt.date]:
    """The first days of this quarter of a year and the following ones."""
    month = day.year * 12 + (day.month - 1) // 3 * 3
    months = (month + 3 * n for n in range(number))
    return [dt.date(each // 12, each % 12 + 1, 1) for each in months]


class DirectorFilter(admin.SimpleListFilter):
    """Where directors stand in the four years they have from the beginning of their position."""

    title = "director"
    parameter_name = "director"
    NEW, DUE, LONGER = "new", "due", "longer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (self.NEW, "In the first four years"),
            (self.DUE, "Four years end within a year"),
            (self.LONGER, "For longer than four years"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Participation]
    ) -> QuerySet[Participation]:
        first = years_before(today(), DIRECTORS_YEARS)
        chosen = {
            self.NEW: Q(director_since__gt=first),
            self.DUE: Q(
                director_since__gt=first,
                director_since__lte=years_before(today(), DIRECTORS_YEARS - 1),
            ),
            self.LONGER: Q(director_since__lte=first),
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


class ExtensionInline(admin.TabularInline):
    """Earlier extensions, for whoever may see the period."""

    model = Extension
    fields = ("closed_on", "closes_on", "reason", "extended_at", "extended_by")
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Extension]:
        return super().get_queryset(request).select_related("extended_by")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ExtendForm(forms.Form):
    """Until when, and why."""

    closes_on = forms.DateField(
        label="New last day",
        help_text="A period that ends as late already stays as it is.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Choose the new last day."},
    )
    reason = forms.CharField(
        max_length=1000,
        help_text="The people will read it.",
        error_messages={"required": "Give a reason; the person will read it."},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "class": "vLargeTextField"}),
    )
    # The day of which the effect was shown; another one is shown first, not saved.
    shown = forms.CharField(max_length=20, required=False)

    def asked(self) -> list[forms.BoundField]:
        return [self["closes_on"], self["reason"]]


@admin.register(Participation)
class ParticipationAdmin(ReadOnlyAdmin):
    """Who follows which track. People choose by themselves; staff give more time."""

    list_display = (
        "person",
        "track",
        "rule_set",
        "state",
        "selected_on",
        "closes_on",
        "posted",
        "director",
    )
    list_filter = ("track", "state", QuarterFilter, DirectorFilter, "rule_set")
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
        "counting",
        "director",
    )
    readonly_fields = ("posted", "counting", "director")
    inlines = (ExtensionInline,)
    actions = ("extend_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        participations: QuerySet[Participation] = super().get_queryset(request)
        postings = Posting.objects.filter(participation=OuterRef("pk")).order_by()
        counts = postings.values("participation").annotate(count=Count("pk")).values("count")
        directs = Position.objects.present().filter(
            person=OuterRef("person"), kind=PositionKind.DIRECTOR
        )
        since = directs.order_by().values("person").annotate(since=Min("since_on")).values("since")
        return participations.select_related("person", "track", "rule_set", "selected_by").annotate(
            posting_count=Coalesce(Subquery(counts), 0), director_since=Subquery(since)
        )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_extend_permission(request) or super().has_view_permission(request, obj)

    def has_extend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tracks.review_submission")

    def get_urls(self) -> list[URLPattern]:
        extend = self.admin_site.admin_view(self.extend_view)
        return [path("extend/", extend, name="tracks_participation_extend"), *super().get_urls()]

    @admin.display(description="credits posted")
    def posted(self, participation: Participation) -> int:
        count: int = participation.posting_count  # type: ignore[attr-defined]
        return count

    @admin.display(description="does it count?")
    def counting(self, participation: Participation) -> str:
        """Each of the person's credits, and what this track makes of it, as the person reads it."""
        credits = list(own_credits.credits_with_postings(participation.person)[: SHOWN + 1])
        prefetch_related_objects([participation], counting_queries.REQUIREMENTS, "follows")
        lines = [
            (
                formats.day(each.earned_on),
                each.claim.event.title,
                formats.credits(each.amount),
                str(each.category),
                _verdict(each, participation),
            )
            for each in credits[:SHOWN]
        ]
        if not lines:
            return "No credits yet."
        told = format_html_join("", "<li>{}, “{}”, {} in {}: {}</li>", lines)
        more = "<li>… and more</li>" if len(credits) > SHOWN else ""
        return format_html("<ul>{}{}</ul>", told, mark_safe(more))

    @admin.display(description="director since", ordering="director_since")
    def director(self, participation: Participation) -> str:
        """Mon, Mar 3, 2025; four years end Sat, Mar 3, 2029"""
        since: dt.date | None = participation.director_since  # type: ignore[attr-defined]
        if since is None:
            return "–"
        end = directors_deadline(since)
        ended = "end" if end >= today() else "ended"
        return f"{formats.day(since)}; four years {ended} {formats.day(end)}"

    # ---------- More time ----------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        participation = kwargs["obj"]
        if self.has_extend_permission(request):
            url = reverse("admin:tracks_participation_extend")
            context = context | {"extend_url": f"{url}?ids={participation.pk}"}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Extend the period…", permissions=["extend"])
    def extend_selected(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[Participation]
    ) -> HttpResponse | None:
        """Ask until when and why; nothing is changed yet."""
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: AT_MOST + 1])
        if len(ids) > AT_MOST:
            messages.error(request, f"Choose at most {AT_MOST} periods at a time.")
            return None
        return self._extend_page(request, ids, ExtendForm())

    def extend_view(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show whose periods would end when, and extend them."""
        if not self.has_extend_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else request.GET
        ids = _ids(sent.get("ids", ""))
        if not ids:
            messages.warning(request, "Choose the periods to extend first.")
            return HttpResponseRedirect(reverse(LIST))
        if request.method != "POST":
            return self._extend_page(request, ids, ExtendForm())
        form = ExtendForm(request.POST)
        if not form.is_valid():
            return self._extend_page(request, ids, form)
        closes_on, reason = form.cleaned_data["closes_on"], form.cleaned_data["reason"]

        def extend() -> int:
            return actions.extend_participations(
                participation_ids=ids, closes_on=closes_on, reason=reason, by=request.user
            )

        try:
            if "save" in request.POST and form.cleaned_data["shown"] == closes_on.isoformat():
                return self._extended(request, ids, closes_on, extend())
            number = rehearse(extend)
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            return self._extend_page(request, ids, form)
        return self._extend_page(request, ids, form, (number, closes_on))

    def _extended(
        self, request: HttpRequest, ids: list[int], closes_on: dt.date, number: int
    ) -> HttpResponse:
        periods = formats.counted(number, "period ends", "periods end")
        messages.success(request, f"{periods} on {formats.day(closes_on)} now.")
        if len(ids) == 1:
            return HttpResponseRedirect(reverse(PAGE, args=ids))
        return HttpResponseRedirect(reverse(LIST))

    def _extend_page(
        self,
        request: HttpRequest,
        ids: list[int],
        form: ExtendForm,
        preview: tuple[int, dt.date] | None = None,
    ) -> HttpResponse:
        chosen = self.get_queryset(request).filter(pk__in=ids)
        closes_on = preview[1] if preview else None
        rows = [
            {
                "person": str(each.person),
                "track": str(each.track),
                "state": each.get_state_display(),
                "old": formats.day(each.closes_on),
                "new": _new_day(each, closes_on),
            }
            for each in chosen.order_by("person__display_name", "pk")
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Extend the period",
            "opts": self.opts,
            "rows": rows,
            "form": form,
            "ids": ",".join(map(str, ids)),
            "preview": bool(preview),
            "shown": closes_on.isoformat() if closes_on else "",
            "button": _button(preview[0]) if preview else "",
            "extend_url": reverse("admin:tracks_participation_extend"),
        }
        return TemplateResponse(request, "admin/tracks/participation/extend.html", context)


def _verdict(credit: "PostedCredit", participation: Participation) -> str:
    if participation.pk in credit.posted_in:
        return eligibility.why_aged_out(credit, participation) or "posted."
    return eligibility.why_not_posted(credit, participation) or "not posted."


def _ids(text: str) -> list[int]:
    """The ids in a list with commas between them; nonsense is none."""
    found = [number_in(part) for part in text.split(",")[:AT_MOST]]
    return sorted({number for number in found if number})


def _button(number: int) -> str:
    return f"Extend {formats.counted(number, 'period')}"


def _new_day(participation: Participation, closes_on: dt.date | None) -> str:
    if closes_on is None:
        return ""
    return formats.day(closes_on) if participation.closes_on < closes_on else "stays"
