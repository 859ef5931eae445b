"""A certificate's public page, and the pages where people find and print their own."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import certificates
from tracks.counting import queries as counting_queries
from tracks.models import Certificate


@require_safe
def my_certificates(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List the person's own certificates, including revoked ones."""
    own = counting_queries.certificates_of(request.user)
    context = {"certificates": [certificates.certificate_facts(each) for each in own]}
    return render(request, "tracks/certificates.html", context)


@login_not_required
@never_cache
@require_safe
def certificate(request: HttpRequest, address: str) -> HttpResponse:
    """Show whether a certificate is valid to anyone who has its address.

    Unlike the number, the address cannot be guessed, and search engines are asked not to index it.
    """
    if certificate := _certificate_at(address):
        facts = certificates.certificate_facts(certificate)
        response = render(request, "tracks/certificate.html", {"certificate": facts})
    else:
        context = {"validity": certificates.UNKNOWN}
        response = render(request, "tracks/certificate_unknown.html", context, status=404)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@never_cache
@require_safe
def certificate_pdf(request: AuthenticatedHttpRequest, address: str) -> HttpResponse:
    """Serve a certificate's PDF to the holder and to staff with permission; 404 for others."""
    certificate = _certificate_at(address)
    if certificate is None or not _can_print(request.user, certificate):
        raise Http404
    if certificate.revoked_at:
        messages.error(
            request,
            f"Certificate {certificate.number} was revoked, so it can no longer be printed. The "
            "reason is below.",
        )
        return redirect(certificate)
    response = HttpResponse(
        certificates.certificate_pdf_file(certificate), content_type="application/pdf"
    )
    name = certificates.pdf_name(certificate)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _certificate_at(address: str) -> Certificate | None:
    """Return the certificate with this address, in upper or lower case, if any."""
    try:
        uuid = UUID(address)
    except ValueError:
        return None
    return counting_queries.certificates_with_details().filter(uuid=uuid).first()


def _can_print(reader: User, certificate: Certificate) -> bool:
    can_view_all = reader.is_staff and reader.has_perm("tracks.view_certificate")
    return can_view_all or certificate.person_id == reader.pk
