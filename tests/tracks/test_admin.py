"""Tracks, rule sets and participations in the admin."""

import datetime as dt
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.enums import Role
from aspen.errors import Refused
from events.models import Category
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY, category
from tests.races import run_concurrently
from tests.web import coordinator, signed_in, submit_in_admin, text
from tracks import actions
from tracks.actions import select_track
from tracks.models import Requirement, RuleSet, Track
from tracks.rule_sets import actions as rule_set_actions

pytestmark = pytest.mark.django_db
RULES = "/admin/tracks/ruleset/"


def form_data(**changes: Any) -> dict[str, Any]:
    """Return POST data for a rule set of 20 credits with minimums of 10 and 5."""
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


def unused_rule_set() -> RuleSet:
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
    answer = submit_in_admin(coordinator(), f"{RULES}add/", form_data())
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
        ({"total": "20.3"}, "Enter credits in halves"),
        ({"total": "1e400"}, "Ensure that there are no more than"),
        ({"requirements-0-minimum": "0.3"}, "Enter credits in halves"),
        ({"requirements-0-minimum": "NaN"}, "Enter a number."),
        ({"requirements-0-category": "", "requirements-0-minimum": ""}, None),
        (
            {
                "requirements-0-category": "",
                "requirements-0-minimum": "",
                "requirements-1-category": "",
                "requirements-1-minimum": "",
            },
            "Add at least one category that counts.",
        ),
        ({"valid_until": "2026-12-31"}, "The last day must not be before the first."),
        ({"years": "0"}, "Enter between 1 and 20 years."),
        ({"years": "21"}, "Enter between 1 and 20 years."),
        ({"years": "2026"}, "Enter between 1 and 20 years."),
    ],
)
def test_invalid_rules_get_an_error_message(changes: dict[str, Any], message: str | None) -> None:
    answer = submit_in_admin(coordinator(), f"{RULES}add/", form_data(**changes))
    added = RuleSet.objects.filter(name="2027 Library Staff").exists()
    assert added == (message is None)
    if message:
        assert message in text(answer)


def test_rules_without_followers_can_change() -> None:
    rule_set = unused_rule_set()
    line = rule_set.requirements.get()
    changes = {
        "requirements-INITIAL_FORMS": "1",
        "requirements-0-id": line.pk,
        "requirements-0-rule_set": rule_set.pk,
    }
    submit_in_admin(coordinator(), f"{RULES}{rule_set.pk}/change/", form_data(**changes))
    rule_set.refresh_from_db()
    assert rule_set.name == "2027 Library Staff"


def test_rules_with_followers_are_frozen() -> None:
    participation, _ = select_track(track=factories.track(), by=factories.person())
    rule_set = participation.rule_set
    lines = list(rule_set.requirements.values("category", "minimum"))
    client = coordinator()
    page = text(client.get(f"{RULES}{rule_set.pk}/change/"))
    assert "Someone follows these rules, so only the last day" in page
    assert 'name="total"' not in page
    assert 'name="requirements-0-minimum"' not in page
    submit_in_admin(client, f"{RULES}{rule_set.pk}/change/", form_data(valid_until="2031-12-31"))
    after = RuleSet.objects.get(pk=rule_set.pk)
    assert after.valid_until == dt.date(2031, 12, 31)
    assert (after.name, after.total) == (rule_set.name, rule_set.total)
    assert list(after.requirements.values("category", "minimum")) == lines
    assert "1 (frozen)" in text(client.get(RULES))


def test_the_last_day_of_rules_with_followers_can_change() -> None:
    participation, _ = select_track(track=factories.track(), by=factories.person())
    rule_set = participation.rule_set
    client, address = coordinator(), f"{RULES}{participation.rule_set_id}/change/"
    assert 'name="valid_until"' in text(client.get(address))
    early = rule_set.valid_from - dt.timedelta(days=1)
    lines = {"requirements-TOTAL_FORMS": 0, "requirements-INITIAL_FORMS": 0}
    page = submit_in_admin(client, address, lines | {"valid_until": str(early)})
    assert page.context["adminform"].form.errors == {
        "valid_until": ["The last day must not be before the first."]
    }
    submit_in_admin(client, address, lines | {"valid_until": str(rule_set.valid_from)})
    rule_set.refresh_from_db()
    assert rule_set.valid_until == rule_set.valid_from
    with pytest.raises(Refused, match="no rules"):
        select_track(track=factories.track(), by=factories.person())
    submit_in_admin(client, address, lines | {"valid_until": ""})
    rule_set.refresh_from_db()
    assert rule_set.valid_until is None


