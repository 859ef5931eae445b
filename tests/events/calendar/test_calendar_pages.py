"""The calendar's list, filters and search, with good and bad parameters."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from credits.actions import claim_custom_event
from events.actions import register
from events.enums import Delivery, EventState, EventType
from events.models import CreditOffer, Event
from tests import factories as make
from tests.races import volume

pytestmark = pytest.mark.django_db


def titles(client: Client, query: str) -> list[str]:
    return [row.title for row in client.get(f"/events/?{query}").context["rows"]]


def errors(client: Client, query: str) -> dict[str, list[str]]:
    """Return the page's errors by field name, with general errors under ""."""
    context = client.get(f"/events/?{query}").context
    fields = [context["form"]["q"], *(each for menu in context["menus"] for each in menu.fields)]
    by_field = {field.name: list(field.errors) for field in fields if field.errors}
    return by_field | ({"": context["errors"]} if context["errors"] else {})


# ---------- Upcoming and past ----------


def test_upcoming_events_are_listed_soonest_first_and_past_ones_newest_first(client):
    for days in (9, 2, -2, 5, -9):
        make.event(title=f"{days:+}", days=days)
    assert titles(client, "view=list") == ["+2", "+5", "+9"]
    assert titles(client, "past=1") == ["-2", "-9"]


def test_an_event_under_way_is_not_past(client):
    make.event(title="Now", days=-0.2, hours=48)
    assert titles(client, "view=list") == ["Now"]
    assert titles(client, "past=1") == []


def test_a_row_shows_place_conference_and_credits(client):
    conference = make.event(title="Spring conference", days=4, hours=30, credits={})
    make.event(
        title="Opening",
        days=5,
        parent=conference,
        location="Yogo Inn",
        city="Lewistown",
        delivery=Delivery.HYBRID,
        credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "0.5"},
    )
    row = client.get("/events/?q=opening").context["rows"][0]
    assert row.where == "Yogo Inn, Lewistown · In person and online"
    assert row.part_of == "Spring conference"
    assert [(line.name, line.shape, line.amount) for line in row.credits] == [
        ("Library Administration", "■", "3 credits"),
        ("Technology", "◆", "0.5 credits"),
    ]


def test_custom_and_unpublished_events_are_not_listed(client):
    person = make.person()
    claim_custom_event(facts=make.facts(), by=person)
    make.event(state=EventState.PENDING)
    cancelled = make.event(title="Called off", state=EventState.CANCELLED)
    client.force_login(person)
    assert titles(client, "past=1") == [cancelled.title]


def test_a_long_list_has_pages_that_keep_the_filters(client):
    for number in range(30):
        make.event(title=f"Lab {number}", days=number + 1)
    make.event(title="Other", days=1, credits={make.PUBLIC: "1.0"})
    first = client.get("/events/?view=list&category=technology")
    assert len(first.context["rows"]) == 10
    assert first.context["event_count"] == "30 events"
    link = 'href="?view=list&amp;category=technology&amp;page=2&amp;after='
    assert link in first.content.decode()
    assert titles(client, "view=list&category=technology&page=2") == [
        f"Lab {number}" for number in range(10, 20)
    ]
    assert titles(client, "view=list&category=technology&page=77") == titles(
        client, "view=list&category=technology&page=3"
    )


# ---------- The green button ----------


def buttons(client: Client, query: str) -> dict[str, str]:
    return {row.title: row.credit for row in client.get(f"/events/?{query}").context["rows"]}


