"""A certificate on paper, to hang on a wall (templates/pdf/certificate.typ)."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as format_date

from aspen import formats
from aspen.files import pdf, qr
from tracks import certificates, record
from tracks.models import Certificate

PROGRAM = "Montana Library Certification Program"
DEMONSTRATION = (
    "Demonstration: the person and the trainings are invented. This paper certifies nothing."
)


def as_pdf(certificate: Certificate) -> bytes:
    """As it was issued, expired or not. Needs the person selected."""
    return pdf.render("certificate.typ", paper_data(certificate))


def paper_data(certificate: Certificate) -> dict[str, Any]:
    made, address = certificate.record, certificates.address(certificate)
    head = len(address) - len(f"{certificate.uuid}/")
    return {
        "title": f"Certificate {certificate.number}",
        "heading": "Certificate",
        "program": PROGRAM,
        "certifies": "This certifies that",
        "name": certificate.name,
        "completed": f"has completed {formats.credits(record.counted(made))} of continuing "
        "education and is certified in the track",
        "track": made["track"],
        "categories": [
            {"credits": formats.credits(credits), "name": category["name"]}
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
        "code": qr.picture(address),
        "code_says": f"QR code of {address}, where this certificate can be checked",
        "check": "Check this certificate: scan, or open",
        "address": address,
        "address_start": address[:head],
        "address_end": address[head:],
        "demonstration": DEMONSTRATION if certificate.person.is_demonstration else "",
    }


def _day(day: dt.date) -> str:
    return format_date(day, "F j, Y")


def _day_of(moment: dt.datetime) -> str:
    return _day(timezone.localdate(moment))