def test_choosing_a_track_while_its_rules_are_edited_freezes_them(monkeypatch: Any) -> None:
    rule_set = RuleSet.objects.get(name="2023 Library Staff")
    before = list(rule_set.requirements.values("category", "minimum"))
    client = coordinator()
    save = actions.save_rule_set

    def save_a_moment_later(**values: Any) -> RuleSet:
        if not rule_set.participations.exists():
            select_track(track=factories.track(), by=factories.person())
        return save(**values)

    # The form is sent before anyone follows the rules, but someone does when the action runs.
    monkeypatch.setattr(rule_set_actions, "save_rule_set", save_a_moment_later)
    changes = {"total": "99.0", "requirements-0-minimum": "50.0"}
    line = rule_set.requirements.order_by("category__position")[0]
    changes |= {
        "requirements-INITIAL_FORMS": "1",
        "requirements-0-id": line.pk,
        "requirements-0-category": line.category_id,
        "requirements-1-category": "",
        "requirements-1-minimum": "",
    }
    page = submit_in_admin(client, f"{RULES}{rule_set.pk}/change/", form_data(**changes))
    assert "Someone now follows these rules" in text(page)
    after = RuleSet.objects.get(pk=rule_set.pk)
    assert (after.name, after.total) == (rule_set.name, rule_set.total)
    assert list(after.requirements.values("category", "minimum")) == before


def test_the_action_checks_the_numbers() -> None:
    unused, by = unused_rule_set(), factories.person()
    with pytest.raises(Refused, match="more than the total of 20 credits"):
        actions.save_rule_set(rule_set=unused, requirements={category().pk: Decimal("20.5")}, by=by)
    with pytest.raises(Refused, match="at least one category"):
        actions.save_rule_set(rule_set=unused, requirements={}, by=by)


@pytest.mark.django_db(transaction=True)
def test_saving_rules_waits_for_someone_who_is_choosing_the_track(monkeypatch: Any) -> None:
    """The rules are saved while a transaction that chooses the track has not committed yet."""
    rule_set = RuleSet.objects.get(name="2023 Library Staff")
    requirements = {category().pk: Decimal(1)}
    person, staff = factories.person(), factories.person()
    stored, saving = threading.Event(), threading.Event()

    def act(index: int) -> Any:
        if index == 0:
            with transaction.atomic():
                participation, _ = select_track(track=factories.track(), by=person)
                stored.set()
                assert saving.wait(timeout=30)
                time.sleep(0.3)  # long enough for the other action to finish first if it could
            return participation
        assert stored.wait(timeout=30)
        saving.set()
        return actions.save_rule_set(rule_set=rule_set, requirements=requirements, by=staff)

    participation, refusal = run_concurrently(2, act)
    assert participation.rule_set == rule_set
    assert isinstance(refusal, Refused)
    assert rule_set.requirements.count() > 1


def test_rules_are_never_deleted() -> None:
    rule_set = unused_rule_set()
    boss = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    assert boss.post(f"{RULES}{rule_set.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR])
def test_other_roles_can_only_view_rules(role: Role) -> None:
    rule_set = unused_rule_set()
    client = signed_in(factories.person(role))
    assert "Unused" in text(client.get(f"{RULES}{rule_set.pk}/change/"))
    assert submit_in_admin(client, f"{RULES}{rule_set.pk}/change/", form_data()).status_code == 403
    assert submit_in_admin(client, f"{RULES}add/", form_data()).status_code == 403


def test_only_the_description_of_a_track_can_change() -> None:
    track = factories.track()
    boss = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    submit_in_admin(
        boss,
        f"/admin/tracks/track/{track.pk}/change/",
        {"description": "New words", "name": "Other"},
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


def test_staff_read_the_same_reasons_as_the_person() -> None:
    person = factories.person()
    participation, _new = select_track(track=factories.track(), by=person)
    factories.claim(person, title="A fresh one", days=-3)
    factories.claim(person, title="An old <b>one</b>", days=-5 * 366)
    page = coordinator().get(f"/admin/tracks/participation/{participation.pk}/change/")
    text = page.content.decode()
    assert "“A fresh one”, 1 credit in Technology: posted." in text
    assert "“An old &lt;b&gt;one&lt;/b&gt;”, 1 credit in Technology: Earned before" in text


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        participation, _new = select_track(track=factories.track(), by=factories.person())
    unused = unused_rule_set()
    Requirement.objects.all().filter(rule_set=unused).delete()
    for one in Category.objects.order_by("position")[:items]:
        Requirement.objects.create(rule_set=unused, category=one, minimum=Decimal(1))
    client = coordinator()
    pages = {
        RULES: 8,
        f"{RULES}{unused.pk}/change/": 8,
        f"{RULES}{participation.rule_set_id}/change/": 8,
        "/admin/tracks/participation/": 9,
        f"/admin/tracks/participation/{participation.pk}/change/": 8,
        "/admin/tracks/track/": 7,
    }
    for address in pages:
        client.get(address)  # Django remembers content types
    for address, count in pages.items():
        with django_assert_num_queries(count):
            client.get(address)