def test_claimable_events_have_add_ce_credit(client):
    person = make.person()
    make.event(title="Ended", days=-2)
    make.event(title="Without credit", days=-2, credits={})
    make.event(title="Cancelled", days=-2, state=EventState.CANCELLED)
    make.claim(person, make.event(title="Claimed", days=-3))
    make.claim(make.person(), make.event(title="Claimed by another", days=-3))
    recorded_at = timezone.now() - dt.timedelta(hours=1)
    make.event(title="Recorded", days=-1, hours=48, recording_available_at=recorded_at)
    make.event(title="Coming", days=3)
    past = {
        "Ended": "claim",
        "Without credit": "",
        "Cancelled": "",
        "Claimed": "claimed",
        "Claimed by another": "claim",
    }
    client.force_login(person)
    assert buttons(client, "past=1") == past
    assert buttons(client, "view=list") == {"Recorded": "claim", "Coming": ""}
    client.logout()
    assert buttons(client, "past=1") == {
        title: "sign_in" if button else "" for title, button in past.items()
    }


def test_the_button_claims_its_event(client):
    event = make.event(days=-2)
    client.force_login(make.person())
    page = client.get("/events/?past=1").content.decode()
    assert f'action="/continuing-education/claim/{event.pk}/" method="post"' in page
    assert f'aria-describedby="event-{event.pk}">Add CE credit</button>' in page
    client.post(f"/continuing-education/claim/{event.pk}/")
    page = client.get("/events/?past=1").content.decode()
    assert "In your credits" in page
    assert "Add CE credit" not in page


def test_visitors_sign_in_to_claim(client):
    event = make.event(days=-2, title="Weeding")
    page = client.get("/events/?past=1").content.decode()
    assert f'href="/accounts/login/?next=/events/{event.pk}/weeding/"' in page
    assert "<form action" not in page


# ---------- Filters ----------


def test_filters_combine(client):
    matching = {
        "type": EventType.MEETING,
        "delivery": Delivery.ONLINE,
        "credits": {make.PUBLIC: "1.0"},
        "days": 2,
    }
    make.event(title="Board meeting", **matching)
    make.event(title="Board meeting, other type", **matching | {"type": EventType.CONFERENCE})
    make.event(title="Board meeting, other way", **matching | {"delivery": Delivery.IN_PERSON})
    make.event(title="Board meeting, other field", **matching | {"credits": {}})
    make.event(title="Board meeting, over", **matching | {"days": -2})
    make.event(title="Something else", **matching)
    query = "q=board&category=public-services&type=Meeting&delivery=online"
    assert titles(client, query) == ["Board meeting"]
    assert titles(client, f"{query}&past=1") == ["Board meeting, over"]


def test_delivery_filters_by_how_people_can_take_part(client):
    for days, (name, value) in enumerate(Delivery.__members__.items(), start=1):
        make.event(title=name, days=days, delivery=value)
    make.event(title="Unknown", days=8, delivery="")
    make.event(
        title="With recording",
        days=-1,
        hours=24 * 9,
        delivery=Delivery.IN_PERSON,
        recording_available_at=timezone.now() - dt.timedelta(hours=1),
    )
    assert titles(client, "view=list&delivery=online") == ["ONLINE", "HYBRID"]
    assert titles(client, "view=list&delivery=hybrid") == ["HYBRID"]
    assert titles(client, "view=list&delivery=recorded") == ["With recording", "RECORDED"]
    assert titles(client, "view=list&delivery=in+person") == [
        "With recording",
        "IN_PERSON",
        "HYBRID",
    ]


def test_events_without_a_type_can_be_found(client):
    make.event(title="Typed", days=1)
    make.event(title="Untyped", days=2, type="")
    assert titles(client, "view=list&type=other") == ["Untyped"]


def test_filters_apply_to_the_month_and_its_links(client):
    on_a_day = {"begins_at": dt.datetime(2026, 5, 5, 18, tzinfo=dt.UTC), "ends_at": None}
    make.event(title="Technology day", **on_a_day)
    make.event(title="Story time", **on_a_day, credits={make.PUBLIC: "1.0"})
    response = client.get("/events/?month=2026-05&category=technology")
    shown = [
        line.title for week in response.context["weeks"] for cell in week for line in cell.lines
    ]
    assert shown == ["Technology day"]
    assert 'href="/events/?month=2026-06&amp;category=technology"' in response.content.decode()


