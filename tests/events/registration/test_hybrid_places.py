"""Places in the room and places online, which a hybrid event counts separately."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from aspen.models import Mail
from events import queries
from events.actions import (
    add_walk_in,
    cancel_registration,
    mark_attendance,
    register,
    save_event,
    switch_attendance_mode,
    undo_cancellation,
    why_capacity_too_small,
)
from events.email_parts import how_to_switch
from events.enums import Attendance, AttendanceMode, Delivery, RegistrationState
from events.models import Event, Question, Registration
from tests import factories as make
from tests.emails import body_of, calendar_of, sent
from tests.web import text

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE = AttendanceMode.IN_PERSON, AttendanceMode.ONLINE
CONFIRMED, WAITLISTED = RegistrationState.CONFIRMED, RegistrationState.WAITLISTED


def hybrid(**fields) -> Event:
    values = {"days": 3, "delivery": Delivery.HYBRID, "capacity": 1, "online_capacity": 1}
    return make.event(**values | fields)


def register_one(event: Event, mode: AttendanceMode | None = None) -> User:
    person = make.person()
    register(event_id=event.pk, by=person, mode=mode)
    return person


def place_of(person: User, event: Event) -> tuple[str, str]:
    place = Registration.objects.get(event=event, person=person)
    return place.attendance_mode, place.state


def test_each_mode_has_places_and_a_waitlist_of_its_own():
    event = hybrid()
    in_room, online = register_one(event, IN_PERSON), register_one(event, ONLINE)
    waits_for_room = register_one(event, IN_PERSON)
    waits_for_online = [register_one(event, ONLINE) for _ in range(2)]
    assert place_of(in_room, event) == (IN_PERSON, CONFIRMED)
    assert place_of(online, event) == (ONLINE, CONFIRMED)
    assert place_of(waits_for_room, event) == (IN_PERSON, WAITLISTED)

    cancel_registration(event_id=event.pk, by=online)
    assert place_of(waits_for_online[0], event) == (ONLINE, CONFIRMED)
    assert place_of(waits_for_room, event) == (IN_PERSON, WAITLISTED)
    counts = queries.registration_counts(waits_for_online[1], [event])[event.pk]
    assert (counts.places, counts.online) == ((1, 1), (1, 1))
    assert (counts.mode, counts.state, counts.ahead) == (ONLINE, WAITLISTED, 0)


def test_a_person_must_choose_at_a_hybrid_event_only():
    person = make.person()
    with pytest.raises(Refused, match="Choose how you will take part") as refusal:
        register(event_id=hybrid().pk, by=person)
    assert refusal.value.field == "attendance_mode"
    online = make.event(days=3)
    register(event_id=online.pk, by=person, mode=IN_PERSON)
    assert place_of(person, online) == ("", CONFIRMED)


def test_without_a_waitlist_only_the_full_mode_refuses():
    event = hybrid(has_waitlist=False)
    register_one(event, IN_PERSON)
    with pytest.raises(Refused, match=r"^All places in the room are taken\.$"):
        register_one(event, IN_PERSON)
    assert place_of(register_one(event, ONLINE), event) == (ONLINE, CONFIRMED)
    with pytest.raises(Refused, match=r"^All online places are taken\.$"):
        register_one(event, ONLINE)


def test_online_places_have_no_limit_unless_it_is_set():
    event = hybrid(online_capacity=None)
    people = [register_one(event, ONLINE) for _ in range(3)]
    assert [place_of(person, event) for person in people] == [(ONLINE, CONFIRMED)] * 3


def test_undoing_a_cancellation_gives_back_a_place_with_the_same_mode():
    event = hybrid()
    in_room, online = register_one(event, IN_PERSON), register_one(event, ONLINE)
    cancel_registration(event_id=event.pk, by=in_room)
    undo_cancellation(event_id=event.pk, by=in_room)
    assert place_of(in_room, event) == (IN_PERSON, CONFIRMED)
    cancel_registration(event_id=event.pk, by=online)
    register_one(event, ONLINE)
    undo_cancellation(event_id=event.pk, by=online)
    assert place_of(online, event) == (ONLINE, WAITLISTED)


def test_walk_ins_are_in_person_and_take_no_place():
    event = hybrid(days=0)
    walk_in, waiting = make.person(), make.person()
    Registration.objects.create(
        event=event,
        person=waiting,
        state=WAITLISTED,
        attendance_mode=ONLINE,
        registered_at=event.begins_at,
    )
    for person in (walk_in, waiting):
        add_walk_in(event_id=event.pk, person=person, by=make.person())
        assert place_of(person, event) == (IN_PERSON, CONFIRMED)
    assert queries.places_taken(event, IN_PERSON) == 0


def test_people_registered_before_they_could_choose_count_in_the_room():
    event = hybrid(online_capacity=5)
    earlier = make.person()
    Registration.objects.create(
        event=event, person=earlier, state=CONFIRMED, registered_at=event.created_at
    )
    assert place_of(register_one(event, IN_PERSON), event) == (IN_PERSON, WAITLISTED)
    cancel_registration(event_id=event.pk, by=earlier)
    assert queries.places_taken(event, IN_PERSON) == 1


def test_new_places_go_to_the_waitlist_they_are_for():
    event = hybrid()
    for mode in (IN_PERSON, ONLINE):
        register_one(event, mode)
    for_room, for_online = register_one(event, IN_PERSON), register_one(event, ONLINE)
    Mail.objects.all().delete()
    event.online_capacity = 2
    save_event(event=event, by=make.person())
    assert place_of(for_room, event) == (IN_PERSON, WAITLISTED)
    assert place_of(for_online, event) == (ONLINE, CONFIRMED)
    assert [mail.to_id for mail in Mail.objects.filter(kind="events.promoted")] == [for_online.pk]


def test_a_format_with_too_few_places_is_refused():
    event = hybrid(capacity=1, online_capacity=2)
    for mode in (IN_PERSON, ONLINE, ONLINE):
        register_one(event, mode)
    event.delivery, event.online_capacity = Delivery.IN_PERSON, None
    assert list(why_capacity_too_small(event)) == ["capacity"]
    event.capacity = 3
    assert why_capacity_too_small(event) == {}
    event.delivery, event.online_capacity = Delivery.HYBRID, 1
    assert list(why_capacity_too_small(event)) == ["online_capacity"]


def test_a_webinar_becomes_hybrid_with_everyone_online():
    event = make.event(days=3, delivery=Delivery.ONLINE, capacity=2)
    people = [register_one(event) for _ in range(3)]
    event.delivery, event.capacity, event.online_capacity = Delivery.HYBRID, 1, 2
    save_event(event=event, by=make.person())
    assert [place_of(person, event) for person in people] == [
        (ONLINE, CONFIRMED),
        (ONLINE, CONFIRMED),
        (ONLINE, WAITLISTED),
    ]
    event.refresh_from_db()
    event.delivery, event.capacity, event.online_capacity = Delivery.IN_PERSON, 3, None
    save_event(event=event, by=make.person())
    assert [place_of(person, event) for person in people] == [("", CONFIRMED)] * 3


# ---------- The pages ----------


@pytest.fixture
def person(client: Client, person: User) -> User:
    client.force_login(person)
    return person


def tiles_on(page) -> list[tuple[str, str]]:
    return [(tile.value, tile.hint) for tile in page.context["tiles"]]


def test_the_row_and_the_event_page_lead_to_the_choice(client: Client, person: User):
    event = hybrid(capacity=20, online_capacity=None, city="Helena")
    address = f"/events/{event.pk}/register/"
    assert f'href="{address}">Register' in text(client.get("/events/?view=list"))
    page = client.get(event.get_absolute_url())
    assert f'href="{address}">Register' in text(page)
    assert page.context["places_left"] == "In person: 20 of 20 left; online: no limit"
    page = client.get(address)
    assert tiles_on(page) == [(IN_PERSON, "Helena. 20 of 20 places left."), (ONLINE, "")]
    assert "Questions from the organizer" not in text(page)
    assert not Registration.objects.exists()


def test_registering_needs_a_choice_and_says_it_back(client: Client, person: User):
    event = hybrid()
    address = f"/events/{event.pk}/register/"
    again = client.post(address)
    assert "Choose how you will take part: in person or online." in text(again)
    assert 'href="#id_attendance_mode_0"' in text(again)
    assert not Registration.objects.exists()
    page = client.post(address, {"attendance_mode": ONLINE}, follow=True)
    assert "You are registered to take part online. Your credit will be listed" in text(page)
    assert place_of(person, event) == (ONLINE, CONFIRMED)
    assert "Registered, online" in [state.text for state in page.context["states"]]
    assert client.get(address).status_code == 302  # nothing to change


def test_the_choice_says_which_places_are_full(client: Client, person: User):
    event = hybrid(online_capacity=2)
    register_one(event, IN_PERSON)
    register_one(event, IN_PERSON)
    page = client.get(event.get_absolute_url())
    assert [state.text for state in page.context["states"]] == ["Full in person"]
    assert page.context["places_left"] == (
        "In person: none of 1 left, 1 person waiting; online: 2 of 2 left"
    )
    address = f"/events/{event.pk}/register/"
    assert tiles_on(client.get(address)) == [
        (IN_PERSON, "All places are taken. You can join the waitlist; 1 person is waiting."),
        (ONLINE, "2 of 2 places left."),
    ]
    page = client.post(address, {"attendance_mode": IN_PERSON}, follow=True)
    assert "You are on the waitlist to take part in person." in text(page)
    assert "On the waitlist, in person, number 2" in text(page)


def test_the_choice_of_full_places_without_a_waitlist_is_kept_and_explained(
    client: Client, person: User
):
    event = hybrid(has_waitlist=False)
    question = Question.objects.create(event=event, position=1, kind="text", label="Why?")
    register_one(event, IN_PERSON)
    address = f"/events/{event.pk}/register/"
    assert tiles_on(client.get(address))[0] == (IN_PERSON, "All places in the room are taken.")
    typed = {"attendance_mode": IN_PERSON, f"question_{question.pk}": "Because"}
    page = client.post(address, typed)
    assert "All places in the room are taken." in text(page)
    assert "Because" in text(page)
    client.post(address, typed | {"attendance_mode": ONLINE})
    assert place_of(person, event) == (ONLINE, CONFIRMED)
    assert "Your answers" in text(client.get(address))
    assert "attendance_mode" not in client.get(address).context["form"].fields


def test_a_hybrid_event_is_full_when_both_modes_are(client: Client, person: User):
    event = hybrid()
    register_one(event, IN_PERSON)
    register_one(event, ONLINE)
    page = client.get(event.get_absolute_url())
    assert [state.text for state in page.context["states"]] == ["Full", "Waitlist open"]
    assert page.context["next_step"].kind == "join"
    Event.objects.filter(pk=event.pk).update(has_waitlist=False)
    page = client.get(event.get_absolute_url())
    assert page.context["next_step"].note == "All places are taken, in person and online."


@pytest.mark.parametrize("number", [1, 3])
def test_hybrid_events_take_no_more_queries(client: Client, person: User, number: int):
    client.get("/events/?view=list")
    for _ in range(number):
        register_one(hybrid(), ONLINE)
    with CaptureQueriesContext(connection) as hybrids:
        client.get("/events/?view=list")
    Event.objects.update(delivery=Delivery.ONLINE, online_capacity=None)
    with CaptureQueriesContext(connection) as others:
        client.get("/events/?view=list")
    assert len(hybrids) == len(others)


# ---------- Switching ----------


def switch(client: Client, event: Event, mode: AttendanceMode, **fields: str):
    return client.post(f"/events/{event.pk}/switch/", {"mode": mode} | fields, follow=True)


def test_a_person_switches_to_a_free_place_and_the_old_one_goes_to_the_next(
    client: Client, person: User
):
    event = hybrid()
    register(event_id=event.pk, by=person, mode=IN_PERSON)
    waiting = register_one(event, IN_PERSON)
    page = client.get(event.get_absolute_url())
    assert "Take part online instead" in text(page)
    assert page.context["next_step"].note.startswith("You are registered to take part in person.")
    Mail.objects.all().delete()
    for _ in range(2):  # idempotent
        page = switch(client, event, ONLINE)
        assert "You are registered to take part online." in text(page)
    assert place_of(person, event) == (ONLINE, CONFIRMED)
    assert place_of(waiting, event) == (IN_PERSON, CONFIRMED)
    kinds = Mail.objects.order_by("kind").values_list("kind", "to_id")
    assert list(kinds) == [("events.promoted", waiting.pk), ("events.registered", person.pk)]


def test_switching_to_full_places_asks_first_and_keeps_the_place(client: Client, person: User):
    event = hybrid()
    register(event_id=event.pk, by=person, mode=IN_PERSON)
    register_one(event, ONLINE)
    waiting = register_one(event, IN_PERSON)
    page = text(switch(client, event, ONLINE))
    assert "Give up your place and join the waitlist to take part online?" in page
    assert "All online places are taken." in page
    assert place_of(person, event) == (IN_PERSON, CONFIRMED)
    with pytest.raises(Refused, match=r"All online places are taken\. Nothing has changed\."):
        switch_attendance_mode(event_id=event.pk, mode=ONLINE, by=person)

    page = text(switch(client, event, ONLINE, confirmed="1"))
    assert "You are on the waitlist to take part online." in page
    assert place_of(person, event) == (ONLINE, WAITLISTED)
    assert place_of(waiting, event) == (IN_PERSON, CONFIRMED)


def test_a_person_who_waits_switches_to_a_free_place(client: Client, person: User):
    event = hybrid()
    register_one(event, IN_PERSON)
    register(event_id=event.pk, by=person, mode=IN_PERSON)
    assert "Take part online instead" in text(client.get(event.get_absolute_url()))
    switch(client, event, ONLINE)
    assert place_of(person, event) == (ONLINE, CONFIRMED)


def test_a_person_whose_mode_is_not_known_can_say_it(client: Client, person: User):
    event = hybrid(capacity=1, has_waitlist=False)
    place = Registration.objects.create(
        event=event, person=person, state=CONFIRMED, registered_at=event.created_at
    )
    page = text(client.get(event.get_absolute_url()))
    assert "Take part in person</button>" in page
    assert "Take part online</button>" in page
    switch(client, event, IN_PERSON)
    assert place_of(person, event) == (IN_PERSON, CONFIRMED)
    Registration.objects.filter(pk=place.pk).update(attendance_mode="")
    switch(client, event, ONLINE)
    assert place_of(person, event) == (ONLINE, CONFIRMED)


def test_why_a_person_cannot_switch(client: Client, person: User):
    event = hybrid(has_waitlist=False)
    assert "You are not registered for this event." in text(switch(client, event, ONLINE))
    register(event_id=event.pk, by=person, mode=IN_PERSON)
    register_one(event, ONLINE)
    assert "instead</button>" not in text(client.get(event.get_absolute_url()))
    assert "All online places are taken. Nothing has changed." in text(
        switch(client, event, ONLINE)
    )
    assert switch(client, event, "on foot").status_code == 200
    mark_attendance(
        registration_id=Registration.objects.get(person=person).pk,
        attendance=Attendance.PRESENT,
        by=make.person(),
    )
    assert "Your attendance has been marked" in text(switch(client, event, ONLINE))
    webinar = make.event(days=3)
    register(event_id=webinar.pk, by=person)
    assert "no longer both in person and online" in text(switch(client, webinar, ONLINE))
    assert place_of(person, event) == (IN_PERSON, CONFIRMED)


def test_the_e_mails_say_how_the_person_takes_part():
    event = hybrid(room="Big Sky Room", joining_url="https://meet.example/x")
    in_room, online = register_one(event, IN_PERSON), register_one(event, ONLINE)
    waiting = register_one(event, ONLINE)
    messages = {message.to[0]: message for message in sent()}
    assert "You take part: in person" in body_of(messages[in_room.email])
    assert "take part online, see on" in body_of(messages[in_room.email])
    assert "You take part: online" in body_of(messages[online.email])
    assert "You take part: online" in calendar_of(messages[online.email])[1]["DESCRIPTION"]
    assert "All online places for" in body_of(messages[waiting.email])

    Event.objects.update(registration_closes_at=timezone.now() - dt.timedelta(minutes=1))
    assert how_to_switch(in_room.registrations.get()) == []
    Event.objects.update(registration_closes_at=None)

    switch_attendance_mode(event_id=event.pk, mode=ONLINE, by=in_room, joins_waitlist=True)
    [message] = sent()
    assert "You are number 2 on the waitlist." in body_of(message)
    assert "You gave up the place you had." in body_of(message)
    assert calendar_of(message)[0] == "CANCEL"
