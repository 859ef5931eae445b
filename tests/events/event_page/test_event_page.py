"""The event page: the next step, the details and who can see the page."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.formats import format_short_day
from credits.actions import claim_custom_event, withdraw_claim
from events.actions import decide_custom_event, mark_attendance, register
from events.enums import Attendance, Decision, Delivery, EventState, RegistrationMode
from events.event_page import views as event_page_views
from events.models import Event, Registration, Resource
from tests import factories as make
from tests.web import signed_in, text

pytestmark = pytest.mark.django_db
AUTOMATIC = "Your credit will be listed automatically after the event."
STRAIGHT = "It goes straight to your credits. You can withdraw it there."
TWO_DAYS = dt.timedelta(days=2)


def next_step(client: Client, event: Event) -> tuple[str, str]:
    """Return the kind of the page's button and the note next to it."""
    shown = client.get(event.get_absolute_url()).context["next_step"]
    return shown.kind, shown.note


def states(client: Client, event: Event) -> list[str]:
    return [state.text for state in client.get(event.get_absolute_url()).context["states"]]


def hour_ago() -> dt.datetime:
    return timezone.now() - dt.timedelta(hours=1)


# ---------- The next step ----------


def test_the_life_of_an_event_for_a_person_who_registers(client):
    person = make.person()
    client.force_login(person)
    event = make.event(days=2)
    assert next_step(client, event) == ("register", AUTOMATIC)
    register(event_id=event.pk, by=person)
    assert next_step(client, event) == (
        "registered",
        "You are registered. Your credit will be listed automatically after the event.",
    )
    assert states(client, event) == ["Registered"]
    move(event, days=-4)
    assert next_step(client, event) == (
        "claim",
        "You registered, so your credit will be listed automatically. You can also add it now.",
    )
    make.claim(person, event)
    assert next_step(client, event) == ("claimed", "")
    assert states(client, event) == [f"Ended {format_short_day(timezone.localdate() - TWO_DAYS)}"]


def move(event: Event, *, days: int) -> None:
    shift = dt.timedelta(days=days)
    Event.objects.filter(pk=event.pk).update(
        begins_at=event.begins_at + shift, ends_at=event.ends_at + shift
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"days": 2}, ("register", AUTOMATIC)),
        ({"days": 2, "credits": {}}, ("register", "")),
        (
            {"days": 2, "registration_mode": RegistrationMode.NONE},
            ("", "You do not need to register."),
        ),
        (
            {"days": 2, "registration_mode": ""},
            ("", "Ask the sponsor whether you need to register."),
        ),
        (
            {"days": 2, "registration_mode": RegistrationMode.EXTERNAL},
            ("", "Register with the event's sponsor."),
        ),
        (
            {"days": 2, "state": EventState.CANCELLED},
            ("", "This event was canceled. It earns no credit."),
        ),
        (
            {"days": -2, "state": EventState.CANCELLED},
            ("", "This event was canceled. It earns no credit."),
        ),
        ({"days": -2}, ("claim", STRAIGHT)),
        ({"days": -2, "credits": {}}, ("", "This event earns no CE credit.")),
    ],
)
def test_the_next_step(client, fields, expected):
    client.force_login(make.person())
    assert next_step(client, make.event(**fields)) == expected


def test_a_recording_can_be_claimed_before_the_event_is_over(client):
    client.force_login(make.person())
    event = make.event(
        days=-1,
        hours=48,
        recording_available_at=hour_ago(),
        recording_url="https://video.example/1",
    )
    assert next_step(client, event) == ("claim", STRAIGHT)
    assert states(client, event) == ["Under way", "Recording available"]
    page = client.get(event.get_absolute_url()).content.decode()
    assert f'href="/events/{event.pk}/watch/" rel="noopener nofollow">Watch' in page
    assert "Opens at video.example." in page


