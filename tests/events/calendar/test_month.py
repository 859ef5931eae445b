"""The month view: on which days an event appears, what a day shows, and the links."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
import time_machine
from dateutil.relativedelta import relativedelta
from django.test import Client

from credits.actions import claim_custom_event
from events.actions import register
from events.calendar.grid import (
    CalendarChoice,
    DayPlan,
    EventSpan,
    month_links,
    plan_days,
)
from events.enums import EventState
from tests import factories as make

MOUNTAIN = ZoneInfo("America/Denver")


def at(text: str) -> dt.datetime:
    """Convert a Mountain time to UTC, as stored."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=MOUNTAIN).astimezone(dt.UTC)


def span(begin: str, end: str | None = None, *, pk: int = 1, all_day: bool = False) -> EventSpan:
    return EventSpan(pk, at(begin), at(end) if end else None, all_day)


def days(spans: list[EventSpan], month: str) -> dict[str, list[int]]:
    first = dt.date.fromisoformat(f"{month}-01")
    plans = plan_days(spans, first, first + relativedelta(day=31))
    return {day.isoformat(): planned.shown for day, planned in sorted(plans.items())}


@pytest.mark.parametrize(
    ("begin", "end", "month", "expected"),
    [
        # 23:30 in Montana is the next day in UTC.
        ("2026-11-12T23:30", "2026-11-12T23:50", "2026-11", ["2026-11-12"]),
        ("2026-11-30T23:30", None, "2026-11", ["2026-11-30"]),
        ("2026-12-31T23:30", "2026-12-31T23:59", "2026-12", ["2026-12-31"]),
        ("2027-01-01T00:00", "2027-01-01T01:00", "2027-01", ["2027-01-01"]),
        # Midnight belongs to the day before, unless the event starts then.
        ("2026-11-12T22:00", "2026-11-13T00:00", "2026-11", ["2026-11-12"]),
        ("2026-11-12T22:00", "2026-11-13T00:01", "2026-11", ["2026-11-12", "2026-11-13"]),
        ("2026-11-12T00:00", "2026-11-12T00:00", "2026-11", ["2026-11-12"]),
        # Clocks change on March 8 and November 1, 2026.
        ("2026-03-08T01:30", "2026-03-08T03:30", "2026-03", ["2026-03-08"]),
        ("2026-03-07T23:30", "2026-03-08T23:30", "2026-03", ["2026-03-07", "2026-03-08"]),
        ("2026-11-01T00:30", "2026-11-01T23:30", "2026-11", ["2026-11-01"]),
        ("2026-10-31T23:30", "2026-11-01T02:30", "2026-10", ["2026-10-31"]),
        ("2026-10-31T23:30", "2026-11-01T02:30", "2026-11", ["2026-11-01"]),
        # A leap day, and a February without one.
        ("2028-02-29T09:00", "2028-02-29T10:00", "2028-02", ["2028-02-29"]),
        ("2027-02-28T20:00", "2027-03-01T20:00", "2027-02", ["2027-02-28"]),
    ],
)
def test_an_event_appears_on_the_mountain_days_it_covers(begin, end, month, expected):
    assert list(days([span(begin, end)], month)) == expected


def test_an_event_of_several_days_appears_on_each_day_within_the_month():
    conference = span("2026-10-30T09:00", "2026-11-02T12:00")
    assert list(days([conference], "2026-10")) == ["2026-10-30", "2026-10-31"]
    assert list(days([conference], "2026-11")) == ["2026-11-01", "2026-11-02"]


def test_the_last_day_of_an_all_day_event_is_included():
    retreat = span("2026-08-17T00:00", "2026-08-19T00:00", all_day=True)
    assert list(days([retreat], "2026-08")) == ["2026-08-17", "2026-08-18", "2026-08-19"]


def test_all_day_events_come_first_and_the_others_follow_by_time():
    spans = [
        span("2026-11-12T23:00", "2026-11-13T01:00", pk=1),
        span("2026-11-12T09:00", "2026-11-12T10:00", pk=2),
        span("2026-11-12T00:00", pk=3, all_day=True),
        span("2026-11-11T08:00", "2026-11-13T08:00", pk=4),
    ]
    assert days(spans, "2026-11") == {
        "2026-11-11": [4],
        "2026-11-12": [4, 3, 2, 1],
        "2026-11-13": [4, 1],
    }


def test_a_conference_comes_before_its_opening_session():
    spans = [
        span("2026-11-12T09:00", "2026-11-12T10:00", pk=1),
        span("2026-11-12T09:00", "2026-11-14T12:00", pk=2),
    ]
    assert days(spans, "2026-11")["2026-11-12"] == [2, 1]


@pytest.mark.parametrize(("count", "shown", "more"), [(4, 4, 0), (5, 3, 2), (300, 3, 297)])
def test_a_full_day_shows_three_events_and_the_number_of_others(count, shown, more):
    spans = [span("2026-11-12T09:00", "2026-11-12T10:00", pk=pk) for pk in range(count)]
    plans = plan_days(spans, dt.date(2026, 11, 1), dt.date(2026, 11, 30))
    day_plan = plans[dt.date(2026, 11, 12)]
    assert day_plan == DayPlan(shown=list(range(shown)), more=more)


