"""The page where supervisors answer, through their link or signed in. A GET changes nothing."""

from typing import Any, NamedTuple

from allauth.core import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from aspen.errors import Refused
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from events.queries import categories
from tracks.certification import queries as certification_queries
from tracks.certification import record, verifying
from tracks.certification.forms import RefuseForm, VerifyForm
from tracks.certification.presentation import format_moment_day, question_facts
from tracks.certification.supervisors import verification_of
from tracks.certification.verifying import NEWER_LINK
from tracks.enums import ACTIVE, VerificationAnswer
from tracks.models import Certificate, Verification


class SupervisorVisit(NamedTuple):
    """A supervisor's visit to a question's page.

    `by` is the supervisor's account, if known, and `url` is the page's address.
    """

    request: HttpRequest
    question: Verification
    by: User | None
    url: str


# The signed link is a secret that forms on other sites do not have, so CSRF protection is not
# needed. It would not work either: the referrer policy keeps browsers from sending the Origin.
@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page behind a supervisor's link, which works without signing in.

    Only a POST answers the question, because mail scanners open links.
    """
    if request.method == "POST" and not ratelimit.consume(request, action="supervisor_link"):
        response = render(request, "429.html", status=429)
    elif (question := verification_of(token)) is None:
        response = render(request, "tracks/verify_unknown.html", status=404)
    elif request.user == question.person:
        response = render(request, "tracks/verify_own.html", {"question": question})
    elif _is_reviewed_by(question, request.user):
        response = _reviewer_page(request, question)
    else:
        url = reverse("tracks:verify", args=[token])
        response = _answer(SupervisorVisit(request, question, _supervisor(request, question), url))
    response["Referrer-Policy"] = "no-referrer"
    return _not_cached(response)


def _supervisor(request: HttpRequest, question: Verification) -> User | None:
    """Return the supervisor's account if the supervisor is signed in.

    On a shared computer, someone else may be.
    """
    user = request.user
    return user if user.is_authenticated and user.pk == question.supervisor_id else None


@require_http_methods(["GET", "HEAD", "POST"])
def verification(request: AuthenticatedHttpRequest, verification_id: int) -> HttpResponse:
    """Show a question's page to the signed-in supervisor; 404 for everyone else."""
    person = request.user
    question = get_object_or_404(certification_queries.questions_for(person), pk=verification_id)
    if _is_reviewed_by(question, person):
        return _not_cached(_reviewer_page(request, question))
    url = reverse("tracks:verification", args=[question.pk])
    return _not_cached(_answer(SupervisorVisit(request, question, person, url)))


def _is_reviewed_by(question: Verification, user: User | AnonymousUser) -> bool:
    """Return whether the question is open and about a record that this user reviewed."""
    submission = question.submission
    return bool(submission and not question.answered_at and submission.reviewed_by == user)


def _reviewer_page(request: HttpRequest, question: Verification) -> HttpResponse:
    return render(request, "tracks/verify_reviewed.html", {"question": question})


def _not_cached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _answer(visit: SupervisorVisit) -> HttpResponse:
    data = visit.request.POST if visit.request.method == "POST" else None
    verify_form = VerifyForm(initial={"name": visit.question.supervisor_name})
    refuse_form = RefuseForm()
    if data is None:
        return _page(visit, verify_form, refuse_form)
    if "renew" in data:
        return _renew(visit)
    if "wrong" in data:
        refuse_form = RefuseForm(data)
        done = refuse_form.is_valid() and _refuse(visit, refuse_form)
    else:
        verify_form = VerifyForm(data)
        done = verify_form.is_valid() and _verify(visit, verify_form)
    return redirect(visit.url) if done else _page(visit, verify_form, refuse_form)


def _verify(visit: SupervisorVisit, form: VerifyForm) -> bool:
    with refusal_as_form_error(form):
        verifying.verify_record(
            verification_id=visit.question.pk,
            name=form.cleaned_data["name"],
            seen=visit.request.POST.get("seen", ""),
            by=visit.by,
        )
        return True
    visit.question.refresh_from_db()  # it may have been answered or withdrawn meanwhile
    return False


def _refuse(visit: SupervisorVisit, form: RefuseForm) -> bool:
    with refusal_as_form_error(form):
        reason = form.cleaned_data["reason"]
        verifying.refuse_record(verification_id=visit.question.pk, reason=reason, by=visit.by)
        return True
    visit.question.refresh_from_db()
    return False


def _renew(visit: SupervisorVisit) -> HttpResponse:
    """Send a new link by e-mail. Redirect to the new question only if signed in."""
    try:
        newer = verifying.renew_link(verification_id=visit.question.pk, by=visit.by)
    except Refused:
        return redirect(visit.url)
    is_signed_in = visit.url == reverse("tracks:verification", args=[visit.question.pk])
    return redirect("tracks:verification", newer.pk) if is_signed_in else redirect(visit.url)


def _page(visit: SupervisorVisit, verify_form: VerifyForm, refuse_form: RefuseForm) -> HttpResponse:
    question = visit.question
    context: dict[str, Any] = {"question": question, "facts": question_facts(question)}
    is_over = question.participation.state not in ACTIVE
    if question.answered_at or is_over or question.expires_at <= timezone.now():
        context["closed"] = _closed_question(question, is_over)
        return render(visit.request, "tracks/verify_closed.html", context)
    verified = (
        None
        if question.year
        else record.verified_lines(certification_queries.verified_years(question.participation_id))
    )
    sent = question.submission and certification_queries.sent_record(question.submission)
    now = sent.now if sent else question.record
    context |= {
        "verify_form": verify_form,
        "refuse_form": refuse_form,
        "record": record.record_page(now, categories(), verified),
        "change": record.describe_difference(question.record, now)
        or (sent.unconfirmed_change if sent else ""),
        "needs_confirmation": bool(sent and sent.needs_confirmation),
    }
    return render(visit.request, "tracks/verify.html", context)


class ClosedQuestion(NamedTuple):
    """A question that cannot be answered with this link. `kind` selects the message."""

    kind: str
    closed_on: str
    reason: str
    certificate_number: str


def _closed_question(question: Verification, is_over: bool) -> ClosedQuestion:
    number = ""
    if question.answer == VerificationAnswer.VERIFIED and question.submission_id:
        issued = Certificate.objects.filter(submission=question.submission_id, replaces=None)
        number = issued.values_list("number", flat=True).get()
    kind = question.answer or (VerificationAnswer.WITHDRAWN if is_over else "expired")
    newer = (
        certification_queries.newer_question(question)
        if question.answer == VerificationAnswer.WITHDRAWN
        else None
    )
    if newer or question.reason == NEWER_LINK:
        kind = "newer"
    closed_at = newer.asked_at if newer else question.answered_at
    return ClosedQuestion(
        kind=kind,
        closed_on=format_moment_day(closed_at) if closed_at else "",
        reason=question.reason or ("This period is over." if is_over else ""),
        certificate_number=number,
    )