def test_registering_on_another_site(client):
    event = make.event(
        days=2,
        registration_mode=RegistrationMode.EXTERNAL,
        registration_url="https://meet.example/signup",
    )
    page = client.get(event.get_absolute_url()).content.decode()
    assert 'href="https://meet.example/signup" rel="noopener nofollow">Register on another' in page


def test_an_address_that_is_not_a_web_page_is_not_linked(client):
    address = "https://[x"
    event = make.event(
        days=2,
        registration_mode=RegistrationMode.EXTERNAL,
        registration_url=address,
        recording_url=address,
        source_url=address,
    )
    response = client.get(event.get_absolute_url())
    assert address not in response.content.decode()
    assert response.context["next_step"].note == "Register with the event's sponsor."


def test_places_left_and_a_full_event(client):
    event = make.event(days=2, capacity=2)
    client.force_login(make.person())
    assert client.get(event.get_absolute_url()).context["places_left"] == "2 of 2 left"
    register(event_id=event.pk, by=make.person())
    register(event_id=event.pk, by=make.person())
    response = client.get(event.get_absolute_url())
    assert response.context["places_left"] == "0 of 2 left"
    assert states(client, event) == ["Full: 2 of 2 places are taken", "Waitlist open"]
    assert next_step(client, event) == (
        "join",
        "All places are taken. The person who has waited longest gets the next free place.",
    )
    Event.objects.filter(pk=event.pk).update(has_waitlist=False)
    assert states(client, event) == ["Full: 2 of 2 places are taken"]
    assert next_step(client, event) == ("", "All places are taken.")


def test_a_person_marked_absent_sees_why_there_is_no_credit(client):
    person = make.person()
    client.force_login(person)
    event = make.event(days=2)
    registration = register(event_id=event.pk, by=person)
    mark_attendance(registration_id=registration.pk, attendance=Attendance.ABSENT, by=make.person())
    move(event, days=-4)
    kind, note = next_step(client, event)
    assert (kind, note.split(",")[0]) == ("", "The organizer marked you as absent")


def test_signing_in_returns_to_the_event(client):
    coming, over = make.event(title="Coming", days=2), make.event(title="Over", days=-2)
    page = client.get(coming.get_absolute_url()).content.decode()
    address = f"/accounts/login/?next=/events/{coming.pk}/coming/"
    assert f'<a class="btn btn-primary btn-big btn-wide" href="{address}">Sign in to' in page
    page = client.get(over.get_absolute_url()).content.decode()
    assert f'href="/accounts/login/?next=/events/{over.pk}/over/"' in page
    assert ">Sign in to add CE credit</a>" in page


def test_signing_in_to_join_the_waitlist_of_a_full_event(client):
    event = make.event(days=2, capacity=1)
    register(event_id=event.pk, by=make.person())
    page = client.get(event.get_absolute_url()).content.decode()
    assert ">Sign in to join the waitlist</a>" in page
    assert ">Sign in to register</a>" not in page


@pytest.mark.parametrize(
    ("attendance", "message"),
    [
        (Attendance.PRESENT, "You are checked in. Your credit will be listed"),
        (Attendance.LATE, "You are checked in. Your credit will be listed"),
        (Attendance.ABSENT, "The organizer marked you as absent"),
    ],
)
def test_registrations_cannot_be_canceled_after_attendance_was_marked(client, attendance, message):
    person = make.person()
    client.force_login(person)
    event = make.event(days=1)
    registration = register(event_id=event.pk, by=person)
    assert "Cancel registration" in client.get(event.get_absolute_url()).content.decode()
    mark_attendance(registration_id=registration.pk, attendance=attendance, by=make.person())
    page = client.get(event.get_absolute_url()).content.decode()
    assert message in page
    assert "Cancel registration" not in page


def test_another_persons_registration_and_claim_are_not_shown(client):
    coming, over = make.event(days=2), make.event(days=-2)
    other = make.person()
    register(event_id=coming.pk, by=other)
    make.claim(other, over)
    client.force_login(make.person())
    assert next_step(client, coming) == ("register", AUTOMATIC)
    assert next_step(client, over)[0] == "claim"


