"""Combined filters, misspelled words, and suggestions when nothing is found."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Federation
from events.calendar import search
from events.enums import Delivery
from events.models import Event
from tests import factories as make

pytestmark = pytest.mark.django_db
MOUNTAIN = ZoneInfo("America/Denver")


def titles_found(**filters: Any) -> set[str]:
    events = search.filtered_calendar(search.Filters(**filters))
    return set(events.order_by("pk").values_list("title", flat=True))


def context(client: Client, query: str) -> Any:
    return client.get(f"/events/?{query}").context


def titles(client: Client, query: str) -> list[str]:
    return [row.title for row in context(client, query)["rows"]]


# ---------- Names ----------


@pytest.mark.parametrize(
    "typed",
    [
        "Café Librarians",
        "cafe librarians",
        "CAFE",
        "librarian",
        "librarians caf",
        " cafe  libr ",
        "café's",
    ],
)
def test_sponsors_match_by_parts_of_the_name(typed):
    make.event(title="Theirs", sponsor="Café’s Librarians")
    make.event(title="Another sponsor", sponsor="Montana State Library")
    make.event(title="Not the sponsor", sponsor="", presenter="Café Librarians", location="Café")
    assert titles_found(sponsor=typed) == {"Theirs"}


@pytest.mark.parametrize("typed", ["great falls", "Great", "falls g", "Grèat"])
def test_cities_match_by_parts_of_the_name(typed):
    make.event(title="There", city="Great Falls")
    make.event(title="Elsewhere", city="Helena", description="Great Falls is far away.")
    assert titles_found(city=typed) == {"There"}


@pytest.mark.parametrize("typed", ["!!!", "'", "':*", "\\", "&|()", "the", "🎉", "a' | 'b"])
def test_text_without_a_name_finds_nothing(typed):
    make.event(sponsor="Montana State Library", city="Helena")
    assert titles_found(sponsor=typed) == set()
    assert titles_found(city=typed) == set()


def test_the_federation_is_the_organizers():
    name = Federation.objects.create(name="Far Valleys").name
    inside = make.organization(federation=Federation.objects.get(name=name))
    make.event(title="Inside", organization=inside)
    make.event(title="Outside", organization=make.organization())
    make.event(title="No organizer")
    assert titles_found(federation=name) == {"Inside"}


# ---------- Days ----------


def test_from_and_to_are_mountain_days_and_inclusive():
    def on(title: str, begin: str, end: str) -> None:
        begins_at, ends_at = (
            dt.datetime.fromisoformat(each).replace(tzinfo=MOUNTAIN) for each in (begin, end)
        )
        make.event(title=title, begins_at=begins_at, ends_at=ends_at)

    on("Evening before", "2026-11-11T23:00", "2026-11-12T00:00")
    on("Into the first day", "2026-11-11T23:00", "2026-11-12T00:30")
    on("Late on the last day", "2026-11-14T23:30", "2026-11-15T01:00")
    on("Day after", "2026-11-15T00:00", "2026-11-15T01:00")
    first, last = dt.date(2026, 11, 12), dt.date(2026, 11, 14)
    inside = {"Into the first day", "Late on the last day"}
    assert titles_found(since=first, until=last) == inside
    assert titles_found(since=first) == inside | {"Day after"}
    assert titles_found(until=last) == inside | {"Evening before"}


def test_a_start_day_replaces_today_in_the_list(client):
    make.event(title="Long over", days=-40)
    make.event(title="Over", days=-3)
    make.event(title="Coming", days=3)
    since = (timezone.localdate() - dt.timedelta(days=10)).isoformat()
    assert titles(client, f"from={since}") == ["Over", "Coming"]
    assert titles(client, f"from={since}&past=1") == ["Over"]
    until = (timezone.localdate() + dt.timedelta(days=1)).isoformat()
    assert titles(client, f"view=list&to={until}") == []
    assert titles(client, f"past=1&to={until}") == ["Over", "Long over"]


# ---------- Credit and recordings ----------


def test_filters_for_credit_and_recordings():
    now = timezone.now()
    make.event(title="Plain", credits={})
    make.event(title="Credit")
    make.event(title="Recorded", credits={}, recording_available_at=now - dt.timedelta(hours=1))
    make.event(title="To be recorded", recording_available_at=now + dt.timedelta(hours=1))
    assert titles_found(earns_credit=True) == {"Credit", "To be recorded"}
    assert titles_found(has_recording=True) == {"Recorded"}
    assert titles_found(earns_credit=True, has_recording=True) == set()


@pytest.mark.parametrize("value", ["1", "on"])
def test_checkboxes_accept_values_from_browsers_and_links(client, value):
    make.event(title="Plain", days=2, credits={})
    make.event(title="Credit", days=2)
    assert titles(client, f"view=list&credit={value}") == ["Credit"]
    page = client.get(f"/events/?view=list&credit={value}").content.decode()
    assert 'href="/events/?view=watch&amp;credit=1"' in page
    assert titles(client, "view=list&credit=0") == ["Plain", "Credit"]


# ---------- All together ----------


def test_every_filter_applies_in_every_view_and_its_links(client):
    organizer = make.organization(federation=Federation.objects.create(name="Far Valleys"))
    begins_at = timezone.localtime().replace(hour=12)  # starts and ends on the same day
    matching = {
        "title": "Board meeting",
        "begins_at": begins_at,
        "ends_at": begins_at + dt.timedelta(hours=1),
        "type": "Meeting",
        "delivery": Delivery.HYBRID,
        "city": "Helena",
        "sponsor": "Café Librarians",
        "organization": organizer,
        "recording_available_at": begins_at,
        "credits": {make.PUBLIC: "1.0"},
    }
    make.event(**matching)
    wrong = {
        "title": "Other",
        "type": "Conference",
        "delivery": Delivery.ONLINE,
        "city": "Butte",
        "sponsor": "Nobody",
        "organization": None,
        "credits": {},
        "recording_available_at": None,
    }
    for name, value in wrong.items():
        make.event(**matching | {name: value})
    day = timezone.localdate(begins_at).isoformat()
    query = (
        "q=board&category=public-services&type=Meeting&delivery=in+person&sponsor=cafe"
        f"&federation=Far+Valleys&city=hel&from={day}&to={day}&credit=1&recording=1"
    )
    with time_machine.travel(begins_at + dt.timedelta(minutes=1), tick=False):
        for view in ("month", "list"):
            page = context(client, f"view={view}&{query}")
            assert shown(page) == ["Board meeting"], view
            assert [text for text, _ in page["applied_filters"]] == [
                "“board”",
                "Library Services to the Public",
                "Meeting",
                "In person",
                "Sponsor: cafe",
                "Federation: Far Valleys",
                "City: hel",
                f"From {format_date(day)}",
                f"To {format_date(day)}",
                "Earns credit",
                "Recording available",
            ], view
            for tab in page["tabs"]:
                assert query.replace("&city=hel", "").split("&")[0] in tab.url
                assert "credit=1&recording=1" in tab.url


def format_date(day: str) -> str:
    date = dt.date.fromisoformat(day)
    return f"{date:%a, %b} {date.day}, {date.year}"


def shown(page: Any) -> list[str]:
    if "rows" in page:
        return [row.title for row in page["rows"]]
    return [line.title for week in page["weeks"] for cell in week for line in cell.lines]


def test_each_filter_can_be_removed_separately(client):
    make.event(title="Budgets", days=2, city="Helena")
    page = context(client, "view=list&category=technology&city=helena&to=2099-01-01")
    assert dict(page["applied_filters"]) == {
        "Technology": "/events/?view=list&city=helena&to=2099-01-01",
        "City: helena": "/events/?view=list&category=technology&to=2099-01-01",
        "To Thu, Jan 1, 2099": "/events/?view=list&category=technology&city=helena",
    }
    assert page["choice"].without_filters == "/events/?view=list"


def test_a_menu_says_what_is_set(client):
    for query, labels in [
        ("", ["Category", "How", "Where", "When", "More"]),
        ("category=technology", ["Category: Technology", "How", "Where", "When", "More"]),
        (
            "city=helena&delivery=online&recording=1",
            ["Category", "How: 2", "Where: City: helena", "When", "More"],
        ),
    ]:
        menus = context(client, query)["menus"]
        assert [menu.label for menu in menus] == labels
        assert [menu.is_set for menu in menus] == [":" in label for label in labels]
    broken = context(client, "from=nonsense")["menus"]
    assert [menu.has_errors for menu in broken] == [False, False, False, True, False]


# ---------- Nothing found ----------


def test_an_empty_list_suggests_alternatives(client):
    for _ in range(2):
        make.event(days=2, city="Helena")
    make.event(days=-2, city="Butte")
    page = context(client, "view=list&category=technology&city=butte")
    assert page["rows"] == []
    assert page["alternatives"] == [
        ("Without the city: 2 events", "/events/?view=list&category=technology"),
        ("Without filters: 2 events", "/events/?view=list"),
        ("Past: 1 event", "/events/?view=list&category=technology&city=butte&past=1"),
    ]
    for _, url in page["alternatives"]:
        assert client.get(url).context["rows"]


def test_an_empty_month_suggests_alternatives(client):
    view = "view=month&month=2031-01"
    make.event(title="Coming", days=2)
    make.event(title="There", begins_at=dt.datetime(2031, 1, 8, 18, tzinfo=dt.UTC), ends_at=None)
    page = context(client, f"{view}&city=helena")
    place = page["choice"].without_filters
    assert page["alternatives"] == [("Without the city: 1 event", place)]
    assert "match the filters" in client.get(f"/events/?{view}&city=helena").content.decode()
    Event.objects.update(city="Helena")
    page = context(client, f"{view.replace('2031-01', '2032-01')}&city=helena")
    assert page["alternatives"] == [("Coming up: 2 events", "/events/?view=list&city=helena")]


def test_without_events_there_are_no_alternatives(client):
    for query in ("", "view=list", "past=1", "view=list&day=2026-01-01", "q=x&city=y"):
        response = client.get(f"/events/?{query}")
        assert response.context["alternatives"] == []
        assert response.status_code == 200


# ---------- Typing errors ----------


@pytest.mark.parametrize(
    "typed",
    ["weednig", "weedding", "Misoula", "missuola", "perkisn", "Perkens", "budgests"],
)
def test_misspelled_words_match_in_every_field(client, typed):
    make.event(
        title="Weeding well",
        presenter="Ann Perkins",
        sponsor="Missoula Public Library",
        description="About budgets.",
        days=2,
    )
    make.event(title="Robotics", presenter="Jo Trainer", sponsor="Another", days=2)
    assert titles(client, f"q={typed}") == ["Weeding well"]


def test_similar_events_are_labeled_as_similar(client):
    make.event(title="Weeding well", days=2)
    assert "Similar events:" in client.get("/events/?q=weednig").content.decode()
    assert "Similar events:" not in client.get("/events/?q=weeding").content.decode()


def test_similar_events_are_not_shown_if_past_events_match(client):
    make.event(title="Trial", days=-2)
    make.event(title="Trail", days=2)
    page = context(client, "q=trial")
    assert page["rows"] == []
    assert page["other_side"].url == "/events/?view=list&q=trial&past=1"


@pytest.mark.parametrize("typed", ['"weednig"', "weednig -lab", "zz", "tnaa", "a" * 200])
def test_some_words_have_no_similar_events(client, typed):
    make.event(title="Weeding well", days=2)
    response = client.get("/events/", {"q": typed})
    assert response.context["rows"] == []
