"""Certificates of attendance: the pages of people and of guests, and the one to check them."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature, SignatureExpired
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from aspen.certificates import UNKNOWN, pdf_file, uuid_of
from aspen.errors import Refused
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, attendance
from credits.attendance_sheet import attendance_facts, sheet
from credits.models import AttendanceCertificate
from events.models import Event


@never_cache
@require_safe
def own(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Show the person's certificate for an event, and issue it on first demand.

    If they had one that was withdrawn, redirect to the page that says so.
    """
    certificate = _own_certificate(request, event_id)
    if certificate.withdrawn_at:
        return redirect(certificate)
    context = {"certificate": attendance_facts(certificate), "event_id": event_id}
    return render(request, "credits/attendance.html", context)


@never_cache
@require_safe
def own_pdf(request: AuthenticatedHttpRequest, event_id: int) -> HttpResponse:
    """Serve the PDF of the person's certificate for an event, and issue it on first demand."""
    certificate = _own_certificate(request, event_id)
    if certificate.withdrawn_at:
        return redirect(certificate)
    return _pdf(certificate)


def _own_certificate(request: AuthenticatedHttpRequest, event_id: int) -> AttendanceCertificate:
    """Return the person's certificate, or else the last one withdrawn. Raise Http404 if none."""
    try:
        return actions.issue_attendance_certificate(event_id=event_id, by=request.user)
    except Event.DoesNotExist as error:
        raise Http404 from error
    except Refused as error:
        earlier = AttendanceCertificate.objects.filter(person=request.user, event=event_id).first()
        if earlier is None:
            raise Http404 from error
        return earlier


def _pdf(certificate: AttendanceCertificate) -> HttpResponse:
    response = HttpResponse(pdf_file(sheet(certificate)), content_type="application/pdf")
    name = f"attendance-{certificate.number}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@login_not_required
@never_cache
@require_safe
def check(request: HttpRequest, address: str) -> HttpResponse:
    """Show whether a certificate is valid to anyone who has its address.

    The address cannot be guessed, and search engines are asked not to index it.
    """
    uuid = uuid_of(address)
    certificate = AttendanceCertificate.objects.filter(uuid=uuid).first() if uuid else None
    if certificate:
        context: dict[str, object] = {"certificate": attendance_facts(certificate)}
        response = render(request, "credits/attendance_check.html", context)
    else:
        context = {"validity": UNKNOWN}
        response = render(request, "includes/certificate_unknown.html", context, status=404)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


# ---------- People without an account ----------

FORGED = "Copy the whole link from the e-mail, without anything before or after it."
EXPIRED = "The link in the e-mail worked for a year."


@login_not_required
@never_cache
@require_safe
def guest(request: HttpRequest, token: str) -> HttpResponse:
    """Show a guest's certificate to anyone with the link, and issue it on first demand."""

    def page(certificate: AttendanceCertificate) -> HttpResponse:
        context = {"certificate": attendance_facts(certificate), "token": token}
        return render(request, "credits/attendance_guest.html", context)

    return _to_guest(request, token, page)


@login_not_required
@never_cache
@require_safe
def guest_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the PDF of a guest's certificate to anyone with the link."""
    return _to_guest(request, token, _pdf)


def _to_guest(
    request: HttpRequest, token: str, respond: Callable[[AttendanceCertificate], HttpResponse]
) -> HttpResponse:
    """Respond with the link's certificate, or say why there is none."""
    try:
        event_id, key = attendance.guest_link(token)
        response = respond(actions.issue_guest_certificate(event_id=event_id, key=key))
    except SignatureExpired:
        response = _no_certificate(request, EXPIRED)
    except BadSignature:
        response = _no_certificate(request, FORGED)
    except Refused as refusal:
        response = _no_certificate(request, str(refusal))
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _no_certificate(request: HttpRequest, reason: str) -> HttpResponse:
    context = {"reason": reason}
    return render(request, "credits/attendance_refused.html", context, status=404)
