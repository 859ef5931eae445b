"""Checking in with the code shown in the room, or with a personal check-in code at the door."""

import datetime as dt

import pytest
import time_machine
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from events import actions
from events.enums import Attendance, AttendanceMode, EventState, KeyPurpose, RegistrationState
from events.models import Event, Registration
from events.registration import keys
from tests import factories as make
from tests.races import run_concurrently

pytestmark = pytest.mark.django_db
BEGIN = dt.datetime(2026, 12, 3, 16, 0, tzinfo=dt.UTC)  # 9:00 AM in Montana
END = BEGIN + dt.timedelta(hours=2)
DURING = BEGIN + dt.timedelta(minutes=20)
CODE = "WEEDNG"


@pytest.fixture
def event() -> Event:
    return make.event(begins_at=BEGIN, ends_at=END, check_in_code=CODE)


def registered(event: Event, person: User) -> Registration:
    with time_machine.travel(BEGIN - dt.timedelta(days=2), tick=False):
        return actions.register(event_id=event.pk, by=person)


def place(event: Event, person: User) -> Registration:
    return Registration.objects.get(event=event, person=person)


@pytest.mark.parametrize("typed", [CODE, "weedng", " wee dng "])
def test_registered_people_check_in_with_the_code(event: Event, typed: str) -> None:
    person = make.person()
    registered(event, person)
    with time_machine.travel(DURING, tick=False):
        for _ in range(2):
            actions.check_in(event_id=event.pk, code=typed, by=person)
    checked = place(event, person)
    assert (checked.attendance, checked.marked_at) == (Attendance.PRESENT, DURING)
    assert (checked.marked_by, checked.walk_in) == (person, False)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (BEGIN - dt.timedelta(minutes=30, seconds=1), "Check-in opens on Thu, Dec 3, 2026, "),
        (BEGIN - dt.timedelta(minutes=30), None),
        (END - dt.timedelta(seconds=1), None),
        (END, "This event is over."),
    ],
)
def test_check_in_opens_half_an_hour_before_the_event(
    event: Event, moment: dt.datetime, reason: str | None
) -> None:
    person = make.person()
    registered(event, person)
    with time_machine.travel(moment, tick=False):
        if reason is None:
            actions.check_in(event_id=event.pk, code=CODE, by=person)
            assert place(event, person).attendance == Attendance.PRESENT
        else:
            with pytest.raises(Refused, match=reason):
                actions.check_in(event_id=event.pk, code=CODE, by=person)


@time_machine.travel(DURING, tick=False)
def test_wrong_empty_and_disabled_codes(event: Event) -> None:
    person = make.person()
    for letters in ("NONSEN", ""):
        with pytest.raises(Refused, match="does not belong to this event"):
            actions.check_in(event_id=event.pk, code=letters, by=person)
    actions.remove_event_check_in_code(event_id=event.pk, by=person)
    with pytest.raises(Refused, match="does not belong to this event"):
        actions.check_in(event_id=event.pk, code=CODE, by=person)


@time_machine.travel(DURING, tick=False)
def test_unregistered_people_need_an_event_with_walk_ins(event: Event) -> None:
    person = make.person()
    with pytest.raises(Refused, match="You are not registered for this event"):
        actions.check_in(event_id=event.pk, code=CODE, by=person)
    Event.objects.filter(pk=event.pk).update(allows_walk_ins=True, capacity=1)
    actions.register(event_id=event.pk, by=make.person())
    actions.check_in(event_id=event.pk, code=CODE, by=person)
    walk_in = place(event, person)
    assert (walk_in.state, walk_in.walk_in) == (RegistrationState.CONFIRMED, True)


@time_machine.travel(DURING, tick=False)
def test_a_place_at_a_conference_allows_check_in_at_its_sessions() -> None:
    conference = make.event(begins_at=BEGIN, ends_at=END + dt.timedelta(days=2), credits={})
    session = make.event(begins_at=BEGIN, ends_at=END, parent=conference, check_in_code=CODE)
    guest, stranger = make.person(), make.person()
    actions.register(event_id=conference.pk, by=guest)
    actions.check_in(event_id=session.pk, code=CODE, by=guest)
    assert place(session, guest).attendance == Attendance.PRESENT
    with pytest.raises(Refused, match="not registered"):
        actions.check_in(event_id=session.pk, code=CODE, by=stranger)


