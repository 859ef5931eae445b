"""What certificates of every kind share: the sheet as PDF, and the page of an unknown address."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone
from django.utils.dateformat import format as format_date

from aspen.files import pdf, qr
from aspen.web.labels import Label

DEMONSTRATION = (
    "Demonstration: the person and the training are fictional. This is not a real certificate."
)


class Validity(NamedTuple):
    """The validity of a certificate, as a label and a sentence."""

    label: Label
    text: str


UNKNOWN = Validity(Label("Unknown", "neutral", "?"), "No certificate has this address.")


class CreditLine(NamedTuple):
    """Credits in a category, such as "3 credits" and "Technology"."""

    credits: str
    name: str


class Signature(NamedTuple):
    """Who stands for the certificate, in which office, and what they did."""

    who: str
    office: str
    done: str


class Sheet(NamedTuple):
    """The text of a certificate. `address` is where anyone can check it, and ends with `uuid`.

    A sheet with a seal is a certificate of certification.
    """

    heading: str
    program: str
    number: str
    name: str
    completed: str
    subject: str
    categories: Sequence[CreditLine]
    days: str
    signatures: Sequence[Signature]
    uuid: UUID
    address: str
    has_seal: bool
    is_demonstration: bool


def pdf_file(sheet: Sheet) -> bytes:
    """Render the certificate as an accessible PDF with a QR code of its address."""
    return pdf.render("certificate.typ", pdf_data(sheet))


def pdf_data(sheet: Sheet) -> dict[str, Any]:
    address = sheet.address
    uuid_start = len(address) - len(f"{sheet.uuid}/")
    return {
        "title": f"{sheet.heading} {sheet.number}",
        "heading": sheet.heading,
        "program": sheet.program,
        "certifies": "This certifies that",
        "name": sheet.name,
        "completed": sheet.completed,
        "subject": sheet.subject,
        "categories": [line._asdict() for line in sheet.categories],
        "days": sheet.days,
        "signatures": [each._asdict() for each in sheet.signatures],
        "number": f"No. {sheet.number}",
        "has_seal": sheet.has_seal,
        "code": qr.svg_file(address),
        "code_says": f"QR code for {address}, where this certificate can be checked",
        "check": "Scan to check this certificate, or go to",
        "address": address,
        "address_start": address[:uuid_start],
        "address_end": address[uuid_start:],
        "demonstration": DEMONSTRATION if sheet.is_demonstration else "",
    }


def long_day(day: dt.date) -> str:
    """Return a day as certificates print it: November 24, 2026."""
    return format_date(day, "F j, Y")


def long_day_of(moment: dt.datetime) -> str:
    return long_day(timezone.localdate(moment))


def uuid_of(address: str) -> UUID | None:
    """Return the identifier that people typed or scanned, in upper or lower case, or None."""
    try:
        return UUID(address)
    except ValueError:
        return None
