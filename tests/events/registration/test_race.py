"""Promise 1: registrations never exceed the capacity, and the waitlist stays in order.

Sixty people register for fifteen places; in `make races`, 600 people for 150. The control shows
that these tests can fail: without the lock and the trigger, more people get a place than there are
places.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection

from accounts.models import User
from aspen.errors import Refused
from events import actions, queries
from events.enums import AttendanceMode, Delivery, RegistrationState
from events.models import Event, Registration
from tests import factories as make
from tests.races import rounds, run_concurrently, volume
from tests.web import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, PLACES, ROUNDS = volume(600), volume(150), 10
# The number of people who register concurrently. PostgreSQL accepts a hundred connections.
AT_A_TIME = 20
CONFIRMED, WAITLISTED = RegistrationState.CONFIRMED, RegistrationState.WAITLISTED


@pytest.fixture
def crowd() -> list[User]:
    password = make_password(None)
    return User.objects.bulk_create(
        User(email=f"crowd{n}@library.example", display_name=f"Crowd {n}", password=password)
        for n in range(PEOPLE)
    )


def register_all(people: list[User], event: Event) -> list[Registration]:
    """Register everyone, AT_A_TIME people at a time. Return the registrations."""
    line, registrations = iter(people), []
    lock = threading.Lock()

    def register_in_turn(_: int) -> None:
        while True:
            with lock:
                person = next(line, None)
            if person is None:
                return
            registrations.append(actions.register(event_id=event.pk, by=person))

    assert run_concurrently(AT_A_TIME, register_in_turn) == [None] * AT_A_TIME
    return registrations


def in_state(event: Event, state: RegistrationState) -> list[Registration]:
    registrations = Registration.objects.filter(event=event, state=state)
    return list(registrations.order_by("registered_at", "id"))


def test_four_people_register_for_each_place(crowd: list[User]) -> None:
    for _ in rounds(ROUNDS):
        event = make.event(days=3, capacity=PLACES)
        answers = {each.person_id: each.state for each in register_all(crowd, event)}
        confirmed, waiting = in_state(event, CONFIRMED), in_state(event, WAITLISTED)
        assert (len(confirmed), len(waiting)) == (PLACES, PEOPLE - PLACES)
        moments = [each.registered_at for each in confirmed + waiting]
        assert moments == sorted(set(moments)), (
            "confirmed people come before the waitlist, each at a different time"
        )
        assert answers == {each.person_id: each.state for each in confirmed + waiting}


@contextmanager
def without_lock_and_trigger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Disable the lock on the event and the trigger that enforces the capacity."""
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


