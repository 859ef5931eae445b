"""From sixty credits to the certificate on the wall, in a browser, by all who have a part in it.

A librarian claims, chooses two tracks and sends her record; the CE Coordinator returns it for a
duplicate, then reviews it; the director verifies it by the link in a message, without signing in;
the certificate is opened and its code scanned; it is revoked; the next period is open and empty.
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
from tests.browser.steps import signs_in
from tests.browser.test_story import an_account
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


def test_from_sixty_credits_to_the_certificate_on_the_wall(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        june = an_account("june@library.example", "June Alvarez")
        dana = an_account("dana@library.example", "Dana Brooks")
        coordinator = an_account("cyrus@state.example", "Cyrus Nolan", Role.CE_COORDINATOR)
        they_work_together(june, dana)
        events = a_calendar()
    librarian, staff, director, stranger = (open_browser() for _ in range(4))
    signs_in(librarian, june)
    signs_in(staff, coordinator)

    for event in events[:-1]:
        claims(librarian, event)
    chooses_two_tracks(librarian)
    sends_the_record(librarian)
    returns_it_for_the_duplicate(staff)
    corrects_it(librarian, events[-1])
    sends_the_record(librarian)
    reviews_it(staff)
    link = the_link_in_the_message_to(dana)
    verifies_by_the_link(director, link)
    address = opens_the_certificate(librarian)
    checks_it(stranger, address, "Valid")
    revokes_it(staff)
    checks_it(stranger, address, "Revoked", "The security training was invented.")
    finds_the_next_period_open_and_empty(librarian)


# ---------- People and events ----------


def they_work_together(june: User, dana: User) -> None:
    library = Organization.objects.create(
        name="Alpha Library", city="Helena", kind=OrganizationKind.PUBLIC
    )
    for person, kind in ((june, PositionKind.STAFF), (dana, PositionKind.DIRECTOR)):
        Position.objects.create(
            person=person, organization=library, kind=kind, since_on=today().replace(day=1)
        )


def a_calendar() -> list[Event]:
    """Three institutes, one training that is on the calendar twice, and one that is not."""
    found = [
        make.event(title=title, days=-60 - 10 * n, hours=50, credits={slug: "15.0"})
        for n, (title, slug) in enumerate(INSTITUTES.items())
    ]
    for title, days in ((SECURITY, -20), (f"{SECURITY} (online)", -20), (PRIVACY, -12)):
        found.append(make.event(title=title, days=days, hours=9, credits={TECHNOLOGY: "8.0"}))
    return found


# ---------- Claim, choose, send ----------


def claims(librarian: Visitor, event: Event) -> None:
    librarian.visit(event.get_absolute_url())
    librarian.press("Add CE credit")
    if librarian.page.get_by_role("button", name="Save anyway").count():  # it was remarked upon
        librarian.press("Save anyway")
    librarian.sees("Your credit is listed")


def chooses_two_tracks(librarian: Visitor) -> None:
    librarian.follow("Continuing Education", within=librarian.menu)
    librarian.visit("/tracks/")
    for track in ("Library Staff", "Library Trustee"):
        librarian.page.get_by_label(f"Select {track}, to choose several at once").check()
    librarian.press("Follow the selected tracks")
    librarian.sees("You now follow Library Staff and Library Trustee.")


def sends_the_record(librarian: Visitor) -> None:
    librarian.visit("/tracks/")
    librarian.follow("Library Staff")
    librarian.follow("Review and submit your record")
    librarian.sees("61", "Network security for libraries")
    librarian.page.get_by_label(re.compile("Dana Brooks: ")).check()
    librarian.press("Send to the CE Coordinator")
    librarian.sees("With the CE Coordinator")


# ---------- Return, correct, review ----------


def returns_it_for_the_duplicate(staff: Visitor) -> None:
    staff.visit("/admin/tracks/submission/")
    staff.follow("June Alvarez")
    staff.sees(SECURITY)
    expect(staff.page.locator(".remarks").first).to_contain_text("online")
    staff.page.get_by_label("What has to change").fill("You claimed the security training twice.")
    staff.press("Return for changes")


def corrects_it(librarian: Visitor, other: Event) -> None:
    librarian.follow("Continuing Education", within=librarian.menu)
    librarian.sees("You claimed the security training twice.")
    librarian.follow("My credits", within=librarian.menu)
    row = librarian.row(f"{SECURITY} (online)")
    librarian.click(row.get_by_role("button", name="Withdraw"))
    librarian.sees("Withdrawn by you")
    claims(librarian, other)


def reviews_it(staff: Visitor) -> None:
    staff.visit("/admin/tracks/submission/")
    staff.follow("June Alvarez")
    staff.press("Approve and send to the supervisor")


# ---------- Verify without an account, print, scan ----------


def the_link_in_the_message_to(dana: User) -> str:
    outbox.deliver_due()
    [message] = [each for each in mailing.outbox if each.to == [dana.email]]
    [link] = re.findall(rf"{re.escape(django_settings.ADDRESS)}(/verify/\S+)", message.body)
    return link


def verifies_by_the_link(director: Visitor, link: str) -> None:
    director.visit(link)
    director.sees("June Alvarez asks you to verify", "61", PRIVACY)
    expect(director.field("Your name as your signature")).to_have_value("Dana Brooks")
    director.press("I verify this record")
    director.sees(f"Certificate {NUMBER} was issued.")


def opens_the_certificate(librarian: Visitor) -> str:
    """Print it, look at it, scan its code; the path the code leads to."""
    librarian.visit("/certificates/")
    librarian.sees(f"Certificate {NUMBER}: Library Staff", "Valid")
    link = librarian.page.get_by_role("link", name=f"Certificate to print (PDF) {NUMBER}")
    answer = librarian.page.request.get(f"{librarian.address}{link.get_attribute('href')}")
    assert answer.headers["content-type"] == "application/pdf"
    content = answer.body()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages) == 1
    [page] = pypdfium2.PdfDocument(content)
    text = page.get_textpage().get_text_bounded()
    order = ["June Alvarez", "Library Staff", NUMBER]
    places = [text.index(words) for words in order]
    assert places == sorted(places), text
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
    staff.press("Show the consequences")
    staff.press("Revoke the certificate")


def finds_the_next_period_open_and_empty(librarian: Visitor) -> None:
    librarian.visit("/tracks/")
    librarian.follow("Library Staff")
    librarian.sees("0 of 60 credits", "issued on")
    librarian.follow("My credits", within=librarian.menu)
    librarian.sees("Archived")