# ---------- Claims of the same training ----------


def claimed_before(page: str) -> str:
    """Return the day in the sentence about an earlier claim, and whether it is a second time."""
    day = re.search(r"You claimed this training on <a [^>]*>([^<]+)</a>\.", page)
    return f"{day[1] if day else ''}{' second' if 'Add it a second time' in page else ''}"


def test_an_earlier_claim_of_the_event_or_the_same_training_is_shown_with_its_day(client):
    person, today = make.person(), format_short_day(timezone.localdate())
    client.force_login(person)
    first = make.event(title="Weeding online", days=-400)
    again = make.event(title="Weeding online", days=-2)
    coming = make.event(title="Weeding online", days=2)
    other = make.event(title="Storytime", days=-2)
    make.claim(make.person(), again)
    for event in (first, again, coming, other):
        assert claimed_before(text(client.get(event.get_absolute_url()))) == ""
    claim = make.claim(person, first)
    page = text(client.get(first.get_absolute_url()))
    assert claimed_before(page) == today
    assert f'href="/continuing-education/claims/{claim.pk}/">{today}</a>' in page
    assert "Listed in your credits" in page
    assert claimed_before(text(client.get(again.get_absolute_url()))) == f"{today} second"
    assert claimed_before(text(client.get(coming.get_absolute_url()))) == today
    assert claimed_before(text(client.get(other.get_absolute_url()))) == ""
    assert claimed_before(text(Client().get(again.get_absolute_url()))) == ""
    withdraw_claim(claim_id=claim.pk, by=person)
    assert claimed_before(text(client.get(again.get_absolute_url()))) == ""


def test_the_same_recording_is_the_same_training(client):
    person = make.person()
    client.force_login(person)
    fields = {"recording_url": "https://video.example/1", "recording_available_at": hour_ago()}
    first = make.event(title="Passkeys", days=-900, **fields)
    again = make.event(title="Passwords are over", days=-1, **fields)
    make.claim(person, first)
    assert "second" in claimed_before(text(client.get(again.get_absolute_url())))


def test_after_four_years_it_is_not_the_same_training(client):
    person = make.person()
    client.force_login(person)
    make.claim(person, make.event(title="Weeding online", days=-365 * 4 - 10))
    event = make.event(title="Weeding online", days=-2)
    assert claimed_before(text(client.get(event.get_absolute_url()))) == ""


def test_nothing_can_be_added_a_second_time_where_no_claim_is_possible(client):
    person = make.person()
    client.force_login(person)
    make.claim(person, make.event(title="Weeding online", days=-400))
    event = make.event(title="Weeding online", days=2)
    registration = register(event_id=event.pk, by=person)
    mark_attendance(registration_id=registration.pk, attendance=Attendance.ABSENT, by=make.person())
    move(event, days=-4)
    page = text(client.get(event.get_absolute_url()))
    assert "You claimed this training on" in page
    assert "btn-leaf" not in page


# ---------- One blue button ----------


def blue_buttons(client: Client, event: Event) -> list[str]:
    page = text(client.get(event.get_absolute_url()))
    labels = re.findall(r'<(?:a|button) class="btn [^"]*btn-primary[^>]*>([^<]+)', page)
    assert len(labels) <= 1
    return labels


