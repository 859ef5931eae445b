"""Award an event's credits to a list of people with or without accounts."""

import csv
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aspen.admin import ReadOnlyAdmin, staff_page
from aspen.files.tables import escape_formula
from aspen.form_fields import TextField
from aspen.formats import counted
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, awards
from credits.actions.awarding import AWARD_PERMISSION
from credits.admin import presentation
from credits.admin.queue_presentation import event_page_url
from credits.awards import MAX_BYTES, MEGABYTES
from credits.models import AwardList, WaitingAward
from events import uploads
from events.models import Event
from events.queries import OFFERS

TOO_LARGE = f"This file is larger than {MEGABYTES} MB. Split it and upload the parts."


class AwardForm(forms.Form):
    """The recipients, as pasted addresses or a file."""

    addresses = TextField(
        label="E-mail addresses",
        required=False,
        strip=False,  # keep line numbers for messages
        max_length=1_500_000,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 60, "class": "vLargeTextField"}),
        help_text="One per line, or separated by commas or semicolons. You can include names: "
        "Ada Lake <ada@library.example>",
    )
    file = forms.FileField(
        label="Or a CSV or Excel file",
        required=False,
        help_text=f"The file needs a column named Email. Up to 20,000 rows and {MEGABYTES} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,text/csv"}),
        error_messages={"empty": "This file is empty."},
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.too_large = too_large

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        has_text, has_file = bool(values.get("addresses", "").strip()), bool(values.get("file"))
        if self.too_large:  # the upload was cut off
            self.add_error("file", TOO_LARGE)
        elif has_text and has_file:
            self.add_error("file", "Paste addresses or choose a file, not both.")
        elif not (has_text or has_file or self.errors):
            self.add_error("addresses", "Paste addresses or choose a file.")
        return values


