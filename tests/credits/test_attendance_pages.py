"""The pages and the PDF of certificates of attendance."""

import io
from typing import Any

import page as pdf_ua
import pikepdf
import pytest
import time_machine
from django.test import Client
from lxml import html
from PIL import Image

from accounts.models import User
from aspen.certificates import pdf_data, pdf_file
from aspen.files import pdf, qr
from credits import actions
from credits.attendance_sheet import check_url, sheet
from credits.models import AttendanceCertificate
from events.models import Event
from tests import factories as make
from tests import pdf_readers, tagged_pdf
from tests.credits.test_attendance_certificates import NOW, issue, present
from tests.web import signed_in, text

pytestmark = pytest.mark.django_db
PORTAL = "https://aspen.example.gov"
UNKNOWN = "58705cb3-228f-4683-8f43-2dbb4da999c5"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.ADDRESS = PORTAL


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Alvarez", email="june@library.example")


@pytest.fixture
def event() -> Event:
    title = "Welcome to the board: an orientation for new trustees"
    return make.event(title=title, hours=3, credits={make.ADMINISTRATION: "3.0"})


@pytest.fixture
def certificate(june: User, event: Event) -> AttendanceCertificate:
    make.claim(june, event)
    with time_machine.travel(NOW, tick=False):
        return issue(event, june)


def main(response: Any) -> str:
    page = text(response)
    return page[page.index("<main") : page.index("</main")]


# ---------- The holder's page ----------


def test_the_page_issues_the_certificate_and_leads_to_its_pdf(june: User, event: Event) -> None:
    make.claim(june, event)
    client = signed_in(june)
    page = client.get(f"/attendance/{event.pk}/")
    certificate = AttendanceCertificate.objects.get()
    assert "On the participant’s word, not yet verified." in main(page)
    assert check_url(certificate) in main(page)
    links = {
        each.text_content(): each.get("href") for each in html.fromstring(text(page)).iter("a")
    }
    assert links["Check the certificate"] == certificate.get_absolute_url()
    file = client.get(links["Download (PDF)"])
    assert file["Content-Type"] == "application/pdf"
    assert file["Content-Disposition"] == f'attachment; filename="attendance-{certificate}.pdf"'
    assert "no-store" in file["Cache-Control"]
    assert AttendanceCertificate.objects.count() == 1


def test_the_page_of_a_withdrawn_certificate_says_so(
    june: User, certificate: AttendanceCertificate
) -> None:
    actions.withdraw_claim(claim_id=certificate.claim_id or 0, by=june)
    for name in ("", "certificate.pdf"):
        response = signed_in(june).get(f"/attendance/{certificate.event_id}/{name}")
        assert response["Location"] == certificate.get_absolute_url()


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_the_same_number_of_queries(
    june: User, number: int, django_assert_num_queries: Any
) -> None:
    events = [make.claim(june).event for _ in range(number)]
    client = signed_in(june)
    client.get(f"/attendance/{events[0].pk}/")
    with django_assert_num_queries(14):
        client.get(f"/attendance/{events[0].pk}/")


def test_a_long_name_and_title_stay_on_the_picture(june: User) -> None:
    person = make.person(display_name="Bartholomew-Maximilian " * 6)
    event = make.event(title="A very long title of a training " * 9)
    make.claim(person, event)
    page = html.fromstring(text(signed_in(person).get(f"/attendance/{event.pk}/")))
    [picture] = page.xpath("//figure/*")
    assert event.title in picture.get("aria-label")
    lines = [each.text_content() for each in picture.iter() if each.tag == "text"]
    assert max(len(line) for line in lines if "Barth" not in line) < 80
    assert picture.xpath("*[@textlength='580']")


# ---------- Links to it ----------


def test_each_credit_and_the_event_link_to_it(june: User, event: Event) -> None:
    make.claim(june, event)
    link = f'href="/attendance/{event.pk}/"'
    client = signed_in(june)
    pages = ["/continuing-education/credits/", "/continuing-education/", event.get_absolute_url()]
    assert [link in text(client.get(each)) for each in pages] == [True, True, True]
    assert link not in text(signed_in(make.person()).get(event.get_absolute_url()))
    assert link not in text(Client().get(event.get_absolute_url()))


def test_a_credit_that_does_not_count_has_no_link(june: User, event: Event) -> None:
    claim = make.claim(june, event)
    actions.withdraw_claim(claim_id=claim.pk, by=june)
    custom = actions.claim_custom_event(facts=make.facts(), by=june)
    page = text(signed_in(june).get("/continuing-education/credits/"))
    assert custom.event.title in page
    assert 'href="/attendance/' not in page


def test_the_event_page_links_to_it_for_those_marked_present(june: User) -> None:
    event = make.event(credits={})
    link = f'href="/attendance/{event.pk}/"'
    assert link not in text(signed_in(june).get(event.get_absolute_url()))
    present(june, event)
    assert link in text(signed_in(june).get(event.get_absolute_url()))


# ---------- The public page ----------


def test_anyone_can_check_a_certificate_and_sees_only_what_is_printed(
    certificate: AttendanceCertificate,
) -> None:
    response = Client().get(certificate.get_absolute_url())
    page = main(response)
    for shown in (
        *("June Alvarez", "Certificate A2026-0001 is valid.", certificate.event.title),
        *("Montana State Library", "3 credits in Library Administration", "3 hours"),
    ):
        assert shown in page
    assert "june@library.example" not in page
    assert 'name="robots" content="noindex, nofollow"' in text(response)
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]


