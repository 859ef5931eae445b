"""The pages of each track's rules: in force, coming and past."""

import datetime as dt
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
TODAY = dt.date(2026, 11, 23)
DIRECTOR, STAFF, TRUSTEE = "Library Director", "Library Staff", "Library Trustee"


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def client() -> Client:
    return signed_in(make.person())


def a_rule_set(name: str, minimums: dict[str, str], **fields: Any) -> RuleSet:
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


def test_every_rule_set_is_listed_renewals_and_the_past_too(client: Client) -> None:
    a_rule_set("2027 Library Staff", {make.TECHNOLOGY: "1"}, valid_from=dt.date(2027, 1, 1))
    lists = [
        (track["name"], heading, [row["name"] for row in rows])
        for track in client.get("/tracks/rules/").context["tracks"]
        for heading, rows in track["lists"]
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
        (TRUSTEE, "In force", ["2023 Library Trustee"]),
        (TRUSTEE, "Earlier rules", ["2009 Trustee"]),
    ]


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (dt.date(2008, 12, 31), "Upcoming"),
        (dt.date(2009, 1, 1), "In force"),
        (dt.date(2022, 12, 31), "In force"),
        (dt.date(2023, 1, 1), "Past"),
    ],
)
def test_the_first_and_the_last_day_belong_to_the_rules(day: dt.date, label: str) -> None:
    assert (
        rule_sets_presentation.rule_set_status(RuleSet.objects.get(name="2009 Trustee"), day).label
        == label
    )


def test_a_page_says_what_the_rules_ask_for(client: Client) -> None:
    rule_set = RuleSet.objects.get(name="2023 Library Director, initial")
    response = page(client, rule_set)
    rules = response.context["rules"]
    assert (rules["total"], rules["elective"], rules["minimums"]) == ("60 credits", "30", "30")
    assert [line["minimum"] for line in rules["lines"]] == ["30", "0", "0", "0"]
    assert (rules["first_day"], rules["last_day"]) == ("Sun, Jan 1, 2023", "until further notice")
    assert rules["kind_in_words"].startswith("These are the rules for a first certification.")
    assert rules["period"].startswith(
        "A person who chooses the track on Mon, Nov 23, 2026 can count credits earned from "
        "Wed, Nov 23, 2022 to Sat, Nov 23, 2030."
    )
    text = response.content.decode()
    for words in (
        "Public library directors (required for state aid)",
        "Montana State Library, certification program rules of 2023.",
        "2023 Library Director, renewal",
        "training elsewhere that you report with Create New…",
    ):
        assert words in text


def test_the_bar_draws_the_minimums_and_hatches_what_is_elective(client: Client) -> None:
    rule_set = RuleSet.objects.get(name="2009 Library Administrator")
    bar = page(client, rule_set).context["rules"]["bar"]
    assert [(part.slug, part.width) for part in bar.parts] == [
        (make.ADMINISTRATION, 200),
        (make.PUBLIC, 100),
        (make.COLLECTION, 100),
        (make.TECHNOLOGY, 100),
    ]
    assert bar.missing == [{"x": 500, "width": 100}]
    assert "at least 20 in Library Administration" in bar.text


@pytest.mark.parametrize(
    ("minimums", "example"),
    [
        (
            {make.ADMINISTRATION: "10", make.TECHNOLOGY: "4"},
            [
                "Suppose you have 12 credits in Library Administration and 3 credits in "
                "Technology.",
                "Library Administration: 10 fill the minimum, the other 2 are elective.",
                "Technology: everything counts toward the minimum; 1 still missing.",
                "15 of 20 credits count. Still missing: 5 credits.",
            ],
        ),
        (
            {make.ADMINISTRATION: "0", make.PUBLIC: "0", make.TECHNOLOGY: "0"},
            [
                "Suppose you have 2 credits in Library Administration and 1 credit in Technology.",
                "Library Administration: there is no minimum, so everything is elective.",
                "Technology: there is no minimum, so everything is elective.",
                "3 of 20 credits count. Still missing: 17 credits.",
            ],
        ),
        (
            {make.TECHNOLOGY: "20"},
            [
                "Suppose you have 22 credits in Technology.",
                "Technology: 20 fill the minimum, the other 2 are more than required.",
                "20 of 20 credits count. All requirements are met.",
            ],
        ),
        (
            {make.ADMINISTRATION: "5", make.TECHNOLOGY: "0.5"},
            [
                "Suppose you have 7 credits in Library Administration and 1 credit in Technology.",
                "Library Administration: 5 fill the minimum, the other 2 are elective.",
                "Technology: 0.5 fill the minimum, the other 0.5 are elective.",
                "8 of 20 credits count. Still missing: 12 credits.",
            ],
        ),
        ({}, []),
    ],
)
def test_the_example_is_computed_from_the_rules(
    minimums: dict[str, str], example: list[str]
) -> None:
    rule_set = a_rule_set("Odd", minimums)
    assert rule_sets_presentation.rule_set_page(rule_set, TODAY)["example"] == example


def test_the_catalog_switch_is_explained(client: Client) -> None:
    rule_set = a_rule_set("Catalog", {make.TECHNOLOGY: "1"}, catalog_only=True, years=1)
    text = page(client, rule_set).content.decode()
    assert "Only training from the State Library&#x27;s own course catalog counts." in text
    assert "Create New" not in text
    assert "in the year up to that day" in text


def test_rules_are_linked_from_where_a_track_is_chosen_and_followed(client: Client) -> None:
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
def test_queries(client: Client, number: int, django_assert_num_queries: Any) -> None:
    RuleSet.objects.exclude(name="2023 Library Staff").delete()
    slugs = list(Category.objects.order_by("position").values_list("slug", flat=True))
    for index in range(number):
        a_rule_set(f"Number {index}", dict.fromkeys(slugs[: index + 1], "1"))
    rule_set = RuleSet.objects.order_by("pk")[0]
    with django_assert_num_queries(4):
        client.get("/tracks/rules/")
    with django_assert_num_queries(6):
        page(client, rule_set)
