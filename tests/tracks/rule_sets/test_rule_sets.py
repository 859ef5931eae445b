"""Each row of the State Library's tables of requirements, at its limits.

Each rule set is tested for people with and without an earlier certificate: with exactly enough
credits, half a credit short, the wrong category, and more than enough. All credits are earned on
the first or last day that counts, or on the day before or after. Leap days and daylight saving time
changes are included.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from aspen.clock import day_after, today, years_after
from aspen.errors import Refused
from tests import factories as make
from tracks import actions
from tracks.counting import queries as counting_queries
from tracks.models import Participation, RuleSet

pytestmark = pytest.mark.django_db
ZONE = timezone.get_default_timezone()
FOUR = (make.ADMINISTRATION, make.PUBLIC, make.COLLECTION, make.TECHNOLOGY)
LEAP_2012, CLOCKS_2015 = dt.date(2012, 2, 29), dt.date(2015, 11, 1)
LEAP_2024, CLOCKS_2026 = dt.date(2024, 2, 29), dt.date(2026, 11, 1)

# From the documents: total, minimums in the order of the four categories, elective.
DOCUMENTS = {
    "2009 Library Administrator": (60, (20, 10, 10, 10), 10),
    "2009 Library Staff": (60, (10, 10, 10, 10), 20),
    "2009 Trustee": (15, (10, 0, 0, 0), 5),
    "2023 Library Director, initial": (60, (30, 0, 0, 0), 30),
    "2023 Library Director, renewal": (60, (0, 0, 0, 0), 60),
    "2023 Library Staff": (60, (5, 5, 5, 5), 40),
    "2023 Library Trustee": (15, (10, 0, 0, 0), 5),
}
# Rule sets, whether the person was certified before, and the first days of periods.
ROWS = [
    ("2009 Library Administrator", False, (LEAP_2012, CLOCKS_2015)),
    ("2009 Library Administrator", True, (CLOCKS_2015,)),
    ("2009 Library Staff", False, (LEAP_2012, CLOCKS_2015)),
    ("2009 Trustee", False, (LEAP_2012, CLOCKS_2015)),
    ("2009 Trustee", True, (LEAP_2012,)),
    ("2023 Library Director, initial", False, (LEAP_2024, CLOCKS_2026)),
    ("2023 Library Director, renewal", True, (LEAP_2024, CLOCKS_2026)),
    ("2023 Library Staff", False, (LEAP_2024, CLOCKS_2026)),
    ("2023 Library Staff", True, (CLOCKS_2026,)),
    ("2023 Library Trustee", False, (LEAP_2024, CLOCKS_2026)),
    ("2023 Library Trustee", True, (LEAP_2024,)),
]
CASES = [(name, certified, day) for name, certified, days in ROWS for day in days]


def at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), ZONE)


def amounts(*values) -> dict[str, str]:
    """Return credits by category, from amounts in the order of the categories. Omit zeros."""
    return {slug: f"{value:.1f}" for slug, value in zip(FOUR, values, strict=True) if value}


def exactly_enough(name: str) -> list[Decimal]:
    """Return the minimums, with all elective credits in the last category."""
    _, minimums, elective = DOCUMENTS[name]
    return [Decimal(each) for each in (*minimums[:3], minimums[3] + elective)]


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def begin(name: str, *, certified: bool, day: dt.date) -> Participation:
    """Start a period on this day, by choosing the track or with a certificate issued that day."""
    track = RuleSet.objects.get(name=name).track
    june = make.person()
    with time_machine.travel(at(day, 12), tick=False):
        if not certified:
            participation, _ = actions.select_track(track=track, by=june)
            return participation
        first, _ = actions.select_track(track=track, by=june)
        make.claim(june, days=-1, credits=amounts(30, 10, 10, 10))
        make.certificate(first)
    return Participation.objects.select_related("rule_set", "track").get(
        person=june, follows__isnull=False
    )


def earn(participation: Participation, day: dt.date, credits: dict[str, str], *, late: bool):
    """Claim a training in the first hour of the day, or in the last hour if `late`."""
    hour, minute = (23, 0) if late else (0, 0)
    begins_at = at(day, hour, minute)
    event = make.event(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(minutes=59), credits=credits
    )
    make.claim(participation.person, event)


def can_submit(participation: Participation) -> bool:
    """Return True if the record can be submitted today. Check that its progress agrees."""
    participation = Participation.objects.get(pk=participation.pk)
    [(_, progress)] = counting_queries.progress_of([participation], today())
    complete = progress.is_complete
    with rolled_back():
        try:
            make.submission(participation)
        except Refused:
            assert not complete
            return False
    assert complete
    return True


@pytest.mark.parametrize(("name", "row"), DOCUMENTS.items())
def test_the_rule_sets_match_the_documents(name, row):
    rule_set = RuleSet.objects.get(name=name)
    minimums = {each.category.slug: each.minimum for each in rule_set.requirements.all()}
    total, expected, elective = row
    assert [minimums[slug] for slug in FOUR] == [Decimal(each) for each in expected]
    assert (rule_set.total, rule_set.years) == (total, 4)
    assert rule_set.total - sum(minimums.values()) == elective
    assert rule_set.source.startswith("Montana State Library")
    assert not rule_set.catalog_only


def test_there_are_no_other_rule_sets():
    assert set(RuleSet.objects.values_list("name", flat=True)) == set(DOCUMENTS)


@pytest.mark.parametrize(("name", "certified", "day"), CASES)
@pytest.mark.parametrize("edge", ["first", "last"])
def test_each_row_on_the_first_and_last_day_that_counts(name, certified, day, edge):
    participation = begin(name, certified=certified, day=day)
    assert participation.rule_set.name == name
    first = day if certified else participation.counts_from
    assert participation.counts_from == first
    last = participation.closes_on
    assert last == years_after(day, 4)
    earned_on = first if edge == "first" else last
    # Credits earned four years before the track was chosen count on the day it was chosen.
    measured_on = max(day, earned_on)
    enough = exactly_enough(name)
    with time_machine.travel(at(measured_on, 23, 59), tick=False):
        for credits, is_enough in cases(name, enough):
            with rolled_back():
                earn(participation, earned_on, amounts(*credits), late=edge == "last")
                assert can_submit(participation) is is_enough, credits


def cases(name: str, enough: list[Decimal]) -> Iterator[tuple[list[Decimal], bool]]:
    """Yield credits in the four categories, and whether those credits are enough."""
    total, minimums, _ = DOCUMENTS[name]
    half = Decimal("0.5")
    yield enough, True
    yield [*enough[:3], enough[3] - half], False  # half a credit short of the total
    yield [*enough[:3], enough[3] + 100], True  # more than enough
    for place, minimum in enumerate(minimums):
        all_in_one = [Decimal(0)] * 4
        all_in_one[place] = Decimal(total)
        # Credits beyond a minimum are elective. They cannot fill another category's minimum.
        yield all_in_one, sum(minimums) == minimum
        if minimum:
            short = [*enough]
            short[place] = minimum - half
            short[(place + 1) % 4] += 50  # more than enough elsewhere
            yield short, False


@pytest.mark.parametrize(("name", "certified", "day"), CASES)
def test_the_days_before_and_after_the_period_do_not_count(name, certified, day):
    participation = begin(name, certified=certified, day=day)
    credits = amounts(*exactly_enough(name))
    before = participation.counts_from - dt.timedelta(days=1)
    after = day_after(participation.closes_on)
    for outside, late in ((before, True), (after, False)):
        with rolled_back(), time_machine.travel(at(max(outside, day), 23, 59), tick=False):
            posted = participation.postings.count()
            earn(participation, outside, credits, late=late)
            assert participation.postings.count() == posted
            assert not can_submit(participation)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("2023")])
def test_credits_count_for_four_years_and_then_age_out(name):
    certified = name.endswith("renewal")
    participation = begin(name, certified=certified, day=LEAP_2024)
    first = participation.counts_from
    with time_machine.travel(at(max(first, LEAP_2024), 23, 59), tick=False):
        earn(participation, first, amounts(*exactly_enough(name)), late=False)
    with time_machine.travel(at(years_after(first, 4), 23, 59), tick=False):
        assert can_submit(participation)
    with time_machine.travel(at(day_after(years_after(first, 4)), 0, 1), tick=False):
        assert not can_submit(participation)
        assert participation.postings.exists()
