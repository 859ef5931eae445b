"""Where supervisors answer: by the link they got, or signed in. Reading it changes nothing."""

from typing import Any, NamedTuple

from allauth.core import ratelimit
from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import format_credits
from aspen.web.request import AuthenticatedHttpRequest
from events.queries import categories
from tracks.certification import queries as certification_queries
from tracks.certification import record, verifying
from tracks.certification import record as record_words
from tracks.certification.forms import RefuseForm, VerifyForm
from tracks.certification.presentation import format_moment_day
from tracks.certification.supervisors import verification_of
from tracks.certification.verifying import NEWER_LINK
from tracks.enums import ACTIVE, VerificationAnswer
from tracks.models import Certificate, Verification


class SupervisorVisit(NamedTuple):
    """A supervisor at the page of a question; `by` is their account, `here` the page's address."""

    request: HttpRequest
    asked: Verification
    by: User | None
    here: str


# The signed link is the right to answer, and no form of another site can know it. As the page
# gives its address away to nobody, browsers send no Origin either that Django could compare.
@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a supervisor's link, without signing in. Mail scanners may open it: only the
    buttons answer."""
    if not ratelimit.consume(request, action="supervisor_link"):
        response = render(request, "429.html", status=429)
    elif (asked := verification_of(token)) is None:
        response = render(request, "tracks/verify_unknown.html", status=404)
    elif request.user == asked.person:
        response = render(request, "tracks/verify_own.html", {"asked": asked})
    else:
        here = reverse("tracks:verify", args=[token])
        response = _answer(SupervisorVisit(request, asked, _supervisor(request, asked), here))
    response["Referrer-Policy"] = "no-referrer"
    return _not_cached(response)


def _supervisor(request: HttpRequest, asked: Verification) -> User | None:
    """The one who is asked, if signed in. Others may be, at a shared computer: the link counts."""
    user = request.user
    return user if user.is_authenticated and user.pk == asked.supervisor_id else None


@require_http_methods(["GET", "HEAD", "POST"])
def verification(request: AuthenticatedHttpRequest, verification_id: int) -> HttpResponse:
    """The same page for a supervisor with an account; nobody else knows of it."""
    person = request.user
    asked = get_object_or_404(certification_queries.questions_for(person), pk=verification_id)
    here = reverse("tracks:verification", args=[asked.pk])
    return _not_cached(_answer(SupervisorVisit(request, asked, person, here)))


def _not_cached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _answer(visit: SupervisorVisit) -> HttpResponse:
    data = visit.request.POST if visit.request.method == "POST" else None
    sign, refuse = VerifyForm(initial={"name": visit.asked.supervisor_name}), RefuseForm()
    if data is None:
        return _page(visit, sign, refuse)
    if "renew" in data:
        return _renew(visit)
    if "wrong" in data:
        refuse = RefuseForm(data)
        done = refuse.is_valid() and _refuse(visit, refuse)
    else:
        sign = VerifyForm(data)
        done = sign.is_valid() and _verify(visit, sign)
    return redirect(visit.here) if done else _page(visit, sign, refuse)


def _verify(visit: SupervisorVisit, form: forms.Form) -> bool:
    try:
        name = form.cleaned_data["name"]
        verifying.verify_record(verification_id=visit.asked.pk, name=name, by=visit.by)
    except Refused as refusal:
        return _refused(visit, form, refusal)
    return True


def _refuse(visit: SupervisorVisit, form: forms.Form) -> bool:
    try:
        reason = form.cleaned_data["reason"]
        verifying.refuse_record(verification_id=visit.asked.pk, reason=reason, by=visit.by)
    except Refused as refusal:
        return _refused(visit, form, refusal)
    return True


def _refused(visit: SupervisorVisit, form: forms.Form, refusal: Refused) -> bool:
    """What was asked may have been answered or withdrawn meanwhile; then the page says so."""
    visit.asked.refresh_from_db()
    form.add_error(None, str(refusal))
    return False


def _renew(visit: SupervisorVisit) -> HttpResponse:
    """Only who is signed in is led on: everybody else finds the new link in their mail."""
    try:
        newer = verifying.renew_link(verification_id=visit.asked.pk, by=visit.by)
    except Refused:
        return redirect(visit.here)
    is_signed_in = visit.here == reverse("tracks:verification", args=[visit.asked.pk])
    return redirect("tracks:verification", newer.pk) if is_signed_in else redirect(visit.here)


def _page(visit: SupervisorVisit, sign: forms.Form, refuse: forms.Form) -> HttpResponse:
    asked = visit.asked
    context: dict[str, Any] = {
        "asked": asked,
        "track": asked.participation.track.name,
        "what": f"their CE credits of {asked.year}" if asked.year else "their CE credits",
        "until": format_moment_day(asked.expires_at),
    }
    is_over = asked.participation.state not in ACTIVE
    if asked.answered_at or is_over or asked.expires_at <= timezone.now():
        return render(
            visit.request, "tracks/verify_closed.html", context | _closed_text(asked, is_over)
        )
    made = asked.record
    verified = (
        {}
        if asked.year
        else record.verified_lines(certification_queries.verified_years(asked.participation_id))
    )
    sent = asked.submission
    context |= {
        "sign": sign,
        "refuse": refuse,
        "asked_on": format_moment_day(asked.asked_at),
        "reviewed": f"{sent.reviewed_by} on {format_moment_day(sent.reviewed_at)}" if sent else "",
        "sent_on": format_moment_day(sent.submitted_at) if sent else "",
        "required": format_credits(record.required_credits(made)),
        "total": record_words.record_total(made),
        "groups": record_words.category_groups(made, categories(), verified),
    }
    return render(visit.request, "tracks/verify.html", context)


def _closed_text(asked: Verification, is_over: bool) -> dict[str, Any]:
    """What is said where there is nothing to answer any more, or not by this link."""
    number = ""
    if asked.answer == VerificationAnswer.VERIFIED and asked.submission_id:
        issued = Certificate.objects.filter(submission=asked.submission_id, replaces=None)
        number = issued.values_list("number", flat=True).get()
    kind = asked.answer or (VerificationAnswer.WITHDRAWN if is_over else "expired")
    newer = (
        certification_queries.newer_question(asked)
        if asked.answer == VerificationAnswer.WITHDRAWN
        else None
    )
    if newer or asked.reason == NEWER_LINK:
        kind = "newer"
    answered_at = newer.asked_at if newer else asked.answered_at
    return {
        "kind": kind,
        "answered_on": format_moment_day(answered_at) if answered_at else "",
        "reason": asked.reason or ("This period is over." if is_over else ""),
        "certificate": number,
    }