def test_the_page_has_at_most_one_blue_button(client):
    recording = {"recording_url": "https://video.example/1", "recording_available_at": hour_ago()}
    joining = {"joining_url": "https://meet.example/1"}
    starts = {"begins_at": timezone.now() + dt.timedelta(minutes=5), "ends_at": None}
    recorded = make.event(days=-2, **recording)
    live = make.event(**starts, **joining)
    under_way = make.event(days=-1, hours=48, **recording)
    full = make.event(days=2, capacity=1)
    register(event_id=full.pk, by=make.person())
    ended = make.event(days=-2)
    everything = (recorded, live, under_way, full, ended)
    assert [blue_buttons(Client(), event) for event in everything] == [
        ["Watch"],
        ["Sign in to register"],
        ["Watch"],
        ["Sign in to join the waitlist"],
        [],
    ]
    person = make.person(Role.CE_COORDINATOR)
    client.force_login(person)
    as_organizer = [blue_buttons(client, event) for event in everything]
    assert as_organizer == [
        ["Watch"],
        ["Join the meeting"],
        ["Watch"],
        ["Join the waitlist"],
        [],
    ]


def test_people_who_can_register_read_that_they_will_be_mailed_how_to_join(client):
    sentence = "We will e-mail you how to join."
    online = make.event(days=2, joining_url="https://meet.example/1")
    room = make.event(days=2, delivery=Delivery.IN_PERSON)
    assert sentence in text(client.get(online.get_absolute_url()))
    assert sentence not in text(client.get(room.get_absolute_url()))
    person = make.person()
    register(event_id=online.pk, by=person)
    assert sentence not in text(signed_in(person).get(online.get_absolute_url()))
    elsewhere = make.event(
        days=2,
        joining_url="https://meet.example/1",
        registration_mode=RegistrationMode.EXTERNAL,
        registration_url="https://tickets.example/",
    )
    assert sentence not in text(client.get(elsewhere.get_absolute_url()))
    without_credit = make.event(days=2, joining_url="https://meet.example/1", credits={})
    assert sentence in text(client.get(without_credit.get_absolute_url()))


def test_a_recording_that_is_gone_is_not_a_state(client):
    event = make.event(
        days=-9,
        recording_url="https://video.example/1",
        recording_available_at=hour_ago(),
        recording_last_day=timezone.localdate() - dt.timedelta(days=1),
    )
    assert [label for label in states(client, event) if "Recording" in label] == []


def test_a_course_that_is_only_recorded_asks_whether_the_person_watched_it(client):
    event = make.event(
        days=-9,
        delivery=Delivery.RECORDED,
        recording_url="https://video.example/1",
        recording_available_at=hour_ago(),
    )
    page = text(client.get(event.get_absolute_url()))
    assert "Did you watch it?" in page
    assert "were you there?" not in page


def test_the_states_say_when_it_ended_and_how_long_the_recording_is(client):
    event = make.event(
        begins_at=dt.datetime(2026, 3, 3, 16, tzinfo=dt.UTC),
        ends_at=dt.datetime(2026, 3, 3, 17, tzinfo=dt.UTC),
        recording_url="https://video.example/1",
        recording_available_at=hour_ago(),
        recording_minutes=55,
        recording_last_day=dt.date(2090, 3, 30),
    )
    ended = format_short_day(dt.date(2026, 3, 3))
    assert states(client, event) == [
        f"Ended {ended}",
        "Recording, 55 minutes, until Mar 30, 2090",
    ]


# ---------- Details ----------


def test_all_details_are_shown(client):
    begins_at = dt.datetime(2026, 12, 3, 16, tzinfo=dt.UTC)
    event = make.event(
        title="Weeding <b>well</b>",
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=2),
        location="Yogo Inn",
        city="Lewistown",
        delivery=Delivery.IN_PERSON,
        presenter="Jo Trainer",
        audience="All staff",
        description="First line.\n\n<script>alert(1)</script>",
        source_url="https://www.montana.example/events/1",
        credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.0"},
        is_demonstration=True,
    )
    response = client.get(event.get_absolute_url())
    row, page = response.context["row"], response.content.decode()
    assert (row.day, row.times) == ("Thu, Dec 3, 2026", "9:00–11:00 AM")
    assert row.where == "Yogo Inn, Lewistown · In person"
    assert [(line.name, line.amount) for line in row.credits] == [
        ("Library Administration", "3 credits"),
        ("Technology", "1 credit"),
    ]
    assert response.context["source_link"] == (
        "https://www.montana.example/events/1",
        "montana.example",
    )
    assert "Demonstration event" not in states(client, event)  # the header says it
    for shown in ("Mountain time", "Jo Trainer", "All staff", "<p>First line.</p>"):
        assert shown in page
    assert "Weeding &lt;b&gt;well&lt;/b&gt;</h1>" in page
    assert "<script>alert" not in page


