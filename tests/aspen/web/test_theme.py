"""The color scheme of pages: the device's, or the person's own."""

import pytest
from django.test import Client

from aspen.web.context import THEME
from tests import factories
from tests.web import text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("theme", "tag"),
    [
        ("", '<html lang="en">'),
        ("light", '<html lang="en" data-theme="light">'),
        ("dark", '<html lang="en" data-theme="dark">'),
    ],
)
def test_pages_have_the_persons_theme(client: Client, theme: str, tag: str) -> None:
    client.force_login(factories.person())
    session = client.session
    session[THEME] = theme
    session.save()
    assert tag in text(client.get("/accessibility/"))


def test_visitors_have_their_devices_theme(client: Client) -> None:
    assert '<html lang="en">' in text(client.get("/accessibility/"))
