"""The admin queue of submitted records, and the CE Coordinator's decisions."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.models import User
from aspen.admin import staff_page
from aspen.admin_site import Waiting, oldest_waits, waits_for
from aspen.errors import Refused
from aspen.form_fields import EmailAddressField, LineField
from aspen.staff_queue import ConditionFilter, QueueAdmin, SeenForm, reason_field
from aspen.text import clean_text
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import review, submitting, verifying
from tracks.certification.admin import presentation
from tracks.certification.admin.certificates import reissue_view, revoke_view
from tracks.certification.queries import needs_confirmation, sent_record
from tracks.certification.record import record_fingerprint
from tracks.certification.review import ShownRecord
from tracks.certification.verifying import SupervisorContact
from tracks.enums import Ending
from tracks.models import Submission

DECIDE_PERMISSION = "tracks.review_submission"
OTHER = "other"
RECORD_CHANGED = (
    "This record has changed since you opened it, so nothing was decided. Review it again below."
)


class SubmissionStageFilter(ConditionFilter):
    """A filter by stage that shows open submissions by default."""

    title, parameter_name = "status", "state"
    default, SUPERVISOR, CHANGED = "under-way", "supervisor", "changed"

    def options(self) -> list[tuple[str, str, Q]]:
        is_open = Q(ended_at=None)
        return [
            (self.default, "In progress", is_open),
            ("review", "To review", is_open & Q(reviewed_at=None)),
            (self.SUPERVISOR, "With the supervisor", is_open & Q(reviewed_at__isnull=False)),
            (self.CHANGED, "With a change to confirm", needs_confirmation()),
            *((value, label, Q(ending=value)) for value, label in Ending.choices),
            ("all", "All", Q()),
        ]


class AskSupervisorForm(SeenForm):
    """The supervisor to ask: a suggested one, or another person by name and e-mail address."""

    supervisor = forms.ChoiceField(
        widget=forms.RadioSelect,
        label="Who will verify the record?",
        error_messages={"required": "Choose who will verify the record."},
    )
    supervisor_name = LineField(max_length=150, required=False, label="Name")
    supervisor_email = EmailAddressField(max_length=254, required=False, label="E-mail address")

    def __init__(
        self, *args: Any, supervisors: Sequence[tuple[str, str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.names = {email: name for name, email, _ in supervisors}
        choices = [(email, f"{name}, {email}: {why}") for name, email, why in supervisors]
        field = self.fields["supervisor"]
        field.choices = [*choices, (OTHER, "Another person (enter below)")]  # type: ignore[attr-defined]
        field.initial = supervisors[0][1] if supervisors else OTHER

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("supervisor") != OTHER:
            return
        for field, error in (
            ("supervisor_name", "Enter the supervisor's name."),
            ("supervisor_email", "Enter the e-mail address to send the link to."),
        ):
            if field not in self.errors and not self.cleaned_data.get(field):
                self.add_error(field, error)

    def other_person_fields(self) -> list[forms.BoundField]:
        return [self["supervisor_name"], self["supervisor_email"]]

    def chosen(self) -> SupervisorContact:
        email = self.cleaned_data["supervisor"]
        if email != OTHER:
            return SupervisorContact(self.names[email], email)
        return SupervisorContact(
            self.cleaned_data["supervisor_name"], self.cleaned_data["supervisor_email"]
        )


class ReturnForm(SeenForm):
    reason = reason_field(
        "The person will read it.",
        label="What needs to change",
        missing="Give a reason. The person will read it.",
        max_length=2000,
    )


@admin.register(Submission)
class SubmissionAdmin(QueueAdmin):
    """Submitted records. Those to review come first, oldest at the top."""

    decide_permission = DECIDE_PERMISSION
    steps = ("review", "return", "ask", "confirm")
    list_display = ("person", "library", "track", "sent", "warnings", "waiting_for")
    list_filter = (SubmissionStageFilter, "participation__track")
    search_fields = ("person__search_key__finds", "name__finds", "supervisor_name__finds")
    ordering = review.ORDER
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        return review.submissions().order_by(*self.ordering)

    def get_urls(self) -> list[URLPattern]:
        wrap, certificate = self.admin_site.admin_view, "certificates/<int:certificate_id>"
        return [
            path(f"{certificate}/revoke/", wrap(revoke_view), name="tracks_certificate_revoke"),
            path(f"{certificate}/reissue/", wrap(reissue_view), name="tracks_certificate_reissue"),
            *super().get_urls(),
        ]

    def next_waiting(self, record: Submission, *, by: User) -> Submission | None:
        return review.next_submission(record, by=by)

    # ---------- The list ----------

    @admin.display(description="library")
    def library(self, submission: Submission) -> str:
        return presentation.library_of_submission(submission)

    @admin.display(description="track", ordering="participation__track__position")
    def track(self, submission: Submission) -> str:
        return str(submission.participation.track)

    @admin.display(description="sent", ordering="submitted_at")
    def sent(self, submission: Submission) -> str:
        return presentation.sent_text(submission)

    @admin.display(description="warnings")
    def warnings(self, submission: Submission) -> int:
        return len(submission.remarks)

    @admin.display(description="waiting for")
    def waiting_for(self, submission: Submission) -> str:
        return presentation.waiting_for_text(submission)

    # ---------- One record ----------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the record and the forms for deciding on it."""
        submission = self.shown(request, object_id)
        return self._page(request, submission, _shown(submission))

    def review_view(
        self, request: AuthenticatedHttpRequest, submission: Submission
    ) -> HttpResponse:
        """Approve the record and ask the supervisor to verify it."""

        def action(supervisor: SupervisorContact, seen: str) -> None:
            submitting.review_submission(
                submission_id=submission.pk, supervisor=supervisor, seen=seen, by=request.user
            )

        return self._ask(request, submission, action, "Reviewed. We asked {} to verify it.")

    def ask_view(self, request: AuthenticatedHttpRequest, submission: Submission) -> HttpResponse:
        """Ask another supervisor, or send the same one a new link."""

        def action(supervisor: SupervisorContact, seen: str) -> None:
            question = presentation.open_question(submission)
            if question is None:
                raise Refused("No supervisor has been asked about this record.")
            verifying.ask_again(verification_id=question.pk, supervisor=supervisor, by=request.user)

        return self._ask(request, submission, action, "A new link was sent to {}.")

    def _ask(
        self,
        request: AuthenticatedHttpRequest,
        submission: Submission,
        action: Callable[[SupervisorContact, str], None],
        done: str,
    ) -> HttpResponse:
        form = AskSupervisorForm(
            request.POST, supervisors=presentation.supervisor_choices(submission)
        )
        return self._decide(
            request,
            submission,
            {"supervisor_form": form},
            lambda seen: action(form.chosen(), seen),
            lambda: done.format(form.chosen().name),
        )

    def return_view(
        self, request: AuthenticatedHttpRequest, submission: Submission
    ) -> HttpResponse:
        """Return the record for changes. Choosing a prewritten reason only fills in the field."""
        if (ready := request.POST.get("ready")) in presentation.PREWRITTEN_REASONS:
            shown = _shown(submission)
            typed = clean_text(request.POST.get("reason", ""))
            reason = presentation.prewritten_reason(ready, shown.claims)
            form = ReturnForm(initial={"reason": "\n\n".join(filter(None, (typed, reason)))})
            return self._page(request, submission, shown, {"return_form": form})
        form = ReturnForm(request.POST)
        return self._decide(
            request,
            submission,
            {"return_form": form},
            lambda seen: submitting.return_submission(
                submission_id=submission.pk,
                reason=form.cleaned_data["reason"],
                expected_state=submission.participation.state,
                by=request.user,
            ),
            lambda: f"Returned for changes. {form.cleaned_data['reason']}",
        )

    def recovered_page(
        self, request: AuthenticatedHttpRequest, record: Submission, typed: dict[str, str]
    ) -> HttpResponse:
        supervisors = presentation.supervisor_choices(record)
        forms = {
            "return_form": ReturnForm(initial=typed),
            "supervisor_form": AskSupervisorForm(initial=typed, supervisors=supervisors),
        }
        return self._page(request, record, _shown(record), forms)

    def confirm_view(
        self, request: AuthenticatedHttpRequest, submission: Submission
    ) -> HttpResponse:
        """Confirm what has changed in the record since the review."""
        return self._decide(
            request,
            submission,
            {"confirm_form": SeenForm(request.POST)},
            lambda seen: submitting.confirm_change(
                submission_id=submission.pk, seen=seen, by=request.user
            ),
            lambda: "Change confirmed. The supervisor can verify the record as it is now.",
        )

    def _decide(
        self,
        request: AuthenticatedHttpRequest,
        submission: Submission,
        forms: dict[str, Any],
        action: Callable[[str], object],
        message: Callable[[], str],
    ) -> HttpResponse:
        """Take the action on the version that was shown. If it is refused, keep the input.

        `action` gets the fingerprint of the record that was shown.
        """
        [form] = forms.values()
        shown = _shown(submission)
        if form.is_valid():
            with refusal_as_form_error(form):
                if form.cleaned_data["seen"] != shown.version:
                    raise Refused(RECORD_CHANGED)
                action(record_fingerprint(shown.sent.now))
                self.log_change(request, submission, message())
                messages.success(request, f"{submission.person}'s record: {message()}")
                return self.go_on(request, submission)
        current = self.get_object(request, str(submission.pk)) or submission
        return self._page(request, current, _shown(current), forms)

    def _page(
        self,
        request: HttpRequest,
        submission: Submission,
        shown: ShownRecord,
        forms: dict[str, Any] | None = None,
    ) -> HttpResponse:
        assert request.user.is_authenticated
        by = request.user
        is_own = submission.person_id == by.pk
        decides = self.has_decide_permission(request) and not is_own
        context = {
            **vars(presentation.record_review_page(submission, shown, decides=decides)),
            "title": f"{submission.person}, {submission.participation.track}",
            "subtitle": "Submitted record",
            "record": submission,
            "is_own": is_own,
            "seen": shown.version,
            "confirm_form": SeenForm(),
            "return_form": ReturnForm(),
            "ready": presentation.PREWRITTEN_REASONS.items(),
            "next_url": self.next_url(submission, by=by) if decides else "",
            **(forms or {}),
        }
        if "supervisor_form" not in context:
            supervisors = presentation.supervisor_choices(submission) if decides else []
            context["supervisor_form"] = AskSupervisorForm(supervisors=supervisors)
        return staff_page(request, "admin/tracks/submission/review.html", Submission, context)


