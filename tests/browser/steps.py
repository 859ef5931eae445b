"""Steps that several browser tests share."""

import datetime as dt

from django.utils import timezone
from playwright.sync_api import Locator, expect

from accounts.models import User
from events.models import Event
from tests.browser.page import Visitor
from tests.factories import PASSWORD


def signs_in(visitor: Visitor, person: User) -> None:
    visitor.visit("/")
    visitor.follow("Sign in")
    visitor.field("E-mail address").fill(person.email)
    visitor.field("Password").fill(PASSWORD)
    visitor.press("Sign in")
    expect(visitor.menu).to_contain_text(person.display_name)


def signs_out(visitor: Visitor) -> None:
    visitor.visit("/")
    visitor.press("Sign out")


def end_event(event: Event) -> None:
    begins_at = timezone.now() - dt.timedelta(hours=3)
    Event.objects.filter(pk=event.pk).update(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=2)
    )


def sees_the_credit(librarian: Visitor, title: str, *words: str) -> Locator:
    """Expect one credit for this event, with these words, and return its line."""
    row = librarian.credit_lines(title)
    expect(row).to_have_count(1)
    for word in words:
        expect(row).to_contain_text(word)
    return row


def opens_the_credit(librarian: Visitor, title: str) -> Locator:
    """Open a line of My credits or Continuing Education and return it."""
    line = sees_the_credit(librarian, title)
    line.locator("> summary").click()
    librarian.check()
    return line
