"""From sixty credits to a printed certificate, in the browsers of everyone involved.

A librarian claims training, chooses two tracks and submits her record. The CE Coordinator returns
it because of a duplicate, and later approves it. The director verifies it with the link in an
e-mail, without signing in. The librarian opens the certificate, its code is scanned, and it is
revoked. The next period is open and empty.
"""

import io
import re
from collections.abc import Callable

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from django.conf import settings as django_settings
from django.core import mail as mailing
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import OrganizationKind, PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.clock import today
from aspen.mail import outbox
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import opens_the_credit, signs_in
from tests.browser.test_story import make_account
from tests.factories import ADMINISTRATION, COLLECTION, PUBLIC, TECHNOLOGY

pytestmark = pytest.mark.django_db(transaction=True)

INSTITUTES = {
    "Institute on library law and budgets": ADMINISTRATION,
    "Institute on serving the public": PUBLIC,
    "Institute on cataloging": COLLECTION,
}
SECURITY = "Network security for libraries"
PRIVACY = "Patron privacy workshop"
NUMBER = f"{today().year}-0001"


def test_from_sixty_credits_to_a_certificate(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        june = make_account("june@library.example", "June Alvarez")
        dana = make_account("dana@library.example", "Dana Brooks")
        coordinator = make_account("cyrus@state.example", "Cyrus Nolan", Role.CE_COORDINATOR)
        add_positions_at_one_library(june, dana)
        events = make_events()
    librarian, staff, director, stranger = (open_browser() for _ in range(4))
    signs_in(librarian, june)
    signs_in(staff, coordinator)

    for event in events[:-1]:
        claims(librarian, event)
    chooses_two_tracks(librarian)
    submits_the_record(librarian)
    returns_it_for_the_duplicate(staff)
    corrects_it(librarian, events[-1])
    submits_the_record(librarian)
    approves_it(staff)
    link = emailed_link(dana)
    verifies_with_the_link(director, link)
    address = opens_the_certificate(librarian)
    checks_it(stranger, address, "Valid")
    revokes_it(staff)
    checks_it(stranger, address, "Revoked", "The security training was invented.")
    finds_the_next_period_open_and_empty(librarian)


# ---------- People and events ----------


def add_positions_at_one_library(june: User, dana: User) -> None:
    library = Organization.objects.create(
        name="Alpha Library", city="Helena", kind=OrganizationKind.PUBLIC
    )
    for person, kind in ((june, PositionKind.STAFF), (dana, PositionKind.DIRECTOR)):
        Position.objects.create(
            person=person, organization=library, kind=kind, since_on=today().replace(day=1)
        )


def make_events() -> list[Event]:
    """Create three institutes, a training that is on the calendar twice, and another training."""
    events = [
        make.event(title=title, days=-60 - 10 * n, hours=50, credits={slug: "15.0"})
        for n, (title, slug) in enumerate(INSTITUTES.items())
    ]
    for title, days in ((SECURITY, -20), (f"{SECURITY} (online)", -20), (PRIVACY, -12)):
        events.append(make.event(title=title, days=days, hours=9, credits={TECHNOLOGY: "8.0"}))
    return events


# ---------- Claim, choose, submit ----------


def claims(librarian: Visitor, event: Event) -> None:
    librarian.visit(event.get_absolute_url())
    again = librarian.page.get_by_role("button", name="Add it a second time").count()
    librarian.press("Add it a second time" if again else "Add CE credit")
    if librarian.page.get_by_role("button", name="Save anyway").count():  # there is a warning
        librarian.press("Save anyway")
    librarian.sees("Your credit is listed")


def chooses_two_tracks(librarian: Visitor) -> None:
    librarian.follow("Continuing Education", within=librarian.menu)
    for track in ("Library Staff", "Library Trustee"):
        librarian.visit("/tracks/")
        librarian.press(f"Choose {track}")
        librarian.sees(f"You now follow {track}.")


def submits_the_record(librarian: Visitor) -> None:
    librarian.visit("/tracks/")
    librarian.follow("Library Staff")
    librarian.follow("Send my record")
    librarian.sees("61", "Network security for libraries")
    librarian.page.get_by_label(re.compile("^Dana Brooks")).check()
    librarian.page.locator("[name=listing][value=own]").check()
    librarian.press("Send my record")
    librarian.sees("With the CE Coordinator")


# ---------- Return, correct, review ----------


def returns_it_for_the_duplicate(staff: Visitor) -> None:
    staff.visit("/admin/tracks/submission/")
    staff.follow("June Alvarez")
    staff.sees(SECURITY)
    expect(staff.page.locator(".remarks").first).to_contain_text("online")
    staff.page.get_by_label("What needs to change").fill("You claimed the security training twice.")
    staff.press("Return for changes")


def corrects_it(librarian: Visitor, other: Event) -> None:
    librarian.follow("Continuing Education", within=librarian.menu)
    librarian.sees("You claimed the security training twice.")
    librarian.follow("My credits", within=librarian.menu)
    row = opens_the_credit(librarian, f"{SECURITY} (online)")
    librarian.click(row.get_by_role("button", name="Withdraw"))
    librarian.sees("Withdrawn by you")
    claims(librarian, other)


def approves_it(staff: Visitor) -> None:
    staff.visit("/admin/tracks/submission/")
    staff.follow("June Alvarez")
    staff.press("Approve and send to the supervisor")


# ---------- Verify without an account, print, scan ----------


def emailed_link(dana: User) -> str:
    outbox.deliver_due()
    [message] = [each for each in mailing.outbox if each.to == [dana.email]]
    [link] = re.findall(rf"{re.escape(django_settings.ADDRESS)}(/verify/\S+)", message.body)
    return link


def verifies_with_the_link(director: Visitor, link: str) -> None:
    director.visit(link)
    director.sees("June Alvarez is asking you to verify", "61", PRIVACY)
    expect(director.field("Type your name to sign")).to_have_value("Dana Brooks")
    director.press("I verify this record")
    director.sees(f"Certificate {NUMBER} was issued.")


def opens_the_certificate(librarian: Visitor) -> str:
    """Read the PDF, scan its code, and return the path in the code."""
    librarian.visit("/")
    librarian.follow("My certificates", within=librarian.menu)
    librarian.sees("My certificate: Library Staff", "Valid")
    link = librarian.page.get_by_role("link", name="Download (PDF)")
    response = librarian.page.request.get(f"{librarian.address}{link.get_attribute('href')}")
    assert response.headers["content-type"] == "application/pdf"
    content = response.body()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages) == 1
    [page] = pypdfium2.PdfDocument(content)
    text = page.get_textpage().get_text_bounded()
    order = ["June Alvarez", "Library Staff", NUMBER]
    positions = [text.index(words) for words in order]
    assert positions == sorted(positions), text
    [code] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    assert code.text.startswith(f"{django_settings.ADDRESS}/certificates/")
    return code.text.removeprefix(django_settings.ADDRESS)


def checks_it(stranger: Visitor, address: str, *words: str) -> None:
    stranger.visit(address)
    stranger.sees("June Alvarez", "Library Staff", NUMBER, *words)
    stranger.sees_no("june@library.example", "Alpha Library", SECURITY)


# ---------- Revoked ----------


def revokes_it(staff: Visitor) -> None:
    staff.visit("/admin/tracks/submission/?state=certified")
    staff.follow("June Alvarez")
    staff.follow(f"Revoke… {NUMBER}")
    staff.page.get_by_label("Reason").fill("The security training was invented.")
    staff.press("Show consequences")
    staff.press("Revoke certificate")


def finds_the_next_period_open_and_empty(librarian: Visitor) -> None:
    librarian.visit("/tracks/")
    librarian.follow("Library Staff")
    librarian.sees("0 of 60 credits", "when the record for certificate")
    librarian.follow("My credits", within=librarian.menu)
    librarian.sees("Archived")
