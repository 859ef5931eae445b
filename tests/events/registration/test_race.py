"""Promise 1: a registration never exceeds the capacity and the waitlist keeps its order.

Two hundred people press Register for fifty places. The control shows that the same act without
lock and trigger sells places twice: these tests can fail.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection

from accounts.models import User
from events import actions, queries
from events.enums import RegistrationState
from events.models import Event, Registration
from tests import factories as make
from tests.races import rounds, run_concurrently
from tests.web import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, PLACES, ROUNDS = 200, 50, 10
# PostgreSQL takes a hundred connections; so many people at a time stand in line for one event.
AT_A_TIME = 40
CONFIRMED, WAITLISTED = RegistrationState.CONFIRMED, RegistrationState.WAITLISTED


@pytest.fixture
def crowd() -> list[User]:
    password = make_password(None)
    return User.objects.bulk_create(
        User(email=f"crowd{n}@library.example", display_name=f"Crowd {n}", password=password)
        for n in range(PEOPLE)
    )


def press_register(people: list[User], event: Event) -> list[Registration]:
    """Everybody registers: so many people start at the same moment, the others follow at once."""
    waiting, done = iter(people), []
    turn = threading.Lock()

    def stand_in_line(_: int) -> None:
        while True:
            with turn:
                person = next(waiting, None)
            if person is None:
                return
            done.append(actions.register(event_id=event.pk, by=person))

    assert run_concurrently(AT_A_TIME, stand_in_line) == [None] * AT_A_TIME
    return done


def standing(event: Event, state: RegistrationState) -> list[Registration]:
    found = Registration.objects.filter(event=event, state=state)
    return list(found.order_by("registered_at", "id"))


def test_two_hundred_for_fifty_places_ten_times_over(crowd: list[User]) -> None:
    for _ in rounds(ROUNDS):
        event = make.event(days=3, capacity=PLACES)
        answers = {each.person_id: each.state for each in press_register(crowd, event)}
        confirmed, waiting = standing(event, CONFIRMED), standing(event, WAITLISTED)
        assert (len(confirmed), len(waiting)) == (PLACES, PEOPLE - PLACES)
        moments = [each.registered_at for each in confirmed + waiting]
        assert moments == sorted(set(moments)), "everyone before the waitlist, no two alike"
        assert answers == {each.person_id: each.state for each in confirmed + waiting}


@contextmanager
def without_lock_and_trigger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The control: as if two people never registered at the same moment."""
    monkeypatch.setattr(queries, "lock_event", lambda pk: Event.objects.get(pk=pk))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'events_registration'::regclass"
            " AND tgname LIKE 'pgtrigger_never_oversold%'"
        )
        [[trigger]] = cursor.fetchall()
        cursor.execute(f"ALTER TABLE events_registration DISABLE TRIGGER {trigger}")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE events_registration ENABLE TRIGGER {trigger}")


def test_control_without_lock_and_trigger_it_oversells(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make.event(days=3, capacity=PLACES)
    with without_lock_and_trigger(monkeypatch):
        press_register(crowd, event)
    assert len(standing(event, CONFIRMED)) > PLACES


def test_the_trigger_alone_holds_the_capacity(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python forgets the lock; the database refuses the place that is not there."""
    event = make.event(days=3, capacity=5)
    monkeypatch.setattr(queries, "lock_event", lambda pk: Event.objects.get(pk=pk))
    came = run_concurrently(20, lambda n: actions.register(event_id=event.pk, by=crowd[n]))
    assert len(standing(event, CONFIRMED)) == 5
    refused = [str(each) for each in came if isinstance(each, Exception)]
    assert all("all 5 places are taken" in words for words in refused)


def test_the_last_place_goes_to_one_of_two_pages(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=1)

    def press(n: int) -> int:
        client = signed_in(crowd[n])
        return client.post(f"/events/{event.pk}/register/").status_code

    assert run_concurrently(20, press) == [302] * 20
    assert (len(standing(event, CONFIRMED)), len(standing(event, WAITLISTED))) == (1, 19)


def test_places_given_back_at_once_go_to_those_who_waited_longest(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=10)
    for person in crowd[:30]:
        actions.register(event_id=event.pk, by=person)

    def act(n: int) -> None:
        """Ten give their places back while ten newcomers try to slip in."""
        if n < 10:
            actions.cancel_registration(event_id=event.pk, by=crowd[n])
        else:
            actions.register(event_id=event.pk, by=crowd[20 + n])

    assert run_concurrently(20, act) == [None] * 20
    assert {each.person_id for each in standing(event, CONFIRMED)} == {
        person.pk for person in crowd[10:20]
    }
    waiting = [each.person_id for each in standing(event, WAITLISTED)]
    assert waiting[:10] == [person.pk for person in crowd[20:30]]
    assert set(waiting[10:]) == {person.pk for person in crowd[30:40]}


def test_the_same_person_many_times_at_once_has_one_place(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=2)
    run_concurrently(20, lambda n: actions.register(event_id=event.pk, by=crowd[0]))
    assert [each.person_id for each in standing(event, CONFIRMED)] == [crowd[0].pk]
    assert Registration.objects.filter(event=event).count() == 1


def test_registrations_of_many_events_do_not_block_each_other(crowd: list[User]) -> None:
    """All of them give the calendar a new version at commit; nothing waits for more than that."""
    events = [make.event(days=3, capacity=2) for _ in range(20)]
    came = run_concurrently(20, lambda n: actions.register(event_id=events[n].pk, by=crowd[n]))
    assert [each.state for each in came] == [CONFIRMED] * 20
