"""“Fits my track” and “Fills your gap” on the calendar."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from events.enums import EventState
from events.models import Event
from tests import factories as make
from tests.web import signed_in, text
from tracks.actions import leave_track, select_track
from tracks.models import Participation

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 23, 19, tzinfo=dt.UTC)
ADDRESS = "https://videos.example/1"
CHIP = 'for="id_fits"'


@pytest.fixture(autouse=True)
def now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def participation(person: User) -> Participation:
    """A Library Staff participation whose only unmet minimum is Technology, by 4.5 credits."""
    full = dict.fromkeys((make.ADMINISTRATION, make.PUBLIC, make.COLLECTION), "5.0")
    make.claim(person, credits=full | {make.TECHNOLOGY: "0.5"}, title="Claimed")
    return select_track(track=make.track(), by=person)[0]


def shown(person: User, query: str) -> list[tuple[str, bool]]:
    """Return the title of each event on the page, and whether it has the remark."""
    context = signed_in(person).get(f"/events/?{query}").context
    rows = [*context["watch"], *context["rows"], *(each.row for each in context["trainings"])]
    return [(row.title, row.fills_gap) for row in rows]


def month(person: User, query: str) -> list[str]:
    weeks = signed_in(person).get(f"/events/?view=month&{query}").context["weeks"]
    return [line.title for week in weeks for cell in week for line in cell.lines]


@pytest.fixture
def lab(participation: Participation) -> Event:
    """An event in Technology. Others earn another category or nothing."""
    make.event(title="Lab without credit", days=3, credits={})
    make.event(title="Lab canceled", days=3, state=EventState.CANCELLED)
    make.event(title="Lab in 2040", begins_at=NOW.replace(year=2040), ends_at=None)
    return make.event(title="Lab", days=2)


def test_events_in_a_category_below_its_minimum_fit_and_fill_the_gap(
    person: User, lab: Event
) -> None:
    assert shown(person, "view=list&fits=1") == [("Lab", True)]
    assert dict(shown(person, "view=list"))["Lab canceled"] is False
    assert month(person, "fits=1") == ["Lab"]
    assert shown(person, "q=lab&fits=1") == [("Lab", True)]
    page = text(signed_in(person).get("/events/?view=list&fits=1"))
    assert '<span class="missing">Fills your gap</span>' in page


def test_recordings_and_past_events_fit_too(person: User, participation: Participation) -> None:
    for name, credits in [("Lab", {make.TECHNOLOGY: "1.0"}), ("Other lab", {make.PUBLIC: "1.0"})]:
        available = NOW - dt.timedelta(days=1)
        recorded = {"recording_available_at": available, "recording_url": ADDRESS}
        make.event(title=name, days=-3, credits=credits, **recorded)
        make.event(title=name, days=-5, credits=credits)
    # 4.5 of the credits are for electives, so the other category fits, but fills no gap.
    assert shown(person, "view=watch") == [("Other lab", False), ("Lab", True)]
    assert sorted(shown(person, "q=lab")) == [
        *[("Lab", True)] * 2,
        *[("Other lab", False)] * 2,
    ]


def test_when_all_minimums_are_met_electives_are_the_gap(
    person: User, participation: Participation
) -> None:
    make.claim(person, credits={make.TECHNOLOGY: "5.0"}, title="More")
    make.event(title="Public", days=2, credits={make.PUBLIC: "1.0"})
    assert shown(person, "view=list&fits=1") == [("Public", True)]


def test_claimed_training_does_not_fit(person: User, participation: Participation) -> None:
    make.claim(person, make.event(title="Lab", days=-3))
    assert shown(person, "view=list&past=1&fits=1") == []


def test_nothing_fits_a_complete_track(person: User, participation: Participation) -> None:
    make.claim(person, credits={make.TECHNOLOGY: "50.0"}, title="More")
    make.event(title="Lab", days=2)
    client = signed_in(person)
    for query in ("view=list", "view=watch", "view=month", "q=lab"):
        assert client.get(f"/events/?{query}&fits=1").context["choice"].fits_track
    assert shown(person, "q=lab&fits=1") == []
    assert shown(person, "view=list") == [("Lab", False)]


def test_the_chip_is_only_for_people_with_a_track(client: Client, person: User) -> None:
    assert CHIP not in text(client.get("/events/?view=list"))
    assert CHIP not in text(signed_in(person).get("/events/?view=list"))
    for visitor in (client, signed_in(person)):
        page = visitor.get("/events/?view=list&fits=1")
        assert "Sign in and choose a track to use this filter. It was ignored." in text(page)
        assert not page.context["choice"].fits_track
    participation = select_track(track=make.track(), by=person)[0]
    page = text(signed_in(person).get("/events/?view=list&fits=1"))
    assert CHIP in page
    assert "checked" in page.split('name="fits"')[1].split(">")[0]
    leave_track(participation_id=participation.pk, by=person)
    assert CHIP not in text(signed_in(person).get("/events/?view=list"))


def test_feeds_do_not_know_the_track(person: User, participation: Participation) -> None:
    make.event(title="Public", days=2, credits={make.PUBLIC: "1.0"})
    page = text(signed_in(person).get("/events/?view=list&fits=1&category=technology"))
    assert 'href="/events/calendar.ics?category=technology"' in page
    assert "Public" in text(Client().get("/events/calendar.ics?fits=1"))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("query", "queries"),
    [("view=list", 11), ("view=month", 11), ("view=watch", 11), ("q=lab", 12)],
)
def test_the_number_of_queries_is_fixed(
    person: User,
    participation: Participation,
    django_assert_num_queries: Any,
    query: str,
    queries: int,
    count: int,
) -> None:
    recorded = {"recording_available_at": timezone.now(), "recording_url": ADDRESS}
    for number in range(count):
        make.event(title=f"Lab {number}", days=2)
        make.event(title=f"Old lab {number}", days=-2, **recorded)
        make.claim(person, title=f"Mine {number}")
    client = signed_in(person)
    with django_assert_num_queries(queries):
        client.get(f"/events/?{query}&fits=1")