# ---------- Search ----------


@pytest.mark.parametrize(
    "words",
    [
        "cataloging",
        "cataloguing",
        "catalog",
        "CATALOGUING LAB",
        "catalogueing",
        "small group",
        "the cataloguing of the lab",
        "lab café",
        "lab cafe",
        '"cataloguing lab"',
        "cataloguing -weeding",
    ],
)
def test_search_tolerates_variants_accents_and_stop_words(client, words):
    make.event(title="Small-group cataloguing lab", days=2, sponsor="Café Librarians")
    make.event(title="Weeding basics", days=3)
    assert titles(client, f"q={words}") == ["Small-group cataloguing lab"]


@pytest.mark.parametrize("words", ["Tecnology", "technlogy", "technology", "tecnology pettin zoo"])
def test_search_tolerates_typos(client, words):
    make.event(title="Technology Petting Zoo", days=2)
    make.event(title="Trustee basics", days=3)
    assert titles(client, f"q={words}") == ["Technology Petting Zoo"]


@pytest.mark.parametrize(
    "words", ["!!!", "🎉", "'", "%25", "&|!", "a" * 200, "zzz", "<->", "\\", "lab -lab", "()"]
)
def test_a_search_without_results_says_so(client, words):
    make.event(title="Small-group cataloguing lab", days=2)
    response = client.get("/events/", {"q": words})
    assert response.context["rows"] == []
    assert "No events found" in response.content.decode()


def test_title_matches_rank_above_description_matches(client):
    make.event(title="Story time", description="Not about budgets.", days=1)
    make.event(title="Budgets", days=2)
    assert titles(client, "q=budgets") == ["Budgets", "Story time"]


def test_search_links_to_results_on_the_other_side_of_today(client):
    make.event(title="Weeding", days=-2)
    make.event(title="Weeding again", days=-3)
    make.event(title="Robotics", days=3)
    response = client.get("/events/?q=weeding&category=technology")
    assert response.context["rows"] == []
    other = response.context["other_side"]
    assert other == (
        "2 past events for “weeding”",
        "/events/?view=list&q=weeding&category=technology&past=1",
    )
    past = client.get(other.url)
    assert len(past.context["rows"]) == 2
    assert past.context["other_side"] is None


def test_a_search_from_the_month_opens_the_list(client):
    make.event(title="Weeding", days=2)
    page = client.get("/events/?category=technology").content.decode()
    assert 'name="view"' not in page
    assert titles(client, "month=2026-01&q=weeding") == ["Weeding"]


# ---------- Bad input ----------

UNKNOWN = "This value is not one of the choices, so it was ignored."
NO_PAGE = "This page does not exist. Showing the first page."
NO_MONTH = "is not a month like 2026-11. Showing the current month."
NO_DAY = "is not a date like 2026-11-30, so it was ignored."


@pytest.mark.parametrize(
    ("query", "reported"),
    [
        ("month=2026-13", {"month": [f"“2026-13” {NO_MONTH}"]}),
        ("month=99999-01", {"month": [f"“99999-01” {NO_MONTH}"]}),
        ("month=1700-01", {"month": ["The calendar starts in 1990."]}),
        ("month=2100-01", {"month": ["The calendar ends in 2099."]}),
        ("day=2026-02-30", {"day": [f"“2026-02-30” {NO_DAY}"]}),
        ("q=%00", {"q": ["This value cannot be searched for, so it was ignored."]}),
        ("q=" + "a" * 201, {"q": ["Search for 200 letters or fewer."]}),
        ("view=list&category=nonsense", {"category": [UNKNOWN]}),
        (
            "type=%00&delivery=x",
            {
                "type": [UNKNOWN],
                "delivery": [UNKNOWN],
            },
        ),
        ("page=zzz", {"": [f"Page: {NO_PAGE}"]}),
        ("page=-1", {"": [f"Page: {NO_PAGE}"]}),
        ("page=" + "9" * 20, {"": [f"Page: {NO_PAGE}"]}),
        ("page=" + "9" * 5000, {"": [f"Page: {NO_PAGE}"]}),
        ("view=table", {"": [f"View: {UNKNOWN}"]}),
        ("month=&day=&q=&category=&type=&delivery=&view=&past=&page=", {}),
        ("unknown=1", {}),
    ],
)
def test_bad_values_are_reported_and_ignored(client, query, reported):
    assert errors(client, query) == reported


