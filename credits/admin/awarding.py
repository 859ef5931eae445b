"""Award an event's credits to a list of people, with or without an account."""

import csv
from collections.abc import Iterable
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.models import User
from aspen.admin import ReadOnlyAdmin, staff_page
from aspen.files.tables import escape_formula
from aspen.formats import counted, format_time_range
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, awards, rules
from credits.actions.awarding import AWARD_PERMISSION
from credits.awards import MAX_BYTES, MEGABYTES
from credits.models import AwardList, WaitingAward
from events import uploads
from events.admin_presentation import format_credit_lines
from events.enums import Origin
from events.models import Event
from events.queries import OFFERS

MAX_LINES = 200
TOO_LARGE = f"This file is larger than {MEGABYTES} MB. Split it and upload the parts."


class AwardForm(forms.Form):
    """Recipients: pasted addresses or a file."""

    addresses = forms.CharField(
        label="E-mail addresses",
        required=False,
        strip=False,  # keep line numbers for messages
        max_length=1_500_000,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 60, "class": "vLargeTextField"}),
        help_text="One per line, or separated by commas or semicolons. You can include names: "
        "Ada Lake <ada@library.example>",
    )
    file = forms.FileField(
        label="or a CSV file",
        required=False,
        help_text=f"The file needs a column named Email. Up to 20,000 rows and {MEGABYTES} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
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


class AwardGroup(NamedTuple):
    """People or lines with the same result: their number, and the first of them."""

    label: str
    number: int
    lines: list[tuple[str, str]]


def _groups(found: AwardList, event: Event, by: User) -> list[AwardGroup]:
    match = awards.match_award_list(found, event, by=by)

    def people(rows: Iterable[User]) -> list[tuple[str, str]]:
        return [(str(person), person.email) for person in rows]

    groups = [
        ("Already have credit for this event; nothing changes", people(match.held)),
        (
            "Declined, withdrawn or marked absent before; not awarded",
            [(str(person), f"{person.email}. {reason}") for person, reason in match.refused],
        ),
        ("You; a colleague has to award you", people(match.own)),
        (
            "Other addresses of people on the list",
            [(address, str(person)) for person, address in match.repeated],
        ),
        (
            "No account; awarded once they sign up with this address",
            [(address, "") for address in match.unknown],
        ),
        (
            "Skipped lines",
            [(f"Line {line}", f"{reason} {text}") for line, reason, text in found.refused],
        ),
        ("Would be awarded today" if found.applied_at else "Will be awarded", people(match.award)),
    ]
    return [AwardGroup(label, len(lines), lines[:MAX_LINES]) for label, lines in groups]


def _facts(event: Event) -> list[tuple[str, str]]:
    return [
        ("When", format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)),
        ("CE credit", format_credit_lines(event) or "None"),
    ]


def _event_url(event: Event) -> str:
    kind = "customevent" if event.origin == Origin.CUSTOM else "event"
    return reverse(f"admin:events_{kind}_change", args=[event.pk])