def test_an_all_day_event_has_no_times(client):
    event = make.event(
        begins_at=dt.datetime(2026, 8, 17, 6, tzinfo=dt.UTC),
        ends_at=dt.datetime(2026, 8, 19, 6, tzinfo=dt.UTC),
        all_day=True,
    )
    response = client.get(event.get_absolute_url())
    assert response.context["row"].day == "Mon, Aug 17 – Wed, Aug 19, 2026"
    assert "Mountain time" not in response.content.decode()


def test_a_conference_lists_its_sessions_day_by_day(client):
    noon = dt.datetime(2026, 4, 9, 18, tzinfo=dt.UTC)
    conference = make.event(
        title="Conference",
        begins_at=noon,
        ends_at=noon + dt.timedelta(days=1, hours=5),
        credits={},
    )
    for title, hours in (("Second day", 22), ("Late", 3), ("Early", 1)):
        begins_at = noon + dt.timedelta(hours=hours)
        make.event(
            title=title,
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=1),
            parent=conference,
        )
    make.event(title="Draft session", begins_at=noon, parent=conference, state=EventState.PENDING)
    response = client.get(conference.get_absolute_url())
    program = [
        (day, [(row.title, row.times) for row in rows]) for day, rows in response.context["program"]
    ]
    assert program == [
        ("Thu, Apr 9, 2026", [("Early", "1:00–2:00 PM"), ("Late", "3:00–4:00 PM")]),
        ("Fri, Apr 10, 2026", [("Second day", "10:00–11:00 AM")]),
    ]


def test_a_very_long_program_is_truncated(client, monkeypatch):
    monkeypatch.setattr(event_page_views, "MAX_SESSIONS", 2)
    conference = make.event(days=-2, hours=8)
    sessions = [make.event(days=-2, parent=conference) for _ in range(2)]
    sentence = "Only the first 2 sessions are shown."
    assert sentence not in client.get(conference.get_absolute_url()).content.decode()
    make.event(days=-2, parent=conference)
    response = client.get(conference.get_absolute_url())
    assert sentence in response.content.decode()
    [(_, rows)] = response.context["program"]
    assert [row.pk for row in rows] == [session.pk for session in sessions]


def test_sessions_are_claimed_separately(client):
    person = make.person()
    conference = make.event(days=-2, hours=8, credits={})
    first, second = (make.event(days=-2, parent=conference) for _ in range(2))
    make.claim(person, first)
    client.force_login(person)
    program = client.get(conference.get_absolute_url()).context["program"]
    assert {row.pk: row.credit for _, rows in program for row in rows} == {
        first.pk: "claimed",
        second.pk: "claim",
    }
    session = client.get(second.get_absolute_url()).content.decode()
    assert f'href="{conference.get_absolute_url()}"' in session


def test_the_same_training_on_other_dates(client):
    event = make.event(title="Budgets", days=-3)
    later = make.event(title="Budgets", days=9)
    sooner = make.event(title="Budgets", days=4)
    make.event(title="Budgets", days=5, state=EventState.CANCELLED)
    make.event(title="Budgets", days=-9)
    others = client.get(event.get_absolute_url()).context["other_dates"]
    assert [row.pk for row in others] == [sooner.pk, later.pk]


# ---------- When and where ----------


