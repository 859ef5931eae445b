"""A certificate's public page, and the pages where people find and print their own."""

from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from aspen.certificates import UNKNOWN, uuid_of
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import certificates
from tracks.counting import queries as counting_queries
from tracks.models import Certificate


@require_safe
def my_certificates(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the person's latest valid certificate, and list the others, including revoked ones."""
    own = list(counting_queries.certificates_of(request.user))
    if not own:
        return render(request, "tracks/no_certificate.html")
    own.sort(key=lambda each: not certificates.is_valid(each))
    return _own_page(request, own[0], others=own[1:])


@login_not_required
@never_cache
@require_safe
def certificate(request: HttpRequest, address: str) -> HttpResponse:
    """Show whether a certificate is valid to anyone who has its address.

    Its holder sees the page with the picture and the PDF instead. Unlike the number, the address
    cannot be guessed, and search engines are asked not to index it.
    """
    certificate = _certificate_at(address)
    if certificate is None:
        context = {"validity": UNKNOWN}
        response = render(request, "includes/certificate_unknown.html", context, status=404)
    elif certificate.person_id == request.user.pk:
        response = _own_page(request, certificate)
    else:
        facts = certificates.certificate_facts(certificate)
        response = render(request, "tracks/certificate.html", {"certificate": facts})
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _own_page(
    request: HttpRequest, certificate: Certificate, *, others: Sequence[Certificate] = ()
) -> HttpResponse:
    """Show a certificate to its holder. `others` are listed below it."""
    active = counting_queries.active_participations(certificate.person).prefetch_related(None)
    track = certificate.participation.track_id
    context = {
        "certificate": certificates.own_certificate(certificate),
        "period": next((each for each in active if each.track_id == track), None),
        "others": [certificates.certificate_facts(each) for each in others],
    }
    return render(request, "tracks/my_certificate.html", context)


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
    uuid = uuid_of(address)
    if uuid is None:
        return None
    return counting_queries.certificates_with_details().filter(uuid=uuid).first()


def _can_print(reader: User, certificate: Certificate) -> bool:
    can_view_all = reader.is_staff and reader.has_perm("tracks.view_certificate")
    return can_view_all or certificate.person_id == reader.pk
