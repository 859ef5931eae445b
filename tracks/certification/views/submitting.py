"""Pages to submit a record, withdraw it and ask for verification of single years."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from aspen.clock import today
from aspen.formats import format_credits
from aspen.web import form_recovery
from aspen.web.confirm import ask_first, is_confirmed
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from events import actions as event_actions
from tracks.certification import checks, record, submitting, verifying
from tracks.certification import queries as certification_queries
from tracks.certification.forms import SubmitForm, YearForm
from tracks.certification.presentation import YearStatus, year_states
from tracks.certification.supervisors import supervisor_choices_for
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.enums import (
    ACTIVE,
    ANSWER_LABELS,
    ASKED,
    SUBMITTED_OR_REVIEWED,
    ParticipationState,
    VerificationAnswer,
)
from tracks.models import Participation, Verification


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Show the record as it will be submitted, and submit it."""
    person = request.user
    participation = _participation(person, participation_id)
    if participation.state != ParticipationState.OPEN:
        messages.info(request, _why_closed(participation))
        return redirect(participation)
    event_actions.settle_due(person=person)
    supervisor_choices = supervisor_choices_for(person, participation.track)
    if request.method != "POST":
        initial = {"name": person.display_name} | (form_recovery.recovered_form(request) or {})
        return _page(
            request,
            participation,
            SubmitForm(initial=initial, supervisor_choices=supervisor_choices),
        )
    form = SubmitForm(request.POST, supervisor_choices=supervisor_choices)
    if form.is_valid() and _send(participation, form, seen=request.POST.get("seen", ""), by=person):
        messages.success(
            request,
            f"Your record for {participation.track} was sent to the CE Coordinator. You can follow "
            "its progress on this page.",
        )
        return redirect(participation)
    return _page(request, participation, form)


def _participation(person: User, participation_id: int) -> Participation:
    visible = counting_queries.participations_visible_to(person)
    return get_object_or_404(visible, pk=participation_id)


def _why_closed(participation: Participation) -> str:
    if participation.state in SUBMITTED_OR_REVIEWED:
        return (
            f"You have already submitted your record for {participation.track}. It was not "
            "submitted again."
        )
    return f"This period for {participation.track} is over, so there is nothing to submit."


def _send(participation: Participation, form: SubmitForm, *, seen: str, by: User) -> bool:
    """Submit the record. Return True if it was accepted."""
    with refusal_as_form_error(form):
        submitting.submit_track(
            participation_id=participation.pk,
            seen=seen,
            name=form.cleaned_data["name"],
            listed_as=form.listed_as(),
            note=form.cleaned_data["note"],
            supervisor=form.chosen(),
            by=by,
        )
        return True
    return False


def _page(
    request: AuthenticatedHttpRequest, participation: Participation, form: SubmitForm
) -> HttpResponse:
    """Show the form with the current record, even after a refusal."""
    record_data = record.make_record(participation, today())
    [track] = counting_queries.track_progress_of([participation], today())
    context: dict[str, Any] = {
        "track": counting_presentation.track_summary(track, today()),
        "form": form,
    }
    if track.progress.is_complete:
        verified = certification_queries.verified_years(participation.pk)
        context["record"] = record.record_page(
            record_data,
            [line.category for line in participation.rule_set.requirements.all()],
            record.verified_lines(verified),
        )
        context["warnings"] = checks.check_record(record_data, participation)
    return render(request, "tracks/submit.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Ask for confirmation, then withdraw the submission."""
    person = request.user
    participation = _participation(person, participation_id)
    if participation.state not in SUBMITTED_OR_REVIEWED:
        messages.info(request, "There is no submission to withdraw.")
        return redirect(participation)
    if request.method != "POST":
        return render(request, "tracks/take_back.html", {"participation": participation})
    with refusal_as_message(request):
        submitting.withdraw_submission(participation_id=participation.pk, by=person)
        messages.success(request, "You withdrew your record. You can submit it again at any time.")
    return redirect(participation)


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def verify_years(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Ask a supervisor to verify a calendar year, or withdraw a request."""
    person = request.user
    participation = _participation(person, participation_id)
    if participation.state not in ACTIVE:
        messages.info(request, "This period is over, so its years no longer need verification.")
        return redirect(participation)
    if request.method == "POST" and "withdraw" in request.POST:
        return _withdraw(request, participation, parse_id(request.POST["withdraw"]), by=person)
    years = year_states(list(certification_queries.year_questions(participation)))
    form = _year_form(request, participation, years, person)
    if request.method == "POST" and form.is_valid() and _ask(participation, form, by=person):
        messages.success(
            request,
            f"We asked {form.chosen().name} to verify your {form.cleaned_data['year']} credits.",
        )
        return redirect("tracks:verify_years", participation.pk)
    context = {
        "participation": participation,
        "form": form,
        "years": years,
        "has_years": bool(form.fields["year"].choices),  # type: ignore[attr-defined]
    }
    return render(request, "tracks/verify_years.html", context)


def _year_form(
    request: AuthenticatedHttpRequest,
    participation: Participation,
    years: list[YearStatus],
    person: User,
) -> YearForm:
    """Build the form, offering years that are not verified and have no open request."""
    closed = {
        each.year
        for each in years
        if each.label in (ANSWER_LABELS[VerificationAnswer.VERIFIED], ASKED)
    }
    counted = certification_queries.counted_by_year(participation, today())
    offered = [
        (year, format_credits(amount)) for year, amount in counted.items() if year not in closed
    ]
    return YearForm(
        request.POST if request.method == "POST" else None,
        initial=form_recovery.recovered_form(request),
        years=offered,
        supervisor_choices=supervisor_choices_for(person, participation.track),
    )


def _ask(participation: Participation, form: YearForm, *, by: User) -> bool:
    """Ask the supervisor. Return True if the request was accepted."""
    with refusal_as_form_error(form):
        verifying.ask_about_year(
            participation_id=participation.pk,
            year=form.cleaned_data["year"],
            supervisor=form.chosen(),
            by=by,
        )
        return True
    return False


def _withdraw(
    request: AuthenticatedHttpRequest,
    participation: Participation,
    verification_id: int | None,
    *,
    by: User,
) -> HttpResponse:
    """Ask first, then withdraw a question about a year of this participation.

    404 for any other question.
    """
    questions = participation.verifications.filter(submission=None, pk=verification_id or 0)
    question = get_object_or_404(questions)
    page = reverse("tracks:verify_years", args=[participation.pk])
    if question.answered_at is None and not is_confirmed(request):
        return ask_first(
            request,
            question=f"Withdraw your request about {question.year}?",
            consequence=f"The link that {question.supervisor_name} received stops working, and we "
            "e-mail them that you no longer need an answer.",
            button="Withdraw request",
            back=page,
        )
    try:
        with refusal_as_message(request):
            verifying.withdraw_question(verification_id=question.pk, by=by)
            messages.success(
                request,
                f"You withdrew your request to {question.supervisor_name} about {question.year}.",
            )
    except Verification.DoesNotExist as error:
        raise Http404 from error
    return redirect(page)
