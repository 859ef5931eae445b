"""The queue of records that were sent for a certificate, and the CE Coordinator's decisions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from aspen.admin import ReadOnlyAdmin
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.errors import Refused
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import review, submitting, verifying
from tracks.certification.admin import presentation
from tracks.certification.admin.certificates import reissue_view, revoke_view
from tracks.certification.review import Looked
from tracks.certification.verifying import Supervisor
from tracks.enums import Ending
from tracks.models import Submission

LIST = "admin:tracks_submission_changelist"
PAGE = "admin:tracks_submission_change"
OTHER = "other"
CHANGED = (
    "Something about this record changed since you opened it, so nothing was decided. Look at it "
    "again below."
)


class StageFilter(admin.SimpleListFilter):
    """The queue shows what is under way unless somebody asks for more."""

    title = "state"
    parameter_name = "state"
    UNDER_WAY, REVIEW, SUPERVISOR, ALL = "under-way", "review", "supervisor", "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (self.UNDER_WAY, "Under way"),
            (self.REVIEW, "To review"),
            (self.SUPERVISOR, "With the supervisor"),
            *Ending.choices,
            (self.ALL, "All"),
        ]

    def value(self) -> str:
        known = {value for value, _ in self.lookup_choices}
        chosen = super().value()
        return chosen if chosen in known else self.UNDER_WAY

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == self.value(),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Submission]
    ) -> QuerySet[Submission]:
        value = self.value()
        if value == self.ALL:
            return queryset
        if value in Ending.values:
            return queryset.filter(ending=value)
        under_way = queryset.filter(ended_at=None)
        if value == self.UNDER_WAY:
            return under_way
        return under_way.filter(reviewed_at__isnull=value == self.REVIEW)


class SupervisorForm(forms.Form):
    """Who is asked to verify: one of those at hand, or somebody else by name and address."""

    supervisor = forms.ChoiceField(
        widget=forms.RadioSelect,
        label="Who verifies it",
        error_messages={"required": "Choose who verifies it."},
    )
    supervisor_name = forms.CharField(max_length=150, required=False, label="Name")
    supervisor_email = forms.EmailField(max_length=254, required=False, label="E-mail address")
    seen = forms.CharField(max_length=60, required=False)

    def __init__(self, *args: Any, proposed: Sequence[tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = {email: name for name, email, _ in proposed}
        choices = [(email, f"{name}, {email}: {why}") for name, email, why in proposed]
        field = self.fields["supervisor"]
        field.choices = [*choices, (OTHER, "Somebody else, named below")]  # type: ignore[attr-defined]
        field.initial = proposed[0][1] if proposed else OTHER

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("supervisor") != OTHER:
            return
        for name, missing in (
            ("supervisor_name", "Give the name of whoever verifies it."),
            ("supervisor_email", "Give the address the link shall go to."),
        ):
            if name not in self.errors and not self.cleaned_data.get(name):
                self.add_error(name, missing)

    def somebody_else(self) -> list[forms.BoundField]:
        return [self["supervisor_name"], self["supervisor_email"]]

    def chosen(self) -> Supervisor:
        email = self.cleaned_data["supervisor"]
        if email != OTHER:
            return Supervisor(self.names[email], email)
        return Supervisor(
            self.cleaned_data["supervisor_name"], self.cleaned_data["supervisor_email"]
        )


class ReturnForm(forms.Form):
    reason = forms.CharField(
        max_length=2000,
        label="What has to change",
        help_text="The person will read it.",
        error_messages={"required": "Give a reason; the person will read it."},
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80, "class": "vLargeTextField"}),
    )
    seen = forms.CharField(max_length=60, required=False)


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """Records that were sent for a certificate; what waits for review first, longest first."""

    list_display = ("person", "library", "track", "sent", "remarked", "with_whom")
    list_filter = (StageFilter, "participation__track")
    search_fields = ("person__display_name", "person__email", "name", "supervisor_name")
    ordering = review.ORDER
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        return review.submissions().order_by(*self.ordering)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_review_permission(request) or super().has_view_permission(request, obj)

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tracks.review_submission")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        certificate = "certificates/<int:certificate_id>"
        return [
            path(
                "<path:object_id>/review/", wrap(self.review_view), name="tracks_submission_review"
            ),
            path(
                "<path:object_id>/return/", wrap(self.return_view), name="tracks_submission_return"
            ),
            path("<path:object_id>/ask/", wrap(self.ask_view), name="tracks_submission_ask"),
            path(f"{certificate}/revoke/", wrap(revoke_view), name="tracks_certificate_revoke"),
            path(f"{certificate}/reissue/", wrap(reissue_view), name="tracks_certificate_reissue"),
            *super().get_urls(),
        ]

    # ---------- The list ----------

    @admin.display(description="library")
    def library(self, submission: Submission) -> str:
        return presentation.library(submission)

    @admin.display(description="track", ordering="participation__track__position")
    def track(self, submission: Submission) -> str:
        return str(submission.participation.track)

    @admin.display(description="sent", ordering="submitted_at")
    def sent(self, submission: Submission) -> str:
        return presentation.sent(submission)

    @admin.display(description="remarks")
    def remarked(self, submission: Submission) -> int:
        return len(submission.remarks)

    @admin.display(description="with whom")
    def with_whom(self, submission: Submission) -> str:
        return presentation.with_whom(submission)

    # ---------- One record ----------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything known about the record, and the buttons to decide."""
        submission = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, submission):
            raise PermissionDenied
        if submission is None:
            raise Http404
        return self._page(request, submission, review.look_at(submission.record))

    def review_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Find the record right and ask the supervisor."""
        return self._ask(
            request,
            object_id,
            lambda submission, supervisor: submitting.review_submission(
                submission_id=submission.pk, supervisor=supervisor, by=request.user
            ),
            "Reviewed; {} is asked.",
        )

    def ask_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Ask somebody else, or the same supervisor with a new link."""

        def ask(submission: Submission, supervisor: Supervisor) -> None:
            asked = presentation.question(submission)
            if asked is None:
                raise Refused("No supervisor is asked about this record at present.")
            verifying.ask_again(verification_id=asked.pk, supervisor=supervisor, by=request.user)

        return self._ask(request, object_id, ask, "{} is asked with a new link.")

    def _ask(
        self,
        request: AuthenticatedHttpRequest,
        object_id: str,
        act: Callable[[Submission, Supervisor], object],
        done: str,
    ) -> HttpResponse:
        submission = self._submission(request, object_id)
        if isinstance(submission, HttpResponse):
            return submission
        form = SupervisorForm(request.POST, proposed=presentation.proposals(submission))
        return self._decide(
            request,
            submission,
            {"supervisor_form": form},
            lambda: act(submission, form.chosen()),
            lambda: done.format(form.chosen().name),
        )

    def return_view(self, request: AuthenticatedHttpRequest, object_id: str) -> HttpResponse:
        """Return the record for changes; a reason at hand only fills the text."""
        submission = self._submission(request, object_id)
        if isinstance(submission, HttpResponse):
            return submission
        if (ready := request.POST.get("ready")) in presentation.READY:
            looked = review.look_at(submission.record)
            typed = request.POST.get("reason", "").replace("\x00", "").strip()
            reason = presentation.ready_reason(ready, looked)
            form = ReturnForm(initial={"reason": "\n\n".join(filter(None, (typed, reason)))})
            return self._page(request, submission, looked, {"return_form": form})
        form = ReturnForm(request.POST)
        return self._decide(
            request,
            submission,
            {"return_form": form},
            lambda: submitting.return_submission(
                submission_id=submission.pk,
                reason=form.cleaned_data["reason"],
                seen=submission.participation.state,
                by=request.user,
            ),
            lambda: f"Returned for changes. {form.cleaned_data['reason']}",
        )

    def _submission(self, request: HttpRequest, object_id: str) -> Submission | HttpResponse:
        """What is decided about, or the way back to its page."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        submission: Submission | None = self.get_object(request, unquote(object_id))
        if submission is None or request.method != "POST":
            return HttpResponseRedirect(reverse(PAGE, args=[object_id]))
        return submission

    def _decide(
        self,
        request: AuthenticatedHttpRequest,
        submission: Submission,
        forms: dict[str, Any],
        act: Callable[[], object],
        told: Callable[[], str],
    ) -> HttpResponse:
        """Act on what the form says, as it was shown; what is refused keeps what was typed."""
        [form] = forms.values()
        looked = review.look_at(submission.record)
        if form.is_valid():
            try:
                if form.cleaned_data["seen"] != review.version(submission, looked):
                    raise Refused(CHANGED)
                act()
            except Refused as refusal:
                field = refusal.field if refusal.field in form.fields else None
                form.add_error(field, str(refusal))
            else:
                self.log_change(request, submission, told())
                messages.success(request, f"{submission.person}'s record: {told()}")
                return self._on(request, submission)
        again = self.get_object(request, str(submission.pk))
        return self._page(request, again or submission, looked, forms)

    def _on(self, request: AuthenticatedHttpRequest, submission: Submission) -> HttpResponse:
        """To the next one that waits, or back to the list."""
        following = review.next_waiting(submission, by=request.user)
        if following is None:
            return HttpResponseRedirect(reverse(LIST))
        return HttpResponseRedirect(reverse(PAGE, args=[following.pk]))

    def _page(
        self,
        request: HttpRequest,
        submission: Submission,
        looked: Sequence[Looked],
        forms: dict[str, Any] | None = None,
    ) -> HttpResponse:
        assert request.user.is_authenticated
        by = request.user
        is_own = submission.person_id == by.pk
        decides = self.has_review_permission(request) and not is_own
        following = review.next_waiting(submission, by=by) if decides else None
        context = {
            **self.admin_site.each_context(request),
            **presentation.page(submission, looked, decides=decides),
            "title": f"{submission.person}, {submission.participation.track}",
            "subtitle": "Record sent for a certificate",
            "opts": self.opts,
            "submission": submission,
            "is_own": is_own,
            "seen": review.version(submission, looked),
            "return_form": ReturnForm(),
            "ready": presentation.READY.items(),
            "next_url": reverse(PAGE, args=[following.pk]) if following else "",
            **(forms or {}),
        }
        if "supervisor_form" not in context:
            proposed = presentation.proposals(submission) if decides else []
            context["supervisor_form"] = SupervisorForm(proposed=proposed)
        return TemplateResponse(request, "admin/tracks/submission/review.html", context)


@waits_for("tracks.review_submission", order=30)
def records_under_way() -> list[Waiting]:
    """Records to review, and those with a supervisor whose link has expired without an answer."""
    page = reverse(LIST)
    expired = Q(verifications__answered_at=None, verifications__expires_at__lte=timezone.now())
    to_review, unanswered = Q(reviewed_at=None), Q(reviewed_at__isnull=False) & expired
    found = Submission.objects.filter(ended_at=None).aggregate(
        reviews=Count("pk", filter=to_review, distinct=True),
        reviews_since=Min("submitted_at", filter=to_review),
        unanswered=Count("pk", filter=unanswered, distinct=True),
        unanswered_since=Min("verifications__expires_at", filter=unanswered),
    )
    return [
        *oldest_waits("record", "to review", page, found["reviews"], found["reviews_since"]),
        *oldest_waits(
            "record",
            "without an answer of the supervisor",
            f"{page}?state={StageFilter.SUPERVISOR}",
            found["unanswered"],
            found["unanswered_since"],
        ),
    ]
