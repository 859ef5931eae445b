"""The list by weeks, Register in a row, recordings to watch now, and a search in three groups."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from events.actions import register
from events.enums import Delivery, EventState, RegistrationState
from events.models import Event, Question, Registration
from tests import factories as make
from tests.web import signed_in, text

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
ADDRESS = "https://videos.example/1"


def context(client: Client, query: str) -> Any:
    return client.get(f"/events/?{query}").context


def recording(**fields: Any) -> Event:
    values = {"days": -30, "recording_available_at": timezone.now() - HOUR}
    return make.event(**values | {"recording_url": ADDRESS} | fields)


# ---------- The list ----------


def test_the_list_begins_today_and_is_grouped_by_weeks(client: Client) -> None:
    with time_machine.travel("2026-11-30T12:00-07:00", tick=False):
        for days in (-1, 0.1, 3, 8, 23, 40):
            make.event(title=f"{days:+}", days=days)
        groups = context(client, "view=list")["groups"]
        assert [(name, [row.title for row in rows]) for name, rows in groups] == [
            ("This week", ["+0.1", "+3"]),
            ("December 6–12", ["+8"]),
            ("Later in December", ["+23"]),
            ("January 2027", ["+40"]),
        ]
        first, *_, last = [row for _, rows in groups for row in rows]
        assert (first.short_day, first.is_today, last.short_day) == ("Today", True, "Jan 9, 2027")
        page = text(client.get("/events/?view=list"))
    assert "<b>Today</b>" in page
    assert '<time datetime="2026-12-03">Thu, Dec 3</time>' in page


@pytest.mark.parametrize(
    ("start", "hours", "times"),
    [("09:00", 2, "9–11 AM"), ("09:00", 3, "9 AM–noon"), ("09:30", 4, "9:30 AM–1:30 PM")],
)
def test_times_are_short(client: Client, start: str, hours: int, times: str) -> None:
    with time_machine.travel("2026-11-30T08:00-07:00", tick=False):
        begins_at = dt.datetime.fromisoformat(f"2026-12-01T{start}-07:00")
        make.event(begins_at=begins_at, ends_at=begins_at + hours * HOUR)
        assert context(client, "view=list")["rows"][0].short_times == times


def test_people_register_in_the_row() -> None:
    event = make.event(title="Weeding", days=2)
    person = make.person()
    client = signed_in(person)
    page = text(client.get("/events/?view=list"))
    assert f'action="/events/{event.pk}/register/" method="post"' in page
    assert client.post(f"/events/{event.pk}/register/").status_code == 302
    assert Registration.objects.get(person=person).state == RegistrationState.CONFIRMED
    page = text(client.get("/events/?view=list"))
    assert "✓</span>Registered" in page
    assert "Register<" not in page


def test_the_row_of_an_event_with_questions_leads_to_its_form() -> None:
    event = make.event(days=2)
    Question.objects.create(event=event, label="Which lunch?", kind="text", position=1)
    page = text(signed_in(make.person()).get("/events/?view=list"))
    assert f'href="/events/{event.pk}/register/">Register' in page
    assert '/register/" method' not in page


def test_the_steps_of_rows() -> None:
    full = make.event(title="Full", days=2, capacity=1)
    register(event_id=full.pk, by=make.person())
    make.event(title="Elsewhere", days=3, registration_mode="external")
    make.event(title="Free", days=4, registration_mode="none")
    make.event(title="Canceled", days=5, state=EventState.CANCELLED)
    client = signed_in(make.person())
    steps = {row.title: row.step for row in context(client, "view=list")["rows"]}
    assert steps == {"Full": "join", "Elsewhere": "", "Free": "", "Canceled": ""}
    assert "Join waitlist" in text(client.get("/events/?view=list"))


def test_visitors_sign_in_to_register(client: Client) -> None:
    event = make.event(days=2)
    page = text(client.get("/events/?view=list"))
    assert f'href="/accounts/login/?next=/events/{event.pk}/register/"' in page
    assert "csrfmiddlewaretoken" not in page.split("<main")[1]


def test_the_row_of_a_canceled_event_says_so(client: Client) -> None:
    make.event(days=1, state=EventState.CANCELLED)
    [row] = context(client, "view=list")["rows"]
    assert [label.text for label in row.alerts] == ["Canceled"]
    assert (
        "Canceled" in text(client.get("/events/?view=list")).split("row__meta")[1].split("</p>")[0]
    )


# ---------- Watch now ----------


def test_watch_now_has_recordings_with_an_address_that_earn_credit(client: Client) -> None:
    now = timezone.now()
    recording(title="Here")
    recording(title="Without credit", credits={})
    recording(title="Without address", recording_url="")
    recording(title="With a contact", recording_url="", contact_name="Pat Lee")
    recording(title="Not yet", recording_available_at=now + HOUR)
    recording(title="No longer", recording_until_at=now - HOUR / 2)
    today = timezone.localdate()
    recording(title="Until yesterday", recording_last_day=today - dt.timedelta(days=1))
    recording(title="Until today", recording_last_day=today)
    recording(title="Canceled", state=EventState.CANCELLED)
    recording(title="Other", credits={make.PUBLIC: "1.0"})
    page = context(client, "view=watch&category=technology")
    assert {row.title for row in page["rows"]} == {"Here", "With a contact", "Until today"}
    shown = text(client.get("/events/?view=watch"))
    assert "Watch<" in shown
    assert "How to watch<span" in shown
    assert ADDRESS not in shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "<b>Recording</b>any time"),
        ({"recording_minutes": 35}, "<b>35 minutes</b>any time"),
        ({"recording_minutes": 60}, "<b>1 hour</b>any time"),
        ({"recording_minutes": 90}, "<b>1 h 30 min</b>any time"),
        ({"recording_last_day": dt.date(2027, 3, 31)}, "<b>Recording</b>until Mar 31, 2027"),
        ({"recording_last_day": dt.date(2026, 12, 24)}, "<b>Recording</b>until Dec 24"),
        # It earns credit until midnight, which belongs to the day before.
        (
            {
                "recording_last_day": dt.date(2026, 12, 24),
                "recording_until_at": dt.datetime.fromisoformat("2026-12-20T00:00-07:00"),
            },
            "<b>Recording</b>until Dec 19",
        ),
    ],
)
def test_recordings_have_their_length_and_last_day(
    client: Client, fields: dict[str, Any], shown: str
) -> None:
    with time_machine.travel("2026-11-30T12:00-07:00", tick=False):
        recording(**fields)
        page = text(client.get("/events/?view=watch"))
    assert shown in page


def test_a_recording_leaves_the_cached_list_after_its_last_day(client: Client) -> None:
    with time_machine.travel("2026-11-30T23:59-07:00", tick=False):
        recording(title="Leaving", recording_last_day=dt.date(2026, 11, 30))
        assert "Leaving" in text(client.get("/events/?view=watch"))
    with time_machine.travel("2026-12-01T00:01-07:00", tick=False):
        assert "Leaving" not in text(client.get("/events/?view=watch"))


# ---------- A search in three groups ----------


def test_a_search_has_three_groups(client: Client) -> None:
    recording(title="Weeding, recorded", days=-400)
    make.event(title="Weeding soon", days=3)
    for days in (-10, -50, -90):
        make.event(title="Weeding without tears", days=days)
    make.event(title="Weeding without credit", days=-3, credits={})
    make.event(title="Weeding without a date", days=-3, delivery=Delivery.RECORDED)
    page = context(client, "q=weeding")
    assert [row.title for row in page["watch"]] == ["Weeding, recorded"]
    assert [row.title for row in page["rows"]] == ["Weeding soon"]
    trainings = {each.row.title: each for each in page["trainings"]}
    assert set(trainings) == {"Weeding without tears", "Weeding, recorded"}
    same = trainings["Weeding without tears"]
    assert (len(same.dates), same.others) == (3, "and 2 more dates")
    assert [row.iso for row in same.dates] == sorted((row.iso for row in same.dates), reverse=True)
    assert text(client.get("/events/?q=weeding")).count("Which date was it?") == 1


def test_dates_by_other_sponsors_are_other_trainings(client: Client) -> None:
    for sponsor in ("One", "Two"):
        make.event(title="Weeding", days=-3, sponsor=sponsor)
    assert len(context(client, "q=weeding")["trainings"]) == 2


def test_each_date_of_a_past_training_can_be_added() -> None:
    first, second = (make.event(title="Weeding", days=days) for days in (-3, -9))
    client = signed_in(make.person())
    page = text(client.get("/events/?q=weeding"))
    addresses = [f'action="/continuing-education/claim/{event.pk}/"' for event in (first, second)]
    assert [address in page for address in addresses] == [True, True]
    client.post(f"/continuing-education/claim/{first.pk}/")
    page = text(client.get("/events/?q=weeding"))
    assert [address in page for address in addresses] == [False, True]


def test_a_long_search_is_refused_and_kept(client: Client) -> None:
    make.event(title="Weeding", days=2)
    typed = "weeding " * 70
    page = text(client.get("/events/", {"q": typed}))
    assert "Search for 200 letters or fewer." in page
    assert f'value="{typed.strip()}' in page
    assert 'class="rows"' not in page
    assert "maxlength" not in page.split("</header>")[0]


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_of_a_search_is_fixed(
    count: int, django_assert_num_queries: Any
) -> None:
    client = signed_in(make.person())
    for number in range(count):
        recording(title=f"Lab recorded {number}")
        make.event(title=f"Lab soon {number}", days=2)
        make.event(title=f"Lab past {number}", days=-2)
    with django_assert_num_queries(10):
        client.get("/events/?q=lab")
