"""Base classes for the admin, and the admin for e-mails. Imports no app."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.db import models, transaction
from django.db.models import Count, Min, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from aspen import health
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.clock import in_montana
from aspen.formats import counted
from aspen.mail import outbox
from aspen.models import Mail, MailState
from aspen.web import form_recovery
from aspen.web.edit_conflicts import (
    SEEN,
    Conflict,
    kept_message,
    merge_edits,
    seen_values,
    with_conflicts,
)
from aspen.web.labels import label_table
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest

T = TypeVar("T")


NOT_SAVED = Conflict(
    None, "You signed in again before this was saved. Check what you entered, then save it."
)


class SplitMomentField(forms.SplitDateTimeField):
    """A date and a time in Mountain time. An hour that autumn repeats is the first one."""

    def compress(self, data_list: Any) -> dt.datetime | None:
        if not data_list or any(part in self.empty_values for part in data_list):
            return super().compress(data_list)
        day, time = data_list
        try:
            return in_montana(dt.datetime.combine(day, time))
        except ValueError as error:
            raise forms.ValidationError(
                "Clocks skip this time in spring. Enter another time."
            ) from error


class EditableAdmin(admin.ModelAdmin):
    """Keeps two people who change a record at the same time from undoing each other's changes.

    Every admin class with a change form extends it. See aspen.web.edit_conflicts.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        typed = form_recovery.recovered_data(request)
        if typed is not None:
            assert not request.FILES  # reading it later would replace POST
            request.method, request.POST = "POST", typed  # type: ignore[assignment]
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            if object_id is not None:
                self._merge_edits(request, object_id)
            if typed is not None:  # show the form, but do not save it
                conflicts = getattr(request, "edit_conflicts", [])
                request.edit_conflicts = [NOT_SAVED, *conflicts]  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    @form_recovery.recover_after_sign_in
    def add_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().add_view(*args, **kwargs)

    @form_recovery.recover_after_sign_in
    def change_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(*args, **kwargs)

    def _merge_edits(self, request: HttpRequest, object_id: str) -> None:
        """Lock the record, and merge the submitted form with the stored values."""
        record = self.get_object(request, unquote(object_id))
        if record is None or not self.has_change_permission(request, record):
            return  # Django responds to both
        rows = self.model._base_manager.select_for_update(of=("self",), no_key=True)
        list(rows.filter(pk=record.pk).order_by("pk").values_list("pk"))
        record = self.get_object(request, unquote(object_id))
        assert record is not None
        names = flatten_fieldsets(self.get_fieldsets(request, record))
        stored = self.get_form(request, record, change=True, fields=names)(instance=record)
        merged = merge_edits(request.POST, stored, self._stored_formsets(request, record))
        request.POST = merged.data  # type: ignore[assignment]
        request.edit_conflicts = merged.conflicts  # type: ignore[attr-defined]
        request.edits_kept = merged.kept  # type: ignore[attr-defined]

    def _stored_formsets(self, request: HttpRequest, record: Model) -> list[Any]:
        return [
            formset(
                instance=record,
                prefix=formset.get_default_prefix(),
                queryset=inline.get_queryset(request),
            )
            for formset, inline in self.get_formsets_with_inlines(request, record)
            if inline.has_change_permission(request, record)
        ]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        conflicts = getattr(request, "edit_conflicts", ())
        return with_conflicts(form, conflicts) if conflicts else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what the form shows to its hidden field."""
        record = kwargs.get("obj")
        if kwargs.get("change") and self.has_change_permission(request, record):
            context = context | {"seen": self._seen(request, context)}
        return super().render_change_form(request, context, *args, **kwargs)

    def _seen(self, request: HttpRequest, context: dict[str, Any]) -> str:
        if request.method == "POST":
            return request.POST.get(SEEN, "")
        inlines = context["inline_admin_formsets"]
        return seen_values(
            context["adminform"].form,
            [inline.formset for inline in inlines if inline.has_change_permission],
        )

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if kept := getattr(request, "edits_kept", ()):
            messages.info(request, kept_message(kept))
        return super().response_change(request, obj)


class SearchByWord(admin.ModelAdmin):
    """Does not take the apostrophes of names for quotation marks: O'Brien D'Angelo."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.split() if "'" in search_term else [search_term]
        has_duplicates = False
        for word in words:
            queryset, duplicates = super().get_search_results(request, queryset, word)
            has_duplicates |= duplicates
        return queryset, has_duplicates


class StaffAdmin(SearchByWord, EditableAdmin):
    """The base of the portal's admin classes. It does not let anyone delete the portal's records.

    Changes that follow business rules call an action of their app. Django's form handling saves
    only the directory, help articles, descriptions of tracks and categories, synonyms, and people's
    roles and passwords, because no rule about events, credits or tracks depends on them.
    """

    list_per_page = 50
    formfield_overrides = {models.DateTimeField: {"form_class": SplitMomentField}}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # PostgreSQL rejects NUL in text, and Django's list filters let it through.
        if any("\x00" in value for values in request.GET.lists() for value in values[1]):
            messages.error(request, "The address contained an invalid character.")
            return HttpResponseRedirect(request.path)
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Label the date input and the time input separately."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SplitDateTimeField):
            for part, widget in zip(("date", "time"), field.widget.widgets, strict=True):
                widget.attrs["aria-label"] = f"{field.label}, {part}"
        return field


