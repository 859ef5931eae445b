"""The certificate PDF, as screen readers read it and cameras scan its code."""

import datetime as dt
import io
import re

import page as pdf_ua
import pikepdf
import pytest
import segno
import time_machine
from PIL import Image

from accounts.enums import Role
from aspen.certificates import DEMONSTRATION, pdf_data
from aspen.files import pdf
from tests import factories as make
from tests import pdf_readers, tagged_pdf
from tracks import actions
from tracks.certification import certificates
from tracks.models import Certificate

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
PORTAL = "https://aspen.example.gov"
LONG = [
    ("Bartholomew-Maximilian " * 7)[:150],
    "W" * 150,
    "Ñandú Žluťoučký Ελλάδα " * 6,
    "שלום בן־דוד " * 12,
    "🎉" * 150,
    '#panic() [x] \\ " *bold* $x$ `raw` <l> @l // no comment',
]


@pytest.fixture(autouse=True)
def _frozen(settings):
    settings.ADDRESS = PORTAL
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def certificate():
    june = make.person(display_name="June Alvarez")
    return issue(june)


def issue(person, **fields):
    """Issue a certificate, reviewed two days after the submission and verified after four."""
    with time_machine.travel(NOW, tick=False) as clock:
        submission = make.submission(make.following(person, "Library Staff"), **fields)
        clock.shift(86_400 * 2)
        reviewer = make.person(Role.CE_COORDINATOR, display_name="Cyrus Nolan")
        actions.review_submission(
            submission_id=submission.pk, supervisor=make.SUPERVISOR, by=reviewer
        )
        clock.shift(86_400 * 2)
        question = submission.verifications.get()
        issued = actions.verify_record(verification_id=question.pk, by=None)
    return Certificate.objects.select_related("person").get(pk=issued.pk)


def parts(content):
    """Return the strings that are read aloud, with a space for each line break."""
    tags = tagged_pdf.read(content).find("H1", "P", "Figure")
    return [" ".join(" ".join(piece.text for piece in tag.find("")).split()) for tag in tags]


# ---------- Reading aloud ----------


def test_the_certificate_is_read_aloud_in_order(certificate):
    assert parts(certificates.certificate_pdf_file(certificate)) == [
        "MONTANA LIBRARY CERTIFICATION PROGRAM",
        "Certificate",
        "This certifies that",
        "June Alvarez",
        "has completed 60 credits of continuing education and is certified in the following track",
        "Library Staff",
        "15 credits Library Administration",
        "15 credits Library Services to the Public",
        "15 credits Collection Management and Technical Services",
        "15 credits Technology",
        "Issued on November 24, 2026 · Valid until November 24, 2030",
        "Cyrus Nolan",
        "CE Coordinator",
        "Reviewed electronically on November 22, 2026",
        "Dana Chair",
        "Supervisor",
        "Verified electronically on November 24, 2026",
        "No. 2026-0001",
        "",
        "Scan to check this certificate, or go to",
        f"{PORTAL}/certificates/ {certificate.uuid}/",
    ]


def test_the_title_is_the_heading(certificate):
    document = tagged_pdf.read(certificates.certificate_pdf_file(certificate))
    headings = [tag for level in range(1, 7) for tag in document.find(f"H{level}")]
    assert [(tag.kind, tag.full_text) for tag in headings] == [("H1", "Certificate")]


def test_every_line_is_copied_as_words(certificate):
    """Programs that read PDF files take wide spaces between letters for spaces between words."""
    certificate.person.is_demonstration = True
    content = certificates.certificate_pdf_file(certificate)
    lines = ["MONTANA LIBRARY CERTIFICATION PROGRAM", "DEMONSTRATION", "This certifies that"]
    for text in pdf_readers.read_all(content).values():
        assert [line for line in lines if line not in text] == []


@pytest.mark.parametrize("name", pdf_readers.NAMES)
def test_names_are_copied_as_typed(name):
    certificate = issue(make.person(), name=name)
    certificate.coordinator_name = certificate.supervisor_name = name
    content = certificates.certificate_pdf_file(certificate)
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    assert pdf_readers.missing_glyphs(content) == 0
    counts = {reader: text.count(name) for reader, text in pdf_readers.read_all(content).items()}
    assert counts == {"pdfium": 3, "pypdf": 3, "pdfminer": 3}


