"""Tracks, rule sets and participations in the administration."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from zeal import zeal_ignore

from accounts.enums import Role
from accounts.models import User
from events.models import Category
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY, category
from tracks.actions import select_track
from tracks.models import Requirement, RuleSet, Track

pytestmark = pytest.mark.django_db
RULES = "/admin/tracks/ruleset/"


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def coordinator() -> Client:
    return signed_in(factories.person(Role.CE_COORDINATOR))


def send(client: Client, address: str, values: dict[str, Any]) -> Any:
    """Django looks up the category of each of the (at most four) lines by itself."""
    with zeal_ignore():
        return client.post(address, values)


def text(response: Any) -> str:
    return str(response.content.decode())


def a_form(**changes: Any) -> dict[str, Any]:
    """What the browser sends for a rule set of 20 credits with two minimums of 10 and 5."""
    values: dict[str, Any] = {
        "track": factories.track().pk,
        "name": "2027 Library Staff",
        "kind": "both",
        "valid_from": "2027-01-01",
        "valid_until": "",
        "total": "20.0",
        "years": "4",
        "audience": "",
        "source": "The new rules",
        "requirements-TOTAL_FORMS": "2",
        "requirements-INITIAL_FORMS": "0",
        "requirements-MIN_NUM_FORMS": "0",
        "requirements-MAX_NUM_FORMS": "4",
        "requirements-0-category": category(ADMINISTRATION).pk,
        "requirements-0-minimum": "10.0",
        "requirements-1-category": category(TECHNOLOGY).pk,
        "requirements-1-minimum": "5.0",
    }
    return values | changes


def an_unused_rule_set() -> RuleSet:
    rule_set = RuleSet.objects.create(
        track=factories.track(),
        name="Unused",
        valid_from=dt.date(2030, 1, 1),
        total=Decimal(20),
        source="Draft",
    )
    Requirement.objects.create(rule_set=rule_set, category=category(), minimum=Decimal(5))
    return rule_set


def test_a_coordinator_adds_a_rule_set_as_data() -> None:
    answer = send(coordinator(), f"{RULES}add/", a_form())
    assert answer.headers["Location"] == RULES
    rule_set = RuleSet.objects.get(name="2027 Library Staff")
    lines = rule_set.requirements.order_by("category__position")
    assert list(lines.values_list("category__slug", "minimum")) == [
        (ADMINISTRATION, Decimal("10.0")),
        (TECHNOLOGY, Decimal("5.0")),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"requirements-1-minimum": "10.5"},
            "The minimums add up to 20.5 credits, which is more than the total of 20 credits.",
        ),
        ({"total": "14.5"}, "which is more than the total of 14.5 credits"),
        ({"total": "20.3"}, "Credits are given in halves"),
        ({"total": "1e400"}, "Ensure that there are no more than"),
        ({"requirements-0-minimum": "0.3"}, "Credits are given in halves"),
        ({"requirements-0-minimum": "NaN"}, "Enter a number."),
        ({"requirements-0-category": "", "requirements-0-minimum": ""}, None),
        (
            {
                "requirements-0-category": "",
                "requirements-0-minimum": "",
                "requirements-1-category": "",
                "requirements-1-minimum": "",
            },
            "Name at least one category that counts.",
        ),
        ({"valid_until": "2026-12-31"}, "The last day must not lie before the first."),
        ({"years": "0"}, "tracks_rule_set_has_years"),
    ],
)
def test_unfit_rules_are_refused_in_words(changes: dict[str, Any], message: str | None) -> None:
    answer = send(coordinator(), f"{RULES}add/", a_form(**changes))
    added = RuleSet.objects.filter(name="2027 Library Staff").exists()
    assert added == (message is None)
    if message:
        assert message in text(answer)


def test_rules_that_nobody_follows_may_change() -> None:
    rule_set = an_unused_rule_set()
    line = rule_set.requirements.get()
    changes = {
        "requirements-INITIAL_FORMS": "1",
        "requirements-0-id": line.pk,
        "requirements-0-rule_set": rule_set.pk,
    }
    send(coordinator(), f"{RULES}{rule_set.pk}/change/", a_form(**changes))
    rule_set.refresh_from_db()
    assert rule_set.name == "2027 Library Staff"


def test_rules_that_somebody_follows_are_frozen() -> None:
    participation, _ = select_track(track=factories.track(), by=factories.person())
    rule_set = participation.rule_set
    client = coordinator()
    page = text(client.get(f"{RULES}{rule_set.pk}/change/"))
    assert "Somebody follows these rules, so they can no longer be changed." in page
    assert 'name="total"' not in page
    assert 'name="requirements-0-minimum"' not in page
    answer = send(client, f"{RULES}{rule_set.pk}/change/", a_form())
    assert answer.status_code == 403
    assert RuleSet.objects.get(pk=rule_set.pk).name == rule_set.name
    assert "1, so it is frozen" in text(client.get(RULES))


def test_rules_are_never_deleted() -> None:
    rule_set = an_unused_rule_set()
    boss = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    assert boss.post(f"{RULES}{rule_set.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR])
def test_others_look_at_rules_without_changing_them(role: Role) -> None:
    rule_set = an_unused_rule_set()
    client = signed_in(factories.person(role))
    assert "Unused" in text(client.get(f"{RULES}{rule_set.pk}/change/"))
    assert send(client, f"{RULES}{rule_set.pk}/change/", a_form()).status_code == 403
    assert send(client, f"{RULES}add/", a_form()).status_code == 403


def test_a_tracks_description_is_all_that_changes() -> None:
    track = factories.track()
    boss = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    boss.post(
        f"/admin/tracks/track/{track.pk}/change/", {"description": "New words", "name": "Other"}
    )
    changed = Track.objects.get(pk=track.pk)
    assert (changed.name, changed.description) == (track.name, "New words")
    assert boss.get("/admin/tracks/track/add/").status_code == 403


def test_a_participation_shows_how_many_credits_are_posted() -> None:
    person = factories.person()
    factories.claim(person, factories.event(credits={ADMINISTRATION: "1.0", TECHNOLOGY: "0.5"}))
    participation, _ = select_track(track=factories.track(), by=person)
    client = coordinator()
    (row,) = client.get("/admin/tracks/participation/").context["cl"].result_list
    assert row.posting_count == 2
    address = f"/admin/tracks/participation/{participation.pk}/change/"
    assert "Credits posted" in text(client.get(address))
    assert client.post(address, {}).status_code == 403


@pytest.mark.parametrize("items", [1, 3])
def test_queries(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        participation, _new = select_track(track=factories.track(), by=factories.person())
    unused = an_unused_rule_set()
    Requirement.objects.all().filter(rule_set=unused).delete()
    for one in Category.objects.order_by("position")[:items]:
        Requirement.objects.create(rule_set=unused, category=one, minimum=Decimal(1))
    client = coordinator()
    pages = {
        RULES: 8,
        f"{RULES}{unused.pk}/change/": 8,
        f"{RULES}{participation.rule_set_id}/change/": 8,
        "/admin/tracks/participation/": 9,
        f"/admin/tracks/participation/{participation.pk}/change/": 5,
        "/admin/tracks/track/": 7,
    }
    for address in pages:
        client.get(address)  # Django remembers content types
    for address, count in pages.items():
        with django_assert_num_queries(count):
            client.get(address)
