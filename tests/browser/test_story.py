"""The steps of the source document in a browser, from signing in to a correction.

A librarian claims training in three ways, adds training that is not on the calendar, chooses
tracks, and asks for a correction. Staff do their part in another browser.
"""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.actions import create_account
from accounts.enums import Role
from accounts.models import User
from aspen.clock import today, years_before
from aspen.formats import format_day
from credits.models import Claim
from events.actions import settle_due
from events.enums import Delivery
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import (
    end_event,
    opens_the_credit,
    sees_the_credit,
    signs_in,
    signs_out,
)
from tests.factories import ADMINISTRATION, COLLECTION, PASSWORD, PUBLIC, TECHNOLOGY

pytestmark = pytest.mark.django_db(transaction=True)

PUPPETS = "Puppet theater for toddlers"


def test_training_is_claimed_archived_posted_and_corrected(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        june = make_account("june@library.example", "June Alvarez")
        coordinator = make_account("cyrus@state.example", "Cyrus Nolan", Role.CE_COORDINATOR)
        help_desk = make_account("hazel@state.example", "Hazel Simmons", Role.HELP_DESK)
        events = make_events()
    librarian, staff = open_browser(), open_browser()
    signs_in(librarian, june)

    registers_and_finds_the_credit_listed(librarian, events.weeding)
    attends_and_the_job_lists_the_credit(librarian, june, events.grants)
    presses_the_green_button_in_the_list(librarian, events.summer)
    presses_the_green_button_twice_on_the_event_page(librarian, june, events.privacy)
    claims_a_recording(librarian, events.homework)
    claims_an_event_too_old_for_a_track(librarian, events.cards)
    picks_from_the_list_reviews_and_saves_twice(librarian, june, events.board)
    creates_a_custom_event(librarian, june, events.summer)

    signs_in(staff, coordinator)
    returns_the_custom_event(staff)
    edits_and_resubmits(librarian)
    approves_the_custom_event(staff)
    sees_it_approved_and_archived(librarian)
    signs_out(staff)

    chooses_a_track(librarian)
    chooses_a_second_track(librarian)

    asks_for_a_correction(librarian, events.privacy)
    signs_in(staff, help_desk)
    applies_the_correction(staff, events.privacy)
    sees_the_correction_in_the_credits_and_tracks(librarian, events.privacy)


# ---------- People and events ----------


def make_account(email: str, name: str, role: Role | None = None) -> User:
    return create_account(
        email=email,
        display_name=name,
        password_hash=make_password(PASSWORD),
        roles=[role] if role else [],
        is_staff=role is not None,
    )


def make_events() -> SimpleNamespace:
    def event(title: str, days: float, credits: dict[str, str], **fields: Any) -> Event:
        return make.event(title=title, days=days, credits=credits, hours=2, **fields)

    return SimpleNamespace(
        weeding=event("Weeding without tears", 3, {COLLECTION: "2.0"}),
        grants=event("Grant writing for small libraries", 4, {ADMINISTRATION: "1.5"}),
        summer=event("Planning the summer reading program", -20, {PUBLIC: "1.0"}),
        privacy=event("Patron privacy basics", -30, {TECHNOLOGY: "1.0"}),
        homework=event(
            "Homework help online",
            -40,
            {PUBLIC: "0.5"},
            delivery=Delivery.RECORDED,
            recording_available_at=timezone.now() - dt.timedelta(days=30),
            recording_url="https://videos.example/homework",
        ),
        cards=event("Farewell to the card catalog", -5 * 366, {COLLECTION: "3.0"}),
        board=event("Board and director", -50, {ADMINISTRATION: "3.0", TECHNOLOGY: "1.0"}),
    )


# ---------- 1. Register, attend, find the credit listed ----------


def registers(librarian: Visitor, event: Event) -> None:
    librarian.follow("Events calendar", within=librarian.menu)
    librarian.follow("List")
    librarian.follow(event.title)
    librarian.press("Register")
    librarian.sees("You are registered. Your credit will be listed automatically after the event.")


def registers_and_finds_the_credit_listed(librarian: Visitor, event: Event) -> None:
    registers(librarian, event)
    librarian.follow("My credits", within=librarian.menu)
    librarian.sees("No credits yet")
    expect(librarian.item(event.title)).to_be_visible()  # upcoming
    end_event(event)
    librarian.follow("My credits", within=librarian.menu)
    sees_the_credit(librarian, event.title, "2", "Pending", "Archived")


def attends_and_the_job_lists_the_credit(librarian: Visitor, june: User, event: Event) -> None:
    registers(librarian, event)
    end_event(event)
    assert (settle_due(), settle_due()) == (1, 0)
    assert Claim.objects.filter(person=june, event=event).count() == 1
    librarian.follow("My credits", within=librarian.menu)
    sees_the_credit(librarian, event.title, "1.5", "Pending", "Archived")


# ---------- 2. Find it in the calendar, press Add CE credit ----------


def finds_past_events(librarian: Visitor, words: str) -> None:
    """Search all events first, then follow the link to past ones."""
    librarian.follow("Events calendar", within=librarian.menu)
    librarian.field("Words").fill(words)
    librarian.press("Show events")
    librarian.sees("Past: were you there?")
    librarian.follow(f"1 past event for “{words}”")


def presses_the_green_button_in_the_list(librarian: Visitor, event: Event) -> None:
    finds_past_events(librarian, "summer reading")
    librarian.press("Add CE credit", within=librarian.item(event.title))
    librarian.sees(f"Your credit is listed: “{event.title}”.")
    sees_the_credit(librarian, event.title, "1", "Pending", "Archived")


def presses_the_green_button_twice_on_the_event_page(
    librarian: Visitor, june: User, event: Event
) -> None:
    finds_past_events(librarian, "privacy")
    librarian.follow(event.title)
    librarian.press_twice("Add CE credit")
    sees_the_credit(librarian, event.title, "1", "Technology", "Pending", "Archived")
    assert Claim.objects.filter(person=june, event=event).count() == 1
    line = opens_the_credit(librarian, event.title)
    librarian.follow(f"The event {event.title}", within=line)
    librarian.follow("Listed in your credits")


def claims_a_recording(librarian: Visitor, event: Event) -> None:
    librarian.follow("Events calendar", within=librarian.menu)
    librarian.follow("List")
    librarian.follow("Past events")
    librarian.choose_filter("How", "Format", "Recorded")
    librarian.press("Show events")
    librarian.follow(event.title)
    librarian.sees("Recording available", "Opens at videos.example.")
    librarian.press("Add CE credit")
    sees_the_credit(librarian, event.title, "0.5", "Pending", "Archived")


def claims_an_event_too_old_for_a_track(librarian: Visitor, event: Event) -> None:
    finds_past_events(librarian, "card catalog")
    librarian.press("Add CE credit", within=librarian.item(event.title))
    sees_the_credit(librarian, event.title, "3", "Pending", "Archived")


# ---------- 3. Continuing Education: choose, review, save ----------


WHICH = "Which training did you take part in?"


def claimable_events(librarian: Visitor) -> list[str]:
    librarian.field(WHICH).click()
    return [text.split("\n")[1] for text in librarian.page.get_by_role("option").all_inner_texts()]


def picks_from_the_list_reviews_and_saves_twice(
    librarian: Visitor, june: User, event: Event
) -> None:
    with zeal_ignore():
        others = [make.event(days=-days) for days in (2, 9, 400)]
    librarian.follow("Continuing Education", within=librarian.menu)
    latest, earlier, _ = others
    assert claimable_events(librarian) == [latest.title, earlier.title, event.title]

    librarian.field(WHICH).press_sequentially("board dir")
    expect(librarian.page.get_by_role("option")).to_have_count(1)
    librarian.check()
    librarian.click(librarian.page.get_by_role("option", name=event.title))
    librarian.sees(event.title, "3 credits", "Library Administration", "1 credit", "Technology")
    librarian.press_twice("Save")
    rows = librarian.credit_lines(event.title)
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Library Administration")
    expect(rows.nth(1)).to_contain_text("Technology")
    assert Claim.objects.filter(person=june, event=event).count() == 1

    librarian.follow("Continuing Education", within=librarian.menu)
    assert claimable_events(librarian) == [latest.title, earlier.title]


# ---------- Training that is not on the calendar ----------


def creates_a_custom_event(librarian: Visitor, june: User, summer: Event) -> None:
    checks_the_list_first(librarian)
    librarian.follow("Create New…")
    sees_similar_events(librarian, summer)
    forgets_some_fields(librarian)
    fills_the_rest_and_saves_twice(librarian)
    sees_the_credit(librarian, PUPPETS, "2", "Pending", "Archived")
    assert Claim.objects.filter(person=june, event__title=PUPPETS).count() == 1


def checks_the_list_first(librarian: Visitor) -> None:
    librarian.field(WHICH).fill("puppet")
    librarian.sees("No event fits these words")
    librarian.check()


def sees_similar_events(librarian: Visitor, summer: Event) -> None:
    with librarian.wait_for_results("Summer reading planing"):
        librarian.field("Event title").press_sequentially("Summer reading planing")
    librarian.sees("Is it one of these?")
    expect(librarian.page.get_by_role("link", name=summer.title, exact=True)).to_be_visible()
    librarian.check()
    librarian.field("Event title").fill(PUPPETS)
    librarian.sees_no("Is it one of these?")


def forgets_some_fields(librarian: Visitor) -> None:
    last_week = timezone.localtime() - dt.timedelta(days=7)
    begin = f"{last_week:%Y-%m-%d}T09:00"
    librarian.field("Begin date and time").fill(begin)
    librarian.field("Description").fill("How to make puppets talk.")
    librarian.field("Credit value").fill("2")
    librarian.press("Save")
    required = {
        "End date and time": "Enter the end date and time.",
        "Sponsor": "Enter the sponsor.",
        "Trainer or presenter name": "Enter the trainer or presenter name.",
    }
    for label, error in required.items():
        assert error in librarian.error_of(label)
        expect(librarian.page.get_by_role("alert")).to_contain_text(error)
    expect(librarian.page.get_by_role("alert")).to_contain_text("Choose a CE category.")
    expect(librarian.field("Event title")).to_have_value(PUPPETS)
    expect(librarian.field("Begin date and time")).to_have_value(begin)
    expect(librarian.field("Description")).to_have_value("How to make puppets talk.")
    expect(librarian.field("Credit value")).to_have_value("2")
    librarian.field("End date and time").fill(begin.replace("09:00", "11:00"))


def fills_the_rest_and_saves_twice(librarian: Visitor) -> None:
    librarian.field("Sponsor").fill("Puppet School")
    librarian.field("Trainer or presenter name").fill("P. Nocchio")
    # The category is the last field before Save.
    controls = librarian.page.get_by_role("main").locator("form").locator("input, textarea, button")
    names = controls.evaluate_all("all => all.map(one => one.name || one.textContent)")
    assert names[-8:] == ["note", "evidence", *["category"] * 4, "Save", "keep"]
    librarian.page.get_by_role("radio", name="Library Services to the Public").check()
    librarian.press_twice("Save")


def returns_the_custom_event(staff: Visitor) -> None:
    opens_the_custom_event(staff)
    staff.page.get_by_label("Question or reason").fill(
        "Please name the puppets' theater school in full."
    )
    staff.press("Return with a question")
    expect(staff.page.get_by_text(f"“{PUPPETS}” is returned for changes.")).to_be_visible()


def approves_the_custom_event(staff: Visitor) -> None:
    opens_the_custom_event(staff)
    expect(staff.page.get_by_role("cell", name="Puppet School of Missoula")).to_be_visible()
    staff.press("Approve")
    expect(staff.page.get_by_text(f"“{PUPPETS}” is approved.")).to_be_visible()


def opens_the_custom_event(staff: Visitor) -> None:
    staff.visit("/")
    staff.follow("Custom events to approve", within=staff.menu)
    staff.follow(PUPPETS)


def edits_and_resubmits(librarian: Visitor) -> None:
    librarian.follow("My credits", within=librarian.menu)
    reason = "Please name the puppets' theater school in full."
    sees_the_credit(librarian, PUPPETS, "Returned for changes", reason)
    librarian.follow("Continuing Education 1 training to change", within=librarian.menu)
    librarian.sees(f"Staff asked for changes to “{PUPPETS}”: {reason}")
    librarian.click(librarian.page.get_by_role("link", name="Edit and resubmit").first)
    librarian.sees(f"Staff asked for changes: {reason}")
    librarian.field("Sponsor").fill("Puppet School of Missoula")
    librarian.press("Save and resubmit")
    librarian.sees(f"“{PUPPETS}” was resubmitted and is waiting for approval.")
    sees_the_credit(librarian, PUPPETS, "Pending", "Archived")


def sees_it_approved_and_archived(librarian: Visitor) -> None:
    librarian.follow("My credits", within=librarian.menu)
    librarian.sees("15 credits from 8 trainings: 0 posted, 15 archived.")
    librarian.sees("Archived means that a credit is kept for you but not counted")
    sees_the_credit(librarian, PUPPETS, "Approved", "Archived")


# ---------- Tracks ----------


def chooses_a_track(librarian: Visitor) -> None:
    librarian.follow("Continuing Education", within=librarian.menu)
    librarian.press("Choose Library Staff")
    librarian.sees("You now follow Library Staff. 8 credit lines were posted to it.")
    librarian.sees(
        "12 of 60 credits",
        "Still needed: 0.5 in Library Administration, "
        "1.5 in Library Services to the Public, "
        "3 in Collection Management and Technical Services, 3 in Technology "
        "and 40 more in any category.",
    )
    assert librarian.legend("Library Staff") == [
        "Library Administration 4.5 of 5 · 0.5 needed",
        "Library Services to the Public 3.5 of 5 · 1.5 needed",
        "Collection Management and Technical Services 2 of 5 · 3 needed",
        "Technology 2 of 5 · 3 needed",
        "Elective, above the minimums 0 of 40 · 40 needed",
    ]
    librarian.page.get_by_text("How this is counted").click()
    old = sees_the_credit(librarian, "Farewell to the card catalog", "Not counted")
    first_day = years_before(today(), 4)
    expect(old).to_contain_text(f"Earned before {first_day:%B} {first_day.day}, {first_day.year}")
    sees_the_credit(librarian, PUPPETS, "Posted")


def chooses_a_second_track(librarian: Visitor) -> None:
    librarian.follow("My tracks", within=librarian.menu)
    librarian.press("Choose Library Trustee")
    librarian.sees("You now follow Library Trustee. 8 credit lines were posted to it.")
    librarian.sees("9.5 of 15 credits", "Still needed: 5.5 in Library Administration.")
    librarian.follow("My tracks", within=librarian.menu)
    librarian.sees("You follow 2 tracks.", "12 of 60 credits", "9.5 of 15 credits")


# ---------- A correction ----------


def asks_for_a_correction(librarian: Visitor, event: Event) -> None:
    librarian.follow("My credits", within=librarian.menu)
    row = opens_the_credit(librarian, event.title)
    for words in ("Technology", "Posted to Library Staff", "Posted to Library Trustee"):
        expect(row).to_contain_text(words)
    librarian.follow(f"Something wrong? {event.title}, Technology", within=row)
    expect(librarian.field("Subject")).to_have_value(f"{event.title}, {format_day(event.last_day)}")
    librarian.field("What should change?").fill("The category should be Library Administration.")
    librarian.press("Send ticket")
    librarian.sees("Your help ticket was sent.", "Waiting for the help desk")


def applies_the_correction(staff: Visitor, event: Event) -> None:
    staff.follow("Ticket queue", within=staff.menu)
    staff.follow(f"{event.title}, {format_day(event.last_day)}")
    staff.sees("June Alvarez", "The category should be Library Administration.")
    staff.field("CE category").select_option("Library Administration")
    staff.field("A note to the person").fill("Thank you for telling us.")
    staff.press("Apply correction")
    staff.sees("The credit was corrected and June Alvarez's tracks were updated.", "Answered")
    staff.sees("Technology 1 → Library Administration 1")


def sees_the_correction_in_the_credits_and_tracks(librarian: Visitor, event: Event) -> None:
    librarian.follow("Help", within=librarian.menu)
    librarian.follow(f"{event.title}, {format_day(event.last_day)}")
    librarian.sees("Answered", "Thank you for telling us.")
    librarian.sees("Technology 1 → Library Administration 1")
    librarian.follow("View my credits")
    sees_the_credit(librarian, event.title, "Library Administration", "Posted to Library Staff")
    librarian.follow("My tracks", within=librarian.menu)
    assert librarian.legend("Library Staff") == [
        "Library Administration 5.5 of 5",
        "Library Services to the Public 3.5 of 5 · 1.5 needed",
        "Collection Management and Technical Services 2 of 5 · 3 needed",
        "Technology 1 of 5 · 4 needed",
        "Elective, above the minimums 0.5 of 40 · 39.5 needed",
    ]
    librarian.sees("12 of 60 credits", "10.5 of 15 credits")
