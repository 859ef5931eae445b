"""After signing out on a shared computer, the Back button shows nothing of a person's own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests import factories as make
from tests.browser.page import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_back_after_signing_out_shows_no_personal_page(
    open_browser: Callable[..., Visitor],
) -> None:
    visitor = open_browser(make.person(display_name="Ada Reader"))
    visitor.visit("/accounts/profile/")
    visitor.visit("/continuing-education/credits/")
    visitor.press("Sign out")
    expect(visitor.page.locator("body")).not_to_contain_text("Ada Reader")
    for _ in range(2):
        visitor.page.go_back()
        expect(visitor.page.locator("body")).not_to_contain_text("Ada Reader")
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sign in")
