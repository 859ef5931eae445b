"""The week view: seven days with events and times."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client

from events.calendar.grid import CalendarChoice, format_times_on, week_links, week_of
from events.models import Event
from tests import factories as make

MOUNTAIN = ZoneInfo("America/Denver")
THURSDAY = dt.date(2026, 11, 12)


def at(text: str) -> dt.datetime:
    """Convert a Mountain time to UTC, as stored."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=MOUNTAIN).astimezone(dt.UTC)


def days(client: Client, query: str) -> dict[str, list[tuple[str, str]]]:
    """Return the times and titles that the week shows, by day."""
    shown = client.get(f"/events/?view=week&{query}").context["days"]
    return {day.iso: [(time, row.title) for time, row in day.lines] for day in shown if day.lines}


@pytest.mark.parametrize(
    ("day", "sunday"),
    [
        ("2026-11-22", "2026-11-22"),
        ("2026-11-23", "2026-11-22"),
        ("2026-11-28", "2026-11-22"),
        ("2027-01-01", "2026-12-27"),
        ("2028-02-29", "2028-02-27"),
    ],
)
def test_a_week_starts_on_sunday(day, sunday):
    first, last = week_of(dt.date.fromisoformat(day))
    assert (first.isoformat(), (last - first).days) == (sunday, 6)


@pytest.mark.parametrize(
    ("begin", "end", "all_day", "expected"),
    [
        ("2026-11-12T09:00", "2026-11-12T11:00", False, "9:00–11:00 AM"),
        ("2026-11-12T22:00", "2026-11-13T00:00", False, "10:00 PM–12:00 AM"),
        ("2026-11-12T13:00", None, False, "1:00 PM"),
        ("2026-11-12T09:00", "2026-11-14T12:00", False, "From 9:00 AM"),
        ("2026-11-10T09:00", "2026-11-12T12:00", False, "Until 12:00 PM"),
        ("2026-11-10T09:00", "2026-11-14T12:00", False, "All day"),
        ("2026-11-12T00:00", "2026-11-12T00:00", True, "All day"),
    ],
)
def test_times_on_one_day_of_an_event(begin, end, all_day, expected):
    event = Event(title="X", begins_at=at(begin), ends_at=at(end) if end else None, all_day=all_day)
    assert format_times_on(event, THURSDAY) == expected


@pytest.mark.django_db
def test_events_appear_on_their_days(client):
    for title, begin, end in [
        ("Saturday before", "2026-11-07T23:00", "2026-11-08T00:00"),
        ("Conference", "2026-11-11T09:00", "2026-11-13T12:00"),
        ("Session", "2026-11-12T10:00", "2026-11-12T11:00"),
        ("Last minute", "2026-11-14T23:30", "2026-11-14T23:45"),
        ("Sunday after", "2026-11-15T00:00", "2026-11-15T01:00"),
    ]:
        make.event(title=title, begins_at=at(begin), ends_at=at(end))
    assert days(client, "day=2026-11-12") == {
        "2026-11-11": [("From 9:00 AM", "Conference")],
        "2026-11-12": [("All day", "Conference"), ("10:00–11:00 AM", "Session")],
        "2026-11-13": [("Until 12:00 PM", "Conference")],
        "2026-11-14": [("11:30–11:45 PM", "Last minute")],
    }


@pytest.mark.django_db
@time_machine.travel("2026-11-01T23:30-07:00", tick=False)
def test_the_default_is_the_current_week_even_when_clocks_change(client):
    response = client.get("/events/?view=week")
    shown = response.context["days"]
    assert [day.iso for day in shown] == [f"2026-11-0{number}" for number in range(1, 8)]
    assert [day.iso for day in shown if day.is_today] == ["2026-11-01"]
    assert response.context["links"].name == "Week of November 1–7, 2026"


def test_week_links_keep_the_filters_and_cross_years():
    choice = CalendarChoice(
        view="week", month=dt.date(2026, 12, 1), day=dt.date(2026, 12, 31), city="Butte"
    )
    links = week_links(choice)
    assert links.name == "Week of December 27, 2026 – January 2, 2027"
    assert links.previous_url == "/events/?view=week&day=2026-12-20&city=Butte"
    assert links.next_url == "/events/?view=week&day=2027-01-03&city=Butte"
    assert links.today_url == "/events/?view=week&city=Butte"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "missing"), [("1990-01-01", "previous_url"), ("2099-12-31", "next_url")]
)
def test_the_first_and_last_week_have_one_link(client, day, missing):
    links = client.get(f"/events/?view=week&day={day}").context["links"]
    assert getattr(links, missing) == ""
    for url in (links.previous_url, links.next_url):
        if url:
            page = client.get(url)
            assert not page.context["form"].errors


@pytest.mark.django_db
def test_a_full_day_shows_the_number_of_other_events(client):
    for number in range(15):
        make.event(
            title=f"Lab {number:02}",
            begins_at=at(f"2026-11-12T09:{number:02}"),
            ends_at=at("2026-11-12T10:00"),
        )
    day = client.get("/events/?view=week&day=2026-11-12").context["days"][4]
    assert (len(day.lines), day.more, day.count) == (11, 4, "15 events")
    assert day.day_url == "/events/?view=list&day=2026-11-12"
    assert len(client.get(day.day_url).context["rows"]) == 15


@pytest.mark.django_db
def test_the_week_is_a_table_with_a_caption_and_row_headings(client):
    make.event(title="Lab", begins_at=at("2026-11-12T09:00"), ends_at=at("2026-11-12T10:00"))
    page = client.get("/events/?view=week&day=2026-11-12").content.decode()
    assert "Week of November 8–14, 2026, times in Mountain time</caption>" in page
    assert page.count('<th scope="row">') == 7
    assert '<a href="/events/?view=list&amp;day=2026-11-12"><time datetime="2026-11-12">' in page


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3, 300])
def test_the_number_of_queries_is_fixed(client, django_assert_num_queries, count):
    for number in range(count):
        begins_at = at("2026-11-08T09:00") + dt.timedelta(minutes=30 * number)
        make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1))
    with django_assert_num_queries(7):
        client.get("/events/?view=week&day=2026-11-12")
