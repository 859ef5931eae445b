"""Paging forward and back through a list while it changes."""

import datetime as dt
import re
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from events.calendar import views as calendar_views
from events.models import Event
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_a_page(monkeypatch):
    monkeypatch.setattr(calendar_views, "PAGE_SIZE", 3)


class Reader:
    """A visitor who follows the links in a list."""

    def __init__(self, client: Client, query: str) -> None:
        self.client = client
        self.go(f"/events/?{query}")

    def go(self, url: str) -> "Reader":
        response = self.client.get(url)
        self.page = response.context["page"]
        self.html = response.content.decode()
        self.titles = [row.title for row in response.context["rows"]]
        return self

    def link(self, rel: str) -> str:
        [href] = re.findall(rf'<a [^>]*href="([^"]*)" rel="{rel}">', self.html)
        return f"/events/{unescape(href)}"

    def next(self) -> "Reader":
        return self.go(self.link("next"))

    def back(self) -> "Reader":
        return self.go(self.link("prev"))

    @property
    def number(self) -> str:
        [text] = re.findall(r"Page \d+ of \d+", self.html)
        return text


def labs(count: int, *, sign: int = 1) -> list[Event]:
    return [make.event(title=f"Lab {number}", days=sign * (number + 1)) for number in range(count)]


def names(*numbers: int) -> list[str]:
    return [f"Lab {number}" for number in numbers]


@pytest.mark.parametrize(("query", "sign"), [("view=list", 1), ("past=1", -1)])
def test_paging_to_the_end_and_back(client, query, sign):
    labs(8, sign=sign)
    reader = Reader(client, query)
    seen = [(reader.number, reader.titles)]
    for _ in range(2):
        reader.next()
        seen.append((reader.number, reader.titles))
    assert seen == [
        ("Page 1 of 3", names(0, 1, 2)),
        ("Page 2 of 3", names(3, 4, 5)),
        ("Page 3 of 3", names(6, 7)),
    ]
    assert reader.page.next == ""
    back = []
    for _ in range(2):
        reader.back()
        back.append((reader.number, reader.titles))
    assert back == seen[1::-1]
    assert reader.page.previous == ""


def test_added_events_cause_no_repeats_or_gaps(client):
    labs(8)
    reader = Reader(client, "view=list")
    first = reader.titles
    for title in ("New A", "New B"):
        make.event(title=title, days=0.5)
    make.event(title="New C", days=4.5)
    assert first + reader.next().titles + reader.next().titles == [
        *names(0, 1, 2, 3),
        "New C",
        *names(4, 5, 6, 7),
    ]
    assert reader.number == "Page 3 of 4" or reader.number == "Page 4 of 4"
    back = reader.titles
    while reader.page.previous:
        back = reader.back().titles + back
    assert back == [
        *sorted(["New A", "New B"]),
        *names(0, 1, 2, 3),
        "New C",
        *names(4, 5, 6, 7),
    ]


def test_events_that_end_meanwhile_do_not_shift_the_pages(client):
    labs(8)
    reader = Reader(client, "view=list")
    with time_machine.travel(timezone.now() + dt.timedelta(days=2.5), tick=False):
        assert reader.next().titles == names(3, 4, 5)
        assert reader.number == "Page 2 of 3"
        assert reader.back().titles == names(2)
        assert reader.number == "Page 1 of 3"
        assert reader.next().titles == names(3, 4, 5)


def test_events_deleted_meanwhile_do_not_shift_the_pages(client):
    events = labs(8)
    reader = Reader(client, "view=list").next()
    for number in (2, 3, 5):
        events[number].offers.all().delete()
        events[number].delete()
    assert reader.next().titles == names(6, 7)
    assert reader.back().titles == names(0, 1, 4)


def test_events_with_the_same_start_are_paged_in_order(client):
    begins_at = timezone.now().replace(microsecond=123_456) + dt.timedelta(days=1)
    made = [
        make.event(title=f"Lab {number}", begins_at=begins_at, ends_at=None) for number in range(7)
    ]
    reader = Reader(client, "view=list")
    seen = reader.titles + reader.next().titles + reader.next().titles
    assert seen == [event.title for event in made]
    assert reader.back().titles == names(3, 4, 5)


def test_cursors_beyond_either_end_open_the_last_or_first_page(client):
    labs(4)
    reader = Reader(client, "view=list&page=2&after=2090-01-01T00:00:00Z~1")
    assert (reader.number, reader.titles) == ("Page 2 of 2", names(3))
    reader = Reader(client, "view=list&page=2&before=1991-01-01T00:00:00Z~1")
    assert (reader.number, reader.titles) == ("Page 1 of 2", names(0, 1, 2))


def test_pages_can_be_opened_by_number(client):
    labs(8)
    assert Reader(client, "view=list&page=2").titles == names(3, 4, 5)
    assert Reader(client, "view=list&page=99").titles == names(6, 7)
    assert Reader(client, "view=list&page=2").next().titles == names(6, 7)


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("key", ["nonsense", "%00", "2026-12-03T16:00:00Z~x", "~", "9" * 3000])
def test_a_mangled_cursor_opens_the_first_page_with_an_error(client, name, key):
    labs(4)
    response = client.get(f"/events/?view=list&page=2&{name}={key}")
    assert [row.title for row in response.context["rows"]] == names(0, 1, 2)
    [error] = response.context["errors"]
    assert error.startswith("Page: ")


def test_search_results_keep_their_order_across_pages(client):
    labs(8)
    reader = Reader(client, "q=lab")
    first = reader.titles
    assert reader.number == "Page 1 of 3"
    seen = first + reader.next().titles + reader.next().titles
    assert sorted(seen) == names(*range(8))
    assert reader.back().back().titles == first


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("query", ["", "&page=2", "&page=2&after={}~1", "&page=1&before={}~1"])
def test_the_number_of_queries_is_fixed(client, django_assert_num_queries, count, query):
    labs(count)
    key = (timezone.now() + dt.timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with django_assert_num_queries(5):
        client.get(f"/events/?view=list{query.format(key)}")