def choice(month: dt.date) -> CalendarChoice:
    return CalendarChoice(view="month", month=month, category="technology")


@time_machine.travel("2026-11-23T12:00-07:00", tick=False)
def test_month_links_cross_years_and_keep_the_filters():
    links = month_links(choice(dt.date(2026, 12, 1)))
    assert links.previous_url == "/events/?category=technology"
    assert links.next_url == "/events/?month=2027-01&category=technology"
    assert links.today_url == "/events/?category=technology"


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3, 300])
def test_the_number_of_queries_is_fixed(client, django_assert_num_queries, count):
    for number in range(count):
        begins_at = at("2026-11-01T09:00") + dt.timedelta(hours=2 * number)
        make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1))
    with django_assert_num_queries(5):
        client.get("/events/?month=2026-11")


@pytest.mark.parametrize(
    ("month", "links"),
    [
        (dt.date(1990, 1, 1), ("", "/events/?month=1990-02&category=technology")),
        (dt.date(2099, 12, 1), ("/events/?month=2099-11&category=technology", "")),
    ],
)
def test_the_first_and_last_month_have_one_link(month, links):
    shown = month_links(choice(month))
    assert (shown.previous_url, shown.next_url) == links


def cells(client: Client, query: str) -> dict[str, list[tuple[str, str]]]:
    """Return the times and titles that the month page shows, by day."""
    weeks = client.get(f"/events/?{query}").context["weeks"]
    return {
        cell.iso: [(line.time, line.title) for line in cell.lines]
        for week in weeks
        for cell in week
        if cell.lines
    }


@pytest.mark.django_db
def test_late_events_appear_on_their_mountain_day(client):
    for title, begin, end in [
        ("Late", "2026-11-12T23:30", "2026-11-12T23:45"),
        ("Last of the month", "2026-11-30T23:30", "2026-11-30T23:45"),
        ("First of the next", "2026-12-01T00:00", "2026-12-01T01:00"),
        ("Last of the month before", "2026-10-31T23:00", "2026-11-01T00:00"),
        ("No end", "2026-11-15T13:00", None),
    ]:
        make.event(title=title, begins_at=at(begin), ends_at=at(end) if end else None)
    assert cells(client, "month=2026-11") == {
        "2026-11-12": [("11:30pm", "Late")],
        "2026-11-15": [("1pm", "No end")],
        "2026-11-30": [("11:30pm", "Last of the month")],
        "2026-12-01": [("12am", "First of the next")],
    }


@pytest.mark.django_db
def test_the_page_shows_a_conference_on_every_day(client):
    make.event(title="Conference", begins_at=at("2026-11-29T09:00"), ends_at=at("2026-12-02T12:00"))
    assert cells(client, "month=2026-11") == {
        "2026-11-29": [("9am", "Conference")],
        **{day: [("", "Conference")] for day in ("2026-11-30", "2026-12-01", "2026-12-02")},
    }
    assert cells(client, "month=2026-12") == cells(client, "month=2026-11")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("month", "weeks", "first", "last"),
    [
        ("2027-02", 5, "2027-01-31", "2027-03-06"),
        ("2026-02", 4, "2026-02-01", "2026-02-28"),
        ("2028-02", 5, "2028-01-30", "2028-03-04"),
        ("2026-05", 6, "2026-04-26", "2026-06-06"),
    ],
)
def test_weeks_are_complete_and_start_on_sunday(client, month, weeks, first, last):
    grid = client.get(f"/events/?month={month}").context["weeks"]
    assert [len(week) for week in grid] == [7] * weeks
    assert (grid[0][0].iso, grid[-1][-1].iso) == (first, last)


@pytest.mark.django_db
@time_machine.travel("2026-11-23T23:30-07:00", tick=False)
def test_today_is_the_mountain_day_and_is_marked(client):
    response = client.get("/events/")
    today = [cell.iso for week in response.context["weeks"] for cell in week if cell.is_today]
    assert today == ["2026-11-23"]
    assert response.content.decode().count(" Today</span>") == 1
    gone = [
        cell.day for week in response.context["weeks"] for cell in week if "is-gone" in cell.css
    ]
    assert gone == list(range(1, 23))
    other = client.get("/events/?month=2026-12").context["weeks"]
    assert not any("is-gone" in cell.css for week in other for cell in week)
    assert [cell.number for cell in other[0]][:3] == ["Nov 29", "30", "Dec 1"]


