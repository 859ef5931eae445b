"""What a certificate says of itself: whether it holds, and what people read of it. No query."""

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date

from aspen.clock import today
from aspen.files import pdf, qr
from aspen.formats import format_credits, format_day
from aspen.web.labels import Label
from tracks.certification import record
from tracks.enums import CERTIFICATE_LABELS, UNKNOWN_CERTIFICATE
from tracks.enums import CertificateValidity as Validity
from tracks.models import Certificate


class CertificateValidity(NamedTuple):
    """Whether a certificate holds: a label and a sentence."""

    label: Label
    text: str


UNKNOWN = CertificateValidity(UNKNOWN_CERTIFICATE, "No certificate has this address.")


def validity(certificate: Certificate, on: dt.date | None = None) -> CertificateValidity:
    """Valid through its last day, then expired; revoked at any time, and that stays."""
    number, last_day = certificate.number, format_day(certificate.expires_on)
    if certificate.revoked_at:
        day = format_day(timezone.localdate(certificate.revoked_at))
        validity, text = Validity.REVOKED, f"Certificate {number} was revoked on {day}."
    elif certificate.expires_on < (on or today()):
        text = f"Certificate {number} was valid until {last_day} and has expired since."
        validity = Validity.EXPIRED
    else:
        validity, text = Validity.VALID, f"Certificate {number} is valid until {last_day}."
    return CertificateValidity(CERTIFICATE_LABELS[validity], text)


def replacement(certificate: Certificate) -> Certificate | None:
    """The one issued anew in its place. Needs `replaced_by` selected."""
    try:
        return certificate.replaced_by
    except ObjectDoesNotExist:
        return None


def public_facts(certificate: Certificate) -> dict[str, Any]:
    """What anybody may read who has the address: nothing of the person but the name on it.

    Needs the person and `replaced_by` selected.
    """
    reissued = replacement(certificate)
    return {
        "number": certificate.number,
        "name": certificate.name,
        "track": certificate.record["track"],
        "issued_on": format_day(certificate.issued_on),
        "expires_on": format_day(certificate.expires_on),
        "standing": validity(certificate),
        "revoked_reason": certificate.revoked_reason,
        "reissued": reissued.number if reissued else "",
        "is_demonstration": certificate.person.is_demonstration,
    }


def certificate_row(certificate: Certificate) -> dict[str, Any]:
    """A row of the person's own list: the same, and where to print and to show it."""
    return {
        **public_facts(certificate),
        "url": certificate.get_absolute_url(),
        "address": certificate_url(certificate),
        "pdf_url": "" if certificate.revoked_at else pdf_url(certificate),
    }


def certificate_url(certificate: Certificate) -> str:
    """Where anybody can look it up: printed on paper, so it does not hang on this request."""
    return f"{settings.ADDRESS}{certificate.get_absolute_url()}"


def pdf_url(certificate: Certificate) -> str:
    return reverse("tracks:certificate_pdf", args=[certificate.uuid])


PROGRAM_NAME = "Montana Library Certification Program"
DEMONSTRATION = (
    "Demonstration: the person and the trainings are invented. This paper certifies nothing."
)


def certificate_pdf_file(certificate: Certificate) -> bytes:
    """As it was issued, expired or not. Needs the person selected."""
    return pdf.render("certificate.typ", certificate_pdf_data(certificate))


def certificate_pdf_data(certificate: Certificate) -> dict[str, Any]:
    made, checked_at = certificate.record, certificate_url(certificate)
    head = len(checked_at) - len(f"{certificate.uuid}/")
    return {
        "title": f"Certificate {certificate.number}",
        "heading": "Certificate",
        "program": PROGRAM_NAME,
        "certifies": "This certifies that",
        "name": certificate.name,
        "completed": f"has completed {format_credits(record.counted_credits(made))} of continuing "
        "education and is certified in the track",
        "track": made["track"],
        "categories": [
            {"credits": format_credits(credits), "name": category["name"]}
            for category in made["categories"]
            if (credits := Decimal(category["counted"]))
        ],
        "days": f"Issued on {_day(certificate.issued_on)}  ·  "
        f"Valid until {_day(certificate.expires_on)}",
        "signatures": [
            {
                "who": certificate.coordinator_name,
                "office": "CE Coordinator",
                "done": f"Reviewed electronically on {_day_of(certificate.reviewed_at)}",
            },
            {
                "who": certificate.supervisor_name,
                "office": "Supervisor",
                "done": f"Verified electronically on {_day_of(certificate.verified_at)}",
            },
        ],
        "number": f"No. {certificate.number}",
        "code": qr.svg_file(checked_at),
        "code_says": f"QR code of {checked_at}, where this certificate can be checked",
        "check": "Check this certificate: scan, or open",
        "address": checked_at,
        "address_start": checked_at[:head],
        "address_end": checked_at[head:],
        "demonstration": DEMONSTRATION if certificate.person.is_demonstration else "",
    }


def _day(day: dt.date) -> str:
    return format_date(day, "F j, Y")


def _day_of(moment: dt.datetime) -> str:
    return _day(timezone.localdate(moment))
