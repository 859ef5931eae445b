"""Eligibility: the query and the function that gives the reasons must agree."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from aspen.clock import fiscal_year
from credits.enums import ENDED, ClaimState
from credits.models import Claim
from events.actions import save_event
from events.enums import ListingState
from events.models import Event
from tests import factories as make
from tracks import actions
from tracks.counting import credits, eligibility
from tracks.counting import queries as counting_queries
from tracks.counting.progress import measure_progress
from tracks.models import Participation, Posting, RuleSet

ZONE = timezone.get_default_timezone()
TODAY = dt.date(2026, 11, 23)


def event_on(day: dt.date, **fields) -> Event:
    begins_at = dt.datetime.combine(day, dt.time(9), ZONE)
    return make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1), **fields)


@pytest.fixture
def today():
    with time_machine.travel(dt.datetime.combine(TODAY, dt.time(12), ZONE), tick=False):
        yield TODAY


class TestQueryAndReasonAgree(TestCase):
    @classmethod
    def setUpTestData(cls):
        """Create these rows once. Each example's changes are rolled back before the next one."""
        with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
            cls.person, cls.decider = make.person(), make.person()
            cls.participation, _ = actions.select_track(track=make.track(), by=cls.person)
            cls.claim = make.claim(cls.person, event_on(TODAY - dt.timedelta(days=1)))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        days=st.integers(-1600, 1600),
        state=st.sampled_from(list(ClaimState)),
        counted=st.booleans(),
        catalog_only=st.booleans(),
        in_catalog=st.booleans(),
    )
    def test_general_rule(self, days, state, counted, catalog_only, in_catalog):
        with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
            person, participation, claim = self.person, self.participation, self.claim
            begins_at = dt.datetime(2026, 11, 23, 16, tzinfo=dt.UTC) + dt.timedelta(days=days)
            Event.objects.filter(pk=claim.event_id).update(begins_at=begins_at, ends_at=begins_at)
            if in_catalog:
                day = timezone.localdate(begins_at)
                make.listing(claim.event, fiscal_year=fiscal_year(day))
            Claim.objects.filter(pk=claim.pk).update(
                state=state,
                claimed_at=begins_at + dt.timedelta(days=1),
                decided_at=timezone.now(),
                decided_by=self.decider,
                reason="For the test.",
            )
            rule_set = participation.rule_set
            RuleSet.objects.filter(pk=rule_set.pk).update(catalog_only=catalog_only)
            if not counted:
                rule_set.requirements.filter(category__slug=make.TECHNOLOGY).delete()

            participation = counting_queries.participations_visible_to(person).get()
            credit = credits.credits_with_postings(person).get()
            eligible = counting_queries.eligible(
                pk=credit.pk, person__participations=participation.pk
            ).exists()
            reason = eligibility.why_not_posted(credit, participation)
            assert eligible == (reason is None), reason
            expected = (
                state not in ENDED
                and participation.counts_from <= credit.earned_on <= participation.closes_on
                and counted
                and (in_catalog or not catalog_only)
            )
            assert eligible == expected

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        year=st.integers(2026, 2028),
        state=st.sampled_from(list(ListingState)),
        day=st.dates(dt.date(2026, 5, 1), dt.date(2026, 8, 31)),
        days_long=st.sampled_from([0, 700]),
        claimed=st.integers(0, 600),
        recorded=st.booleans(),
        available=st.integers(0, 100),
        watchable=st.none() | st.integers(1, 500),
    )
    def test_catalog_rule(
        self, year, state, day, days_long, claimed, recorded, available, watchable
    ):
        """The query, the reason and this test agree on which credits count.

        The training must be earned, or its recording watched, in a year for which it was approved.
        """
        with time_machine.travel(dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC), tick=False):
            person, participation, claim = self.person, self.participation, self.claim
            RuleSet.objects.filter(pk=participation.rule_set_id).update(catalog_only=True)
            begins_at = dt.datetime.combine(day, dt.time(9), ZONE)
            claimed_at = begins_at + dt.timedelta(days=claimed)
            since = begins_at + dt.timedelta(days=available) if recorded else None
            until = since + dt.timedelta(days=watchable) if since and watchable else None
            Event.objects.filter(pk=claim.event_id).update(
                begins_at=begins_at,
                ends_at=begins_at + dt.timedelta(days=days_long),
                recording_available_at=since,
                recording_until_at=until,
            )
            Claim.objects.filter(pk=claim.pk).update(claimed_at=claimed_at)
            make.listing(claim.event, fiscal_year=year, state=state)

            participation = counting_queries.participations_visible_to(person).get()
            credit = credits.credits_with_postings(person).get()
            pairs = counting_queries.eligible(pk=credit.pk, person__participations=participation.pk)
            reason = eligibility.why_not_posted(credit, participation)
            assert pairs.exists() == (reason is None), reason
            watched = since and since <= claimed_at and (until is None or claimed_at < until)
            days = {credit.earned_on, *([claimed_at.date()] if watched else [])}
            first, last = dt.date(year - 1, 7, 1), dt.date(year, 6, 30)
            is_in = any(first <= each <= last for each in days)
            assert (reason is None) == (state == ListingState.APPROVED and is_in)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "counts"),
    [
        (dt.date(2022, 11, 22), False),
        (dt.date(2022, 11, 23), True),
        (dt.date(2026, 11, 22), True),
    ],
)
def test_exactly_four_years_before_selection_count(today, day, counts):
    person = make.person()
    credit = make.claim(person, event_on(day)).credits.get()
    participation, _ = actions.select_track(track=make.track(), by=person)
    assert participation.postings.filter(credit=credit).exists() is counts