def test_the_address_works_in_upper_case(certificate: AttendanceCertificate) -> None:
    address = f"/attendance/{str(certificate.uuid).upper()}/"
    assert Client().get(address).status_code == 200


def test_a_withdrawn_certificate_says_so_with_the_day(
    june: User, certificate: AttendanceCertificate
) -> None:
    with time_machine.travel(NOW, tick=False):
        actions.withdraw_claim(claim_id=certificate.claim_id or 0, by=june)
    page = main(Client().get(certificate.get_absolute_url()))
    assert "Certificate A2026-0001 was withdrawn on Fri, Nov 20, 2026." in page
    assert "It no longer matches what is recorded." in page


@pytest.mark.parametrize("address", ["nothing", UNKNOWN, "%00", "a" * 500])
def test_an_unknown_address_is_explained(address: str) -> None:
    response = Client().get(f"/attendance/{address}/")
    assert response.status_code == 404
    assert "No certificate has this address" in main(response)
    assert response["X-Robots-Tag"] == "noindex, nofollow"


# ---------- The PDF ----------


def parts(content: bytes) -> list[str]:
    """Return the strings that are read aloud, with a space for each line break."""
    tags = tagged_pdf.read(content).find("H1", "P", "Figure")
    return [" ".join(" ".join(piece.text for piece in tag.find("")).split()) for tag in tags]


def test_the_certificate_is_read_aloud_in_order(certificate: AttendanceCertificate) -> None:
    assert parts(pdf_file(sheet(certificate))) == [
        "MONTANA LIBRARY TRAINING",
        "Certificate of attendance",
        "This certifies that",
        "June Alvarez",
        f"took part on {certificate.event.when}, in",
        "Welcome to the board: an orientation for new trustees",
        "3 credits Library Administration",
        "3 hours · Issued on November 20, 2026",
        "Montana State Library",
        "Sponsor",
        "On the participant’s word, not yet verified",
        "No. A2026-0001",
        "",
        "Scan to check this certificate, or go to",
        f"{PORTAL}/attendance/ {certificate.uuid}/",
    ]


def test_one_for_an_event_outside_certification_says_so(june: User) -> None:
    event = make.event(credits={}, sponsor="")
    present(june, event, minutes=45)
    with time_machine.travel(NOW, tick=False):
        event.refresh_from_db()
    read = parts(pdf_file(sheet(issue(event, june))))
    assert [part for part in read if part.startswith("45 minutes · This training earns no CE cr")]
    assert "Attendance recorded by the organizer" in read


@pytest.mark.parametrize("name", pdf_readers.NAMES)
def test_names_are_copied_as_typed(event: Event, name: str) -> None:
    person = make.person(display_name=name)
    make.claim(person, event)
    content = pdf_file(sheet(issue(event, person)))
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    assert pdf_readers.missing_glyphs(content) == 0
    counts = {reader: read.count(name) for reader, read in pdf_readers.read_all(content).items()}
    assert counts == {"pdfium": 1, "pypdf": 1, "pdfminer": 1}


def test_the_pdf_complies_with_pdf_ua(certificate: AttendanceCertificate) -> None:
    content = pdf_file(sheet(certificate))
    report = pdf_ua.validate_pdf_bytes(content, profile=pdf_ua.ValidationProfile.PDF_UA_1)
    assert report.failures == []
    assert report.is_compliant
    with pikepdf.open(io.BytesIO(content)) as opened:
        [letter] = opened.pages
        assert str(opened.Root.Lang) == "en-US"
        title = "Certificate of attendance A2026-0001: June Alvarez"
        assert str(opened.docinfo.Title) == title
        assert opened.Root.MarkInfo.Marked
        assert {str(link.A.URI) for link in letter.Annots} == {check_url(certificate)}


def test_a_title_of_any_length_fits_on_one_page(june: User) -> None:
    offered = dict.fromkeys((make.ADMINISTRATION, make.PUBLIC, make.TECHNOLOGY), "0.5")
    event = make.event(title="Interlibrary-loan " * 16, sponsor="W" * 200, credits=offered)
    make.claim(june, event)
    content = pdf_file(sheet(issue(event, june)))
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert len(opened.pages) == 1


def test_the_code_leads_to_the_page_where_it_is_checked(certificate: AttendanceCertificate) -> None:
    data = pdf._each_text(pdf_data(sheet(certificate)), pdf.printable_text)
    content = pdf._compile("certificate.typ", data, format="png", ppi=288)
    image = Image.open(io.BytesIO(content)).convert("L")
    black = image.point(lambda value: 255 if value == 0 else 0).getbbox()
    assert black
    left, top, right, _ = black
    expected = [
        [bool(module) for module in row] for row in qr.make_code(check_url(certificate)).matrix
    ]
    size = (right - left) / len(expected)
    found = [
        [
            int(image.getpixel((int(left + (x + 0.5) * size), int(top + (y + 0.5) * size)))) < 128  # type: ignore[arg-type]
            for x in range(len(expected))
        ]
        for y in range(len(expected))
    ]
    assert found == expected
    assert size > 6