def test_times_are_marked_up_for_browsers(client):
    event = make.event(
        begins_at=dt.datetime(2026, 12, 3, 16, tzinfo=dt.UTC),
        ends_at=dt.datetime(2026, 12, 3, 18, tzinfo=dt.UTC),
    )
    page = client.get(event.get_absolute_url()).content.decode()
    assert (
        '<time datetime="2026-12-03T16:00:00Z" data-ends="2026-12-03T18:00:00Z" data-local>'
        "9:00–11:00 AM</time>"
    ) in page
    assert 'js/local-time.js" defer>' in page
    assert '<span class="quiet" data-local-note hidden></span>' in page


def test_all_day_events_are_not_converted_to_local_time(client):
    midnight = dt.datetime(2026, 8, 17, 6, tzinfo=dt.UTC)
    event = make.event(begins_at=midnight, ends_at=midnight, all_day=True)
    page = client.get(event.get_absolute_url()).content.decode()
    assert "data-local" not in page
    assert "local-time.js" not in page


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        (
            {"delivery": Delivery.IN_PERSON, "location": "Yogo Inn", "city": "Lewistown"},
            "Yogo+Inn%2C+Lewistown%2C+Montana",
        ),
        (
            {"delivery": Delivery.HYBRID, "city": "Ft. <b>&\"'", "room": "2"},
            "Ft.+%3Cb%3E%26%22%27%2C+Montana",
        ),
        ({"delivery": Delivery.IN_PERSON, "room": "2"}, ""),
        ({"delivery": Delivery.ONLINE, "location": "Zoom", "city": "Helena"}, ""),
        ({"delivery": Delivery.RECORDED, "city": "Helena"}, ""),
        ({"delivery": "", "city": "Helena"}, ""),
    ],
)
def test_events_with_a_place_link_to_a_map(client, fields, query):
    event = make.event(**fields)
    page = client.get(event.get_absolute_url()).content.decode()
    link = f'href="https://www.openstreetmap.org/search?query={query}" rel="noopener noreferrer"'
    assert (link in page) is bool(query)
    assert ("openstreetmap" in page) is bool(query)


def test_the_room_is_shown_before_the_place(client):
    event = make.event(room="Room 2", location="Yogo Inn", delivery=Delivery.IN_PERSON)
    row = client.get(event.get_absolute_url()).context["row"]
    assert row.where == "Room 2, Yogo Inn · In person"


def test_a_program_is_sorted_by_day_time_and_room(client):
    noon = dt.datetime(2026, 4, 9, 18, tzinfo=dt.UTC)
    place = {"location": "Yogo Inn", "city": "Lewistown", "delivery": Delivery.IN_PERSON}
    conference = make.event(begins_at=noon, ends_at=noon + dt.timedelta(hours=5), **place)
    for room, hours in (("Madison", 2), ("Madison", 1), ("Gallatin", 2), ("", 0)):
        make.event(
            begins_at=noon + dt.timedelta(hours=hours),
            ends_at=noon + dt.timedelta(hours=hours + 1),
            parent=conference,
            room=room,
            **place,
        )
    away = place | {"location": "Library", "delivery": Delivery.HYBRID}
    make.event(begins_at=noon + dt.timedelta(hours=4), ends_at=None, parent=conference, **away)
    [(_, rows)] = client.get(conference.get_absolute_url()).context["program"]
    assert [(row.times, row.where) for row in rows] == [
        ("12:00–1:00 PM", ""),
        ("1:00–2:00 PM", "Madison"),
        ("2:00–3:00 PM", "Gallatin"),
        ("2:00–3:00 PM", "Madison"),
        ("4:00 PM", "Library, Lewistown · In person and online"),
    ]


# ---------- Files and recordings ----------


