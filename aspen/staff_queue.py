"""The base of staff queues: a list of waiting records and a page to decide on each.

A new queue needs a `QueueAdmin` with its permission and steps, an action for each step that refuses
records that have changed since they were `seen`, and a template that extends admin/queue_item.html.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from aspen.admin import ReadOnlyAdmin
from aspen.form_fields import LineField, TextField
from aspen.web import form_recovery
from aspen.web.request import AuthenticatedHttpRequest

if TYPE_CHECKING:
    from accounts.models import User


class ConditionFilter(admin.SimpleListFilter):
    """A list filter with a condition for each choice.

    With a `default`, the list opens with that choice, and has "All" only if `options` does.
    """

    default: str | None = None

    def options(self) -> list[tuple[str, str, Q]]:
        """Return the query parameter's value, the label and the condition for each choice."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        options = self.options()
        self.conditions = {value: condition for value, _, condition in options}
        return [(value, label) for value, label, _ in options]

    def value(self) -> str | None:
        chosen = super().value()
        return chosen if chosen in self.conditions else self.default

    def choices(self, changelist: Any) -> Iterator[Any]:
        choices = super().choices(changelist)
        if self.default is not None:
            next(choices)  # Skip Django's "All", which would show the default.
        return choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.conditions.get(self.value() or "", Q()))


def reason_field(
    help_text: str, *, missing: str = "Give a reason.", max_length: int = 1000, **options: Any
) -> TextField:
    """Return a text field for the reason for a decision, which the person will read."""
    return TextField(
        max_length=max_length,
        help_text=help_text,
        error_messages={"required": missing},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "class": "vLargeTextField"}),
        **options,
    )


class SeenForm(forms.Form):
    """A decision about the version of a record that was `seen`; the action refuses any other."""

    seen = LineField(max_length=60, required=False)


class QueueAdmin(ReadOnlyAdmin):
    """The base of the admin for records that staff with `decide_permission` decide on.

    Each of `steps` has the URL `<id>/<step>/` and a method `<step>_view`, which takes the request
    and the record. The method is called only for a POST by someone with the permission.
    """

    decide_permission: str
    steps: tuple[str, ...] = ()

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.decide_permission)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_decide_permission(request) or super().has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(
                f"<path:object_id>/{step}/",
                self.admin_site.admin_view(
                    form_recovery.recover_after_sign_in(
                        self._step_view(getattr(self, f"{step}_view"))
                    )
                ),
                name=f"{name}_{step}",
            )
            for step in self.steps
        ] + super().get_urls()

    def _step_view(self, handle: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def view(request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
            if not self.has_decide_permission(request):
                raise PermissionDenied
            record = self.get_object(request, unquote(object_id))
            typed = form_recovery.recovered_form(request)
            if record is not None and typed is not None:
                return self.recovered_page(request, record, typed)
            if record is None or request.method != "POST":
                return HttpResponseRedirect(self.url("change", object_id))
            return handle(request, record)

        return view

    def recovered_page(
        self, request: AuthenticatedHttpRequest, record: Any, typed: dict[str, str]
    ) -> HttpResponse:
        """Show the record's page with a decision that was submitted after the session ended."""
        raise NotImplementedError

    def url(self, page: str, *args: Any) -> str:
        """Return the URL of the changelist, the change page or a step."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def shown(self, request: HttpRequest, object_id: str) -> Any:
        """Return the record to show on a page. Raises PermissionDenied or Http404."""
        record = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, record):
            raise PermissionDenied
        if record is None:
            raise Http404
        return record

    # ---------- Next record ----------

    def next_waiting(self, record: Any, *, by: "User") -> Model | None:
        """Return the next record for this person to decide on, but never their own."""
        raise NotImplementedError

    def next_url(self, record: Any, *, by: "User") -> str:
        next_record = self.next_waiting(record, by=by)
        return self.url("change", next_record.pk) if next_record else ""

    def go_on(self, request: AuthenticatedHttpRequest, record: Any) -> HttpResponse:
        """Redirect to the next waiting record, or to the list."""
        url = self.next_url(record, by=request.user) or self.url("changelist")
        return HttpResponseRedirect(url)
