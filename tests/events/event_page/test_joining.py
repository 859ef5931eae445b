"""Joining an event online, watching its recording, and what the portal remembers of both."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position
from aspen.db.audit import history_model
from aspen.errors import Refused
from events import queries
from events.actions import (
    cancel_registration,
    dismiss,
    join_meeting,
    mark_attendance,
    register,
    undo_dismissal,
    watch_recording,
)
from events.calendar import feeds
from events.editing.series import NOT_COPIED_FIELDS
from events.email_parts import invitation
from events.enums import Attendance, HintKind
from events.models import JOINING_FIELDS, Event, Hint, Registration
from tests import factories as make
from tests.emails import sent
from tests.web import flash_messages, signed_in, text

pytestmark = pytest.mark.django_db
ADDRESS = "https://meet.example/jackrabbit"
JOINING = {
    "joining_url": ADDRESS,
    "meeting_id": "jackrabbit 161",
    "passcode": "jackrabbit 162",
    "joining_phone": "406-555-0142",
}


def starts_in(minutes: float, **fields: object) -> Event:
    event = make.event(days=1, **JOINING | fields)
    begins_at = timezone.now() + dt.timedelta(minutes=minutes)
    Event.objects.filter(pk=event.pk).update(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1)
    )
    event.refresh_from_db()
    return event


def test_people_with_a_place_join_from_a_quarter_of_an_hour_before_until_the_end():
    person = make.person()
    event = starts_in(16)
    register(event_id=event.pk, by=person)
    with pytest.raises(Refused, match="You can join online"):
        join_meeting(event_id=event.pk, by=person)
    assert not Hint.objects.exists()
    for minutes in (14, -59):
        begins_at = timezone.now() + dt.timedelta(minutes=minutes)
        ends_at = begins_at + dt.timedelta(hours=1)
        Event.objects.filter(pk=event.pk).update(begins_at=begins_at, ends_at=ends_at)
        assert join_meeting(event_id=event.pk, by=person) == ADDRESS
    assert [hint.kind for hint in Hint.objects.filter(person=person, event=event)] == ["joined"]
    assert Registration.objects.get(event=event).attendance == Attendance.UNKNOWN
    Event.objects.filter(pk=event.pk).update(ends_at=timezone.now())
    with pytest.raises(Refused, match="over"):
        join_meeting(event_id=event.pk, by=person)


def test_join_tells_the_other_site_nothing_and_is_not_cached():
    person = make.person()
    event = starts_in(10)
    register(event_id=event.pk, by=person)
    response = signed_in(person).get(f"/events/{event.pk}/join/")
    assert (response.status_code, response.url) == (302, ADDRESS)
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]


def test_people_who_wait_or_canceled_and_others_do_not_join():
    event = starts_in(10, capacity=1)
    registered, waiting, other = make.person(), make.person(), make.person()
    register(event_id=event.pk, by=registered)
    register(event_id=event.pk, by=waiting)
    editor = make.person(Role.EVENT_EDITOR)
    for person in (waiting, other, editor, make.person(Role.HELP_DESK)):
        client = signed_in(person)
        assert "jackrabbit" not in text(client.get(event.get_absolute_url()))
        assert "jackrabbit" not in text(client.get("/events/mine/"))
        response = client.get(f"/events/{event.pk}/join/")
        assert response.url == f"/events/{event.pk}/"
        assert "Register first" in flash_messages(response)[0]
    cancel_registration(event_id=event.pk, by=registered)
    assert "jackrabbit" not in text(signed_in(registered).get(event.get_absolute_url()))
    with pytest.raises(Refused):
        join_meeting(event_id=event.pk, by=registered)


def test_organizers_join_without_a_hint():
    library = make.organization()
    event = starts_in(10, organization=library)
    editor = make.person(Role.EVENT_EDITOR)
    Position.objects.create(person=editor, organization=library, kind=PositionKind.STAFF)
    for person in (editor, make.person(Role.CE_COORDINATOR)):
        assert "Join the meeting" in text(signed_in(person).get(event.get_absolute_url()))
        assert join_meeting(event_id=event.pk, by=person) == ADDRESS
    assert not Hint.objects.exists()


def test_the_event_page_and_my_registrations_say_when_the_door_opens():
    person = make.person()
    event = make.event(days=3, **JOINING)
    register(event_id=event.pk, by=person)
    for address in (event.get_absolute_url(), "/events/mine/"):
        page = text(signed_in(person).get(address))
        assert "You can join online on" in page
        assert "Join the meeting" not in page
        assert ADDRESS in page
    Event.objects.filter(pk=event.pk).update(begins_at=timezone.now())
    for address in (event.get_absolute_url(), "/events/mine/"):
        response = signed_in(person).get(address)
        assert f'href="/events/{event.pk}/join/"' in text(response)


def test_only_a_confirmation_of_a_place_and_its_invitation_have_the_address():
    event = make.event(days=3, capacity=1, **JOINING)
    first, second = make.person(), make.person()
    place, waiting = (register(event_id=event.pk, by=person) for person in (first, second))
    assert "jackrabbit" in invitation(place).decode()
    assert "jackrabbit" not in invitation(waiting).decode()
    messages = {message.to[0]: message.message().as_string() for message in sent()}
    bodies = {message: text.replace("=\n", "") for message, text in messages.items()}
    assert ADDRESS in bodies[first.email]
    assert "jackrabbit" not in bodies[second.email]
    calendars = [
        feeds.build_personal_calendar([each], name="Mine", address="https://aspen.example")
        for each in (place, waiting)
    ]
    assert [b"jackrabbit" in each for each in calendars] == [True, False]
    assert b"jackrabbit" not in feeds.build_event_calendar(event, address="https://aspen.example")


def test_the_search_does_not_find_the_address():
    make.event(days=3, **JOINING)
    assert not queries.on_calendar().filter(search="jackrabbit").exists()
    assert not Event.objects.filter(search_key__contains="jackrabbit").exists()


def test_the_history_does_not_have_the_address():
    columns = {field.name for field in history_model(Event)._meta.get_fields()}
    assert not columns & set(JOINING_FIELDS)


def test_occurrences_of_a_series_have_the_same_address_but_no_recording():
    assert not NOT_COPIED_FIELDS & set(JOINING_FIELDS)
    assert {"recording_minutes", "recording_last_day"} <= NOT_COPIED_FIELDS


def test_a_joining_address_is_https():
    event = make.event()
    event.joining_url = "http://meet.example/jackrabbit"
    with pytest.raises(ValidationError, match="https://"):
        event.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(joining_url="http://meet.example/")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost"])
def test_a_joining_address_on_this_machine_needs_no_https(host):
    """The demonstration's meetings are there."""
    event = make.event(joining_url=f"http://{host}/demonstration/meetings/weeding/")
    event.full_clean()
    event.joining_url = f"http://{host}.example/"
    with pytest.raises(ValidationError, match="https://"):
        event.full_clean()


