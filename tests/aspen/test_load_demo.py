"""`manage.py load_demo` loads the demonstration's data on any day, and never twice."""

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.enums import PositionKind
from accounts.models import Organization, Position, User
from aspen.demo import calendar
from aspen.demo.catalog import TRAININGS
from aspen.demo.occasions import CONFERENCES, DROP_INS, LAB
from aspen.management.commands import portal
from credits.models import Claim
from tests import factories
from tests.aspen.test_demo_data import LIBRARIES, NAMED, PASSWORD, load

pytestmark = pytest.mark.django_db


def test_loading_is_refused_outside_the_demonstration(settings: Any) -> None:
    settings.DEMO = False

    with pytest.raises(CommandError, match="published password"):
        load()

    assert not User.objects.exists()


@pytest.mark.parametrize("is_on", [True, False])
def test_the_terminal_lists_the_accounts_of_a_demonstration(settings: Any, is_on: bool) -> None:
    settings.DEMO = is_on
    out = io.StringIO()

    portal.Command(stdout=out).announce(8000)

    output = out.getvalue().splitlines()
    addresses = [f"  {name}@aspen.example" for name in NAMED]
    addresses += ["  learner01@aspen.example to learner40@aspen.example"]
    assert [line for line in output if line.startswith("  ")] == (addresses if is_on else [])
    assert any(line.endswith(f"password {PASSWORD}:") for line in output) is is_on


def test_each_step_says_how_long_it_takes() -> None:
    out = io.StringIO()
    with portal.Command(stdout=out).step("Preparing the database"):
        assert out.getvalue() == "Preparing the database … "
    assert out.getvalue() == "Preparing the database … 0 s\n"


def test_positions_need_the_directory() -> None:
    assert "Run import_libraries" in load()
    assert not Position.objects.exists()
    call_command("import_libraries", str(LIBRARIES), verbosity=0)

    assert "0 accounts, 49 positions, 5 events and 0 stories" in load()

    bozeman = Organization.objects.get(name="Bozeman Public Library")
    there = Position.objects.filter(organization=bozeman).exclude(
        person__email__startswith="learner"
    )
    assert {
        (each.person.email, each.kind, each.supervisor.email if each.supervisor else None)
        for each in there.select_related("person", "supervisor")
    } == {
        ("librarian@aspen.example", PositionKind.STAFF, "director@aspen.example"),
        ("director@aspen.example", PositionKind.DIRECTOR, "chair@aspen.example"),
        ("trustee@aspen.example", PositionKind.TRUSTEE, "chair@aspen.example"),
        ("chair@aspen.example", PositionKind.BOARD_CHAIR, None),
    }
    learners = Position.objects.filter(person__email__startswith="learner")
    assert learners.count() == 40
    assert {position.kind for position in learners} == {PositionKind.STAFF}
    assert len({position.organization_id for position in learners}) == 40


def test_an_existing_account_stays_out_of_the_demonstration() -> None:
    own = factories.person(email="librarian@aspen.example")

    assert "48 accounts" in load()

    own.refresh_from_db()
    assert not own.is_demonstration
    assert not own.positions.exists()
    assert not Claim.objects.filter(person=own).exists()


@pytest.mark.parametrize("days", range(0, 400, 7))
def test_the_plan_has_enough_events_on_any_day(days: int) -> None:
    """Check each week for more than a year, with a leap day, New Year's Day and clock changes."""
    today = dt.date(2027, 12, 25) + dt.timedelta(days=days)

    planned = calendar.planned_events(today)

    assert len({each.key for each in planned}) == len(planned)
    assert all(len(each.key) <= 80 for each in planned)
    ce = [each for each in planned if each.credits]
    assert len(ce) >= 120
    days_of = [timezone.localdate(each.values["begins_at"]) for each in ce]
    assert all(day.weekday() < 5 for day in days_of)
    assert sum(today - dt.timedelta(days=7) <= day <= today for day in days_of) >= 3
    assert sum(today < day <= today + dt.timedelta(days=7) for day in days_of) >= 2
    past = [each for each in planned if timezone.localdate(each.values["begins_at"]) < today]
    assert sum(each.parent_key is not None for each in past) >= 8
    hours = {
        timezone.localtime(each.values["begins_at"]).hour
        for each in ce
        if not each.values["all_day"]
    }
    assert hours <= set(range(8, 17))


def test_plans_made_on_two_days_agree_where_they_overlap() -> None:
    one = {each.key: each for each in calendar.planned_events(dt.date(2026, 11, 23))}
    other = {each.key: each for each in calendar.planned_events(dt.date(2026, 12, 24))}

    shared = one.keys() & other.keys()
    assert len(shared) > 150
    assert all(one[key] == other[key] for key in shared)


def test_slugs_are_unique() -> None:
    slugs = [training.slug for training in [*TRAININGS, *DROP_INS, LAB]]

    assert len(set(slugs)) == len(slugs)
    assert len(TRAININGS) == 2 * calendar.EVERY_WEEKS
    assert [len(conference.sessions) for conference in CONFERENCES] == [8, 8, 8]