class ReadOnlyAdmin(StaffAdmin):
    """The base of admin classes for records that change only through buttons that call actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    """Read-only inline rows, visible to anyone who can see the record."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LabeledInlineFormSet(forms.BaseInlineFormSet):
    """A formset that labels the inputs in each row, which Django leaves unlabeled."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        number = "new line" if index is None else f"line {index + 1}"
        for name, field in form.fields.items():
            widget = getattr(field.widget, "widget", field.widget)
            widget.attrs["aria-label"] = f"{field.label or name}, {number}"


class CategoryInline(admin.TabularInline):
    """Inline rows with a CE category, at most four. Queries categories once per page, not row."""

    formset = LabeledInlineFormSet
    extra = max_num = 4

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "category":
            if not hasattr(request, "category_choices"):
                request.category_choices = list(iter(field.choices))  # iter() saves a COUNT query
            field.choices = request.category_choices
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("category")


# ---------- Mail ----------


MAIL_LABELS = label_table(
    {
        MailState.WAITING: ("info", "◷"),
        MailState.SENDING: ("info", "◷"),
        MailState.SENT: ("good", "✓"),
        MailState.DROPPED: ("neutral", "–"),
        MailState.FAILED: ("bad", "✕"),
        MailState.UNCERTAIN: ("warn", "!"),
    }
)


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """The admin for the outbox. Stuck messages can be sent again; nothing else can be changed."""

    list_display = ("kind", "addressee", "state_now", "created_at", "sent_at", "subject")
    list_filter = ("state", "kind")
    list_select_related = ("to",)
    search_fields = ("address", "to_address", "to_name__finds", "to__search_key__finds", "subject")
    ordering = ("-id",)
    fields = (
        ("kind", "addressee"),
        ("state_now", "error"),
        ("address", "subject"),
        ("created_at", "begun_at", "sent_at"),
        ("attempts", "next_try_at"),
        ("key", "facts"),
    )
    readonly_fields = ("addressee", "state_now")
    actions = ("send_again",)

    @admin.display(description="to", ordering="to")
    def addressee(self, mail: Mail) -> str:
        return str(mail.to) if mail.to else f"{mail.to_name} <{mail.to_address}>"

    @admin.display(description="state", ordering="state")
    def state_now(self, mail: Mail) -> str:
        return str(MAIL_LABELS[MailState(mail.state)])

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(outbox.RESEND_PERMISSION)

    @admin.action(description="Send again", permissions=["resend"])
    def send_again(self, request: AuthenticatedHttpRequest, chosen: QuerySet[Mail]) -> None:
        mails = list(outbox.resendable(chosen).order_by("pk"))
        done = outbox.send_again(mail_ids=[mail.pk for mail in mails], by=request.user)
        for mail in mails:
            self.log_change(request, mail, "Sent again.")
        if skipped := chosen.count() - done:
            messages.warning(
                request,
                f"{counted(skipped, 'message')} skipped: only failed or possibly sent messages "
                "and e-mails about signing in can be sent again.",
            )
        if done:
            text = f"{counted(done, 'message')} will be sent again within a minute."
            messages.success(request, text)


@waits_for(outbox.RESEND_PERMISSION, order=1)
def portal_problems_for() -> list[Waiting]:
    """Return index lines about what keeps the portal from working."""
    page = f"{reverse('admin:aspen_mail_changelist')}?state__exact={MailState.WAITING}"
    return [Waiting(problem, page) for problem in health.problems()]


@waits_for(outbox.RESEND_PERMISSION, order=50)
def undelivered_mail_for() -> list[Waiting]:
    """Return index lines about messages that could not be sent or may not have arrived."""
    page = reverse("admin:aspen_mail_changelist")
    lines = {
        MailState.FAILED: "that could not be sent",
        MailState.UNCERTAIN: "that may not have arrived",
    }
    rows = Mail.objects.filter(state__in=lines).order_by("state").values_list("state")
    return [
        line
        for state, count, since in rows.annotate(count=Count("pk"), since=Min("created_at"))
        for line in oldest_waits(
            "message", lines[MailState(state)], f"{page}?state__exact={state}", count, since
        )
    ]


def run_on_each(request: HttpRequest, chosen: Iterable[T], action: Callable[[T], object]) -> int:
    """Call `action` on each row, show each refusal, and return the number of successes."""
    done = 0
    for each in chosen:
        with refusal_as_message(request):
            action(each)
            done += 1
    return done


def staff_page(
    request: HttpRequest, template: str, model: type[Model], context: Mapping[str, Any]
) -> TemplateResponse:
    """Render a page about a model with a template that extends admin/page.html.

    Sets `has_errors` if a form in the context has errors.
    """
    forms_shown = (each for each in context.values() if isinstance(each, forms.BaseForm))
    frame = admin.site.each_context(request) | {
        "opts": model._meta,
        "has_errors": any(form.errors for form in forms_shown),
    }
    return TemplateResponse(request, template, frame | dict(context))