def _shown(submission: Submission) -> ShownRecord:
    sent = sent_record(submission)
    return ShownRecord(submission, sent, review.review_claims(sent.now))


@waits_for(DECIDE_PERMISSION, order=30)
def waiting_records() -> list[Waiting]:
    """Return the number of records to review, of changes to confirm, and of unanswered records."""
    page = reverse("admin:tracks_submission_changelist")
    expired = Q(verifications__answered_at=None, verifications__expires_at__lte=timezone.now())
    to_review, unanswered = Q(reviewed_at=None), Q(reviewed_at__isnull=False) & expired
    counts = Submission.objects.filter(ended_at=None).aggregate(
        reviews=Count("pk", filter=to_review, distinct=True),
        reviews_since=Min("submitted_at", filter=to_review),
        changes=Count("pk", filter=needs_confirmation(), distinct=True),
        changes_since=Min("versions__made_at", filter=needs_confirmation()),
        unanswered=Count("pk", filter=unanswered, distinct=True),
        unanswered_since=Min("verifications__expires_at", filter=unanswered),
    )
    return [
        *oldest_waits("record", "to review", page, counts["reviews"], counts["reviews_since"]),
        *oldest_waits(
            "record",
            "with a change to confirm",
            f"{page}?state={SubmissionStageFilter.CHANGED}",
            counts["changes"],
            counts["changes_since"],
        ),
        *oldest_waits(
            "record",
            "without an answer from the supervisor",
            f"{page}?state={SubmissionStageFilter.SUPERVISOR}",
            counts["unanswered"],
            counts["unanswered_since"],
        ),
    ]
