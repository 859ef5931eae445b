"""A coordinator and a colleague edit an event from two old forms, and neither loses anything."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import Role
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_people_edit_an_event_from_two_old_forms(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        event = make.event(days=9, title="Weeding, step by step", city="Butte")
        coordinator = make.person(Role.CE_COORDINATOR)
        colleague = make.person(Role.CE_COORDINATOR)
    first, second = open_browser(coordinator), open_browser(colleague)
    first.visit(f"/events/{event.pk}/edit/")
    second.visit(f"/admin/events/event/{event.pk}/change/")

    second.page.get_by_label("City:").fill("Helena")
    second.page.get_by_label("Room:").fill("Ballroom")
    second.page.get_by_role("button", name="Save", exact=True).click()
    expect(second.page.locator(".messagelist")).to_contain_text("was changed successfully")

    first.field("City").fill("Polson")
    first.field("Building or address").fill("Yogo Inn")
    first.press("Save changes")
    first.sees("Someone changed this to “Helena” after you opened this page. You entered “Polson”.")
    expect(first.field("City")).to_have_value("Polson")
    expect(first.field("Building or address")).to_have_value("Yogo Inn")
    expect(first.field("Room")).to_have_value("Ballroom")

    first.press("Save changes")
    first.sees("“Weeding, step by step” was saved.")
    event = Event.objects.get()
    assert (event.city, event.location, event.room) == ("Polson", "Yogo Inn", "Ballroom")
