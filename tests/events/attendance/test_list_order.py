"""Lists in random order give the same minutes as a plain model.

In each story, people with several devices are on lists of visits or of minutes, which are uploaded,
applied, undone and uploaded again, in any order and some of them several times. `make races` plays
1,000 stories, `make test` a few.
"""

import datetime as dt
import random
from typing import NamedTuple

import pytest

from accounts.models import User
from events import actions
from events.attendance.list_actions import preview_changes
from events.enums import Attendance
from events.models import AttendeeMatch, Event, Registration
from tests import factories as make
from tests.races import EVERY_ROUND

pytestmark = pytest.mark.django_db
LENGTH, THRESHOLD = 60, 30  # minutes
PEOPLE = range(3)
STORIES, PARTS = (1_000 if EVERY_ROUND else 30), 10


class Row(NamedTuple):
    """A row of a list, in minutes after the beginning of the event. Guests have no address."""

    person: int
    is_guest: bool
    joined: int
    left: int


class List(NamedTuple):
    """A list of visits, or of minutes."""

    has_visits: bool
    rows: tuple[Row, ...]


def random_list(dice: random.Random) -> List:
    has_visits = dice.random() < 0.7
    rows = []
    for _ in range(dice.randint(1, 5)):
        joined = dice.randint(-10, LENGTH) if has_visits else 0
        left = joined + dice.randint(0, LENGTH)
        rows.append(Row(dice.choice(PEOPLE), dice.random() < 0.3, joined, left))
    return List(has_visits, tuple(sorted(rows)))


def random_steps(lists: list[List], dice: random.Random) -> list[tuple[str, List]]:
    """Apply each list once or twice, and undo some; apply some of them again at the end."""
    steps = [("apply", each) for each in lists for _ in range(dice.randint(1, 2))]
    steps += [("undo", dice.choice(lists)) for _ in range(dice.randint(0, 2))]
    dice.shuffle(steps)
    return steps + [("apply", dice.choice(lists)) for _ in range(dice.randint(0, 2))]


def expected_minutes(lists: set[List], person: int) -> int | None:
    """The plain model: count the minutes one by one."""
    own = [(each, row) for each in lists for row in each.rows if row.person == person]
    if not own:
        return None
    present = {
        minute
        for each, row in own
        if each.has_visits
        for minute in range(row.joined, row.left)
        if 0 <= minute < LENGTH
    }
    added = sum(row.left for each, row in own if not each.has_visits)
    return min(len(present) + added, LENGTH)


def expected_mark(minutes: int | None) -> Attendance:
    if minutes is None:
        return Attendance.UNKNOWN
    return Attendance.PRESENT if minutes >= THRESHOLD else Attendance.ABSENT


def as_file(each: List, event: Event, people: list[User], dice: random.Random) -> bytes:
    lines = ["Name,Email,Join Time,Leave Time" if each.has_visits else "Name,Email,Minutes"]
    for row in dice.sample(each.rows, len(each.rows)):
        person = people[row.person]
        address = "" if row.is_guest else person.email
        cells = (
            [
                (event.begins_at + dt.timedelta(minutes=minute)).isoformat()
                for minute in (row.joined, row.left)
            ]
            if each.has_visits
            else [str(row.left)]
        )
        lines.append(",".join([f"Guest {row.person}", address, *cells]))
    return "\n".join(lines).encode()


def take(step: str, data: bytes, *, event: Event, by: User) -> None:
    stored = actions.store_attendance_list(
        event_id=event.pk, file_name="list.csv", data=data, threshold=THRESHOLD, by=by
    )
    if step == "undo":
        actions.undo_attendance_list(list_id=stored.pk, by=by)
        return
    seen = preview_changes(event, stored, by=by).version
    actions.apply_attendance_list(list_id=stored.pk, by=by, seen=seen)


def play(number: int) -> None:
    dice = random.Random(number)
    event, by = make.event(days=-1), make.person()
    people = [make.person() for _ in PEOPLE]
    Registration.objects.bulk_create(
        Registration(event=event, person=each, state="confirmed", registered_at=event.begins_at)
        for each in people
    )
    AttendeeMatch.objects.bulk_create(
        AttendeeMatch(
            event=event, alias=f"name:guest {person}", name="Guest", person=each, matched_by=by
        )
        for person, each in enumerate(people)
    )
    lists = [random_list(dice) for _ in range(dice.randint(1, 4))]
    counting: set[List] = set()
    for step, each in random_steps(lists, dice):
        take(step, as_file(each, event, people, dice), event=event, by=by)
        counting = counting | {each} if step == "apply" else counting - {each}
        rows = Registration.objects.filter(event=event).order_by("pk")
        minutes = [expected_minutes(counting, person) for person in PEOPLE]
        assert list(rows.values_list("minutes", "attendance")) == [
            (number_of, expected_mark(number_of)) for number_of in minutes
        ]


@pytest.mark.parametrize("part", range(PARTS))
def test_random_lists_in_random_order_give_the_expected_minutes(part: int) -> None:
    for number in range(part, STORIES, PARTS):
        play(number)
