"""The portal by keyboard alone: focused elements are visible, and none traps the focus."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.actions import create_account
from events.actions import register
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import sees_the_credit
from tests.factories import PASSWORD
from tracks.actions import select_track

pytestmark = pytest.mark.django_db(transaction=True)

MAX_STOPS = 150
# The label of the focused element, and anything that makes the focus hard to see.
FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const label = element.labels?.[0]?.textContent || element.ariaLabel || element.textContent
        || (element.type === "submit" ? element.value : "");
    const style = getComputedStyle(element);
    // In a date field, the browser itself outlines the button that opens the calendar.
    const outlined = !element.matches(":focus")
        || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const shown = [...element.getClientRects()].some(box =>
        box.width && box.height && box.right > 0 && box.left < innerWidth
        && box.bottom > 0 && box.top < innerHeight
    );
    const box = element.getClientRects()[0];
    const above = box && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const covered = above && !element.contains(above) && !above.contains(element);
    // Every element gets a number when it first has the focus.
    window.stops ??= new Map();
    if (!stops.has(element)) stops.set(element, stops.size);
    return {
        label: label.replace(/\\s+/g, " ").trim(),
        number: stops.get(element),
        problems: [
            !outlined && "has no outline", !shown && "is out of sight", covered && "is covered",
        ].filter(Boolean).join(", "),
    };
}"""


class Stop:
    """The element that has the focus, if any."""

    def __init__(self, visitor: Visitor) -> None:
        focused = visitor.page.evaluate(FOCUSED)
        self.is_nowhere = focused is None
        self.label = focused["label"] if focused else ""
        self.number = focused["number"] if focused else -1
        problems = focused["problems"] if focused else ""
        assert not problems, f"{visitor.page.url}: {self.label} {problems}"


def tab(visitor: Visitor) -> Stop:
    visitor.page.keyboard.press("Tab")
    return Stop(visitor)


def tab_to(visitor: Visitor, label: str | re.Pattern[str]) -> None:
    """Press Tab until an element whose label starts with `label`, or matches it, has the focus."""
    pattern = label if isinstance(label, re.Pattern) else re.compile(f"^{re.escape(label)}")
    for _ in range(MAX_STOPS):
        if pattern.search(tab(visitor).label):
            return
    raise AssertionError(f"Tab never reached “{label}” on {visitor.page.url}")


def press_enter(visitor: Visitor) -> None:
    """Press Enter and wait for the next page."""
    with visitor.page.expect_navigation(wait_until="load"):
        visitor.page.keyboard.press("Enter")
    visitor.check()


def all_stops(visitor: Visitor) -> list[str]:
    """Press Tab to the end of the page and return the labels. Fail if an element comes twice."""
    stops: list[Stop] = []
    while True:
        stop = tab(visitor)
        if stop.is_nowhere or (stops and stop.number == 0):
            return [each.label for each in stops]
        if not stops or stops[-1].number != stop.number:  # a date field has several parts
            assert stop.number == len(stops), f"{visitor.page.url}: back at {stop.label}"
            stops.append(stop)


def test_the_skip_link_skips_the_menu(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.visit("/")
    assert tab(visitor).label == "Skip to the main content"
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("main")).to_be_focused()
    assert tab(visitor).label == "Sign in to see your credits"


@pytest.mark.parametrize("width", [1280, 320])
def test_every_focused_element_is_visible_and_none_traps_the_focus(
    open_browser: Callable[..., Visitor], width: int
) -> None:
    with zeal_ignore():
        person = make.person()
        claimed, upcoming = make.claim(person).event, make.event(days=2)
        make.event(title="Not claimed yet")
        register(event_id=upcoming.pk, by=person)
        participation, _ = select_track(track=make.track(), by=person)
    visitor = open_browser(person, width=width)
    for path in [
        "/events/",
        "/events/?view=list&past=1",
        claimed.get_absolute_url(),
        upcoming.get_absolute_url(),
        "/continuing-education/",
        "/continuing-education/new/",
        "/continuing-education/credits/",
        "/tracks/",
        participation.get_absolute_url(),
        "/help/new/",
        "/accounts/profile/",
    ]:
        visitor.open(path)
        stops = all_stops(visitor)
        assert stops[0] == "Skip to the main content"
        assert stops[-2] == "Accessibility statement"
        assert ("My tracks" if width == 1280 else "Menu") in stops


def test_the_folded_menu_opens_by_keyboard(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser(make.person(), width=320)
    visitor.visit("/")
    tab_to(visitor, "Continuing Education")
    assert tab(visitor).label == "Menu"
    visitor.page.keyboard.press("Enter")
    assert tab(visitor).label == "Today"
    visitor.check()
    assert tab(visitor).label == "My credits"
    press_enter(visitor)
    visitor.sees("My credits")


def test_signing_in(open_browser: Callable[..., Visitor]) -> None:
    person = create_account(email="june@library.example", display_name="June", password_hash="")
    person.set_password(PASSWORD)
    person.save()
    visitor = open_browser()
    visitor.visit("/")
    tab_to(visitor, "Sign in")
    press_enter(visitor)
    tab_to(visitor, "E-mail address")
    visitor.page.keyboard.type(person.email)
    tab_to(visitor, "Password")
    visitor.page.keyboard.type("wrong")
    press_enter(visitor)
    # The error summary has the focus, and the next stop is its link to a field.
    visitor.page.keyboard.press("Tab")
    tab_to(visitor, "Password")
    visitor.page.keyboard.type(PASSWORD)
    press_enter(visitor)
    expect(visitor.menu).to_contain_text("June")


def test_registering_from_the_month(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        event = make.event(title="Storytime for everyone", days=2)
    visitor = open_browser(make.person())
    visitor.visit(f"/events/?month={timezone.localtime(event.begins_at):%Y-%m}")
    tab_to(visitor, re.compile("Storytime"))
    press_enter(visitor)
    tab_to(visitor, "Register")
    press_enter(visitor)
    visitor.sees("You are registered.")


def test_claiming_from_the_list_of_past_events(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        first, second, third = (make.event(days=-days) for days in (2, 3, 4))
        make.event(title="Mending books")
    visitor = open_browser(make.person())
    visitor.visit("/")
    tab_to(visitor, "Continuing Education")
    press_enter(visitor)
    tab_to(visitor, "Which training did you take part in?")
    visitor.page.keyboard.type("training")
    expect(visitor.page.get_by_role("option")).to_have_count(3)
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("ArrowDown")
    expect(visitor.page.get_by_role("option", selected=True)).to_contain_text(second.title)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("option")).to_have_count(0)
    for _ in range(2):
        visitor.page.keyboard.press("ArrowDown")
    press_enter(visitor)
    visitor.sees(second.title)
    tab_to(visitor, "Save")
    press_enter(visitor)
    sees_the_credit(visitor, second.title, "Pending", "Archived")
    expect(visitor.page.locator(".note--good")).to_be_in_viewport(ratio=1)
    for other in (first, third):
        visitor.sees_no(other.title)
