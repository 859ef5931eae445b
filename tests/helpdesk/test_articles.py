"""Help articles: their format, their pages, and the links that lead to them."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from accounts.enums import Role
from aspen.db.audit import history_model
from events.models import Category
from helpdesk.article_text import address_of, link_targets, to_html
from helpdesk.context import ARTICLES
from helpdesk.forms import ARTICLE_TARGET
from helpdesk.models import Article
from helpdesk.queries import search_articles
from tests import factories
from tests.test_repository import FILES, read
from tests.web import form_values, signed_in, text

pytestmark = pytest.mark.django_db
SLUGS = [
    *("add-a-credit", "create-new", "what-counts", "archived-and-posted-credits"),
    *("choose-a-track", "submit-your-record", "what-is-certification"),
]


def an_article(**fields: Any) -> Article:
    values = {"title": "A title", "slug": "a-title", "text": "Words", "is_published": True}
    return Article.objects.create(**values | fields)


# ---------- The format ----------


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("One\nline", "<p>One line</p>"),
        ("One\n\n\n \nTwo", "<p>One</p>\n<p>Two</p>"),
        ("One\r\n\r\nTwo", "<p>One</p>\n<p>Two</p>"),
        ("## A heading", "<h2>A heading</h2>"),
        ("- One\n- Two", "<ul><li>One</li><li>Two</li></ul>"),
        ("1. One\n2. Two", "<ol><li>One</li><li>Two</li></ol>"),
        ("1. One\n- Two", "<p>1. One - Two</p>"),
        ("2026. A year", "<p>2026. A year</p>"),
        ("Press **Save** now", "<p>Press <strong>Save</strong> now</p>"),
        (
            "See [My credits](tracks:credits).",
            '<p>See <a href="/continuing-education/credits/">My credits</a>.</p>',
        ),
        ("[Next](helpdesk:article/create-new)", '<p><a href="/help/create-new/">Next</a></p>'),
        (
            "[MSL](https://msl.mt.gov/a?b=1&c=2)",
            '<p><a href="https://msl.mt.gov/a?b=1&amp;c=2" rel="nofollow noopener">MSL</a></p>',
        ),
        ("[Gone](tracks:nowhere)", "<p>Gone</p>"),
        ("[Gone](tracks:rule_set)", "<p>Gone</p>"),
        ("[Gone](tracks:rule_set/x)", "<p>Gone</p>"),
        ("", ""),
    ],
)
def test_the_format(source: str, html: str) -> None:
    assert to_html(source) == html


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "## <script>alert(1)</script>",
    "- <script>alert(1)</script>",
    "**<script>alert(1)</script>**",
    "[<b>bold</b>](tracks:credits)",
    "[x](javascript:alert(1))",
    "[x](javascript://msl.mt.gov/%0aalert)",
    "[x](data:text/html,hello)",
    "[x](//evil.example/)",
    "[x](https://me@evil.example/)",
    "[x](https://[evil/)",
    "[x](https://раypal.com/)",
    '[x](https://msl.mt.gov/"onmouseover="alert)',
    '[x" onclick="alert](tracks:credits)',
    "[a](b)](tracks:credits)",
    "[[x](tracks:credits)](tracks:credits)",
    "**a [b](tracks:credits) c**",
    "&lt;script&gt;",
    "*" * 5000 + "[" * 5000 + "](" * 5000,
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_stays_text(source: str) -> None:
    html = to_html(source)
    tags = re.findall(r"<[^>]*>", html)
    address = r'"(/continuing-education/credits/|https://msl\.mt\.gov/[^"<>]*)"'
    allowed = rf'</?(p|h2|ul|ol|li|strong)>|<a href={address}( rel="nofollow noopener")?>|</a>'
    assert [tag for tag in tags if not re.fullmatch(allowed, tag)] == []
    assert html.count("<a ") == html.count("</a>")


# ---------- The articles ----------


def published() -> dict[str, Article]:
    return {article.slug: article for article in Article.objects.filter(is_published=True)}


def test_the_first_articles_are_published_and_of_a_readable_length() -> None:
    articles = published()
    assert list(articles) == SLUGS
    lengths = {slug: len(article.text.split()) for slug, article in articles.items()}
    assert {slug: n for slug, n in lengths.items() if not 150 <= n <= 300} == {}


@pytest.mark.parametrize("slug", SLUGS)
def test_every_link_in_an_article_leads_to_a_page(slug: str) -> None:
    targets = list(link_targets(published()[slug].text))
    assert targets
    for target in targets:
        address = address_of(target)
        assert address, target
        if target.startswith(ARTICLE_TARGET):
            assert target.removeprefix(ARTICLE_TARGET) in published()
    client = signed_in(factories.person())
    pages = {client.get(address).status_code for address in map(address_of, targets) if address}
    assert pages <= {200, 302}  # people who are signed in cannot sign up


def test_every_button_that_an_article_names_is_on_a_page() -> None:
    pages = "\n".join(read(path) for path in FILES if "templates" in path.parts)
    categories = set(Category.objects.values_list("name", flat=True))
    named = {
        name for each in published().values() for name in re.findall(r"\*\*(.+?)\*\*", each.text)
    }
    assert len(named) > 10
    assert {name for name in named - categories if name not in pages} == set()


# ---------- Where Help leads ----------


def url_names(patterns: Any = None, prefix: str = "") -> set[str]:
    names = set()
    for each in patterns or get_resolver().url_patterns:
        if isinstance(each, URLResolver):
            inner = f"{prefix}{each.namespace}:" if each.namespace else prefix
            names |= url_names(each.url_patterns, inner)
        elif isinstance(each, URLPattern) and each.name:
            names.add(prefix + each.name)
    return names


def test_help_leads_from_each_page_to_its_published_article() -> None:
    assert set(ARTICLES) <= url_names()
    assert set(ARTICLES.values()) == set(SLUGS)


@pytest.mark.parametrize(
    "page",
    ["tracks:dashboard", "credits:create", "tracks:credits", "tracks:choose", "tracks:rules"],
)
def test_the_foot_of_a_page_links_its_article(page: str) -> None:
    foot = text(signed_in(factories.person()).get(reverse(page))).split("<footer")[1]
    assert f'<a href="/help/{ARTICLES[page]}/">Help with this page</a>' in foot


# ---------- Pages ----------


def test_the_help_page_begins_with_articles_then_tickets_then_a_person() -> None:
    page = text(signed_in(factories.person()).get("/help/")).split("<main")[1]
    headings = re.findall(r'<h2 id="(\w+)"', page)
    assert headings == ["articles", "tickets", "ask"]
    assert re.findall(r'href="/help/([a-z-]+)/">', page)[: len(SLUGS)] == SLUGS


def test_visitors_see_articles_and_how_to_reach_a_person() -> None:
    page = text(Client().get("/help/")).split("<main")[1]
    assert re.findall(r'<h2 id="(\w+)"', page) == ["articles", "ask"]
    assert "mailto:" in page
    assert "/accounts/login/?next=/help/new/" in page


def test_an_article_has_its_title_and_text() -> None:
    page = text(Client().get("/help/create-new/"))
    assert "<title>Add training from elsewhere: Create New… – ASPeN</title>" in page
    assert "Press <strong>Save</strong>." in page
    assert page.count("<h1>") == 1


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("webinar from elsewhere", "create-new"),
        ("How do I choose a track?", "choose-a-track"),
        ("ARCHIVE", "archived-and-posted-credits"),
        ("who needs certification", "what-is-certification"),
        ("supervisor", "submit-your-record"),
        ("weeding", "what-counts"),
    ],
)
def test_search_finds_articles_best_match_first(words: str, first: str) -> None:
    assert search_articles(words)[0].slug == first
    page = Client().get("/help/", {"q": words})
    assert page.context["articles"][0].slug == first


@pytest.mark.parametrize("words", ["xylophone", "'", "& |", "the of", "%00", "a\x00b", "!" * 201])
def test_a_search_without_results_still_leads_to_a_person(words: str) -> None:
    page = Client().get("/help/", {"q": words})
    assert page.status_code == 200
    assert 'id="ask"' in text(page)


def test_an_unpublished_article_leads_to_the_list_and_is_not_found() -> None:
    hidden = an_article(title="Zeppelins", slug="zeppelins", is_published=False)
    answer = Client().get(hidden.get_absolute_url())
    assert answer.headers["Location"] == "/help/"
    assert list(search_articles("zeppelins")) == []
    assert "Zeppelins" not in text(Client().get("/help/"))
    assert Client().get("/help/unknown/").status_code == 404


@pytest.mark.parametrize("slug", ["new", "queue", "12"])
def test_an_article_cannot_hide_behind_another_page(slug: str) -> None:
    assert resolve(f"/help/{slug}/").view_name != "helpdesk:article"
    with pytest.raises(IntegrityError, match="slug_is_free"), transaction.atomic():
        an_article(slug=slug)


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_articles(items: int, django_assert_num_queries: Any) -> None:
    for number in range(items):
        an_article(title=f"Boats {number}", slug=f"boats-{number}")
    for address in ("/help/", "/help/?q=boats", "/help/boats-0/"):
        with django_assert_num_queries(1):
            Client().get(address)


@pytest.mark.django_db(transaction=True)
def test_visitors_pages_are_cached_until_an_article_changes() -> None:
    client = Client()
    article = Article.objects.get(slug="create-new")
    for address in ("/help/", article.get_absolute_url()):
        tag = client.get(address).headers["ETag"]
        assert client.get(address, headers={"if-none-match": tag}).status_code == 304
        Article.objects.filter(pk=article.pk).update(position=article.position + 1)
        assert client.get(address, headers={"if-none-match": tag}).status_code == 200
        article.refresh_from_db()


# ---------- Editing ----------


def test_staff_add_and_change_articles_with_a_history() -> None:
    staff = factories.person(Role.HELP_DESK)
    client = signed_in(staff)
    address = reverse("admin:helpdesk_article_add")
    values = {"title": "Boats", "slug": "boats", "position": "5", "is_published": "on"}
    wrong = client.post(address, values | {"text": "[x](tracks:none) [y](helpdesk:article/none)"})
    assert "These links lead nowhere: tracks:none, helpdesk:article/none." in text(wrong)
    client.post(address, values | {"text": "[Credits](tracks:credits)"})
    article = Article.objects.get(slug="boats")
    change = reverse("admin:helpdesk_article_change", args=[article.pk])
    client.post(change, form_values(client.get(change)) | {"title": "Ships", "slug": "ships"})
    article.refresh_from_db()
    assert (article.title, article.slug) == ("Ships", "boats")
    assert history_model(Article).objects.filter(pgh_obj=article).count() == 2
    assert client.get(f"{change[:-7]}delete/").status_code == 403


def test_the_roles_that_answer_tickets_edit_articles() -> None:
    change = Permission.objects.get(codename="change_article")
    groups = set(Group.objects.filter(permissions=change).values_list("name", flat=True))
    assert groups == {Role.HELP_DESK, Role.CE_COORDINATOR, Role.ADMINISTRATOR}
