"""The pages of each track's rules: in force, upcoming and past."""

import datetime as dt
import html
import re
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from events.models import Category
from tests import factories as make
from tests.web import signed_in
from tracks.actions import select_track
from tracks.models import Requirement, RuleSet
from tracks.rule_sets import presentation as rule_sets_presentation

pytestmark = pytest.mark.django_db
DIRECTOR, STAFF, TRUSTEE = "Library Director", "Library Staff", "Library Trustee"


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def client() -> Client:
    return signed_in(make.person())


def make_rule_set(name: str, minimums: dict[str, str], **fields: Any) -> RuleSet:
    values: dict[str, Any] = {
        "track": make.track(),
        "valid_from": dt.date(2026, 1, 1),
        "total": Decimal(20),
        "source": "A test",
    }
    rule_set = RuleSet.objects.create(name=name, **values | fields)
    for slug, minimum in minimums.items():
        category = make.category(slug)
        Requirement.objects.create(rule_set=rule_set, category=category, minimum=Decimal(minimum))
    return rule_set


def page(client: Client, rule_set: RuleSet) -> Any:
    return client.get(f"/tracks/rules/{rule_set.pk}/")


def test_the_list_has_all_rule_sets_including_renewals_and_past_ones(client: Client) -> None:
    make_rule_set("2027 Library Staff", {make.TECHNOLOGY: "1"}, valid_from=dt.date(2027, 1, 1))
    lists = [
        (track.name, heading, [row.name for row in rows])
        for track, headed in client.get("/tracks/rules/").context["tracks"]
        for heading, rows in headed
    ]
    assert lists == [
        (
            DIRECTOR,
            "In force",
            ["2023 Library Director, initial", "2023 Library Director, renewal"],
        ),
        (DIRECTOR, "Earlier rules", ["2009 Library Administrator"]),
        (STAFF, "In force", ["2023 Library Staff"]),
        (STAFF, "Upcoming", ["2027 Library Staff"]),
        (STAFF, "Earlier rules", ["2009 Library Staff"]),
        (TRUSTEE, "In force", ["2023 Library Trustee"]),
        (TRUSTEE, "Earlier rules", ["2009 Trustee"]),
    ]


def test_the_list_says_what_the_program_asked_for_before_2009(client: Client) -> None:
    page = client.get("/tracks/rules/").content.decode()
    assert "40 credits in five years, with at least 5 in each category" in page


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (dt.date(2008, 12, 31), "Upcoming"),
        (dt.date(2009, 1, 1), "In force"),
        (dt.date(2022, 12, 31), "In force"),
        (dt.date(2023, 1, 1), "Past"),
    ],
)
def test_rules_are_in_force_from_their_first_through_their_last_day(
    day: dt.date, label: str
) -> None:
    rule_set = RuleSet.objects.get(name="2009 Trustee")
    assert rule_sets_presentation.rule_set_status(rule_set, day).label == label


def test_a_page_shows_the_requirements(client: Client) -> None:
    rule_set = RuleSet.objects.get(name="2023 Library Director, initial")
    response = page(client, rule_set)
    shown = response.context["page"]
    assert (shown.total, shown.elective) == ("60 credits", "30")
    assert [minimum for _, minimum in shown.minimums] == ["30", "0", "0", "0"]
    text = response.content.decode()
    for expected in (
        "From Sun, Jan 1, 2023 until further notice.",
        "These are the rules for a first certification.",
        "If you choose the track on Mon, Nov 23, 2026, credits earned from Wed, Nov 23, 2022 to "
        "Sat, Nov 23, 2030 can count.",
        "in the 4 years up to that day",
        "Public library directors (required for state aid)",
        "Montana State Library, certification program rules of 2023.",
        "2023 Library Director, renewal",
        "other training that you report with Create New…",
    ):
        assert expected in text


