"""The calendar's pages are short enough to be read without much scrolling."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.utils import timezone
from zeal import zeal_ignore

from accounts.models import User
from aspen.clock import in_montana
from events.calendar.grid import opening_month
from events.enums import Delivery, RegistrationMode
from events.models import Event
from tests import factories as make
from tests.browser.page import Visitor
from tracks.actions import select_track

pytestmark = pytest.mark.django_db(transaction=True)
# The day of the month, and a title as long as those of the demonstration.
DAYS = [
    (1, "Answering family history questions"),
    (1, "Drop-in: technology questions"),
    (2, "Drop-in: questions about boards"),
    (3, "Drop-in: cataloging questions"),
    (7, "Story time for every child"),
    (9, "Book repair at your own bench"),
    (9, "Small-group cataloging lab"),
    (10, "Passwords and other keys"),
    (11, "The reference interview, again"),
    (23, "Is our website any good?"),
    (25, "Wet books: salvage in practice"),
    (26, "A strategic plan on two pages"),
]
CATEGORIES = [make.ADMINISTRATION, make.PUBLIC, make.COLLECTION, make.TECHNOLOGY]
SPONSORS = ["Big Sky Library School", "Montana State Library", "Prairie Library Consortium"]


def month_of_the_events() -> dt.date:
    return opening_month() + relativedelta(months=2)


def an_event(number: int, title: str, **fields: Any) -> Event:
    return make.event(
        title=title,
        sponsor=SPONSORS[number % len(SPONSORS)],
        credits={CATEGORIES[number % len(CATEGORIES)]: "1.0"},
        **{"delivery": Delivery.ONLINE, "registration_mode": RegistrationMode.PORTAL} | fields,
    )


def recordings(*titles: str) -> None:
    for number, title in enumerate(titles):
        an_event(
            number,
            title,
            days=-200 - number,
            delivery=Delivery.RECORDED,
            recording_url="https://videos.example/1",
            recording_available_at=timezone.now() - dt.timedelta(days=1),
            recording_minutes=60,
        )


@pytest.fixture
def person(transactional_db: None) -> User:
    """A director with a track, and a calendar like the demonstration's, two months from now."""
    with zeal_ignore():
        person = make.person()
        select_track(track=make.track("Library Director"), by=person)
        month = month_of_the_events()
        for number, (day, title) in enumerate(DAYS):
            begins_at = in_montana(dt.datetime(month.year, month.month, day, 10))
            begins_at += dt.timedelta(days={5: 2, 6: 1}.get(begins_at.weekday(), 0))
            an_event(number, title, begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1))
        recordings("Weeding without tears", *(title for _, title in DAYS))
        for days in (90, -52, -180):
            an_event(2, "Weeding without tears", days=days)
    return person


@pytest.mark.parametrize(
    ("width", "limits"),
    [
        (1280, {"view=list": 1350, "month": 1200, "view=watch": 1100, "q=weeding": 1000}),
        (360, {"view=list": 2700, "month": 2150, "view=watch": 2150, "q=weeding": 1600}),
    ],
)
def test_the_calendar_is_short(
    open_browser: Callable[..., Visitor], person: User, width: int, limits: dict[str, int]
) -> None:
    month = f"{month_of_the_events():%Y-%m}"
    visitor = open_browser(person, width=width)
    heights = {}
    for query in limits:
        visitor.visit(f"/events/?{query.replace('month', f'month={month}')}")
        heights[query] = visitor.page.evaluate("document.documentElement.scrollHeight")
        assert visitor.page.locator("main .btn-primary").count() == 0
    assert {query: height for query, height in heights.items() if height > limits[query]} == {}
