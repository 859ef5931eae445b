"""In every app, a position gives access from its first day through its last."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import queries
from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.clock import today
from events import permissions
from events.actions import register
from events.attendance import queries as attendance_queries
from tests import factories as make
from tests.test_repository import FILES, ROOT, read
from tracks.certification.supervisors import supervisor_choices_for
from tracks.following.recommended import positions_by_track
from tracks.reports import queries as reports_queries

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)

# A position's first and last day, and whether it is present.
SPANS = [
    (None, None, True),
    (TODAY, None, True),
    (None, TODAY, True),
    (TODAY, TODAY, True),
    (None, TODAY + 40 * DAY, True),
    (TODAY - 400 * DAY, TODAY + 40 * DAY, True),
    (TODAY + DAY, None, False),
    (TODAY + 40 * DAY, None, False),
    (TODAY + 40 * DAY, TODAY + 80 * DAY, False),
    (None, TODAY - DAY, False),
    (TODAY - 400 * DAY, TODAY - DAY, False),
]
spans = pytest.mark.parametrize(("since_on", "until_on", "is_present"), SPANS)


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        yield


@pytest.fixture
def library() -> Organization:
    return make.organization(name="Ekalaka Public Library", city="")


def add_position(person: User, place: Organization, kind: PositionKind, **fields: Any) -> Position:
    return Position.objects.create(
        person=person, organization=place, kind=kind, is_confirmed=True, **fields
    )


@pytest.mark.parametrize("kind", PositionKind)
@spans
def test_a_position_is_present_from_its_first_day_through_its_last(
    library: Organization,
    kind: PositionKind,
    since_on: dt.date | None,
    until_on: dt.date | None,
    is_present: bool,
) -> None:
    position = add_position(make.person(), library, kind, since_on=since_on, until_on=until_on)
    expected = [position] if is_present else []
    assert list(Position.objects.present().order_by("pk")) == expected
    assert list(Position.objects.present(on=today()).order_by("pk")) == expected


def test_present_positions_on_another_day(library: Organization) -> None:
    first, last = dt.date(2027, 1, 5), dt.date(2027, 2, 5)
    add_position(make.person(), library, PositionKind.DIRECTOR, since_on=first, until_on=last)
    days = [first - DAY, first, last, last + DAY]
    assert [Position.objects.present(day).exists() for day in days] == [False, True, True, False]


@spans
def test_a_director_sees_progress_and_is_a_supervisor_only_while_present(
    library: Organization, since_on: dt.date, until_on: dt.date, is_present: bool
) -> None:
    colleague = make.person(display_name="Ann Agreed", shows_progress=True)
    add_position(colleague, library, PositionKind.STAFF)
    director = make.person(display_name="Dora Director")
    position = add_position(
        director, library, PositionKind.DIRECTOR, since_on=since_on, until_on=until_on
    )
    client = Client()
    client.force_login(director)
    response = client.get("/continuing-education/library/")
    assert ("Ann Agreed" in response.content.decode(), response.status_code) == (
        (True, 200) if is_present else (False, 404)
    )
    assert queries.leadership_positions(director) == [position] * is_present
    assert queries.library_name_of(director) == (library.name if is_present else "")
    choices = supervisor_choices_for(colleague, make.track("Library Staff"))
    assert [each.person for each in choices] == [director] * is_present
    by_track = positions_by_track(queries.positions_of(director))
    assert list(by_track) == ["Library Director"] * is_present


@spans
def test_a_colleague_shows_progress_only_while_present(
    library: Organization, since_on: dt.date, until_on: dt.date, is_present: bool
) -> None:
    director = make.person()
    add_position(director, library, PositionKind.DIRECTOR)
    colleague = make.person(display_name="Ann Agreed", shows_progress=True)
    add_position(colleague, library, PositionKind.STAFF, since_on=since_on, until_on=until_on)
    client = Client()
    client.force_login(director)
    page = client.get("/continuing-education/library/").content.decode()
    assert ("Ann Agreed" in page) == is_present


@spans
def test_an_event_editor_manages_events_only_while_present(
    library: Organization, since_on: dt.date, until_on: dt.date, is_present: bool
) -> None:
    editor = make.person(Role.EVENT_EDITOR)
    add_position(editor, library, PositionKind.STAFF, since_on=since_on, until_on=until_on)
    event = make.event(organization=library)
    assert permissions.managed_by(editor).filter(pk=event.pk).exists() == is_present
    assert list(permissions.organizations_of(editor)) == [library] * is_present
    assert attendance_queries.may_read_accommodation(editor, event) == is_present


@spans
def test_a_roster_shows_the_library_only_while_present(
    library: Organization, since_on: dt.date, until_on: dt.date, is_present: bool
) -> None:
    person, event = make.person(), make.event(days=3)
    register(event_id=event.pk, by=person)
    add_position(person, library, PositionKind.STAFF, since_on=since_on, until_on=until_on)
    names = [row.library for row in attendance_queries.confirmed_places(event)]
    assert names == [library.name if is_present else None]


@spans
def test_reports_count_people_at_a_library_only_while_present(
    library: Organization, since_on: dt.date, until_on: dt.date, is_present: bool
) -> None:
    person = make.person()
    add_position(person, library, PositionKind.TRUSTEE, since_on=since_on, until_on=until_on)
    make.following(person)
    assert [each.library for each in reports_queries.certification_counts().libraries] == [
        library.pk
    ] * is_present
    people = reports_queries.people_with_status(reports_queries.IN_PROGRESS, library=library.pk)
    assert list(people) == [person] * is_present
    board = [each.person_id for each in reports_queries.board_members(library.pk, TODAY.year)]
    assert board == [person.pk] * is_present


def test_only_the_model_handles_positions_without_a_last_day() -> None:
    """All other code uses `Position.objects.present()`, which checks both ends of a position."""
    pattern = re.compile(r"until_on(__isnull=True|=None)|until_on IS NULL", re.IGNORECASE)
    places = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] != "tests"
        and "migrations" not in path.parts
        and pattern.search(read(path))
    ]
    assert places == ["accounts/models.py"]
