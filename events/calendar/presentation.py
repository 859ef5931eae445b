"""Present events on pages: states, and rows in lists and programs.

No queries. Strings are built here because date filters in templates make long lists slow.
"""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.utils import timezone
from django.utils.text import capfirst

from aspen.clock import day_of_end
from aspen.formats import (
    counted,
    format_credits,
    format_day,
    format_length,
    format_short_day,
    format_time,
)
from aspen.web.labels import Label
from events import rules
from events.calendar.facts import EventFacts, credit_button
from events.calendar.next_step import next_step
from events.enums import (
    REGISTRATION_LABELS,
    Attendance,
    AttendanceMode,
    Delivery,
    EventState,
    Origin,
    RegistrationMode,
    RegistrationState,
)
from events.models import Event, Registration
from events.queries import NO_REGISTRATIONS, CategoryAmount, RegistrationCounts

# ---------- States, places, credits ----------


# How many days ahead the calendar shows that registration will close.
SOON_DAYS = 7
OVER = Label("Over", "neutral", "○")
UNDER_WAY = Label("Under way", "info", "▸")
RECORDING = Label("Recording available", "info", "▶")
FULL = Label("Full", "warn", "!")
FULL_FOR = {
    AttendanceMode.IN_PERSON.value: Label("Full in person", "warn", "!"),
    AttendanceMode.ONLINE.value: Label("Full online", "warn", "!"),
}
WAITLIST = Label("Waitlist open", "info", "+")
CLOSED = Label("Registration closed", "neutral", "○")
DEMONSTRATION = Label("Demonstration event", "neutral", "i")
CREDIT_LISTED = Label("Credit listed", "good", "✓")
ABSENT = Label("Absent, no credit", "warn", "!")
ALERTS = (UNDER_WAY, CLOSED)
ALERT_TONES = ("warn", "bad")
EARNS_NO_CREDIT = Label("Earns no credit", "neutral", "○")
NO_CREDIT_LISTED = Label("No credit listed", "neutral", "○")


def state_labels(event: Event, counts: RegistrationCounts, now: dt.datetime) -> list[Label]:
    """Return the states to show, most important first."""
    if event.origin == Origin.CUSTOM or event.state == EventState.CANCELLED:
        return [event.state_label]
    over = event.over_at <= now
    checks = [
        (OVER, over),
        (UNDER_WAY, not over and event.begins_at <= now),
        (RECORDING, rules.has_recording(event, now) and not rules.is_recording_gone(event, now)),
    ]
    labels = [label for label, applies in checks if applies]
    return labels if over else labels + _registration_states(event, counts, now)


def _registration_states(event: Event, counts: RegistrationCounts, now: dt.datetime) -> list[Label]:
    """Return the state of the person's registration, or whether registration is open or full."""
    if event.registration_mode != RegistrationMode.PORTAL:
        return []
    how = f", {counts.mode}" if counts.mode else ""
    if counts.state == RegistrationState.CONFIRMED:
        registered = REGISTRATION_LABELS[RegistrationState.CONFIRMED]
        return [registered._replace(text=f"{registered.text}{how}")]
    if counts.state == RegistrationState.WAITLISTED:
        waitlisted = REGISTRATION_LABELS[RegistrationState.WAITLISTED]
        waitlisted = waitlisted._replace(text=f"{waitlisted.text}{how}")
        if event.begins_at <= now:
            return [waitlisted]
        return [waitlisted._replace(text=f"{waitlisted.text}, number {counts.ahead + 1}")]
    opens, closes = event.registration_opens_at, event.registration_closes_at
    if opens and now < opens:
        return [Label(f"Registration opens {format_day(timezone.localdate(opens))}", "info", "…")]
    if closes and closes <= now:
        return [CLOSED]
    labels = _full_labels(event, counts)
    if closes and (soon := _days_left(closes, now)):
        labels.append(Label(f"Registration closes {soon}", "warn", "!"))
    return labels


def _full_labels(event: Event, counts: RegistrationCounts) -> list[Label]:
    """Return whether all places are taken, or all those for one attendance mode."""
    modes = rules.attendance_modes(event)
    full = [mode for mode in modes if rules.has_to_wait(event, mode, *counts.of(mode))]
    if len(full) < len(modes):
        return [FULL_FOR[mode] for mode in full]
    if event.has_waitlist and not rules.has_started(event):
        return [FULL, WAITLIST]
    return [FULL]


def _days_left(closes: dt.datetime, now: dt.datetime) -> str:
    """Return "today", "tomorrow" or "in 3 days", or "" if more than a week is left."""
    days = (day_of_end(closes) - timezone.localdate(now)).days
    if days > SOON_DAYS:
        return ""
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def format_location(event: Event) -> str:
    """Format room, place and city: Room 2, Yogo Inn, Lewistown"""
    return ", ".join(part for part in (event.room, event.location, event.city) if part)


