"""Certificates of attendance: the page of their holder, and the one to check them."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from aspen.certificates import UNKNOWN, pdf_file, uuid_of
from aspen.errors import Refused
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions
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