@pytest.mark.django_db
def test_period_lasts_four_years_and_february_29_becomes_28():
    with time_machine.travel(dt.datetime(2028, 2, 29, 19, tzinfo=dt.UTC), tick=False):
        leap, _ = actions.select_track(track=make.track(), by=make.person())
    assert (leap.counts_from, leap.closes_on) == (dt.date(2024, 2, 29), dt.date(2032, 2, 29))
    with time_machine.travel(dt.datetime(2096, 2, 29, 19, tzinfo=dt.UTC), tick=False):
        leap, _ = actions.select_track(track=make.track(), by=make.person())
    assert (leap.counts_from, leap.closes_on) == (dt.date(2092, 2, 29), dt.date(2100, 2, 28))


@pytest.mark.django_db
def test_selection_day_is_in_mountain_time():
    with time_machine.travel(dt.datetime(2027, 1, 1, 6, 30, tzinfo=dt.UTC), tick=False):
        participation, _ = actions.select_track(track=make.track(), by=make.person())
    assert participation.selected_on == dt.date(2026, 12, 31)


@pytest.mark.django_db
def test_correcting_the_date_updates_postings(today):
    person = make.person()
    claim = make.claim(person, event_on(dt.date(2026, 11, 2)))
    actions.select_track(track=make.track(), by=person)
    event = claim.event
    event.begins_at = dt.datetime(2020, 1, 5, 17, tzinfo=dt.UTC)
    event.ends_at = None
    save_event(event=event, by=None)
    assert Posting.objects.count() == 0
    event.begins_at = dt.datetime(2026, 1, 5, 17, tzinfo=dt.UTC)
    save_event(event=event, by=None)
    assert Posting.objects.count() == 1


@pytest.mark.django_db
def test_aged_out_credit_stays_posted_but_does_not_count(today):
    person = make.person()
    claim = make.claim(person, event_on(dt.date(2022, 11, 30)))
    participation, _ = actions.select_track(track=make.track(), by=person)
    earned = dict(counting_queries.earned_by_category([participation], TODAY))
    assert earned[participation.pk] == {make.category().pk: Decimal("1.0")}
    later = dict(counting_queries.earned_by_category([participation], dt.date(2026, 12, 1)))
    assert later == {}
    assert Posting.objects.get().credit == claim.credits.get()


# ---------- Published rule sets ----------

PUBLISHED = [
    ("2009 Library Administrator", 60, [20, 10, 10, 10], 10),
    ("2009 Library Staff", 60, [10, 10, 10, 10], 20),
    ("2009 Trustee", 15, [10, 0, 0, 0], 5),
    ("2023 Library Director, initial", 60, [30, 0, 0, 0], 30),
    ("2023 Library Director, renewal", 60, [0, 0, 0, 0], 60),
    ("2023 Library Staff", 60, [5, 5, 5, 5], 40),
    ("2023 Library Trustee", 15, [10, 0, 0, 0], 5),
]


def rules(name):
    return counting_queries.rule_sets().get(name=name)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "total", "minimums", "elective"), PUBLISHED)
def test_rule_sets_have_the_published_numbers(name, total, minimums, elective):
    rule_set = rules(name)
    assert (rule_set.total, rule_set.years) == (total, 4)
    progress = measure_progress(rule_set, {})
    assert [line.minimum for line in progress.lines] == minimums
    assert (progress.elective_required, progress.missing) == (elective, total)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "total", "minimums", "elective"), PUBLISHED)
def test_half_a_credit_short_is_incomplete(name, total, minimums, elective):
    rule_set = rules(name)
    enough = {line.category_id: line.minimum for line in rule_set.requirements.all()}
    last = list(enough)[-1]
    enough[last] += elective
    assert measure_progress(rule_set, enough).is_complete
    for category in [pk for pk, earned in enough.items() if earned]:
        less = enough | {category: enough[category] - Decimal("0.5")}
        progress = measure_progress(rule_set, less)
        assert progress.missing == Decimal("0.5")


@pytest.mark.django_db
def test_surplus_in_one_category_does_not_fill_another():
    earned = {make.category(make.ADMINISTRATION).pk: Decimal(100)}
    progress = measure_progress(rules("2023 Library Staff"), earned)
    assert (progress.counted, progress.missing) == (45, 15)
    assert [line.missing for line in progress.lines] == [0, 5, 5, 5]


@pytest.mark.django_db
def test_only_rule_sets_in_force_can_be_chosen():
    names = [rule_set.name for rule_set in counting_queries.choosable_rule_sets(TODAY)]
    assert names == [
        "2023 Library Director, initial",
        "2023 Library Staff",
        "2023 Library Trustee",
    ]
    old = [rule_set.name for rule_set in counting_queries.choosable_rule_sets(dt.date(2015, 6, 1))]
    assert old == ["2009 Library Administrator", "2009 Library Staff", "2009 Trustee"]


@pytest.mark.django_db
def test_left_participation_gets_no_new_postings():
    person = make.person()
    participation, _ = actions.select_track(track=make.track(), by=person)
    Participation.objects.update(state="left")
    make.claim(person)
    assert not participation.postings.exists()
