"""Pages print as pages, and the pages of the demonstration's recordings and meetings."""

import io
import unicodedata
from collections.abc import Callable

import pypdf
import pytest
from zeal import zeal_ignore

from aspen.demo.addresses import meeting_address, recording_address
from events.actions import register
from tests import factories as make
from tests.browser.page import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

# What people use on a screen, as long as it takes space. Names for screen readers take none.
USED_ON_SCREENS = """() => [...document.querySelectorAll(
    "select, input:not([type=hidden]), textarea, button, nav, .menu, .foot"
)].filter(each => each.getClientRects().length && !each.closest(".only-read"))
  .map(each => each.outerHTML.slice(0, 100))"""
PAGES = {
    "/": "Coming up in print",
    "/continuing-education/": "Latest credits",
    "/continuing-education/credits/": "Weeding in print",
    "/continuing-education/new/": "Create New",
    "/events/?view=list": "Coming up in print",
    "/events/mine/": "Coming up in print",
    "/tracks/": "Library Staff",
    "/certificates/": "My certificates",
    "/accounts/profile/": "Profile",
}


def test_pages_print_without_menus_and_fields(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        person = make.person(display_name="Pat Quill")
        make.following(person, "Library Staff")
        make.claim(person, title="Weeding in print")
        coming = make.event(title="Coming up in print", days=5)
        register(event_id=coming.pk, by=person)
    visitor = open_browser(person)
    for path, text in PAGES.items():
        visitor.visit(path)
        visitor.page.emulate_media(media="print")
        assert visitor.page.evaluate(USED_ON_SCREENS) == [], path
        printed = pypdf.PdfReader(io.BytesIO(visitor.page.pdf(format="Letter"))).pages
        found = " ".join(page.extract_text() for page in printed)
        words = " ".join(unicodedata.normalize("NFKC", found).split())  # without ligatures
        assert text in words, path
        assert "Menu" not in words, path
        visitor.page.emulate_media(media="screen")


def test_a_recording_and_a_meeting_of_the_demonstration(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        event = make.event(
            title="Weeding without tears",
            days=-5,
            recording_url=recording_address("weeding"),
            joining_url=meeting_address("weeding"),
            is_demonstration=True,
        )
    visitor = open_browser()
    for kind, promise in {"recordings": "The clip lasts 9 seconds", "meetings": "earns no"}.items():
        visitor.visit(f"/demonstration/{kind}/weeding/")
        visitor.sees("Weeding without tears", promise)
        visitor.follow("Back to the event")
        assert visitor.page.url.endswith(event.get_absolute_url())