def test_links_and_files_show_their_site_kind_and_size(client):
    event = make.event()
    slides = "https://www.slides.example/deck?a=1&b=2"
    Resource.objects.create(event=event, label="Slides <b>", url=slides)
    handout = Resource.objects.create(
        event=event,
        label="Handout",
        file="resources/x",
        file_name="handout.pdf",
        content_type="application/pdf",
        size=1_258_291,
    )
    sheet = Resource.objects.create(
        event=event, label="Sheet", file="resources/y", file_name="sheet.xlsx", size=900
    )
    response = client.get(event.get_absolute_url())
    assert response.context["files"] == [
        ("Slides <b>", slides, "slides.example", True),
        ("Handout", f"/events/files/{handout.pk}/", "PDF, 1.2\xa0MB", False),
        ("Sheet", f"/events/files/{sheet.pk}/", "XLSX, 900\xa0bytes", False),
    ]
    page = response.content.decode()
    assert 'href="https://www.slides.example/deck?a=1&amp;b=2" rel="noopener nofollow"' in page


@pytest.mark.parametrize(
    ("available", "until", "credits", "note", "is_linked"),
    [
        (-1, 30, None, "It earns credit until", True),
        (-3, -1, None, "It earned credit until", True),
        (-1, None, None, "", True),
        (-1, 30, {}, "", True),
        (1, None, None, "Available from", False),
        (None, None, None, "", True),
    ],
)
def test_the_page_says_until_when_a_recording_earns_credit(
    client, available, until, credits, note, is_linked
):
    now = timezone.now()
    at = {
        name: now + dt.timedelta(days=days)
        for name, days in (("recording_available_at", available), ("recording_until_at", until))
        if days
    }
    event = make.event(credits=credits, recording_url="https://video.example/1", **at)
    response = client.get(event.get_absolute_url())
    recording = response.context["recording"]
    assert recording.note.startswith(note)
    assert bool(recording.note) is bool(note)
    assert (f"/events/{event.pk}/watch/" in response.content.decode()) is is_linked


def test_a_canceled_event_says_why_and_offers_no_recording(client):
    event = make.event(
        days=2,
        state=EventState.CANCELLED,
        cancellation="The <b>road</b> is closed.\n\nSorry.",
        recording_url="https://video.example/1",
    )
    response = client.get(event.get_absolute_url())
    page = response.content.decode()
    assert "<p>The &lt;b&gt;road&lt;/b&gt; is closed.</p>" in page
    assert response.context["recording"] is None
    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    assert "is closed" not in client.get(event.get_absolute_url()).content.decode()


def test_sessions_can_be_claimed_together(client):
    person = make.person()
    conference = make.event(days=-2, hours=8, credits={})
    session = make.event(days=-2, parent=conference)
    make.event(days=2, parent=conference)
    offer = ">Add CE credit</button>"
    address = conference.get_absolute_url()
    page = text(client.get(address))
    assert offer not in page
    assert "Sign in to add CE credit" in page
    client.force_login(person)
    page = text(client.get(address))
    assert offer in page
    assert f'action="/continuing-education/claim/{conference.pk}/sessions/"' in page
    assert f'name="sessions" value="{session.pk}" form="claim-sessions"' in page
    assert page.count('type="checkbox"') == 1
    make.claim(person, session)
    assert offer not in text(client.get(address))


# ---------- Links for editors ----------


def editor_of(organization: Organization) -> User:
    editor = make.person()
    editor.user_permissions.add(Permission.objects.get(codename="propose_event"))
    Position.objects.create(person=editor, organization=organization, kind=PositionKind.STAFF)
    return editor


def test_people_who_manage_an_event_see_the_links_for_it(client):
    organization = make.organization()
    event = make.event(days=2, organization=organization)
    for person, is_theirs in [
        (None, False),
        (make.person(), False),
        (editor_of(make.organization()), False),
        (editor_of(organization), True),
        (make.person(Role.EVENT_EDITOR), False),
        (make.person(Role.CE_COORDINATOR), True),
    ]:
        if person:
            client.force_login(person)
        response = client.get(event.get_absolute_url())
        assert bool(response.context["editor_links"]) is is_theirs, person
        assert ("Manage this event" in response.content.decode()) is is_theirs
    links = {link.label: link.url for link in response.context["editor_links"]}
    assert links["Edit"] == f"/events/{event.pk}/edit/"
    assert links["Roster"] == f"/events/{event.pk}/roster/"
    assert links["Cancel event"] == f"/events/{event.pk}/call-off/"
    for url in links.values():
        assert client.get(url).status_code == 200
    move(event, days=-4)
    over = client.get(event.get_absolute_url()).context["editor_links"]
    assert [link.label for link in over] == [label for label in links if label[:6] != "Cancel"]
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    canceled = client.get(event.get_absolute_url()).context["editor_links"]
    assert [link.label for link in canceled] == ["Roster", "Copy"]