def format_place(event: Event) -> str:
    """Format room, place, city and delivery: Room 2, Yogo Inn, Lewistown · In person"""
    delivery = Delivery(event.delivery).label if event.delivery else ""
    return " · ".join(part for part in (format_location(event), delivery) if part)


def day_and_times(event: Event) -> tuple[str, str]:
    """Return the day and the times: ("Thu, Dec 3, 2026", "9:00–11:00 AM").

    If the event lasts several days, the first string has everything and the second is empty.
    """
    text = event.when
    day = format_day(timezone.localdate(event.begins_at))
    last = rules.last_day_of(event.begins_at, event.ends_at, all_day=event.all_day)
    is_one_day = format_day(last) == day
    if is_one_day and text.startswith(f"{day}, "):
        return day, text.removeprefix(f"{day}, ")
    return text, ""


class Credits(NamedTuple):
    """A credit line as text, for includes/category.html."""

    name: str
    short_name: str
    slug: str
    shape: str
    amount: str


def credit_chips(lines: Iterable[CategoryAmount]) -> list[Credits]:
    return [
        Credits(line.name, line.short_name, line.slug, line.shape, format_credits(line.amount))
        for line in lines
    ]


# ---------- The rows of lists and programs ----------


@dataclasses.dataclass(frozen=True, slots=True)
class EventRow:
    """One event in a list."""

    pk: int
    url: str
    title: str
    day: str
    times: str
    where: str
    sponsor: str
    states: list[Label]
    credits: list[Credits]
    part_of: str
    part_of_url: str
    credit: str
    # What lists show: the day and times in few words, the town or "Online", and the next step.
    short_day: str = ""
    short_times: str = ""
    iso: str = ""
    is_today: bool = False
    town: str = ""
    alerts: tuple[Label, ...] = ()
    step: str = ""
    fills_gap: bool = False
    # What Watch now shows. `until` is a day, or empty.
    length: str = ""
    until: str = ""
    has_address: bool = False
    # What programs show: when the session starts, whether the person starred it, and still can.
    starts: str = ""
    is_starred: bool = False
    can_star: bool = False

    @property
    def claimed(self) -> Label | None:
        return CREDIT_LISTED if self.credit == "claimed" else None


def event_row(
    event: Event,
    facts: EventFacts,
    parent: Event | None = None,
    *,
    without: Collection[Label] = (),
) -> EventRow:
    """Return an event's row in a list.

    Pass `parent` to show the event's conference. States in `without` are omitted.
    """
    day, times = day_and_times(event)
    labels = state_labels(event, facts.counts_by_event.get(event.pk, NO_REGISTRATIONS), facts.now)
    return EventRow(
        pk=event.pk,
        url=event.get_absolute_url(),
        title=event.title,
        day=day,
        times=times,
        where=format_place(event),
        sponsor=event.sponsor,
        states=[label for label in labels if label not in without],
        credits=credit_chips(facts.credits.get(event.pk, ())),
        part_of=parent.title if parent else "",
        part_of_url=parent.get_absolute_url() if parent else "",
        credit=credit_button(event, facts),
        short_day=short_day(event, facts.now),
        short_times=short_times(event),
        iso=timezone.localdate(event.begins_at).isoformat(),
        is_today=timezone.localdate(event.begins_at) == timezone.localdate(facts.now),
        town=_town(event),
        alerts=tuple(label for label in labels if label.tone in ALERT_TONES or label in ALERTS),
        step=_row_step(event, facts),
        fills_gap=getattr(event, "fills_gap", False),
        length=format_length(event.recording_minutes) if event.recording_minutes else "",
        until=watchable_until(event, facts.now),
        has_address=bool(event.recording_url),
    )


def short_day(event: Event, now: dt.datetime) -> str:
    """Return the first day in few words: Today, Tue, Dec 1 or, in another year, Feb 12, 2027."""
    day = timezone.localdate(event.begins_at)
    return "Today" if day == timezone.localdate(now) else format_short_day(day)


def short_times(event: Event) -> str:
    """Return the times in few words: 9–11 AM, 9 AM–noon, or through Fri, Dec 4."""
    last = rules.last_day_of(event.begins_at, event.ends_at, all_day=event.all_day)
    if last != timezone.localdate(event.begins_at):
        return f"through {last:%a, %b} {last.day}"
    times = day_and_times(event)[1]
    return times.replace("12:00 PM", "noon").replace(":00", "")


