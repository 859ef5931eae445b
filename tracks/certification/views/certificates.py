"""A certificate for anybody who has its address, and one's own to print and to show."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import certificates
from tracks.certification import certificates as certificate_files
from tracks.counting import queries as counting_queries
from tracks.models import Certificate


@require_safe
def my_certificates(request: AuthenticatedHttpRequest) -> HttpResponse:
    """One's certificates, revoked ones included."""
    own = counting_queries.certificates_of(request.user)
    return render(
        request,
        "tracks/certificates.html",
        {"certificates": [*map(certificates.certificate_row, own)]},
    )


@login_not_required
@never_cache
@require_safe
def certificate(request: HttpRequest, address: str) -> HttpResponse:
    """Whether a certificate holds. Public, but only for who has the address: it cannot be guessed,
    as a number could, and search engines are asked not to keep it."""
    found = _certificate_at(address)
    template = "tracks/certificate.html" if found else "tracks/certificate_unknown.html"
    context = (
        {"certificate": certificates.public_facts(found)}
        if found
        else {"standing": certificates.UNKNOWN}
    )
    response = render(request, template, context, status=200 if found else 404)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@never_cache
@require_safe
def certificate_pdf(request: AuthenticatedHttpRequest, address: str) -> HttpResponse:
    """The certificate to print, for its person and for staff who may view certificates."""
    found = _certificate_at(address)
    if found is None or not _may_print(request.user, found):
        raise Http404
    if found.revoked_at:
        messages.error(
            request,
            f"Certificate {found.number} was revoked, so it can no longer be printed. This page "
            "says why.",
        )
        return redirect(found)
    response = HttpResponse(
        certificate_files.certificate_pdf_file(found), content_type="application/pdf"
    )
    name = f"certificate-{found.number}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _certificate_at(address: str) -> Certificate | None:
    """The certificate that this part of an address names; upper case is typed from paper."""
    try:
        wanted = uuid.UUID(address)
    except ValueError:
        return None
    return counting_queries.certificates_with_details().filter(uuid=wanted).first()


def _may_print(reader: User, certificate: Certificate) -> bool:
    sees_all = reader.is_staff and reader.has_perm("tracks.view_certificate")
    return sees_all or certificate.person_id == reader.pk