def test_a_long_search_is_refused_and_kept_in_the_field(client):
    words = "weeding " * 63
    page = client.get("/events/", {"q": words}).content.decode()
    assert "Search for 200 letters or fewer." in page
    assert f'value="{words.strip()}"' in page or f'value="{words}"' in page
    for path in ("/", "/events/", "/accessibility/"):
        fields = re.findall(r'<input[^>]* name="q"[^>]*>', client.get(path).content.decode())
        assert fields
        assert "maxlength" not in "".join(fields)


def test_bad_values_do_not_affect_other_filters(client):
    make.event(title="Kept", days=2)
    make.event(title="Filtered out", days=2, credits={make.PUBLIC: "1.0"})
    query = "view=list&category=technology&type=nonsense&day=tomorrow&page=zzz"
    assert titles(client, query) == ["Kept"]
    page = client.get(f"/events/?{query}").content.decode()
    assert '<option value="technology" selected>Technology</option>' in page


def test_markup_in_text_is_escaped(client):
    make.event(title="<script>alert(1)</script> 🎉 " + "W" * 270, days=2)
    for query in ("view=list", "q=<script>alert(1)</script>", "category=<script>alert(1)</script>"):
        assert "<script>alert" not in client.get(f"/events/?{query}").content.decode()
    assert len(titles(client, "view=list")) == 1


def test_only_get_is_allowed(client):
    assert client.post("/events/").status_code == 405


# ---------- Speed ----------


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("view=month", 9),
        ("view=list", 9),
        ("past=1", 9),
        ("q=lab", 10),
        ("q=confreence", 8),
        ("q=montnaa", 10),
        ("q=lab&sponsor=montana&city=&from=2026-01-01&credit=1&federation=Tamarack", 7),
    ],
)
@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_number_of_queries_is_fixed(client, django_assert_num_queries, query, queries, count):
    person = make.person()
    conference = make.event(days=-1, title="Lab conference")
    for number in range(count):
        make.event(title=f"Lab {number}", days=0.1, parent=conference)
        make.claim(person, make.event(title=f"Past lab {number}", days=-0.1, parent=conference))
    register(event_id=Event.objects.get(title="Lab 0").pk, by=person)
    client.force_login(person)
    with django_assert_num_queries(queries):
        client.get(f"/events/?{query}")


@pytest.fixture
def many_events() -> None:
    now = timezone.now()
    number_of_events = volume(10_000)
    events = Event.objects.bulk_create(
        Event(
            title=f"Technology lab {number}",
            begins_at=now + dt.timedelta(minutes=15 * (number - number_of_events // 2)),
            ends_at=now + dt.timedelta(minutes=15 * (number - number_of_events // 2) + 60),
            sponsor="Montana State Library",
        )
        for number in range(number_of_events)
    )
    category = make.category()
    CreditOffer.objects.bulk_create(
        CreditOffer(event=event, category=category, amount=Decimal(1)) for event in events
    )


@pytest.mark.usefixtures("many_events")
def test_many_events_take_no_more_queries(client, django_assert_max_num_queries):
    client.force_login(make.person())
    sizes = {}
    for query in ("view=month", "view=list", f"past=1&page={volume(200)}", "q=tecnology+lab"):
        with django_assert_max_num_queries(10):
            response = client.get(f"/events/?{query}")
        assert response.status_code == 200
        sizes[query] = len(response.content) // 1000
    assert max(sizes.values()) < 100, sizes
