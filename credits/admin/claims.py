"""All claims with their credits and warnings, and decisions on them.

Staff decide on a custom event and its author's claim together in the queue. They correct credits
through a help ticket or by correcting the event.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from accounts.models import User
from aspen.admin import ReadOnlyInline, run_on_each
from aspen.errors import Refused
from aspen.formats import format_amount
from aspen.staff_queue import QueueAdmin, SeenForm, reason_field
from aspen.transitions import Actor
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo, undo_url
from credits import actions, checks, history, queries, rules
from credits.admin import queue_presentation
from credits.admin.correcting import correct_event_view
from credits.enums import LIVE, ClaimState
from credits.models import Claim, Credit


class CreditInline(ReadOnlyInline):
    model = Credit
    fields = ("line", "category", "amount", "withdrawn_reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credit]:
        return super().get_queryset(request).select_related("category")


class EvidenceFilter(admin.SimpleListFilter):
    title = "evidence"
    parameter_name = "evidence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With files"), ("no", "Without files")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Claim]) -> QuerySet[Claim]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(evidence__isnull=self.value() == "no").distinct()


class ClaimDecisionForm(SeenForm):
    decision = forms.ChoiceField(choices=[(state, state) for state in actions.DECIDED])
    reason = reason_field(
        "The person will see this. Required to decline.", required=False, max_length=2000
    )


class ClaimChangeList(ChangeList):
    """One page of claims, with their warnings."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        results = live_check_results(self.result_list)
        for claim in self.result_list:
            claim.check_results = results.get(claim.pk, [])


def live_check_results(claims: list[Claim]) -> dict[int, list[checks.CheckResult]]:
    return checks.check_claims([claim for claim in claims if claim.state in LIVE])