def test_control_places_are_oversold_without_lock_and_trigger(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make.event(days=3, capacity=PLACES)
    with without_lock_and_trigger(monkeypatch):
        register_all(crowd, event)
    assert len(in_state(event, CONFIRMED)) > PLACES


def test_the_trigger_alone_enforces_the_capacity(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a lock in Python, the database still rejects registrations beyond the capacity."""
    event = make.event(days=3, capacity=5)
    monkeypatch.setattr(queries, "lock_event", lambda pk: Event.objects.get(pk=pk))
    results = run_concurrently(20, lambda n: actions.register(event_id=event.pk, by=crowd[n]))
    assert len(in_state(event, CONFIRMED)) == 5
    refused = [str(each) for each in results if isinstance(each, Exception)]
    assert all("all 5 places are taken" in message for message in refused)


def test_neither_the_room_nor_the_online_places_of_a_hybrid_event_are_oversold(
    crowd: list[User],
) -> None:
    modes = [AttendanceMode.IN_PERSON, AttendanceMode.ONLINE]
    for _ in rounds(ROUNDS):
        event = make.event(days=3, delivery=Delivery.HYBRID, capacity=4, online_capacity=7)
        run_concurrently(
            20, lambda n, pk=event.pk: actions.register(event_id=pk, by=crowd[n], mode=modes[n % 2])
        )
        for mode, places in zip(modes, (4, 7), strict=True):
            own = Registration.objects.filter(event=event, attendance_mode=mode)
            line = own.order_by("registered_at").values_list("state", flat=True)
            assert list(line) == [CONFIRMED] * places + [WAITLISTED] * (10 - places)


def test_the_trigger_alone_enforces_both_capacities(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make.event(days=3, delivery=Delivery.HYBRID, capacity=2, online_capacity=3)
    monkeypatch.setattr(queries, "lock_event", lambda pk: Event.objects.get(pk=pk))
    modes = [AttendanceMode.IN_PERSON, AttendanceMode.ONLINE]
    run_concurrently(
        20, lambda n: actions.register(event_id=event.pk, by=crowd[n], mode=modes[n % 2])
    )
    taken = [each.attendance_mode for each in in_state(event, CONFIRMED)]
    assert (taken.count(modes[0]), taken.count(modes[1])) == (2, 3)


def test_people_who_switch_at_the_same_time_take_no_place_twice(crowd: list[User]) -> None:
    """Ten in the room and ten online switch at once, with one free place of each kind."""
    in_person, online = AttendanceMode.IN_PERSON, AttendanceMode.ONLINE
    for _ in rounds(ROUNDS):
        event = make.event(days=3, delivery=Delivery.HYBRID, capacity=11, online_capacity=11)
        for n in range(20):
            actions.register(event_id=event.pk, by=crowd[n], mode=in_person if n < 10 else online)

        def switch(n: int, pk: int = event.pk) -> None:
            mode = online if n < 10 else in_person
            actions.switch_attendance_mode(event_id=pk, mode=mode, by=crowd[n])

        results = run_concurrently(20, switch)
        assert all(each is None or isinstance(each, Refused) for each in results)
        confirmed = [each.attendance_mode for each in in_state(event, CONFIRMED)]
        assert len(confirmed) == 20
        assert max(confirmed.count(in_person), confirmed.count(online)) <= 11
        assert results.count(None) > 0


def test_the_last_place_goes_to_one_of_twenty_people(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=1)

    def press(n: int) -> int:
        client = signed_in(crowd[n])
        return client.post(f"/events/{event.pk}/register/").status_code

    assert run_concurrently(20, press) == [302] * 20
    assert (len(in_state(event, CONFIRMED)), len(in_state(event, WAITLISTED))) == (1, 19)


def test_places_freed_concurrently_go_to_the_people_who_waited_longest(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=10)
    for person in crowd[:30]:
        actions.register(event_id=event.pk, by=person)

    def cancel_or_register(n: int) -> None:
        """Cancel the registrations of ten people and register ten others."""
        if n < 10:
            actions.cancel_registration(event_id=event.pk, by=crowd[n])
        else:
            actions.register(event_id=event.pk, by=crowd[20 + n])

    assert run_concurrently(20, cancel_or_register) == [None] * 20
    assert {each.person_id for each in in_state(event, CONFIRMED)} == {
        person.pk for person in crowd[10:20]
    }
    waiting = [each.person_id for each in in_state(event, WAITLISTED)]
    assert waiting[:10] == [person.pk for person in crowd[20:30]]
    assert set(waiting[10:]) == {person.pk for person in crowd[30:40]}


def test_a_person_who_registers_concurrently_gets_one_place(crowd: list[User]) -> None:
    event = make.event(days=3, capacity=2)
    run_concurrently(20, lambda n: actions.register(event_id=event.pk, by=crowd[0]))
    assert [each.person_id for each in in_state(event, CONFIRMED)] == [crowd[0].pk]
    assert Registration.objects.filter(event=event).count() == 1


def test_registrations_of_many_events_do_not_block_each_other(crowd: list[User]) -> None:
    """Registrations wait for each other only at commit, to raise the calendar's version."""
    events = [make.event(days=3, capacity=2) for _ in range(20)]
    results = run_concurrently(20, lambda n: actions.register(event_id=events[n].pk, by=crowd[n]))
    assert [each.state for each in results] == [CONFIRMED] * 20