def test_an_online_event_without_an_address_names_the_contact():
    person = make.person()
    event = starts_in(5, joining_url="", contact_name="Jo", contact="jo@library.example")
    register(event_id=event.pk, by=person)
    with pytest.raises(Refused, match=r"ask Jo, jo@library\.example"):
        join_meeting(event_id=event.pk, by=person)
    page = text(Client().get(event.get_absolute_url()))
    assert 'href="mailto:jo@library.example"' in page


# ---------- Recordings ----------


def recorded(**fields: object) -> Event:
    return make.event(
        days=-3,
        recording_url="https://recordings.example/passkeys",
        recording_available_at=timezone.now() - dt.timedelta(days=2),
        **fields,
    )


def test_watching_is_remembered_for_people_who_are_signed_in():
    event, person = recorded(), make.person()
    assert Client().get(f"/events/{event.pk}/watch/").url == event.recording_url
    assert not Hint.objects.exists()
    client = signed_in(person)
    for _ in range(2):
        assert client.get(f"/events/{event.pk}/watch/").url == event.recording_url
    assert Hint.objects.get().kind == HintKind.WATCHED
    assert f'href="/events/{event.pk}/watch/"' in text(client.get(event.get_absolute_url()))


def test_no_one_watches_after_the_last_day():
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    event = recorded(recording_last_day=yesterday)
    with pytest.raises(Refused, match="cannot be watched"):
        watch_recording(event_id=event.pk, by=None)
    page = text(Client().get(event.get_absolute_url()))
    assert "It could be watched until" in page
    assert "/watch/" not in page


# ---------- Did you take part? ----------


def ids(person: object) -> set[int]:
    return {event.pk for event in queries.probably_took_part(person)}


def test_people_are_asked_about_events_they_probably_took_part_in():
    person = make.person()
    unmarked, absent, canceled, waiting = (
        make.event(days=3, capacity=capacity) for capacity in (None, None, None, 1)
    )
    register(event_id=waiting.pk, by=make.person())
    for event in (unmarked, absent, canceled, waiting):
        register(event_id=event.pk, by=person)
    cancel_registration(event_id=canceled.pk, by=person)
    watched = recorded()
    watch_recording(event_id=watched.pk, by=person)
    assert ids(person) == {watched.pk}
    ended = timezone.now() - dt.timedelta(hours=1)
    Event.objects.exclude(pk=watched.pk).update(
        begins_at=ended - dt.timedelta(hours=1), ends_at=ended
    )
    mark_attendance(
        registration_id=Registration.objects.get(event=absent).pk,
        attendance=Attendance.ABSENT,
        by=make.person(Role.CE_COORDINATOR),
    )
    assert ids(person) == {watched.pk, unmarked.pk, canceled.pk, waiting.pk}
    assert ids(make.person()) == set()
    dismiss(event_id=waiting.pk, by=person)
    dismiss(event_id=waiting.pk, by=person)
    assert ids(person) == {watched.pk, unmarked.pk, canceled.pk}
    undo_dismissal(event_id=waiting.pk, by=person)
    assert waiting.pk in ids(person)


def test_no_can_be_undone():
    event, person = recorded(), make.person()
    watch_recording(event_id=event.pk, by=person)
    client = signed_in(person)
    client.get(f"/events/{event.pk}/dismiss/")
    assert ids(person) == {event.pk}
    client.post(f"/events/{event.pk}/dismiss/")
    assert ids(person) == set()
    client.post(f"/events/{event.pk}/dismiss/undo/")
    assert ids(person) == {event.pk}


def test_a_hint_is_of_a_known_kind_and_stored_once():
    event, person = make.event(), make.person()
    hint = Hint.objects.create(event=event, person=person, kind=HintKind.JOINED)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hint.objects.filter(pk=hint.pk).update(kind="came")
    with pytest.raises(IntegrityError), transaction.atomic():
        Hint.objects.create(event=event, person=person, kind=HintKind.JOINED)
