from tests import factories
import pytest
@pytest.mark.django_db(transaction=True)
def test_shot(open_browser, serialized=None):
    for n in range(5):
        factories.event(days=n + 1)
    v = open_browser(width=360)
    v.page.goto(v.address + "/events/")
    v.page.screenshot(path="/tmp/fixa-360.png", full_page=True)
    p = factories.person()
    for w in (360, 320):
        v = open_browser(p, width=w)
        for name, u in (("panel", "/continuing-education/"), ("profile", "/accounts/profile/"), ("events", "/events/")):
            v.page.goto(v.address + u)
            v.page.screenshot(path=f"/tmp/fixa-{name}-{w}.png", full_page=True)