def test_the_chart_shows_minimums_in_color_and_electives_hatched(client: Client) -> None:
    rule_set = RuleSet.objects.get(name="2009 Library Administrator")
    bar = page(client, rule_set).context["page"].bar
    assert [(part.slug, part.width) for part in bar.parts] == [
        (make.ADMINISTRATION, 200),
        (make.PUBLIC, 100),
        (make.COLLECTION, 100),
        (make.TECHNOLOGY, 100),
    ]
    assert [(part.x, part.width) for part in bar.missing] == [(500, 100)]
    assert "at least 20 in Library Administration" in bar.text


@pytest.mark.parametrize(
    ("minimums", "example"),
    [
        (
            {make.ADMINISTRATION: "10", make.TECHNOLOGY: "4"},
            [
                "Suppose you have 12 credits in Library Administration and 3 credits in "
                "Technology.",
                "Library Administration: 10 toward the minimum, 2 elective.",
                "Technology: 3 toward the minimum, 1 still needed.",
                "15 of 20 credits count. Still needed: 5 credits.",
            ],
        ),
        (
            {make.ADMINISTRATION: "0", make.PUBLIC: "0", make.TECHNOLOGY: "0"},
            [
                "Suppose you have 2 credits in Library Administration and 1 credit in Technology.",
                "Library Administration: no minimum, 2 elective.",
                "Technology: no minimum, 1 elective.",
                "3 of 20 credits count. Still needed: 17 credits.",
            ],
        ),
        (
            {make.TECHNOLOGY: "20"},
            [
                "Suppose you have 22 credits in Technology.",
                "Technology: 20 toward the minimum, 2 more than required.",
                "20 of 20 credits count. All requirements are met.",
            ],
        ),
        (
            {make.ADMINISTRATION: "5", make.TECHNOLOGY: "0.5"},
            [
                "Suppose you have 7 credits in Library Administration and 1 credit in Technology.",
                "Library Administration: 5 toward the minimum, 2 elective.",
                "Technology: 0.5 toward the minimum, 0.5 elective.",
                "8 of 20 credits count. Still needed: 12 credits.",
            ],
        ),
        ({}, []),
    ],
)
def test_the_example_is_computed_from_the_rules(
    client: Client, minimums: dict[str, str], example: list[str]
) -> None:
    text = page(client, make_rule_set("Odd", minimums)).content.decode()
    shown = "".join(re.findall(r'<ul class="example">(.*?)</ul>', text, re.DOTALL))
    assert [html.unescape(item) for item in re.findall("<li>(.*?)</li>", shown)] == example


def test_a_page_says_that_only_catalog_training_counts(client: Client) -> None:
    rule_set = make_rule_set("Catalog", {make.TECHNOLOGY: "1"}, catalog_only=True, years=1)
    text = page(client, rule_set).content.decode()
    assert "Only training from the State Library's course catalog counts." in text
    assert "Create New" not in text
    assert "in the year up to that day" in text


def test_the_choice_of_tracks_and_the_page_of_a_track_link_to_the_rules(client: Client) -> None:
    address = f"/tracks/rules/{RuleSet.objects.get(name='2023 Library Staff').pk}/"
    text = client.get("/tracks/").content.decode()
    assert f'href="{address}"' in text
    assert 'href="/tracks/rules/"' in text
    person = make.person()
    client.force_login(person)
    participation, _ = select_track(track=make.track(), by=person)
    text = client.get(participation.get_absolute_url()).content.decode()
    assert f'href="{address}"' in text


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, number: int, django_assert_num_queries: Any
) -> None:
    RuleSet.objects.exclude(name="2023 Library Staff").delete()
    slugs = list(Category.objects.order_by("position").values_list("slug", flat=True))
    for index in range(number):
        make_rule_set(f"Number {index}", dict.fromkeys(slugs[: index + 1], "1"))
    rule_set = RuleSet.objects.order_by("pk")[0]
    with django_assert_num_queries(4):
        client.get("/tracks/rules/")
    with django_assert_num_queries(6):
        page(client, rule_set)