@admin.register(AwardList)
class AwardListAdmin(ReadOnlyAdmin):
    """Award lists; the page of each previews its effect and has the button to award."""

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
    search_fields = ("event__title", "file_name", "uploaded_by__display_name")
    ordering = ("-uploaded_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AwardList]:
        return awards.with_address_counts(super().get_queryset(request))

    @admin.display(description="addresses")
    def addresses(self, found: AwardList) -> int:
        return found.addresses  # type: ignore[attr-defined, no-any-return]

    @admin.display(description="skipped")
    def left_out(self, found: AwardList) -> int:
        return found.left_out  # type: ignore[attr-defined, no-any-return]

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
            "event": event,
            "event_url": _event_url(event),
            "facts": _facts(event),
            "why_not": rules.why_not_award(event, has_credit=bool(event.offers.all())) or "",
        }

    # ---------- The list ----------

    def start_view(self, request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
        """Paste addresses or upload a file; a preview follows before anything is awarded."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        event = self._event(event_id)
        form = AwardForm()
        if request.method == "POST":
            form = AwardForm(request.POST, request.FILES, too_large=uploads.was_ended(request))
            if form.is_valid() and (stored := self._stored(request, event, form)):
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

    def _stored(
        self, request: AuthenticatedHttpRequest, event: Event, form: AwardForm
    ) -> AwardList | None:
        file = form.cleaned_data["file"]
        what = (
            {"file_name": file.name, "data": file.read(MAX_BYTES + 1)}
            if file
            else {"text": form.cleaned_data["addresses"]}
        )
        with refusal_as_form_error(form, field=None if file else "addresses"):
            return actions.keep_award_list(event_id=event.pk, by=request.user, **what)
        return None

    # ---------- The preview ----------

    def _found(self, request: HttpRequest, object_id: str) -> AwardList:
        found = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            raise Http404
        found.refresh_from_db(fields=["rows", "refused"])
        return found  # type: ignore[no-any-return]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Preview a list with the button to award, or compare an applied list with today."""
        assert request.user.is_authenticated
        found = self._found(request, object_id)
        event = self._event(found.event_id)
        *others, award = _groups(found, event, request.user)
        context = {
            **self._context(event),
            "list": found,
            "award": award,
            "groups": [award, *others],
            "is_open": found.applied_at is None and request.user.has_perm(AWARD_PERMISSION),
        }
        return staff_page(request, "admin/credits/awardlist/preview.html", AwardList, context)

    def award_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Apply the list."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        found = self._found(request, object_id)
        page = HttpResponseRedirect(reverse("admin:credits_awardlist_change", args=[found.pk]))
        if request.method != "POST":
            return page
        with refusal_as_message(request):
            people, waiting = actions.apply_award_list(list_id=found.pk, by=request.user)
            if people or waiting:
                self.log_change(request, found, f"Awarded: {people}; waiting: {waiting}.")
            messages.success(request, _done(people, waiting))
        return page

    def left_out_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """The skipped lines as CSV, escaped so that a spreadsheet runs no formula."""
        found = self._found(request, object_id)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="left-out-{found.pk}.csv"'
        response.write("\ufeff")
        rows = csv.writer(response)
        rows.writerow(["Line", "Reason", "Text"])
        for row in found.refused:
            rows.writerow([escape_formula(str(cell)) for cell in row])
        return response


def _done(people: int, waiting: int) -> str:
    if not (people or waiting):
        return "This list was already applied. No one on it gets any more credits."
    got = counted(people, "person was", "people were")
    done = f"{got} awarded the credits and will get an e-mail."
    if waiting:
        waits = counted(waiting, "address waits", "addresses wait")
        done += f" {waits} for an account."
    return done


# ---------- Without an account ----------


@admin.register(WaitingAward)
class WaitingAwardAdmin(ReadOnlyAdmin):
    """Awards for addresses without an account; they can be withdrawn while they wait."""

    list_display = ("address", "event", "standing", "awarded_by", "awarded_at")
    list_filter = (("matched_at", admin.EmptyFieldListFilter),)
    list_select_related = ("event", "awarded_by")
    search_fields = ("address", "event__title")
    ordering = ("-awarded_at", "address", "id")
    fields = (
        "address",
        "event_page",
        "standing",
        "awarded_at",
        "awarded_by",
        "matched_at",
        "claim",
    )
    readonly_fields = ("event_page", "standing")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingAward]:
        return super().get_queryset(request).select_related("event", "awarded_by")

    @admin.display(description="state")
    def standing(self, award: WaitingAward) -> str:
        if award.matched_at is None:
            return "Waits for an account"
        return "Awarded" if award.claim_id else "Ended without a credit"

    @admin.display(description="event")
    def event_page(self, award: WaitingAward) -> str:
        return format_html('<a href="{}">{}</a>', _event_url(award.event), award.event)

    def get_urls(self) -> list[URLPattern]:
        back = self.admin_site.admin_view(self.take_back_view)
        return [
            path("<path:object_id>/take-back/", back, name="credits_waitingaward_take_back"),
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
        waits = isinstance(award, WaitingAward) and award.matched_at is None
        extra = {"can_take_back": waits and request.user.has_perm(AWARD_PERMISSION)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def take_back_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Withdraw a waiting award."""
        if not request.user.has_perm(AWARD_PERMISSION):
            raise PermissionDenied
        award = self.get_object(request, unquote(object_id))
        if award is None:
            raise Http404
        if request.method == "POST":
            with refusal_as_message(request):
                actions.take_back_award(award_id=award.pk, by=request.user)
                self.log_change(request, award, "Withdrawn.")
                messages.success(
                    request, f"The award of “{award.event}” to {award.address} was withdrawn."
                )
        return HttpResponseRedirect(reverse("admin:credits_waitingaward_change", args=[award.pk]))