@time_machine.travel(DURING, tick=False)
def test_check_in_does_not_override_the_organizers_mark(event: Event) -> None:
    person = make.person()
    place = registered(event, person)
    actions.mark_attendance(
        registration_id=place.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    with pytest.raises(Refused, match="marked you as absent"):
        actions.check_in(event_id=event.pk, code=CODE, by=person)
    actions.check_in_by_organizer(event_id=event.pk, person=person, by=make.person())
    place.refresh_from_db()
    assert place.attendance == Attendance.PRESENT


@time_machine.travel(DURING, tick=False)
def test_no_one_checks_in_to_a_canceled_event(event: Event) -> None:
    person = make.person()
    registered(event, person)
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    with pytest.raises(Refused, match="is not taking place"):
        actions.check_in(event_id=event.pk, code=CODE, by=person)


@pytest.mark.django_db(transaction=True)
def test_concurrent_check_ins_make_one_walk_in() -> None:
    event = make.event(days=0, hours=2, check_in_code=CODE, allows_walk_ins=True)
    person = make.person()
    places = run_concurrently(
        20, lambda _: actions.check_in(event_id=event.pk, code=CODE, by=person)
    )
    assert {each.pk for each in places} == {place(event, person).pk}


def test_a_new_code_replaces_the_old_one_and_is_easy_to_read(event: Event) -> None:
    seen = {actions.new_event_check_in_code(event_id=event.pk, by=make.person()) for _ in range(20)}
    assert len(seen) == 20
    assert not set("".join(seen)) & set("IO")
    event.refresh_from_db()
    assert event.check_in_code in seen


# ---------- Pages ----------


@time_machine.travel(DURING, tick=False)
def test_entering_the_code_shows_the_event_to_check_in(
    client: Client, person: User, event: Event
) -> None:
    registered(event, person)
    page = client.post("/events/check-in/", {"code": "weedng"}, follow=True)
    assert page.redirect_chain == [(f"/events/check-in/{CODE}/", 302)]
    assert f"Check in as {person}" in page.content.decode()
    assert place(event, person).attendance == Attendance.UNKNOWN
    done = client.post(f"/events/check-in/{CODE}/", follow=True)
    assert "You are checked in" in done.content.decode()
    assert place(event, person).attendance == Attendance.PRESENT


@time_machine.travel(DURING, tick=False)
def test_the_page_says_why_a_person_cannot_check_in(
    client: Client, person: User, event: Event
) -> None:
    page = client.get(f"/events/check-in/{CODE}/").content.decode()
    assert "You are not registered for this event. Ask the organizer" in page
    assert "Check in as" not in page
    place = registered(event, person)
    actions.mark_attendance(
        registration_id=place.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    assert "marked you as absent" in client.get(f"/events/check-in/{CODE}/").content.decode()


@time_machine.travel(BEGIN, tick=False)  # all guesses within one minute
def test_unknown_codes_and_too_many_guesses(client: Client, person: User) -> None:
    answer = client.post("/events/check-in/", {"code": "NOSUCH"})
    assert "No event has this code." in answer.content.decode()
    assert 'value="NOSUCH"' in answer.content.decode()
    statuses = [client.post("/events/check-in/", {"code": "NOSUCH"}).status_code for _ in range(8)]
    assert statuses == [200] * 8
    assert client.get("/events/check-in/NOSUCH/").status_code == 302  # a guess as well
    assert client.get("/events/check-in/NOSUCH/").status_code == 429
    assert client.post("/events/check-in/", {"code": "NOSUCH"}).status_code == 429


def test_a_minute_after_the_last_wrong_code_people_can_try_again(
    client: Client, person: User
) -> None:
    with time_machine.travel(BEGIN, tick=False) as clock:
        for _ in range(10):
            client.post("/events/check-in/", {"code": "NOSUCH"})
        clock.shift(59)
        assert client.post("/events/check-in/", {"code": "NOSUCH"}).status_code == 429
        clock.shift(2)
        assert client.post("/events/check-in/", {"code": "NOSUCH"}).status_code == 200


@time_machine.travel(DURING, tick=False)
def test_looking_at_an_events_page_is_no_guess(client: Client, person: User, event: Event) -> None:
    assert {client.get(f"/events/check-in/{CODE}/").status_code for _ in range(15)} == {200}
    assert client.post("/events/check-in/", {"code": CODE}).status_code == 302


def test_hostile_codes_match_no_event(client: Client, person: User) -> None:
    for typed in ("\x00", "<script>", "ẞẞẞẞẞẞ", "a" * 21, ""):
        answer = client.post("/events/check-in/", {"code": typed})
        assert answer.status_code == 200
        assert answer.context["form"].errors


@time_machine.travel(DURING, tick=False)
def test_organizers_scan_personal_codes(client: Client, event: Event) -> None:
    guest, staff = make.person(display_name="Ada Guest"), make.person(Role.CE_COORDINATOR)
    registered(event, guest)
    other = make.event(begins_at=BEGIN, ends_at=END, title="Across the hall")
    make.event(begins_at=BEGIN + dt.timedelta(days=1), ends_at=None, title="Tomorrow")
    address = f"/events/badge/{keys.get_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=guest).token}/"
    client.force_login(staff)
    page = client.get(address)
    assert [(each.title, each.has_place) for each in page.context["events"]] == [
        (event.title, True),
        ("Across the hall", False),
    ]
    for chosen in (event, other):
        client.post(address, {"event": chosen.pk})
        assert place(chosen, guest).attendance == Attendance.PRESENT
    assert place(other, guest).walk_in
    assert "Checked in" in client.get(address).content.decode()


@time_machine.travel(DURING, tick=False)
def test_organizers_see_that_a_person_registered_to_take_part_online(client: Client) -> None:
    event = make.event(begins_at=BEGIN, ends_at=END, delivery="hybrid")
    guest = make.person()
    actions.register(event_id=event.pk, by=guest, mode=AttendanceMode.ONLINE)
    address = f"/events/badge/{keys.get_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=guest).token}/"
    client.force_login(make.person(Role.CE_COORDINATOR))
    assert "Registered to take part online." in client.get(address).content.decode()
    client.post(address, {"event": event.pk})
    mine = place(event, guest)
    assert (mine.attendance, mine.attendance_mode) == (Attendance.PRESENT, "online")


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (BEGIN - dt.timedelta(hours=2, seconds=1), 0),
        (BEGIN - dt.timedelta(hours=2), 1),
        (END - dt.timedelta(seconds=1), 1),
        (END, 0),
    ],
)
def test_a_scanned_code_lists_events_that_are_open(
    client: Client, event: Event, moment: dt.datetime, number: int
) -> None:
    key = keys.get_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=make.person())
    with time_machine.travel(moment, tick=False):
        client.force_login(make.person(Role.CE_COORDINATOR))
        page = client.get(f"/events/badge/{key.token}/")
        assert len(page.context["events"]) == number
        client.post(f"/events/badge/{key.token}/", {"event": event.pk})
    assert Registration.objects.filter(event=event, person=key.person).count() == number


def test_personal_codes_are_only_for_their_owner_and_organizers(
    client: Client, event: Event
) -> None:
    guest = make.person()
    key = keys.get_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=guest)
    address = f"/events/badge/{key.token}/"
    client.force_login(guest)
    assert "This is your personal check-in code" in client.get(address).content.decode()
    client.force_login(make.person())
    assert client.get(address).status_code == 404
    client.force_login(make.person(Role.CE_COORDINATOR))
    assert client.get(address).status_code == 200
    keys.revoke_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=guest)
    assert client.get(address).status_code == 404
    feed = keys.get_key(purpose=KeyPurpose.FEED, by=guest)
    assert client.get(f"/events/badge/{feed.token}/").status_code == 404


@time_machine.travel(DURING, tick=False)
def test_organizers_check_people_in_only_to_their_own_events(client: Client, event: Event) -> None:
    guest = make.person()
    registered(event, guest)
    client.force_login(make.person(Role.EVENT_EDITOR))
    address = f"/events/badge/{keys.get_key(purpose=KeyPurpose.PERSONAL_CHECK_IN, by=guest).token}/"
    assert client.get(address).context["events"] == []
    client.post(address, {"event": event.pk})
    assert place(event, guest).attendance == Attendance.UNKNOWN
