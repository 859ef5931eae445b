"""Sending one's record, taking it back, and having single years verified."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from aspen.clock import today
from aspen.formats import format_credits
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error, refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest, parse_id
from events import actions as event_actions
from tracks.certification import checks, record, submitting, verifying
from tracks.certification import presentation as certification_presentation
from tracks.certification import queries as certification_queries
from tracks.certification import record as record_words
from tracks.certification.forms import SubmitForm, YearForm
from tracks.certification.supervisors import supervisor_choices_for
from tracks.counting import presentation as counting_presentation
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE, ANSWER_LABELS, ASKED, SENT, ParticipationState, VerificationAnswer
from tracks.models import Participation, Verification


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Exactly what will be sent, what to say with it, and the button that sends it."""
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if participation.state != ParticipationState.OPEN:
        messages.info(request, _why_not_submit(participation))
        return redirect(participation)
    event_actions.settle_due(person=person)
    proposals = supervisor_choices_for(person, participation.track)
    if request.method != "POST":
        initial = {"name": person.display_name} | (form_recovery.recovered_form(request) or {})
        return _page(request, participation, SubmitForm(initial=initial, proposals=proposals))
    form = SubmitForm(request.POST, proposals=proposals)
    if form.is_valid() and _send(participation, form, seen=request.POST.get("seen", ""), by=person):
        messages.success(
            request,
            f"Your record for {participation.track} is sent to the CE Coordinator. You read here "
            "how it goes on.",
        )
        return redirect(participation)
    return _page(request, participation, form)


def _why_not_submit(participation: Participation) -> str:
    if participation.state in SENT:
        return f"Your record for {participation.track} is sent already; nothing was sent twice."
    return f"This period of {participation.track} is over, so there is nothing to send."


def _send(participation: Participation, form: SubmitForm, *, seen: str, by: User) -> bool:
    with refusal_as_form_error(form):
        submitting.submit_track(
            participation_id=participation.pk,
            seen=seen,
            name=form.cleaned_data["name"],
            listed_as=form.listed_as(),
            note=form.cleaned_data["note"],
            supervisor=form.asked(),
            by=by,
        )
        return True
    return False


def _page(
    request: AuthenticatedHttpRequest, participation: Participation, form: SubmitForm
) -> HttpResponse:
    """The page of the moment: after a refusal it shows the record as it is now."""
    made = record.make_record(participation, today())
    [course] = counting_queries.track_progress_of([participation], today())
    context: dict[str, Any] = {
        "track": counting_presentation.track_summary(course, today()),
        "participation": participation,
        "form": form,
        "is_complete": course.progress.is_complete,
    }
    if course.progress.is_complete:
        context |= {
            "remarks": checks.check_record(made),
            "groups": record_words.category_groups(
                made, _categories(participation), _verified(made, participation)
            ),
            "total": record_words.record_total(made),
            "surplus": record_words.surplus_rows(made),
            "seen": record.record_fingerprint(made),
        }
    return render(request, "tracks/submit.html", context)


def _categories(participation: Participation) -> list[Any]:
    return [line.category for line in participation.rule_set.requirements.all()]


def _verified(made: record.RecordData, participation: Participation) -> record_words.VerifiedLines:
    return record.verified_lines(certification_queries.verified_years(participation.pk))


@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Ask whether to take back what was sent, and do it."""
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if participation.state not in SENT:
        messages.info(request, "Nothing is under way, so there is nothing to take back.")
        return redirect(participation)
    if request.method != "POST":
        return render(request, "tracks/take_back.html", {"participation": participation})
    with refusal_as_message(request):
        submitting.take_back_submission(participation_id=participation.pk, by=person)
        messages.success(request, "You took your record back. You can send it again at any time.")
    return redirect(participation)


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def verify_years(request: AuthenticatedHttpRequest, participation_id: int) -> HttpResponse:
    """Have the credits of one calendar year verified, and take such a question back."""
    person = request.user
    participation = get_object_or_404(
        counting_queries.participations_visible_to(person), pk=participation_id
    )
    if participation.state not in ACTIVE:
        messages.info(request, "This period is over, so nobody has to verify a year of it.")
        return redirect(participation)
    if request.method == "POST" and "withdraw" in request.POST:
        _withdraw(request, participation, parse_id(request.POST["withdraw"]), by=person)
        return redirect("tracks:verify_years", participation.pk)
    asked = list(certification_queries.year_questions(participation))
    form = _year_form(request, participation, asked, person)
    if request.method == "POST" and form.is_valid() and _ask(participation, form, by=person):
        messages.success(
            request,
            f"{form.asked().name} is asked to verify {form.cleaned_data['year']}.",
        )
        return redirect("tracks:verify_years", participation.pk)
    context = {
        "participation": participation,
        "form": form,
        "years": certification_presentation.year_states(asked),
        "has_years": bool(form.fields["year"].choices),  # type: ignore[attr-defined]
    }
    return render(request, "tracks/verify_years.html", context)


def _year_form(
    request: AuthenticatedHttpRequest,
    participation: Participation,
    asked: list[Verification],
    person: User,
) -> YearForm:
    """The years that nobody has verified and nobody is asked about at present."""
    taken = {
        row["year"]
        for row in certification_presentation.year_states(asked)
        if row["label"] in (ANSWER_LABELS[VerificationAnswer.VERIFIED], ASKED)
    }
    counted = certification_queries.counted_by_year(participation, today())
    offered = [
        (year, format_credits(amount)) for year, amount in counted.items() if year not in taken
    ]
    return YearForm(
        request.POST if request.method == "POST" else None,
        initial=form_recovery.recovered_form(request),
        years=offered,
        proposals=supervisor_choices_for(person, participation.track),
    )


def _ask(participation: Participation, form: YearForm, *, by: User) -> bool:
    with refusal_as_form_error(form):
        verifying.ask_about_year(
            participation_id=participation.pk,
            year=form.cleaned_data["year"],
            supervisor=form.asked(),
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
) -> None:
    """Raises Http404 for what is not a question about this period of one's own."""
    mine = participation.verifications.filter(submission=None, pk=verification_id or 0)
    asked = get_object_or_404(mine)
    try:
        with refusal_as_message(request):
            verifying.withdraw_question(verification_id=asked.pk, by=by)
            messages.success(
                request, f"{asked.supervisor_name} is not asked about {asked.year} any more."
            )
    except Verification.DoesNotExist as error:
        raise Http404 from error