# ---------- Who can see it ----------


def test_any_slug_works(client):
    event = make.event(title="Weeding")
    for address in (f"/events/{event.pk}/", f"/events/{event.pk}/something-else/"):
        response = client.get(address)
        assert response.context["event"] == event
        assert f'<link rel="canonical" href="/events/{event.pk}/weeding/">' in (
            response.content.decode()
        )


@pytest.mark.parametrize("pk", [0, 999_999, 10**30])
def test_unknown_events_are_not_found(client, pk):
    assert client.get(f"/events/{pk}/").status_code == 404


@pytest.mark.parametrize("state", [EventState.DRAFT, EventState.PENDING, EventState.DECLINED])
def test_unpublished_calendar_events_are_not_found(client, state):
    event = make.event(state=state)
    client.force_login(make.person())
    assert client.get(f"/events/{event.pk}/").status_code == 404


def test_only_the_creator_sees_a_custom_event(client):
    person = make.person()
    event = claim_custom_event(facts=make.facts(title="Own training"), by=person).event
    assert client.get(f"/events/{event.pk}/").status_code == 404
    client.force_login(make.person())
    assert client.get(f"/events/{event.pk}/").status_code == 404
    client.force_login(person)
    assert states(client, event) == ["Waiting for approval"]
    assert next_step(client, event) == ("claimed", "")


def test_the_creator_sees_why_a_custom_event_was_returned(client):
    person = make.person()
    event = claim_custom_event(facts=make.facts(), by=person).event
    decide_custom_event(
        event_id=event.pk, decision=Decision.RETURN, reason="Which library?", by=make.person()
    )
    client.force_login(person)
    assert next_step(client, event) == ("revise", "Staff asked for changes: Which library?")
    page = client.get(f"/events/{event.pk}/").content.decode()
    assert f'href="/continuing-education/custom/{event.pk}/"' in page


# ---------- The number of queries ----------


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_number_of_queries_is_fixed(client, django_assert_num_queries, count):
    person = make.person()
    organization = make.organization()
    conference = make.event(days=-1, hours=20, title="Conference", organization=organization)
    for number in range(count):
        session = make.event(days=-1, parent=conference)
        make.event(title="Conference", days=number + 1)
        make.claim(person, session)
    Registration.objects.create(
        event=conference, person=person, state="confirmed", registered_at=timezone.now()
    )
    client.force_login(person)
    for number in range(count):
        Resource.objects.create(event=conference, label="Slides", url=f"https://x.example/{number}")
    for reader, queries in ((person, 11), (None, 6), (editor_of(organization), 11)):
        client.logout()
        if reader:
            client.force_login(reader)
        with django_assert_num_queries(queries):
            client.get(conference.get_absolute_url())


def test_a_conference_without_credit_of_its_own_points_to_its_sessions(client):
    conference = make.event(credits={}, type="Conference")
    make.event(parent=conference)
    page = client.get(f"/events/{conference.pk}/")
    assert page.context["next_step"].note.startswith("The sessions earn the credit.")
    assert '<a class="go" href="#program">By session</a>' in page.content.decode()


def test_events_of_a_demonstration_say_so_where_real_people_sign_in(
    client: Client, settings: Any
) -> None:
    settings.DEMO = False
    assert states(client, make.event(is_demonstration=True))[-1] == "Demonstration event"
