"""A certificate's validity, public details and PDF. Takes no queries."""

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.urls import reverse
from django.utils import timezone

from aspen.certificates import (
    CreditLine,
    Sheet,
    Signature,
    Validity,
    long_day,
    long_day_of,
    pdf_file,
)
from aspen.clock import today, years_after
from aspen.formats import format_credits, format_day
from tracks.certification import record
from tracks.enums import CERTIFICATE_LABELS, CertificateValidity
from tracks.models import Certificate

# How long the person's first pages show a new certificate above everything else.
NEW_FOR = dt.timedelta(days=31)


class CertificateFacts(NamedTuple):
    """The public details of a certificate. The only personal one is the name on it.

    `reissued` is the number of the certificate that replaced this one. `pdf_url` works only for the
    holder and for staff, and is empty once the certificate is revoked.
    """

    number: str
    name: str
    track: str
    issued_on: str
    expires_on: str
    validity: Validity
    revoked_reason: str
    reissued: str
    is_demonstration: bool
    url: str
    address: str
    pdf_url: str


def validity(certificate: Certificate, on: dt.date | None = None) -> Validity:
    """Return the certificate's validity on a day, today by default.

    A certificate is valid through its last day unless it has been revoked.
    """
    number, last_day = certificate.number, format_day(certificate.expires_on)
    if certificate.revoked_at:
        day = format_day(timezone.localdate(certificate.revoked_at))
        state, text = CertificateValidity.REVOKED, f"Certificate {number} was revoked on {day}."
    elif certificate.expires_on < (on or today()):
        state, text = (
            CertificateValidity.EXPIRED,
            f"Certificate {number} was valid until {last_day} and has expired.",
        )
    else:
        state, text = CertificateValidity.VALID, f"Certificate {number} is valid until {last_day}."
    return Validity(CERTIFICATE_LABELS[state], text)


def is_valid(certificate: Certificate) -> bool:
    return validity(certificate).label == CERTIFICATE_LABELS[CertificateValidity.VALID]


def replacement(certificate: Certificate) -> Certificate | None:
    """Return the certificate that replaced this one, if any. Needs `replaced_by` selected."""
    try:
        return certificate.replaced_by
    except ObjectDoesNotExist:
        return None


def certificate_facts(certificate: Certificate) -> CertificateFacts:
    """Return the public details of a certificate. Needs the person and `replaced_by` selected."""
    reissued = replacement(certificate)
    return CertificateFacts(
        number=certificate.number,
        name=certificate.name,
        track=certificate.record["track"],
        issued_on=format_day(certificate.issued_on),
        expires_on=format_day(certificate.expires_on),
        validity=validity(certificate),
        revoked_reason=certificate.revoked_reason,
        reissued=reissued.number if reissued else "",
        is_demonstration=certificate.person.is_demonstration,
        url=certificate.get_absolute_url(),
        address=certificate_url(certificate),
        pdf_url="" if certificate.revoked_at else pdf_url(certificate),
    )


class OwnCertificate(NamedTuple):
    """A certificate as its holder sees it.

    `credits` is how many it counts. `until` and `issued` are days as the certificate prints them.
    `is_early` is true if the first reminder, a year before it expires, is still to come.
    """

    facts: CertificateFacts
    credits: str
    issued: str
    until: str
    is_revoked: bool
    is_valid: bool
    is_early: bool
    replaced_by_url: str


def own_certificate(certificate: Certificate) -> OwnCertificate:
    """Return what the holder sees. Needs the person and `replaced_by` selected."""
    facts, reissued = certificate_facts(certificate), replacement(certificate)
    return OwnCertificate(
        facts=facts,
        credits=record.record_total(certificate.record),
        issued=long_day(certificate.issued_on),
        until=long_day(certificate.expires_on),
        is_revoked=certificate.revoked_at is not None,
        is_valid=is_valid(certificate),
        is_early=certificate.expires_on > years_after(today(), 1),
        replaced_by_url=reissued.get_absolute_url() if reissued else "",
    )


def certificate_url(certificate: Certificate) -> str:
    """Return the absolute public URL of a certificate.

    It does not depend on the request, because it is printed on the certificate.
    """
    return f"{settings.ADDRESS}{certificate.get_absolute_url()}"


def pdf_url(certificate: Certificate) -> str:
    return reverse("tracks:certificate_pdf", args=[certificate.uuid])


def pdf_name(certificate: Certificate) -> str:
    return f"certificate-{certificate.number}.pdf"


PROGRAM_NAME = "Montana Library Certification Program"


def certificate_pdf_file(certificate: Certificate) -> bytes:
    """Render the PDF, even for an expired certificate. Needs the person selected."""
    return pdf_file(certificate_sheet(certificate))


def certificate_sheet(certificate: Certificate) -> Sheet:
    record_data = certificate.record
    return Sheet(
        heading="Certificate",
        program=PROGRAM_NAME,
        number=certificate.number,
        name=certificate.name,
        completed=f"has completed {record.record_total(record_data)} of continuing education "
        "and is certified in the following track",
        subject=record_data["track"],
        categories=[
            CreditLine(format_credits(credits), category["name"])
            for category in record_data["categories"]
            if (credits := Decimal(category["counted"]))
        ],
        days=f"Issued on {long_day(certificate.issued_on)}  ·  "
        f"Valid until {long_day(certificate.expires_on)}",
        signatures=[
            Signature(
                certificate.coordinator_name,
                "CE Coordinator",
                f"Reviewed electronically on {long_day_of(certificate.reviewed_at)}",
            ),
            Signature(
                certificate.supervisor_name,
                "Supervisor",
                f"Verified electronically on {long_day_of(certificate.verified_at)}",
            ),
        ],
        uuid=certificate.uuid,
        address=certificate_url(certificate),
        has_seal=True,
        is_demonstration=certificate.person.is_demonstration,
    )
