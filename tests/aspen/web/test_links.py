"""Web addresses in people's texts become links, unless they could mislead."""

import pytest
from django.template import engines

from aspen.web.links import with_links
from tests import factories
from tests.web import signed_in

LINKS = {
    "https://msl.mt.gov/a?b=1&c=2": "https://msl.mt.gov/a?b=1&amp;c=2",
    "http://msl.mt.gov:8080/": "http://msl.mt.gov:8080/",
    "www.msl.mt.gov": "https://www.msl.mt.gov",
    "mtlib.org/events": "https://mtlib.org/events",
    "https://bücher.example/é": "https://b%C3%BCcher.example/%C3%A9",
    "https://例え.jp/": "https://%E4%BE%8B%E3%81%88.jp/",
}


@pytest.mark.parametrize(("address", "href"), LINKS.items())
def test_web_addresses_are_links(address: str, href: str) -> None:
    shown = address.replace("&", "&amp;")
    link = f'<a href="{href}" rel="nofollow noopener">{shown}</a>'
    assert with_links(f"See {address}.\n<b>") == f"See {link}.\n&lt;b&gt;"
    assert with_links(f"({address})") == f"({link})"


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "ftp://library.example/",
        "//library.example/",
        "data:text/html,x",
        "ann@library.example",
        "https://msl.mt.gov@library.example/",
        "https://msl.mt.gov:80@library.example/",
        "https://msl.mt.gov&#64;library.example/",
        "https://msl.mt.gov%40library.example/",
        "https://msl.mt.gov\\@library.example/",
        "www.msl.mt.gov@library.example",
        "www.msl.mt.gov&#64;library.com",
        "https://p\u0430ypal.com/",
        "www.p\u0430ypal.com",
        "https://\u0261oogle.com/",
        "https://аррӏе.com/",
        "https://library.example:99999999/",
        "https://[::1]/",
        "https://[",
        "3.5 hours: 1.5 + 2",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert with_links(text) == text.replace("&", "&amp;")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        'https://a.example/"onclick="x',
        "https://a.example/<b>",
        "'&lt;",
    ],
)
def test_everything_is_escaped(text: str) -> None:
    html = engines["django"].from_string("{{ text|with_links|linebreaks }}").render({"text": text})
    assert "<script" not in html
    assert "<b>" not in html
    assert '"onclick' not in html


@pytest.mark.django_db
def test_a_description_and_a_cancellation_have_links() -> None:
    event = factories.event(
        days=7,
        state="cancelled",
        description="Program:\nhttps://mtlib.org/a",
        cancellation="See https://mtlib.org/b",
    )
    html = signed_in(factories.person()).get(event.get_absolute_url()).content.decode()
    for letter in "ab":
        assert f'<a href="https://mtlib.org/{letter}" rel="nofollow noopener">' in html