@pytest.mark.django_db
def test_a_full_day_links_to_its_list(client):
    for _ in range(6):
        make.event(begins_at=at("2026-11-12T09:00"), ends_at=at("2026-11-12T10:00"))
    make.event(title="Day after", begins_at=at("2026-11-13T00:00"), ends_at=at("2026-11-13T01:00"))
    month = client.get("/events/?month=2026-11&category=technology")
    cell = next(c for week in month.context["weeks"] for c in week if c.iso == "2026-11-12")
    assert (len(cell.lines), cell.more) == (3, 3)
    assert cell.day_url == "/events/?view=list&day=2026-11-12&category=technology"
    day = client.get(cell.day_url)
    assert day.context["heading"] == "Events on Thu, Nov 12, 2026"
    assert len(day.context["rows"]) == 6


@pytest.mark.django_db
@time_machine.travel("2026-11-12T12:00-07:00", tick=False)
def test_days_with_events_are_links_with_readable_labels(client):
    for day, count in ((12, 1), (13, 6)):
        for _ in range(count):
            begins_at = at(f"2026-11-{day}T09:00")
            make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1))
    page = client.get("/events/").content.decode()
    days = re.findall(r'<a class="day" href="([^"]*)">(.*?)</a>', page)
    shown = r'<span aria-hidden="true"><span class="day__name">.*?</span>.*?</span>'
    assert [(href, re.sub(f"{shown}|<[^>]*>", "", words)) for href, words in days] == [
        ("/events/?view=list&amp;day=2026-11-12", "Thursday, November 12, Today, 1 event"),
        ("/events/?view=list&amp;day=2026-11-13", "Friday, November 13, 6 events"),
    ]
    assert page.count('<span class="day">') == 33


@pytest.mark.django_db
@time_machine.travel("2026-11-23T12:00-07:00", tick=False)
def test_tabs_keep_the_current_date(client):
    def tabs(query: str) -> dict[str, str]:
        shown = client.get(f"/events/?{query}").context["tabs"]
        return {tab.label: tab.url for tab in shown}

    assert tabs("month=2027-03&city=Butte") == {
        "List": "/events/?view=list&city=Butte",
        "Month": "/events/?month=2027-03&city=Butte",
        "Watch now": "/events/?view=watch&city=Butte",
    }
    assert tabs("day=2027-03-10")["Month"] == "/events/?month=2027-03"
    assert tabs("view=list")["Month"] == "/events/"


@pytest.mark.django_db
def test_the_week_leads_to_the_list_of_its_days(client):
    response = client.get("/events/?view=week&day=2027-03-10&city=Butte")
    assert response.status_code == 302
    assert response.url == "/events/?view=list&city=Butte&from=2027-03-07&to=2027-03-13"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "month"),
    [
        ("2026-11-28", "November 2026"),  # a Saturday
        ("2026-11-29", "December 2026"),
        ("2026-11-30", "December 2026"),
        ("2026-12-31", "January 2027"),
        ("2026-10-31", "October 2026"),  # a Saturday at the end of the month
    ],
)
def test_in_its_last_week_a_month_opens_on_the_next_one(client, day, month):
    with time_machine.travel(f"{day}T12:00-07:00", tick=False):
        page = client.get("/events/")
        assert page.context["links"].name == month
        assert [cell.iso for week in page.context["weeks"] for cell in week if cell.is_today] == [
            day
        ]


@pytest.mark.django_db
@time_machine.travel("2026-11-23T12:00-07:00", tick=False)
def test_own_events_have_a_text_label(client):
    person = make.person()
    claimed, coming, other = (make.event(title=name, days=days) for name, days in OWN)
    make.claim(person, claimed)
    register(event_id=coming.pk, by=person)
    register(event_id=other.pk, by=make.person())
    make.claim(make.person(), make.event(title="Claimed by someone else", days=-4))
    client.force_login(person)
    assert words(client) == {
        "Claimed": "Credit listed",
        "Coming": "Registered",
        "Other": "",
        "Claimed by someone else": "",
    }
    assert (
        '<span aria-hidden="true">✓ </span>Registered</a>'
        in client.get("/events/").content.decode()
    )
    client.logout()
    assert set(words(client).values()) == {""}


OWN = [("Claimed", -3), ("Coming", 3), ("Other", 4)]


def words(client: Client) -> dict[str, str]:
    weeks = client.get("/events/").context["weeks"]
    return {line.title: line.mine for week in weeks for cell in week for line in cell.lines}


@pytest.mark.django_db
def test_a_canceled_event_has_a_text_label(client):
    make.event(
        title="Budget basics",
        begins_at=at("2026-11-12T09:00"),
        ends_at=at("2026-11-12T10:00"),
        state=EventState.CANCELLED,
    )
    page = client.get("/events/?month=2026-11").content.decode()
    assert '<span class="only-read">Canceled: </span><span class="title">Budget' in page


@pytest.mark.django_db
def test_custom_events_are_not_in_the_month(client):
    person = make.person()
    made = make.claim(person).event
    claim_custom_event(facts=make.facts(title="Own training"), by=person)
    client.force_login(person)
    page = client.get(f"/events/?month={made.begins_at.astimezone(MOUNTAIN):%Y-%m}")
    assert made.title in page.content.decode()
    assert "Own training" not in page.content.decode()
