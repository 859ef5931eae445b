"""A certificate of attendance as text: its pages, its picture and its PDF. Takes no queries."""

import textwrap
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from aspen.certificates import CreditLine, Sheet, Signature, Validity, long_day_of
from aspen.formats import format_day
from aspen.web.labels import Label
from credits.attendance import ON_THEIR_WORD, PrintedFacts
from credits.models import AttendanceCertificate

HEADING = "Certificate of attendance"
PROGRAM_NAME = "Montana library training"
NO_CREDIT = "This training earns no CE credit"
VALID = Label("Valid", "good", "✓")
WITHDRAWN = Label("Withdrawn", "bad", "✕")
# What fits on the picture of the certificate, in letters.
MAX_NAME, MAX_TITLE, MAX_SPONSOR = 26, 52, 40


class PictureLine(NamedTuple):
    """A line of text on the picture, and its height from the top."""

    text: str
    y: int


class Picture(NamedTuple):
    """The texts of the picture that do not fit as they are. The PDF has all of them in full."""

    title: list[PictureLine]
    credits: PictureLine
    sponsor: str
    name_is_long: bool


class AttendanceFacts(NamedTuple):
    """The details of a certificate of attendance. The only personal one is the name on it."""

    number: str
    name: str
    took_part: str
    title: str
    sponsor: str
    when: str
    hours: str
    credits: list[str]
    basis: str
    is_unverified: bool
    issued_on: str
    issued_day: str
    validity: Validity
    withdrawn_reason: str
    is_demonstration: bool
    url: str
    address: str
    picture: Picture


def attendance_facts(certificate: AttendanceCertificate) -> AttendanceFacts:
    printed: PrintedFacts = certificate.printed
    credits = [f"{amount} in {category}" for amount, category in printed["credits"]]
    return AttendanceFacts(
        number=certificate.number,
        name=certificate.name,
        took_part=_took_part(printed),
        title=printed["title"],
        sponsor=printed["sponsor"],
        when=printed["when"],
        hours=printed["hours"],
        credits=credits,
        basis=printed["basis"],
        is_unverified=printed["basis"] == ON_THEIR_WORD,
        issued_on=format_day(timezone.localdate(certificate.issued_at)),
        issued_day=long_day_of(certificate.issued_at),
        validity=validity(certificate),
        withdrawn_reason=certificate.withdrawn_reason,
        is_demonstration=printed["is_demonstration"],
        url=certificate.get_absolute_url(),
        address=check_url(certificate),
        picture=_picture(certificate, "; ".join(credits) or f"{NO_CREDIT}."),
    )


def validity(certificate: AttendanceCertificate) -> Validity:
    """Return whether the certificate is valid. It is until it is withdrawn."""
    number = certificate.number
    if certificate.withdrawn_at:
        day = format_day(timezone.localdate(certificate.withdrawn_at))
        return Validity(WITHDRAWN, f"Certificate {number} was withdrawn on {day}.")
    return Validity(VALID, f"Certificate {number} is valid.")


def check_url(certificate: AttendanceCertificate) -> str:
    """Return the absolute URL where anyone can check the certificate. It is printed on it."""
    return f"{settings.ADDRESS}{certificate.get_absolute_url()}"


def _took_part(printed: PrintedFacts) -> str:
    verb = "presented" if printed["is_presenter"] else "took part"
    return f"{verb} on {printed['when']}, in"


def _picture(certificate: AttendanceCertificate, credits: str) -> Picture:
    printed: PrintedFacts = certificate.printed
    title = textwrap.wrap(printed["title"], MAX_TITLE, max_lines=2, placeholder=" …")
    lines = [PictureLine(text, 326 + 24 * number) for number, text in enumerate(title)]
    return Picture(
        title=lines,
        credits=PictureLine(textwrap.shorten(credits, 80, placeholder=" …"), lines[-1].y + 36),
        sponsor=textwrap.shorten(printed["sponsor"], MAX_SPONSOR, placeholder=" …"),
        name_is_long=len(certificate.name) > MAX_NAME,
    )


def sheet(certificate: AttendanceCertificate) -> Sheet:
    """Return the text of the PDF."""
    printed: PrintedFacts = certificate.printed
    notes = [printed["hours"], "" if printed["credits"] else NO_CREDIT]
    return Sheet(
        heading=HEADING,
        program=PROGRAM_NAME,
        number=certificate.number,
        name=certificate.name,
        completed=_took_part(printed),
        subject=printed["title"],
        categories=[CreditLine(amount, category) for amount, category in printed["credits"]],
        days="  ·  ".join(
            filter(None, [*notes, f"Issued on {long_day_of(certificate.issued_at)}"])
        ),
        signatures=[Signature(printed["sponsor"] or "Not named", "Sponsor", printed["basis"])],
        uuid=certificate.uuid,
        address=check_url(certificate),
        has_seal=False,
        is_demonstration=printed["is_demonstration"],
    )