def test_the_certificate_complies_with_pdf_ua(certificate):
    content = certificates.certificate_pdf_file(certificate)
    report = pdf_ua.validate_pdf_bytes(content, profile=pdf_ua.ValidationProfile.PDF_UA_1)
    assert report.failures == []
    assert report.is_compliant
    with pikepdf.open(io.BytesIO(content)) as opened:
        [sheet] = opened.pages
        assert [float(each) for each in sheet.MediaBox] == [0, 0, 792, 612]
        assert str(opened.Root.Lang) == "en-US"
        assert str(opened.docinfo.Title) == "Certificate 2026-0001: June Alvarez"
        assert opened.Root.ViewerPreferences.DisplayDocTitle
        assert opened.Root.MarkInfo.Marked
        [figure] = [each for each in opened.objects if is_a(each, "/S", "/Figure")]
        address = f"{PORTAL}/certificates/{certificate.uuid}/"
        assert str(figure.Alt) == (f"QR code for {address}, where this certificate can be checked")
        assert {str(link.A.URI) for link in sheet.Annots} == {address}
        descriptors = [each for each in opened.objects if is_a(each, "/Type", "/FontDescriptor")]
        assert len(descriptors) >= 4
        assert all("/FontFile2" in each or "/FontFile3" in each for each in descriptors)


def is_a(thing, key, value):
    return isinstance(thing, pikepdf.Dictionary) and str(thing.get(key, "")) == value


@pytest.mark.parametrize("name", LONG)
def test_a_name_of_any_length_fits_on_the_page_and_is_read_in_full(name):
    certificate = issue(make.person(), name=name)
    certificate.coordinator_name = certificate.supervisor_name = name
    content = certificates.certificate_pdf_file(certificate)
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert len(opened.pages) == 1
    read = [re.sub(r"[\s\u200b]", "", part) for part in parts(content)]
    shown = pdf.printable_text(name)
    place = read.index("Thiscertifiesthat") + 1
    assert sorted(read[place]) == sorted(re.sub(r"\s", "", shown))
    assert is_white_inside_the_frame(picture_of(certificate))


def test_categories_without_credits_are_omitted():
    certificate = issue(make.person())
    certificate.record["categories"][1]["counted"] = "0"
    text = " ".join(parts(certificates.certificate_pdf_file(certificate)))
    assert "Technology" in text
    assert "Library Services to the Public" not in text


def test_a_certificate_of_the_demonstration_is_marked(certificate):
    assert "Demonstration" not in " ".join(parts(certificates.certificate_pdf_file(certificate)))
    certificate.person.is_demonstration = True
    content = certificates.certificate_pdf_file(certificate)
    assert parts(content)[0] == DEMONSTRATION
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    red = Image.new("RGB", (1, 1), "#f6e5e4").getpixel((0, 0))
    assert red in colors(picture_of(certificate))  # printed across the whole page


# ---------- Rendering ----------


def picture_of(certificate, points=2):
    """Render the page from the same data as an image with `points` pixels per point."""
    data = data_of(certificate)
    content = pdf._compile("certificate.typ", data, format="png", ppi=72 * points)
    return Image.open(io.BytesIO(content)).convert("RGB")


def data_of(certificate):
    change = pdf.printable_text
    return pdf._each_text(pdf_data(certificates.certificate_sheet(certificate)), change)


def colors(image):
    return {color for _, color in image.getcolors(maxcolors=1 << 24)}


def is_white_inside_the_frame(image):
    """Return True if the space between the frame and the text is white."""
    left, right = image.crop((94, 160, 126, 1064)), image.crop((1458, 160, 1490, 1064))
    return {*colors(left), *colors(right)} == {(255, 255, 255)}


def test_the_code_contains_the_address_printed_below_it(certificate):
    """Every module of the printed code matches the code that segno makes."""
    image = picture_of(certificate, points=4)
    black = image.convert("L").point(lambda value: 255 if value == 0 else 0).getbbox()
    expected = [
        [bool(module) for module in row]
        for row in segno.make(f"{PORTAL}/certificates/{certificate.uuid}/", error="m").matrix
    ]
    left, top, right, bottom = black
    size = (right - left) / len(expected)
    assert size == pytest.approx((bottom - top) / len(expected), abs=0.1)
    found = [
        [
            image.getpixel((int(left + (x + 0.5) * size), int(top + (y + 0.5) * size)))[0] < 128
            for x in range(len(expected))
        ]
        for y in range(len(expected))
    ]
    assert found == expected
    assert size > 6  # at four pixels per point, that is half a millimeter, enough for any phone
