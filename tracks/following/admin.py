"""Participations in the admin, where staff extend one or several periods."""

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import (
    Count,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.enums import PositionKind
from accounts.models import Position
from aspen.admin import ReadOnlyInline, staff_page
from aspen.clock import today, years_before
from aspen.db.audit import dry_run
from aspen.form_fields import LineField
from aspen.formats import counted, format_credits, format_day
from aspen.staff_queue import ConditionFilter, QueueAdmin, reason_field
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from tracks.counting import credits as own_credits
from tracks.counting import eligibility
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTOR_YEARS, directors_deadline
from tracks.following import actions
from tracks.following.presentation import period_row
from tracks.models import Extension, Participation, Posting

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

LIST_URL = "admin:tracks_participation_changelist"
PAGE_URL = "admin:tracks_participation_change"
MAX_EXTENDED = 500
QUARTERS = 8
MAX_SHOWN = 100


class QuarterFilter(ConditionFilter):
    """Filter periods by the quarter in which they end: past, within two years, or later."""

    title = "last day"
    parameter_name = "closes"

    def options(self) -> list[tuple[str, str, Q]]:
        firsts = quarter_starts(today(), QUARTERS + 1)
        quarters = [
            (
                first.isoformat(),
                f"Q{(first.month + 2) // 3} {first.year}",
                Q(closes_on__gte=first, closes_on__lt=following),
            )
            for first, following in itertools.pairwise(firsts)
        ]
        return [
            ("past", "Over", Q(closes_on__lt=today())),
            *quarters,
            ("later", "Later", Q(closes_on__gte=firsts[-1])),
        ]


def quarter_starts(day: dt.date, number: int = QUARTERS) -> list[dt.date]:
    """Return the first days of this calendar quarter and the next ones."""
    month = day.year * 12 + (day.month - 1) // 3 * 3
    months = (month + 3 * n for n in range(number))
    return [dt.date(each // 12, each % 12 + 1, 1) for each in months]


class DirectorFilter(ConditionFilter):
    """Filter directors by whether their first four years are over."""

    title = parameter_name = "director"

    def options(self) -> list[tuple[str, str, Q]]:
        four_years_ago = years_before(today(), DIRECTOR_YEARS)
        three_years_ago = years_before(today(), DIRECTOR_YEARS - 1)
        is_new = Q(director_since__gt=four_years_ago)
        return [
            ("new", "In their first four years", is_new),
            (
                "due",
                "First four years end within a year",
                is_new & Q(director_since__lte=three_years_ago),
            ),
            ("longer", "Directors for more than four years", Q(director_since__lte=four_years_ago)),
        ]


class ExtensionInline(ReadOnlyInline):
    """Earlier extensions."""

    model = Extension
    fields = ("closed_on", "closes_on", "reason", "extended_at", "extended_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Extension]:
        return super().get_queryset(request).select_related("extended_by")


class ExtendForm(forms.Form):
    """The new last day and the reason."""

    closes_on = forms.DateField(
        label="New last day",
        help_text="Periods that already end on this day or later will not change.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Choose the new last day."},
    )
    reason = reason_field(
        "The person will read it.", missing="Give a reason. The person will read it."
    )
    # The day that was previewed. A different day is previewed before it can be saved.
    shown = LineField(max_length=20, required=False, widget=forms.HiddenInput)


@admin.register(Participation)
class ParticipationAdmin(QueueAdmin):
    """Participations are read-only, because people choose their tracks. Staff extend periods."""

    view_on_site = False  # the track's page is only for the person
    decide_permission = "tracks.review_submission"
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
    search_fields = ("person__search_key__finds",)
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
        director_positions = Position.objects.present().filter(
            person=OuterRef("person"), kind=PositionKind.DIRECTOR
        )
        since = (
            director_positions.order_by()
            .values("person")
            .annotate(since=Min("since_on"))
            .values("since")
        )
        return participations.select_related("person", "track", "rule_set", "selected_by").annotate(
            posting_count=Coalesce(Subquery(counts), 0), director_since=Subquery(since)
        )

    def get_urls(self) -> list[URLPattern]:
        extend = self.admin_site.admin_view(self.extend_view)
        return [path("extend/", extend, name="tracks_participation_extend"), *super().get_urls()]

    @admin.display(description="credits posted")
    def posted(self, participation: Participation) -> int:
        count: int = participation.posting_count  # type: ignore[attr-defined]
        return count

    @admin.display(description="credits")
    def counting(self, participation: Participation) -> str:
        """List the person's credits. If one does not count, show the reason the person sees."""
        credits = list(own_credits.credits_with_postings(participation.person)[: MAX_SHOWN + 1])
        prefetch_related_objects([participation], counting_queries.REQUIREMENTS, "follows")
        lines = [
            (
                format_day(each.earned_on),
                each.claim.event.title,
                format_credits(each.amount),
                str(each.category),
                _verdict(each, participation),
            )
            for each in credits[:MAX_SHOWN]
        ]
        if not lines:
            return "No credits yet."
        items = format_html_join("", "<li>{}, “{}”, {} in {}: {}</li>", lines)
        more = "<li>… and more</li>" if len(credits) > MAX_SHOWN else ""
        return format_html("<ul>{}{}</ul>", items, mark_safe(more))

    @admin.display(description="director since", ordering="director_since")
    def director(self, participation: Participation) -> str:
        """Return a line such as "Mon, Mar 3, 2025; four years end on Sat, Mar 3, 2029"."""
        since: dt.date | None = participation.director_since  # type: ignore[attr-defined]
        if since is None:
            return "–"
        end = directors_deadline(since)
        ended = "end" if end >= today() else "ended"
        return f"{format_day(since)}; four years {ended} on {format_day(end)}"

    # ---------- Extending ----------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        participation = kwargs["obj"]
        if self.has_decide_permission(request):
            url = reverse("admin:tracks_participation_extend")
            context = context | {"extend_url": f"{url}?ids={participation.pk}"}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Extend selected periods…", permissions=["decide"])
    def extend_selected(
        self, request: AuthenticatedHttpRequest, chosen: QuerySet[Participation]
    ) -> HttpResponse | None:
        """Ask for the new last day and a reason, without changing anything."""
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MAX_EXTENDED + 1])
        if len(ids) > MAX_EXTENDED:
            messages.error(request, f"Select at most {MAX_EXTENDED} periods at a time.")
            return None
        return self._extend_page(request, ids, ExtendForm())

    @form_recovery.recover_after_sign_in
    def extend_view(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Preview the new last days, then extend the periods."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        typed = form_recovery.recovered_form(request) or {}
        data = request.POST if request.method == "POST" else typed or request.GET
        ids = _ids(str(data.get("ids", "")))
        if not ids:
            messages.warning(request, "First select the periods to extend.")
            return HttpResponseRedirect(reverse(LIST_URL))
        if request.method != "POST":
            return self._extend_page(request, ids, ExtendForm(initial=typed))
        form = ExtendForm(request.POST)
        if not form.is_valid():
            return self._extend_page(request, ids, form)
        closes_on, reason = form.cleaned_data["closes_on"], form.cleaned_data["reason"]

        def extend() -> int:
            return actions.extend_participations(
                participation_ids=ids, closes_on=closes_on, reason=reason, by=request.user
            )

        with refusal_as_form_error(form):
            if "save" in request.POST and form.cleaned_data["shown"] == closes_on.isoformat():
                return self._extended(request, ids, closes_on, extend())
            return self._extend_page(request, ids, form, (dry_run(extend), closes_on))
        return self._extend_page(request, ids, form)

    def _extended(
        self, request: HttpRequest, ids: list[int], closes_on: dt.date, number: int
    ) -> HttpResponse:
        periods = counted(number, "period now ends", "periods now end")
        messages.success(request, f"{periods} on {format_day(closes_on)}.")
        if len(ids) == 1:
            return HttpResponseRedirect(reverse(PAGE_URL, args=ids))
        return HttpResponseRedirect(reverse(LIST_URL))

    def _extend_page(
        self,
        request: HttpRequest,
        ids: list[int],
        form: ExtendForm,
        preview: tuple[int, dt.date] | None = None,
    ) -> HttpResponse:
        chosen = self.get_queryset(request).filter(pk__in=ids)
        closes_on = preview[1] if preview else None
        periods = chosen.order_by("person__sort_key", "pk")
        context = {
            "title": "Extend periods",
            "rows": [period_row(each, closes_on) for each in periods],
            "form": form,
            "ids": ",".join(map(str, ids)),
            "preview": bool(preview),
            "shown": closes_on.isoformat() if closes_on else "",
            "button": _button(preview[0]) if preview else "",
            "extend_url": reverse("admin:tracks_participation_extend"),
        }
        return staff_page(request, "admin/tracks/participation/extend.html", Participation, context)


def _verdict(credit: "PostedCredit", participation: Participation) -> str:
    if participation.pk in credit.posted_in:
        return eligibility.why_aged_out(credit, participation) or "posted."
    return eligibility.why_not_posted(credit, participation) or "not posted."


def _ids(text: str) -> list[int]:
    """Return the valid ids in a comma-separated list."""
    numbers = [parse_id(part) for part in text.split(",")[:MAX_EXTENDED]]
    return sorted({number for number in numbers if number})


def _button(number: int) -> str:
    return f"Extend {counted(number, 'period')}"
