"""A workshop, from the proposal to the learner's credit, and a conference, in a browser.

An event editor at a small library proposes the workshop, and staff publish it. Learners register
until it is full, join the waitlist, cancel, check in with the code shown in the room, and find the
credit listed. The test reads every e-mail along the way as a mail server would receive it.
"""

import datetime as dt
import email
import email.policy
import re
from collections.abc import Callable
from email.message import EmailMessage

import icalendar
import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.actions import create_account
from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.mail.outbox import deliver_due
from credits.models import Claim
from events.actions import settle_due
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import end_event, sees_the_credit, signs_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

TITLE = "Weeding without tears"


def test_a_workshop_from_the_proposal_to_the_credit(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        library = make.organization(name="Yogo Public Library", city="Lewistown")
        edie = make_account("edie@yogo.example", "Edie Thorne", Role.EVENT_EDITOR)
        Position.objects.create(person=edie, organization=library, kind=PositionKind.STAFF)
        cyrus = make_account("cyrus@state.example", "Cyrus Nolan", Role.CE_COORDINATOR)
        june = make_account("june@library.example", "June Alvarez")
        walt = make_account("walt@library.example", "Walt Begay")
    editor, staff, learner = open_browser(), open_browser(), open_browser()
    phone = open_browser(walt, width=360)

    signs_in(editor, edie)
    proposes(editor)
    assert emails_sent() == []
    signs_in(staff, cyrus)
    returns_the_proposal(staff)
    assert_emailed(edie, f"Please change your event: {TITLE}", "Which room is it in?")
    sends_it_again(editor)
    publishes_it(staff)
    assert_emailed(edie, f"On the calendar: {TITLE}")

    event = Event.objects.get()
    signs_in(learner, june)
    registers(learner)
    [message] = assert_emailed(june, f"You are registered: {TITLE}", "Attic, Yogo Inn, Lewistown")
    invitation = calendar_in(message)
    assert (invitation["METHOD"], status(invitation)) == ("REQUEST", "CONFIRMED")

    joins_the_waitlist(phone)
    [message] = assert_emailed(walt, f"You are on the waitlist: {TITLE}")
    cancels(learner)
    messages = emails_sent()
    assert [message["To"] for message in messages] == [june.email, walt.email]
    cancellation, promotion = (calendar_in(message) for message in messages)
    assert (cancellation["METHOD"], status(cancellation)) == ("CANCEL", "CANCELLED")
    assert "You now have a place" in messages[1]["Subject"]
    assert (promotion["METHOD"], status(promotion)) == ("REQUEST", "CONFIRMED")
    assert uid(promotion) == uid(cancellation) == uid(invitation)

    moves_it_to_today(editor, event)
    [message] = assert_emailed(walt, f"Changed: {TITLE}", "We moved it forward.")
    moved = calendar_in(message)
    assert moved["METHOD"] == "REQUEST"
    assert sequence(moved) > sequence(promotion)
    assert uid(moved) == uid(invitation)

    code = shows_the_code(editor, event)
    checks_in(phone, code)
    sees_who_is_present(editor, walt)
    end_event(event)
    assert (settle_due(), settle_due()) == (1, 0)
    finds_the_credit_listed(phone)
    assert_emailed(walt, f"Your credit is listed: {TITLE}", "2 credits in Technology")
    assert Claim.objects.get().person == walt
    assert emails_sent() == []


def test_several_sessions_of_a_conference_are_claimed_together(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        cyrus = make_account("cyrus@state.example", "Cyrus Nolan", Role.CE_COORDINATOR)
        june = make_account("june@library.example", "June Alvarez")
        conference = make.event(
            title="Fall conference", days=-3, hours=30, credits={}, type="Conference"
        )
    staff, learner = open_browser(cyrus), open_browser(june, width=360)
    enters_the_sessions(staff, conference)
    learner.visit(conference.get_absolute_url())
    learner.sees("Which sessions did you attend?", "Ballroom")
    learner.field("Opening the stacks").check()
    learner.field("Privacy by default").check()
    learner.press("Add CE credit")
    learner.sees("2 sessions are listed in your credits.")
    sees_the_credit(learner, "Opening the stacks", "1", "Pending")
    sees_the_credit(learner, "Privacy by default", "1.5", "Pending")
    learner.visit(conference.get_absolute_url())
    expect(learner.item("Opening the stacks").get_by_text("Credit listed")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_sessions_are_starred_before_a_conference_and_claimed_after_it(
    open_browser: Callable[..., Visitor], scripts: bool
) -> None:
    with zeal_ignore():
        june = make_account("june@library.example", "June Alvarez")
        conference = make.event(
            title="Spring conference", days=3, hours=30, credits={}, type="Conference"
        )
        sessions = [
            make.event(title=title, parent=conference, days=3 + number / 12)
            for number, title in enumerate(("Opening the stacks", "Privacy", "Slept through it"))
        ]
    learner = open_browser(june, width=360, scripts=scripts)
    learner.visit(conference.get_absolute_url())
    learner.sees("Star the sessions you plan to attend.")
    for title in ("Opening the stacks", "Privacy", "Slept through it"):
        learner.press(f"Star {title}")
    learner.sees("You starred 3 sessions.", "You starred “Slept through it”.")
    learner.click(learner.page.get_by_role("button", name=re.compile("^Undo")))
    learner.sees("You starred 2 sessions.")
    learner.visit("/")
    expect(learner.item("Opening the stacks")).to_contain_text("Starred")

    for event in (conference, *sessions):
        shift = dt.timedelta(days=10)
        Event.objects.filter(pk=event.pk).update(
            begins_at=event.begins_at - shift, ends_at=event.ends_at - shift
        )
    learner.visit(conference.get_absolute_url())
    learner.sees("Which sessions did you attend? You starred 2 sessions.")
    expect(learner.field("Privacy")).to_be_checked()
    expect(learner.field("Slept through it")).not_to_be_checked()
    learner.press("Add CE credit")
    learner.sees("2 sessions are listed in your credits.")
    sees_the_credit(learner, "Opening the stacks", "1", "Pending")
    sees_the_credit(learner, "Privacy", "1", "Pending")


# ---------- People ----------


def make_account(email_address: str, name: str, role: Role | None = None) -> User:
    return create_account(
        email=email_address,
        display_name=name,
        password_hash=make_password(PASSWORD),
        roles=[role] if role else [],
    )


# ---------- E-mails, as a mail server receives them ----------


def emails_sent() -> list[EmailMessage]:
    """Run the worker twice and return the e-mails, sorted by recipient."""
    mail.outbox = []
    deliver_due()
    deliver_due()
    messages = [
        email.message_from_bytes(each.message().as_bytes(), policy=email.policy.default)
        for each in mail.outbox
    ]
    return sorted(messages, key=lambda each: str(each["To"]))


def assert_emailed(person: User, subject: str, *words: str) -> list[EmailMessage]:
    """Assert that only this person gets an e-mail, with these words in its text and HTML."""
    messages = emails_sent()
    assert [(each["To"], subject in each["Subject"]) for each in messages] == [(person.email, True)]
    for kind in ("plain", "html"):
        body = messages[0].get_body((kind,))
        assert body is not None
        text = " ".join(body.get_content().split())
        for word in words:
            assert word in text, (kind, word, text)
    return messages


def calendar_in(message: EmailMessage) -> icalendar.Calendar:
    """Return the calendar in an e-mail, which must be both a part of it and an attached file."""
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    files = [part for part in message.walk() if part.get_filename() == "event.ics"]
    assert parts
    assert files
    calendar = icalendar.Calendar.from_ical(parts[0].get_content())
    assert parts[0].get_param("method") == calendar["METHOD"]
    return calendar


def _event(calendar: icalendar.Calendar) -> icalendar.Event:
    [event] = calendar.walk("VEVENT")
    return event


def status(calendar: icalendar.Calendar) -> str:
    return str(_event(calendar)["STATUS"])


def uid(calendar: icalendar.Calendar) -> str:
    return str(_event(calendar)["UID"])


def sequence(calendar: icalendar.Calendar) -> int:
    return int(_event(calendar)["SEQUENCE"])


# ---------- The sponsor and staff ----------


def proposes(editor: Visitor) -> None:
    day = timezone.localdate() + dt.timedelta(days=3)
    editor.follow("Events I manage", within=editor.menu)
    editor.follow("New event")
    editor.field("Event title").fill(TITLE)
    editor.field("Begins").fill(f"{day}T09:00")
    editor.field("Ends").fill(f"{day}T11:00")
    editor.field("Format").select_option("In person")
    editor.field("Building or address").fill("Yogo Inn")
    editor.field("City").fill("Lewistown")
    editor.field("◆ Technology").fill("2")
    editor.field("Places").fill("1")
    editor.press("Send to staff")
    editor.sees("was sent to staff. We will e-mail you their decision.", "Waiting for staff")


def returns_the_proposal(staff: Visitor) -> None:
    staff.follow("Events I manage", within=staff.menu)
    staff.sees("To publish (1)", "sent today")
    staff.follow(TITLE)
    staff.field("What needs to change").fill("Which room is it in?")
    staff.press("Return to Edie Thorne")
    staff.sees("was returned to the author.")


def sends_it_again(editor: Visitor) -> None:
    editor.follow("Events I manage", within=editor.menu)
    editor.sees("Changes requested: Which room is it in?")
    editor.click(editor.item(TITLE).get_by_role("link", name="Edit"))
    editor.field("Room").fill("Attic")
    editor.press("Send to staff")
    editor.sees("Waiting for staff")


def publishes_it(staff: Visitor) -> None:
    staff.follow("Events I manage", within=staff.menu)
    staff.follow(TITLE)
    staff.press("Publish")
    staff.sees(f"“{TITLE}” was published.", "1 of 1 left")


def moves_it_to_today(editor: Visitor, event: Event) -> None:
    begin, end = (
        timezone.localtime(timezone.now() + dt.timedelta(minutes=minutes)) for minutes in (-5, 115)
    )
    editor.follow("Events I manage", within=editor.menu)
    editor.follow(event.title)
    editor.follow("Edit")
    editor.field("Begins").fill(f"{begin:%Y-%m-%dT%H:%M}")
    editor.field("Ends").fill(f"{end:%Y-%m-%dT%H:%M}")
    editor.field("Message").fill("We moved it forward.")
    editor.press("Save changes")
    editor.sees(f"“{TITLE}” was saved. 1 person will get an e-mail.")


def shows_the_code(editor: Visitor, event: Event) -> str:
    editor.follow("Check-in code")
    editor.press("Create code")
    event.refresh_from_db()
    assert event.check_in_code
    editor.sees(event.check_in_code)
    return event.check_in_code


def sees_who_is_present(editor: Visitor, person: User) -> None:
    editor.follow("Back to the roster")
    editor.sees("1 registered", "1 present")
    expect(editor.row(person.display_name)).to_contain_text("Present")


def enters_the_sessions(staff: Visitor, conference: Event) -> None:
    day = timezone.localtime(conference.begins_at).date()
    staff.visit(f"/events/{conference.pk}/sessions/")
    rows = [
        ("Opening the stacks", "09:00", "10:00", "Ballroom", "Collection", "1"),
        ("Privacy by default", "10:30", "12:00", "Attic", "Technology", "1.5"),
        ("Slept through it", "13:00", "14:00", "Attic", "Technology", "1"),
    ]
    for number, (title, begin, end, room, category, amount) in enumerate(rows, 1):
        staff.field(f"Title, row {number}").fill(title)
        staff.field(f"Day, row {number}").fill(f"{day}")
        staff.field(f"Begins, row {number}").fill(begin)
        staff.field(f"Ends, row {number}").fill(end)
        staff.field(f"Room, row {number}").fill(room)
        box = staff.field(f"CE category, row {number}")
        box.select_option(
            label="Technology"
            if category == "Technology"
            else "Collection Management and Technical Services"
        )
        staff.field(f"Credits, row {number}").fill(amount)
    staff.press("Save sessions")
    staff.sees("3 sessions were saved.")


# ---------- Learners ----------


def registers(learner: Visitor) -> None:
    learner.follow("Events calendar", within=learner.menu)
    learner.follow("List")
    learner.follow(TITLE)
    learner.press("Register")
    learner.sees("You are registered. Your credit will be listed automatically after the event.")


def joins_the_waitlist(phone: Visitor) -> None:
    phone.visit("/events/?view=list")
    expect(phone.item(TITLE)).to_contain_text("Full")
    expect(phone.item(TITLE)).to_contain_text("Join waitlist")
    phone.follow(TITLE)
    phone.press("Join the waitlist")
    phone.sees("On the waitlist, number 1", "You are next")


def cancels(learner: Visitor) -> None:
    learner.press("Cancel registration")
    learner.sees("Your registration has been canceled")


def checks_in(phone: Visitor, code: str) -> None:
    phone.visit("/events/mine/")
    phone.follow("check in")
    phone.field("Six letters").fill(code.lower())
    phone.press("Find my event")
    phone.press("Check in as Walt Begay")
    phone.sees("You are checked in", "Your credit will be listed automatically")
    phone.follow("View event")
    phone.sees("You are checked in. Your credit will be listed")
    expect(phone.page.get_by_role("button", name="Cancel registration")).to_have_count(0)


def finds_the_credit_listed(phone: Visitor) -> None:
    phone.visit("/continuing-education/credits/")
    sees_the_credit(phone, TITLE, "2", "Technology", "Pending")