@admin.register(Claim)
class ClaimAdmin(QueueAdmin):
    """All claims. Claims are never deleted."""

    decide_permission = "credits.decide_claim"
    steps = ("decide", "undo")
    list_display = ("person", "event", "credit", "state_now", "source", "role", "warnings")
    list_filter = ("state", "source", "role", EvidenceFilter)
    search_fields = ("person__search_key__finds", "event__search_key__finds")
    show_full_result_count = False
    fields = (
        "person",
        "event_page",
        "role",
        "source",
        "state",
        "warnings",
        "note",
        "files",
        "claimed_at",
        "claimed_by",
        "decided_at",
        "decided_by",
        "reason",
        "history",
    )
    readonly_fields = ("event_page", "warnings", "files", "history")
    inlines = (CreditInline,)
    actions = ("approve_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        credits = Credit.objects.select_related("category").order_by("line")
        return (
            super()
            .get_queryset(request)
            .select_related("person", "event", "claimed_by", "decided_by")
            .defer("event__search", "event__description")
            .prefetch_related(Prefetch("credits", credits))
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ClaimChangeList

    def get_urls(self) -> list[URLPattern]:
        correct = self.admin_site.admin_view(correct_event_view)
        return [
            path("correct-event/<int:event_id>/", correct, name="credits_claim_correct_event"),
            *super().get_urls(),
        ]

    # ---------- Columns and fields ----------

    @admin.display(description="CE credit")
    def credit(self, claim: Claim) -> str:
        return "; ".join(
            f"{credit.category} {format_amount(credit.amount)}"
            for credit in claim.credits.all()
            if credit.withdrawn_at is None
        )

    @admin.display(description="status", ordering="state")
    def state_now(self, claim: Claim) -> str:
        """Return the state, with the claim's version in a hidden field."""
        return format_html(
            '{}<input type="hidden" name="seen-{}" value="{}">',
            claim.get_state_display(),
            claim.pk,
            queries.claim_version(claim),
        )

    @admin.display(description="warnings")
    def warnings(self, claim: Claim) -> str:
        results = getattr(claim, "check_results", None)
        if results is None:
            results = live_check_results([claim]).get(claim.pk, [])
        texts = ((result.text,) for result in results)
        return format_html_join(" ", "<span>{}</span>", texts) or "–"

    @admin.display(description="event")
    def event_page(self, claim: Claim) -> str:
        return format_html(
            '<a href="{}">{}</a>', queue_presentation.event_page_url(claim.event), claim.event
        )

    @admin.display(description="evidence")
    def files(self, claim: Claim) -> str:
        files = queue_presentation.evidence_links(claim)
        linked = ((url, name) for name, url in files)
        return format_html_join(", ", '<a href="{}">{}</a>', linked) or "No files"

    @admin.display(description="history")
    def history(self, claim: Claim) -> str:
        # Use an anonymous reader, so that entries give the person's name instead of "you".
        entries = ((str(entry),) for entry in history.claim_history(claim, reader=User()))
        lines = format_html_join("", "<li>{}</li>", entries)
        return format_html('<ol class="happenings">{}</ol>', lines)

    # ---------- Deciding ----------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the possible decisions to the claim's page."""
        claim = kwargs["obj"]
        context = {"decision_form": ClaimDecisionForm()} | context
        context |= {
            "decisions": self._decisions(request, claim),
            "seen": queries.claim_version(claim),
            "decide_url": self.url("decide", claim.pk),
            "correct_url": self._correct_url(request, claim),
            "undo_url": self._undo_url(request, claim),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _decisions(self, request: HttpRequest, claim: Claim) -> list[tuple[str, str]]:
        assert request.user.is_authenticated
        if not self.has_decide_permission(request) or queries.why_not_decide(
            claim, by=request.user
        ):
            return []
        return [
            (state.value, label)
            for state, label in ((ClaimState.APPROVED, "Approve"), (ClaimState.DECLINED, "Decline"))
            if rules.may_change_state(claim, state, Actor.STAFF)
        ]

    def _correct_url(self, request: HttpRequest, claim: Claim) -> str:
        return (
            queue_presentation.correct_url(claim.event)
            if self.has_decide_permission(request)
            else ""
        )

    def decide_view(self, request: AuthenticatedHttpRequest, claim: Claim) -> HttpResponse:
        """Decide on the claim. If that is refused, show the page with the reason entered."""
        form = ClaimDecisionForm(request.POST)
        if form.is_valid():
            state, reason = ClaimState(form.cleaned_data["decision"]), form.cleaned_data["reason"]
            with refusal_as_form_error(form):
                actions.decide_claim(
                    claim_id=claim.pk,
                    target=state,
                    reason=reason,
                    seen=form.cleaned_data["seen"],
                    by=request.user,
                )
                self.log_change(request, claim, f"{state.label}. {reason}".strip())
                change = actions.last_claim_decision(claim)
                success_with_undo(
                    request,
                    f"{claim.person}'s claim was {state.label.lower()}.",
                    self.url("undo", claim.pk),
                    seen=change.version if change else "",
                )
                return HttpResponseRedirect(self.url("change", claim.pk))
        request.method = "GET"  # show the page again without saving it
        return self.change_view(request, str(claim.pk), extra_context={"decision_form": form})

    def undo_view(self, request: AuthenticatedHttpRequest, claim: Claim) -> HttpResponse:
        """Undo the last decision on the claim."""
        with refusal_as_message(request):
            claim = actions.undo_claim_decision(
                claim_id=claim.pk, seen=request.GET.get("seen", ""), by=request.user
            )
            self.log_change(request, claim, "Decision undone.")
            state = claim.get_state_display().lower()
            messages.success(
                request, f"The decision was undone. {claim.person}'s claim is {state} again."
            )
        return HttpResponseRedirect(self.url("change", claim.pk))

    def _undo_url(self, request: HttpRequest, claim: Claim) -> str:
        """Return the URL of the Undo button for a day after a decision, or ""."""
        assert request.user.is_authenticated
        if claim.decided_at is None or not self.has_decide_permission(request):
            return ""
        if queries.why_not_decide(claim, by=request.user):
            return ""
        change = actions.last_claim_decision(claim)
        if change is None or change.action != actions.CLAIM_DECISION or not change.is_recent:
            return ""
        return undo_url(self.url("undo", claim.pk), seen=change.version)

    def recovered_page(
        self, request: AuthenticatedHttpRequest, record: Claim, typed: dict[str, str]
    ) -> HttpResponse:
        form = ClaimDecisionForm(initial=typed)
        return self.change_view(request, str(record.pk), extra_context={"decision_form": form})

    @admin.action(description="Approve selected claims", permissions=["decide"])
    def approve_selected(self, request: AuthenticatedHttpRequest, chosen: QuerySet[Claim]) -> None:
        """Approve claims that have no warnings and have not changed since the list was opened."""
        if request.POST.get("select_across") == "1":
            messages.error(
                request, "Select claims on this page only. You have not reviewed the others."
            )
            return
        claims = list(chosen.order_by("pk"))
        results = live_check_results(claims)

        def approve(claim: Claim) -> None:
            if found := results.get(claim.pk):
                raise Refused(
                    f"{claim.person}, “{claim.event}”: {found[0].text} Open the claim first."
                )
            actions.decide_claim(
                claim_id=claim.pk,
                target=ClaimState.APPROVED,
                reason="",
                seen=request.POST.get(f"seen-{claim.pk}", ""),
                by=request.user,
            )
            self.log_change(request, claim, "Approved.")

        if done := run_on_each(request, claims, approve):
            messages.success(request, f"Approved: {done} of {len(claims)}.")
