"""Previewing the impact of new rules, and replacing old ones."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen.clock import today
from aspen.errors import Refused
from credits.enums import ClaimState
from credits.models import Claim, Credit
from events.models import Event
from tests import factories as make
from tests.tracks.test_admin import RULES, form_data
from tests.web import signed_in, submit_in_admin
from tracks import actions
from tracks.counting import queries as counting_queries
from tracks.counting.credits import credits_with_postings
from tracks.counting.eligibility import why_not_posted
from tracks.following.actions import sync_postings
from tracks.models import Participation, Requirement, RuleSet
from tracks.rule_sets.impact import rule_set_impact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now() -> Any:
    with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def client() -> Client:
    return signed_in(make.person(Role.CE_COORDINATOR))


def following(**credits: str) -> Participation:
    """Make a person on the Library Staff track with these credits by category."""
    person = make.person()
    if credits:
        slugs = {"administration": make.ADMINISTRATION, "technology": make.TECHNOLOGY}
        make.claim(person, credits={slugs[name]: amount for name, amount in credits.items()})
    return actions.select_track(track=make.track(), by=person)[0]


def five_followers() -> None:
    """Make five followers, of whom two are complete under form_data().

    It requires 20 credits in all: 10 in Administration and 5 in Technology.
    """
    following(administration="10.0", technology="10.0")
    following(administration="40.0", technology="5.0")
    following(administration="60.0")  # 5 missing in Technology
    following(administration="8.0")  # 12 missing
    following()  # 20 missing
    left = following(administration="15.0", technology="5.0")
    actions.leave_track(participation_id=left.pk, by=left.person)
    actions.select_track(track=make.track("Library Trustee"), by=make.person())


def preview(client: Client, address: str = f"{RULES}add/", **changes: Any) -> Any:
    return submit_in_admin(client, address, form_data(**changes) | {"_preview": "1"})


def test_the_preview_says_how_many_would_be_complete_and_saves_nothing(client: Client) -> None:
    five_followers()
    response = preview(client)
    text = response.content.decode()
    assert "Under this rule set, 2 of 5 open participations would be complete." in text
    assert "Under their current rules, 0 are." in text
    assert "The others would be missing a median of 12 credits." in text
    rows = [(row.rule_set, row.participations) for row in response.context["impact"].rows]
    assert rows == [("2023 Library Staff", 5)]
    assert not RuleSet.objects.filter(name="2027 Library Staff").exists()
    assert 'value="2027 Library Staff"' in text  # the form keeps its input
    assert 'name="requirements-1-minimum" value="5.0"' in text
    assert "Please correct" not in text


def test_invalid_rules_are_rejected_without_a_preview(client: Client) -> None:
    text = preview(client, total="14.5").content.decode()
    assert "which is more than the total of 14.5 credits" in text
    assert "nothing has been saved yet" not in text


def test_the_preview_for_a_track_without_followers(client: Client) -> None:
    assert "No one currently follows this track." in preview(client).content.decode()


def test_unused_rules_can_be_previewed_and_frozen_ones_cannot(client: Client) -> None:
    five_followers()
    rule_set = RuleSet.objects.create(
        track=make.track(), name="Draft", valid_from=dt.date(2030, 1, 1), total=90, source="Draft"
    )
    address = f"{RULES}{rule_set.pk}/change/"
    assert "_preview" in client.get(address).content.decode()
    text = preview(client, address).content.decode()
    assert "2 of 5 open participations would be complete." in text
    rule_set.refresh_from_db()
    assert (rule_set.name, rule_set.total) == ("Draft", Decimal(90))
    used = RuleSet.objects.get(name="2023 Library Staff")
    assert "_preview" not in client.get(f"{RULES}{used.pk}/change/").content.decode()


def test_the_impact_of_the_current_rules_is_the_current_progress() -> None:
    """Under the same rules, both queries return the same numbers."""
    five_followers()
    old = make.claim(make.person(), days=-1500).person
    actions.select_track(track=make.track(), by=old)
    rule_set = RuleSet.objects.get(name="2023 Library Staff")
    total, _ = rule_set_impact(rule_set, today())
    assert total.complete_now == total.complete_then == 0
    RuleSet.objects.filter(pk=rule_set.pk).update(total=Decimal(8))
    Requirement.objects.filter(rule_set=rule_set).update(minimum=0)
    total, _ = rule_set_impact(RuleSet.objects.get(pk=rule_set.pk), today())
    assert (total.complete_now, total.complete_then, total.participations) == (4, 4, 6)


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number: int, django_assert_num_queries: Any) -> None:
    for _ in range(number):
        following(technology="1.0")
    rule_set = RuleSet.objects.get(name="2023 Library Staff")
    with django_assert_num_queries(6):
        rule_set_impact(rule_set, today())


# ---------- The preview against real postings ----------


def new_rules(track: str = "Library Staff", **fields: Any) -> RuleSet:
    """Return rules for 40 credits in any category except Public Services, without minimums."""
    values = {"name": "New", "valid_from": today(), "total": Decimal(40), "source": "New"}
    rule_set = RuleSet.objects.create(track=make.track(track), **values | fields)
    for slug in (make.ADMINISTRATION, make.COLLECTION, make.TECHNOLOGY):
        Requirement.objects.create(rule_set=rule_set, category=make.category(slug), minimum=0)
    return rule_set


def counted_under(rule_set: RuleSet, participation: Participation) -> Decimal:
    """Switch the participation to these rules and return the credits that count.

    Check that the preview predicted them, and that every credit not posted has a reason.
    """
    total, _ = rule_set_impact(rule_set, today())
    Participation.objects.filter(pk=participation.pk).update(rule_set=rule_set)
    person = participation.person
    credits = Credit.objects.filter(person=person).values_list("pk", flat=True)
    sync_postings(credit_ids=list(credits.order_by("pk")))
    participations = counting_queries.participations_visible_to(person).filter(pk=participation.pk)
    [(now, progress)] = counting_queries.progress_of(participations, today())
    assert (total.participations, total.median_missing) == (1, progress.missing)
    for credit in credits_with_postings(person):
        reason = why_not_posted(credit, now)
        assert (now.pk in credit.posted_in) is (reason is None), reason
    return progress.counted


COUNTS, AGED_OUT, NOT_POSTED = (True, Decimal(3)), (True, Decimal(0)), (False, Decimal(0))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, COUNTS),
        ({"counts_from": "2026-06-01", "earned_on": "2026-06-01"}, COUNTS),
        ({"counts_from": "2026-06-01", "earned_on": "2026-05-31"}, NOT_POSTED),
        ({"closes_on": "2026-11-20", "earned_on": "2026-11-20"}, COUNTS),
        ({"closes_on": "2026-11-20", "earned_on": "2026-11-21"}, NOT_POSTED),
        ({"earned_on": "2022-11-23"}, COUNTS),
        ({"earned_on": "2022-11-22"}, AGED_OUT),
        ({"earned_on": "2025-11-23", "rules": {"years": 1}}, COUNTS),
        ({"earned_on": "2025-11-22", "rules": {"years": 1}}, AGED_OUT),
        ({"earned_on": "2026-11-23"}, COUNTS),
        ({"earned_on": "2026-11-24"}, (True, Decimal(0))),  # not yet
        ({"category": make.PUBLIC}, NOT_POSTED),
        ({"rules": {"catalog_only": True}}, NOT_POSTED),
        ({"rules": {"catalog_only": True}, "is_listed": True}, COUNTS),
        ({"is_catalog_only_before": True}, COUNTS),
        ({"is_category_new": True}, COUNTS),
        ({"claim": {"state": ClaimState.DECLINED}}, NOT_POSTED),
        ({"claim": {"state": ClaimState.WITHDRAWN}}, NOT_POSTED),
        ({"is_credit_withdrawn": True}, NOT_POSTED),
    ],
)
def test_the_preview_counts_exactly_the_credits_that_the_new_rules_count(
    given: dict[str, Any], expected: tuple[bool, Decimal]
) -> None:
    participation, _ = actions.select_track(track=make.track(), by=make.person())
    days = {"selected_on": "2026-06-01", "counts_from": "2020-01-01", "closes_on": "2030-01-01"}
    Participation.objects.update(**{name: given.get(name, day) for name, day in days.items()})
    RuleSet.objects.filter(pk=participation.rule_set_id).update(
        catalog_only=given.get("is_catalog_only_before", False)
    )
    if given.get("is_category_new"):
        participation.rule_set.requirements.filter(category__slug=make.TECHNOLOGY).delete()
    claim = make.claim(participation.person, credits={given.get("category", make.TECHNOLOGY): "3"})
    begins_at = dt.datetime.fromisoformat(f"{given.get('earned_on', '2026-11-02')}T16:00Z")
    Event.objects.filter(pk=claim.event_id).update(begins_at=begins_at, ends_at=None)
    if given.get("is_listed"):
        make.listing(claim.event)
    ended = {"decided_at": timezone.now(), "decided_by": make.person(), "reason": "Test"}
    if "claim" in given:
        Claim.objects.update(**given["claim"], **ended)
    if given.get("is_credit_withdrawn"):
        Credit.objects.update(
            withdrawn_at=timezone.now(), withdrawn_by=make.person(), withdrawn_reason="Test"
        )
    counted = counted_under(new_rules(**given.get("rules", {})), participation)
    assert (participation.postings.exists(), counted) == expected


def test_credits_counted_in_a_certificate_count_only_in_other_tracks() -> None:
    person = make.person()
    certificate = make.certificate(make.following(person))  # 15 in Administration
    renewal = Participation.objects.get(follows=certificate)
    # Otherwise the credit would be excluded for being earned before the period.
    Participation.objects.filter(pk=renewal.pk).update(counts_from=dt.date(2026, 1, 1))
    make.claim(person, credits={make.TECHNOLOGY: "3.0"})
    staff, _ = actions.select_track(track=make.track(), by=person)
    assert counted_under(new_rules("Library Trustee"), renewal) == 3
    assert counted_under(new_rules(name="Newer"), staff) == 18


# ---------- A new version ----------


def test_a_new_version_is_filled_from_the_old_one_and_ends_it(client: Client) -> None:
    old = following().rule_set
    text = client.get(f"{RULES}{old.pk}/change/").content.decode()
    assert f'href="{RULES}add/?replaces={old.pk}"' in text
    page = client.get(f"{RULES}add/?replaces={old.pk}")
    form = page.context["adminform"].form
    assert (form.initial["total"], form.initial["source"]) == (old.total, old.source)
    assert "valid_from" not in form.initial
    assert page.content.decode().count('value="5.0"') == 4
    address = f"{RULES}add/?replaces={old.pk}"
    assert "nothing has been saved yet" in preview(client, address).content.decode()
    old.refresh_from_db()
    assert old.valid_until is None
    submit_in_admin(client, address, form_data())
    old.refresh_from_db()
    assert old.valid_until == dt.date(2026, 12, 31)
    new = RuleSet.objects.get(name="2027 Library Staff")
    assert new.requirements.count() == 2
    assert Participation.objects.get().rule_set == old


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_from": "2023-01-01"}, "take effect after Sun, Jan 1, 2023"),
        ({"kind": "renewal"}, "be the same kind (Initial and renewal)"),
        ({"total": "10"}, "more than the total of 10 credits"),
    ],
)
def test_an_invalid_new_version_does_not_end_the_old_one(
    client: Client, changes: dict[str, str], message: str
) -> None:
    old = RuleSet.objects.get(name="2023 Library Staff")
    response = submit_in_admin(client, f"{RULES}add/?replaces={old.pk}", form_data(**changes))
    assert message in response.content.decode()
    old.refresh_from_db()
    assert old.valid_until is None
    assert not RuleSet.objects.filter(name="2027 Library Staff").exists()


def test_an_earlier_last_day_stays_and_another_track_is_rejected() -> None:
    old = RuleSet.objects.get(name="2009 Trustee")
    by, requirements = make.person(), {make.category().pk: Decimal(1)}
    new = RuleSet(
        track=old.track, name="New", valid_from=dt.date(2027, 1, 1), total=Decimal(5), source="New"
    )
    actions.replace_rule_set(rule_set_id=old.pk, new=new, requirements=requirements, by=by)
    old.refresh_from_db()
    assert old.valid_until == dt.date(2022, 12, 31)
    other = RuleSet(track=make.track(), name="Other", valid_from=today(), total=5, source="New")
    with pytest.raises(Refused, match="the same track, Library Trustee"):
        actions.replace_rule_set(rule_set_id=old.pk, new=other, requirements=requirements, by=by)


@pytest.mark.parametrize("value", ["0", "x", "9" * 30, "%00"])
def test_a_new_version_of_an_unknown_rule_set_is_not_found(client: Client, value: str) -> None:
    assert client.get(f"{RULES}add/?replaces={value}").status_code == 404
