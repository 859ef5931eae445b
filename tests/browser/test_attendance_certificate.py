"""From a registration to a certificate of attendance whose code a stranger scans."""

from collections.abc import Callable

import pypdfium2
import pytest
import zxingcpp
from django.conf import settings as django_settings
from zeal import zeal_ignore

from events.actions import settle_due
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import end_event, opens_the_credit, signs_in
from tests.browser.test_story import make_account
from tests.factories import ADMINISTRATION

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = "Welcome to the board"


def test_from_a_registration_to_a_scanned_certificate(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        june = make_account("june@library.example", "June Alvarez")
        event = make.event(title=TITLE, days=3, credits={ADMINISTRATION: "2.0"})
    librarian, stranger = open_browser(), open_browser()
    signs_in(librarian, june)
    librarian.visit(event.get_absolute_url())
    librarian.press("Register")
    end_event(event)
    with zeal_ignore():
        settle_due()

    librarian.visit("/continuing-education/credits/")
    line = opens_the_credit(librarian, TITLE)
    librarian.follow(f"Certificate of attendance for {TITLE}", within=line)
    librarian.sees("2 credits in Library Administration", "On the participant’s word")
    address = scans_the_pdf(librarian)
    stranger.visit(address)
    stranger.sees("Valid", "June Alvarez", TITLE, "Montana State Library")
    stranger.sees_no("june@library.example")

    librarian.visit("/continuing-education/credits/")
    line = opens_the_credit(librarian, TITLE)
    librarian.click(line.get_by_role("button", name="Withdraw"))
    stranger.visit(address)
    stranger.sees("Withdrawn", "It no longer matches what is recorded.")


def scans_the_pdf(librarian: Visitor) -> str:
    """Download the certificate, scan its code, and return the path in it."""
    link = librarian.page.get_by_role("link", name="Download (PDF)").get_attribute("href")
    response = librarian.page.request.get(f"{librarian.address}{link}")
    [page] = pypdfium2.PdfDocument(response.body())
    assert "June Alvarez" in page.get_textpage().get_text_bounded()
    [code] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    assert code.text.startswith(f"{django_settings.ADDRESS}/attendance/")
    return code.text.removeprefix(django_settings.ADDRESS)
