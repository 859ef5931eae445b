"""Plans fictional trainings around today's date."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dateutil.relativedelta import relativedelta
from django.utils import timezone

from aspen.demo.addresses import meeting_address, recording_address
from aspen.demo.catalog import SCHOOL, TRAININGS, Training
from aspen.demo.occasions import CONFERENCES, DROP_INS, LAB, Conference
from aspen.demo.people import DOMAIN
from events.enums import Delivery, EventState, EventType, RegistrationMode

FIRST_MONDAY = dt.date(2024, 1, 1)
EVERY_WEEKS = 18  # each training is held about three times a year, two trainings a week
ONLINE = (Delivery.ONLINE, Delivery.HYBRID)
WEDNESDAY = 2
HOLIDAYS = {(1, 1), (7, 4), (11, 11), (12, 24), (12, 25), (12, 26), (12, 31)}
SESSIONS_START = [9, 10.25, 13, 14.25]


@dataclass(frozen=True)
class PlannedEvent:
    """A planned calendar event: its key, fields, and credits by category slug."""

    key: str
    values: dict[str, Any]
    credits: dict[str, Decimal]
    parent_key: str | None = None


def planned_events(today: dt.date) -> list[PlannedEvent]:
    """Return events from fourteen months before `today` to four months after it, parents first.

    Keys do not depend on `today`, so a later plan adds to an earlier one.
    """
    first = today - relativedelta(months=14)
    last = today + relativedelta(months=4)
    planned = [*_trainings(first, last), *_drop_ins(today)]
    for year in range(first.year, last.year + 1):
        for conference in CONFERENCES:
            opening = opening_day(conference, year)
            if first <= opening <= last:
                planned += _conference(conference, opening)
    return planned


def _trainings(first: dt.date, last: dt.date) -> Iterator[PlannedEvent]:
    for number, training in enumerate(TRAININGS):
        # 5 and 18 have no common factor, which spreads the trainings evenly over the weeks.
        week, weekday = number * 5 % EVERY_WEEKS, (number + number // EVERY_WEEKS) % 5
        day = FIRST_MONDAY + dt.timedelta(weeks=week, days=weekday)
        while day <= last:
            if day >= first and (day.month, day.day) not in HOLIDAYS:
                yield planned_on(training, day)
            day += dt.timedelta(weeks=EVERY_WEEKS)


def _drop_ins(today: dt.date) -> Iterator[PlannedEvent]:
    for offset in range(-3, 4):
        day = today + dt.timedelta(days=offset)
        if day.weekday() < len(DROP_INS):
            yield planned_on(DROP_INS[day.weekday()], day)


def lab_on(day: dt.date) -> PlannedEvent:
    """Return the lab, planned for the first Wednesday on or after `day`, with five places."""
    day += dt.timedelta(days=(WEDNESDAY - day.weekday()) % 7)
    lab = planned_on(LAB, day)
    lab.values["capacity"] = 5
    return lab


def planned_on(training: Training, day: dt.date) -> PlannedEvent:
    """Return a training planned for a day.

    A training without hours becomes an all-day event or a recorded course.
    """
    begins_at = mountain_time(day, training.start if training.hours else 0)
    ends_at = begins_at + dt.timedelta(hours=training.hours) if training.hours else None
    recorded_course = training.delivery == Delivery.RECORDED
    has_recording = recorded_course or training.recorded
    return PlannedEvent(
        key=f"demo:{training.slug}:{day}",
        values={
            **{name: getattr(training, name) for name in TRAINING_FIELDS},
            "state": EventState.CANCELLED if training.cancelled else EventState.PUBLISHED,
            "begins_at": begins_at,
            "ends_at": ends_at,
            "all_day": not training.hours,
            "registration_mode": RegistrationMode.PORTAL if ends_at else RegistrationMode.NONE,
            "recording_available_at": (
                begins_at if recorded_course else ends_at if training.recorded else None
            ),
            "recording_url": recording_address(f"{training.slug}-{day}") if has_recording else "",
            "recording_minutes": _minutes(training) if has_recording else None,
            **(_joining(training, day) if training.delivery in ONLINE else {}),
        },
        credits={slug: Decimal(amount) for slug, amount in training.credits.items()},
    )


def _minutes(training: Training) -> int:
    """Return a recording's length. A self-paced course takes as many hours as it has credits."""
    credits = sum(Decimal(amount) for amount in training.credits.values())
    return int((training.hours or credits) * 60)


def _joining(training: Training, day: dt.date) -> dict[str, str]:
    """Return how to join a training online. The telephone number is in the fictional range."""
    return {
        "joining_url": meeting_address(f"{training.slug}-{day}"),
        "meeting_id": f"{day:%y%m} {day:%d}{len(training.slug):02}",
        "passcode": "larkspur",
        "joining_phone": "406-555-0137",
        "contact_name": training.presenter,
        "contact": f"training@{DOMAIN}",
    }


TRAINING_FIELDS = (
    *("title", "type", "description", "delivery", "city", "location"),
    *("sponsor", "presenter", "audience"),
)


def opening_day(conference: Conference, year: int) -> dt.date:
    """Return the second Wednesday of the conference's month."""
    day = dt.date(year, conference.month, 8)
    return day + dt.timedelta(days=(WEDNESDAY - day.weekday()) % 7)


def _conference(conference: Conference, opening: dt.date) -> Iterator[PlannedEvent]:
    """Yield the conference, which earns no credit, and its sessions, four on each of two days."""
    key = f"demo:{conference.season.lower()}-conference:{opening}"
    shared = {
        "city": conference.city,
        "location": "Convention hall",
        "delivery": Delivery.IN_PERSON,
        "sponsor": SCHOOL,
        "audience": "Everyone who works in or for a library",
        "state": EventState.PUBLISHED,
    }
    yield PlannedEvent(
        key=key,
        values=shared
        | {
            "title": f"{opening.year} {conference.season} Library Conference",
            "type": EventType.CONFERENCE,
            "begins_at": mountain_time(opening, 0),
            "ends_at": mountain_time(opening + dt.timedelta(days=1), 0),
            "all_day": True,
            "registration_mode": RegistrationMode.NONE,
            "description": "Two days with eight sessions. Each session is claimed separately.",
        },
        credits={},
    )
    for number, (category, amount, title) in enumerate(conference.sessions):
        day = opening + dt.timedelta(days=number // len(SESSIONS_START))
        begins_at = mountain_time(day, SESSIONS_START[number % len(SESSIONS_START)])
        yield PlannedEvent(
            key=f"{key}:{number + 1}",
            values=shared
            | {
                "title": title,
                "type": EventType.CONTINUING_EDUCATION,
                "begins_at": begins_at,
                "ends_at": begins_at + dt.timedelta(hours=float(amount)),
                "all_day": False,
                "registration_mode": RegistrationMode.PORTAL,
                "description": "A session of the conference.",
            },
            credits={category: Decimal(amount)},
            parent_key=key,
        )


def mountain_time(day: dt.date, hour: float) -> dt.datetime:
    """Return a time of day in Mountain time. An `hour` of 10.25 means 10:15 AM."""
    clock = dt.time(int(hour), int(hour % 1 * 60))
    return dt.datetime.combine(day, clock, timezone.get_default_timezone())