@admin.register(AwardList)
class AwardListAdmin(ReadOnlyAdmin):
    """Award lists. A list's page previews its effect and has the button to award the credits."""

    list_display = (
        "__str__",
        "event",
        "addresses",
        "left_out",
        "uploaded_by",
        "uploaded_at",
        "applied_at",
    )
    list_filter = (("applied_at", admin.EmptyFieldListFilter),)
    list_select_related = ("event", "uploaded_by")
    search_fields = ("event__search_key__finds", "file_name", "uploaded_by__search_key__finds")
    ordering = ("-uploaded_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AwardList]:
        return awards.with_address_counts(super().get_queryset(request))

    @admin.display(description="addresses")
    def addresses(self, award_list: AwardList) -> int:
        return award_list.addresses  # type: ignore[attr-defined, no-any-return]

    @admin.display(description="skipped")
    def left_out(self, award_list: AwardList) -> int:
        return award_list.left_out  # type: ignore[attr-defined, no-any-return]

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "credits_awardlist"
        return [
            path("start/<int:event_id>/", view(self.start_view), name=f"{name}_start"),
            path("<path:object_id>/award/", view(self.award_view), name=f"{name}_award"),
            path(
                "<path:object_id>/left-out.csv", view(self.left_out_view), name=f"{name}_left_out"
            ),
            *super().get_urls(),
        ]

    def _event(self, pk: int) -> Event:
        events = Event.objects.defer("search", "description").prefetch_related(OFFERS)
        return get_object_or_404(events, pk=pk)

    def _context(self, event: Event) -> dict[str, Any]:
        return {
            "title": f"Award credits: {event.title}",
            "event": presentation.awarded_event(event),
            "event_url": event_page_url(event),
        }

    # ---------- Uploading ----------

    @form_recovery.recover_after_sign_in
    def start_view(self, request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
        """Accept pasted addresses or a file, and continue to the preview."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        event = self._event(event_id)
        form = AwardForm(initial=form_recovery.recovered_form(request))
        if request.method == "POST":
            form = AwardForm(request.POST, request.FILES, too_large=uploads.was_cut_off(request))
            if form.is_valid() and (stored := self._store(request, event, form)):
                return HttpResponseRedirect(
                    reverse("admin:credits_awardlist_change", args=[stored.pk])
                )
        earlier = AwardList.objects.filter(event=event).select_related("uploaded_by")
        context = {
            **self._context(event),
            "form": form,
            "earlier": awards.with_address_counts(earlier).order_by("-uploaded_at", "-id")[:20],
        }
        return staff_page(request, "admin/credits/awardlist/start.html", AwardList, context)

    def _store(
        self, request: AuthenticatedHttpRequest, event: Event, form: AwardForm
    ) -> AwardList | None:
        file = form.cleaned_data["file"]
        source = (
            {"file_name": file.name, "data": file.read(MAX_BYTES + 1)}
            if file
            else {"text": form.cleaned_data["addresses"]}
        )
        with refusal_as_form_error(form, field=None if file else "addresses"):
            return actions.store_award_list(event_id=event.pk, by=request.user, **source)
        return None

    # ---------- Previewing and awarding ----------

    def _award_list(self, request: HttpRequest, object_id: str) -> AwardList:
        award_list = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, award_list):
            raise PermissionDenied
        if award_list is None:
            raise Http404
        award_list.refresh_from_db(fields=["rows", "refused"])
        return award_list  # type: ignore[no-any-return]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Preview what the list will do or, if it was already applied, what it would do today."""
        assert request.user.is_authenticated
        award_list = self._award_list(request, object_id)
        event = self._event(award_list.event_id)
        context = {
            **self._context(event),
            "list": award_list,
            "first_rows": awards.first_rows(award_list),
            "groups": presentation.award_groups(award_list, event, by=request.user),
            "is_open": award_list.applied_at is None and request.user.has_perm(AWARD_PERMISSION),
        }
        return staff_page(request, "admin/credits/awardlist/preview.html", AwardList, context)

    def award_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Apply the list."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        award_list = self._award_list(request, object_id)
        page = HttpResponseRedirect(reverse("admin:credits_awardlist_change", args=[award_list.pk]))
        if request.method != "POST":
            return page
        with refusal_as_message(request):
            people, waiting = actions.apply_award_list(list_id=award_list.pk, by=request.user)
            if people or waiting:
                self.log_change(request, award_list, f"Awarded: {people}; waiting: {waiting}.")
            messages.success(request, _awarded_message(people, waiting))
        return page

    def left_out_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Serve the skipped lines as CSV, escaped so that spreadsheets do not run formulas."""
        award_list = self._award_list(request, object_id)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="left-out-{award_list.pk}.csv"'
        response.write("\ufeff")
        rows = csv.writer(response)
        rows.writerow(["Line", "Reason", "Text"])
        for row in award_list.refused:
            rows.writerow([escape_formula(str(cell)) for cell in row])
        return response


def _awarded_message(people: int, waiting: int) -> str:
    if not (people or waiting):
        return "This list has been applied. No one else on it will receive credits."
    sentences = []
    if people:
        sentences.append(
            f"{counted(people, 'person', 'people')} received the credits and will get an e-mail."
        )
    if waiting:
        sentences.append(
            f"{counted(waiting, 'address is', 'addresses are')} waiting for an account."
        )
    return " ".join(sentences)


# ---------- Addresses without an account ----------


@admin.register(WaitingAward)
class WaitingAwardAdmin(ReadOnlyAdmin):
    """Awards to e-mail addresses without an account. Waiting awards can be withdrawn."""

    list_display = ("address", "event", "status", "awarded_by", "awarded_at")
    list_filter = (("matched_at", admin.EmptyFieldListFilter),)
    list_select_related = ("event", "awarded_by")
    search_fields = ("address", "event__search_key__finds")
    ordering = ("-awarded_at", "address", "id")
    fields = (
        "address",
        "event_page",
        "status",
        "awarded_at",
        "awarded_by",
        "matched_at",
        "claim",
    )
    readonly_fields = ("event_page", "status")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingAward]:
        return super().get_queryset(request).select_related("event", "awarded_by")

    @admin.display(description="status")
    def status(self, award: WaitingAward) -> str:
        if award.matched_at is None:
            return "Waiting for an account"
        return "Awarded" if award.claim_id else "Closed without credit"

    @admin.display(description="event")
    def event_page(self, award: WaitingAward) -> str:
        return format_html('<a href="{}">{}</a>', event_page_url(award.event), award.event)

    def get_urls(self) -> list[URLPattern]:
        withdraw = self.admin_site.admin_view(self.withdraw_view)
        return [
            path("<path:object_id>/take-back/", withdraw, name="credits_waitingaward_take_back"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        award: Model | None = self.get_object(request, unquote(object_id))
        is_waiting = isinstance(award, WaitingAward) and award.matched_at is None
        extra = {"can_withdraw": is_waiting and request.user.has_perm(AWARD_PERMISSION)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def withdraw_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Withdraw a waiting award."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        award = self.get_object(request, unquote(object_id))
        if award is None:
            raise Http404
        if request.method == "POST":
            with refusal_as_message(request):
                actions.withdraw_waiting_award(award_id=award.pk, by=request.user)
                self.log_change(request, award, "Withdrawn.")
                messages.success(
                    request, f"The award of “{award.event}” to {award.address} was withdrawn."
                )
        return HttpResponseRedirect(reverse("admin:credits_waitingaward_change", args=[award.pk]))
