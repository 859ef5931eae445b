"""Merge duplicate events: choose two, preview the merge, confirm it and undo it within a day."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from aspen.admin import staff_page
from aspen.db.audit import dry_run
from aspen.errors import Refused
from aspen.form_fields import LineField
from aspen.formats import format_day
from aspen.staff_queue import QueueAdmin, reason_field
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions
from credits.admin import presentation
from credits.admin.queue_presentation import merge_url
from credits.models import Merge
from events import actions as event_actions
from events import queries as event_queries
from events import similar_titles
from events.models import Event

MAX_INTEGER = 2**31 - 1


class MergePairForm(forms.Form):
    """The query string: the duplicate event, the event to keep and a title to search for."""

    source = forms.IntegerField(required=False, min_value=1, max_value=MAX_INTEGER)
    target = forms.IntegerField(required=False, min_value=1, max_value=MAX_INTEGER)
    find = LineField(required=False, max_length=300)


class MergeForm(forms.Form):
    reason = reason_field(
        "For colleagues, in case someone asks about a credit later.", required=False
    )
    seen = LineField(required=False, max_length=100)


@admin.register(Merge)
class MergeAdmin(QueueAdmin):
    """Merges, which can be undone within a day."""

    decide_permission = "events.decide_event"
    list_display = ("source", "into", "merged_at", "merged_by", "claims", "undo")
    list_select_related = ("source", "target", "merged_by", "undone_by")
    search_fields = ("source__search_key__finds", "target__search_key__finds")
    fields = (
        ("source", "target"),
        "reason",
        ("merged_at", "merged_by"),
        "claims",
        ("undone_at", "undone_by"),
        "undo",
    )
    readonly_fields = ("claims", "undo")
    change_list_template = "admin/credits/merge/change_list.html"

    @admin.display(description="merged into", ordering="target__title")
    def into(self, merge: Merge) -> str:
        return merge.target.title

    @admin.display(description="claims")
    def claims(self, merge: Merge) -> str:
        return f"{len(merge.moved)} moved, {len(merge.dropped)} duplicate"

    @admin.display(description="undo")
    def undo(self, merge: Merge) -> str:
        if merge.undone_at:
            day = format_day(timezone.localdate(merge.undone_at))
            return f"Undone by {merge.undone_by}, {day}"
        if actions.why_not_undo(merge, merge.target):
            return "–"
        url = reverse("admin:credits_merge_undo", args=[merge.pk])
        return format_html('<a href="{}">Undo</a>', url)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("start/", view(self.start_view), name="credits_merge_start"),
            path("<int:merge_id>/undo/", view(self.undo_view), name="credits_merge_undo"),
            *super().get_urls(),
        ]

    # ---------- Merging ----------

    @form_recovery.recover_after_sign_in
    def start_view(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Choose two events, preview the merge and merge them."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        typed = form_recovery.recovered_form(request) or {}
        pair = MergePairForm(request.POST if request.method == "POST" else typed or request.GET)
        if not pair.is_valid():
            raise Http404
        source, target = _events(pair.cleaned_data["source"], pair.cleaned_data["target"])
        form = MergeForm(request.POST or None, initial=typed)
        if request.method == "POST" and source and target and form.is_valid():
            with refusal_as_form_error(form):
                return self._merge(request, source, target, **form.cleaned_data)
        return self._start_page(request, source, target, pair.cleaned_data["find"], form)

    def _merge(
        self,
        request: AuthenticatedHttpRequest,
        source: Event,
        target: Event,
        reason: str,
        seen: str,
    ) -> HttpResponse:
        result = actions.merge_events(
            source_id=source.pk,
            target_id=target.pk,
            reason=reason,
            seen=seen,
            by=request.user,
        )
        self.log_change(
            request, result.merge, f"Merged “{source}” into “{target}”. {reason}".strip()
        )
        messages.success(
            request,
            format_html(
                '“{}” was merged into “{}”. You have one day to <a href="{}">undo the merge</a>.',
                source.title,
                target.title,
                reverse("admin:credits_merge_undo", args=[result.merge.pk]),
            ),
        )
        return HttpResponseRedirect(self.url("changelist"))

    def _start_page(
        self,
        request: AuthenticatedHttpRequest,
        source: Event | None,
        target: Event | None,
        find: str,
        form: MergeForm,
    ) -> HttpResponse:
        preview, refusal = None, ""
        if source and target:
            try:
                preview = _preview(source, target, request.user)
            except Refused as refused:
                refusal = str(refused)
        find = find or (source.title if source else "")
        others = similar_titles.possible_duplicates(find) if find and not preview else ()
        context = {
            "title": "Merge two events",
            "source": source,
            "target": target,
            "details": presentation.event_details(source) if source else "",
            "swap_url": merge_url(target, source) if source and target else "",
            "other_url": merge_url(source) if source else "",
            "find": find,
            "candidates": [_candidate(source, other) for other in others if other != source],
            "preview": preview,
            "refusal": refusal,
            "form": form,
        }
        return staff_page(request, "admin/credits/merge/start.html", Merge, context)

    # ---------- Undoing ----------

    def undo_view(self, request: AuthenticatedHttpRequest, merge_id: int) -> HttpResponse:
        """Ask for confirmation, then undo the merge."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        if merge_id > MAX_INTEGER:
            raise Http404
        merge = get_object_or_404(self.get_queryset(request), pk=merge_id)
        if request.method != "POST":
            context = {
                "title": "Undo a merge",
                "merge": merge,
                "claims": self.claims(merge),
                "records": [each["text"] for each in merge.records],
                "refusal": actions.why_not_undo(merge, merge.target) or "",
            }
            return staff_page(request, "admin/credits/merge/undo.html", Merge, context)
        with refusal_as_message(request):
            actions.undo_merge(merge_id=merge.pk, by=request.user)
            self.log_change(request, merge, "Undone.")
            messages.success(
                request,
                f"The merge of “{merge.source.title}” into “{merge.target.title}” was undone.",
            )
            return HttpResponseRedirect(self.url("changelist"))
        return HttpResponseRedirect(request.path)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        return super().get_queryset(request).select_related(*self.list_select_related)


def _events(*pks: int | None) -> list[Event | None]:
    """Return the event for each id, and None for each None. Raise Http404 for an unknown id."""
    ids = [pk for pk in pks if pk is not None]
    events = Event.objects.select_related("created_by").prefetch_related(event_queries.OFFERS)
    events_by_pk = events.defer("search").in_bulk(ids)
    if len(events_by_pk) < len(set(ids)):
        raise Http404
    return [None if pk is None else events_by_pk[pk] for pk in pks]


def _candidate(source: Event | None, other: Event) -> presentation.MergeCandidate:
    """Return a row for choosing the duplicate or, if `source` is chosen, the event to keep."""
    url = merge_url(source, other) if source else merge_url(other)
    return presentation.MergeCandidate(other, presentation.event_details(other), url)


def _preview(source: Event, target: Event, by: User) -> presentation.MergePreview:
    """Preview the merge with a dry run. Raise Refused if the events cannot be merged."""
    event_actions.settle_due(event_id=source.pk)
    result = dry_run(
        lambda: actions.merge_events(source_id=source.pk, target_id=target.pk, reason="", by=by)
    )
    return presentation.merge_preview(source, target, result)