def watchable_until(event: Event, now: dt.datetime) -> str:
    """Return the last day on which the recording can be watched and earns credit, as text."""
    days = [event.recording_last_day] if event.recording_last_day else []
    if event.recording_until_at:
        days.append(day_of_end(event.recording_until_at))
    if not days:
        return ""
    last = min(days)
    year = f", {last.year}" if last.year != timezone.localdate(now).year else ""
    return f"{last:%b} {last.day}{year}"


def start_time(event: Event) -> str:
    """Return when a session starts, such as 9:00 AM."""
    return "All day" if event.all_day else format_time(event.begins_at)


def _town(event: Event) -> str:
    if event.delivery in (Delivery.ONLINE, Delivery.RECORDED):
        return "Online" if event.delivery == Delivery.ONLINE else "Recording"
    place = event.city or event.location
    if event.delivery == Delivery.HYBRID:
        return f"{place} and online" if place else "In person and online"
    return place


def _row_step(event: Event, facts: EventFacts) -> str:
    """Return the kind of the next step that the row offers, or "" if it offers none."""
    step = next_step(event, facts).kind
    has_choice = rules.attendance_modes(event) != ("",)
    if step == "register" and (has_choice or getattr(event, "has_questions", True)):
        return "ask"
    return step


def conference_program(
    event: Event, sessions: Iterable[Event], facts: EventFacts, *, starred: Collection[int] = ()
) -> list[tuple[str, list[EventRow]]]:
    """Return a conference's sessions by day, time and room.

    Rows omit what the conference's page shows anyway. `starred` has the ids of the sessions that
    the person starred.
    """
    shared_states = state_labels(event, NO_REGISTRATIONS, facts.now)
    days: dict[str, list[EventRow]] = {}
    for session in sorted(sessions, key=lambda each: (each.begins_at, each.room, each.pk)):
        shown = dataclasses.replace(
            event_row(session, facts, without=shared_states),
            starts=start_time(session),
            is_starred=session.pk in starred,
            can_star=facts.is_signed_in and rules.why_not_star(session) is None,
        )
        if session.sponsor == event.sponsor:
            shown = dataclasses.replace(shown, sponsor="")
        if _is_same_location(session, event):
            shown = dataclasses.replace(shown, where=session.room)
        day = format_day(timezone.localdate(session.begins_at))
        days.setdefault(day, []).append(shown)
    return list(days.items())


def _is_same_location(session: Event, conference: Event) -> bool:
    return (session.location, session.city, session.delivery) == (
        conference.location,
        conference.city,
        conference.delivery,
    )


def places_left(event: Event, counts: RegistrationCounts, now: dt.datetime) -> str:
    """Format the places left while registration is possible.

    Such as "3 of 5 left" or, at a hybrid event, "In person: 3 of 5 left; online: no limit".
    """
    is_open = (
        event.registration_mode == RegistrationMode.PORTAL
        and event.state == EventState.PUBLISHED
        and event.over_at > now
    )
    modes = rules.attendance_modes(event)
    if not is_open or all(rules.capacity_of(event, mode) is None for mode in modes):
        return ""
    if modes == ("",):
        return _places_left_for(event, "", counts)
    left = [f"{mode}: {_places_left_for(event, mode, counts).lower()}" for mode in modes]
    return capfirst("; ".join(left))


def _places_left_for(event: Event, mode: str, counts: RegistrationCounts) -> str:
    """Format the places left for an attendance mode, such as "3 of 5 left"."""
    capacity, (taken, waiting) = rules.capacity_of(event, mode), counts.of(mode)
    if capacity is None:
        return "no limit"
    left = max(0, capacity - taken)
    if not waiting or rules.has_started(event):
        return f"{left} of {capacity} left"
    people = counted(waiting, "person waiting", "people waiting")
    return f"None of {capacity} left, {people}"


def attendance_outcome(registration: Registration, facts: EventFacts, *, is_claimed: bool) -> Label:
    """Return the outcome of a registration for an event that is over."""
    if is_claimed:
        return CREDIT_LISTED
    if registration.event.state == EventState.CANCELLED:
        return registration.event.state_label
    if registration.attendance == Attendance.ABSENT:
        return ABSENT
    if registration.event_id not in facts.credits:
        return EARNS_NO_CREDIT
    return NO_CREDIT_LISTED


MONTH_FIELDS = ("title", "begins_at", "ends_at", "all_day", "state")
# All fields of a row. Long fields are omitted: the description and the search vector.
ROW_FIELDS = (
    *MONTH_FIELDS,
    "origin",
    "delivery",
    "location",
    "city",
    "room",
    "sponsor",
    "registration_mode",
    "registration_url",
    "registration_opens_at",
    "registration_closes_at",
    "capacity",
    "online_capacity",
    "has_waitlist",
    "recording_available_at",
    "recording_until_at",
    "recording_url",
    "recording_minutes",
    "recording_last_day",
    "over_at",
    "claimable_at",
    "parent__title",
)
