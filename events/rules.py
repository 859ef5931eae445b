"""Rules about events. Each `why_…` function returns the reason, or None."""

import datetime as dt
import math
from decimal import Decimal

from django.utils import timezone

from aspen.clock import day_of_end
from aspen.formats import format_day, format_time
from aspen.halves import HALF
from aspen.transitions import Actor
from events.enums import (
    REVISION,
    AttendanceMode,
    CollegeCreditType,
    Delivery,
    EventState,
    Origin,
    RegistrationMode,
)
from events.models import Event

CHECK_IN_BEFORE = dt.timedelta(minutes=30)
JOIN_BEFORE = dt.timedelta(minutes=15)
ORGANIZER_CHECK_IN_BEFORE = dt.timedelta(hours=2)
# Overlaps up to this long are ignored, because people need time to change rooms.
ROOM_CHANGE = dt.timedelta(minutes=5)
ONE_DAY = dt.timedelta(days=1)
ALL_TAKEN = {
    "": "All places are taken.",
    AttendanceMode.IN_PERSON: "All places in the room are taken.",
    AttendanceMode.ONLINE: "All online places are taken.",
}
PER_COURSE_CREDIT = {CollegeCreditType.SEMESTER: 4, CollegeCreditType.QUARTER: 2}


def is_over(event: Event) -> bool:
    return bool(event.over_at <= timezone.now())


def is_claimable(event: Event) -> bool:
    """Return True if the event is published and is over or has its recording available."""
    return event.state == EventState.PUBLISHED and bool(event.claimable_at <= timezone.now())


def last_day_of(
    begins_at: dt.datetime, ends_at: dt.datetime | None, *, all_day: bool = False
) -> dt.date:
    """Return the day in Montana on which an event with these times ends.

    An event that ends at midnight ends on the day before. The database computes the same for
    stored events (LAST_DAY in events/models/event.py).
    """
    first = timezone.localdate(begins_at)
    if ends_at is None:
        return first
    return timezone.localdate(ends_at) if all_day else max(first, day_of_end(ends_at))


def has_recording(event: Event, now: dt.datetime) -> bool:
    """Return True if people can watch a recording for credit at `now`."""
    available_at, until_at = event.recording_available_at, event.recording_until_at
    if available_at is None or available_at > now:
        return False
    return until_at is None or now < until_at


def is_recording_gone(event: Event, now: dt.datetime) -> bool:
    """Return True if the last day on which people could watch the recording is over."""
    last_day = event.recording_last_day
    return last_day is not None and last_day < timezone.localdate(now)


def is_past_recording(event: Event, now: dt.datetime) -> bool:
    """Return True if a recorded event no longer earns credit."""
    until_at = event.recording_until_at
    return event.delivery == Delivery.RECORDED and until_at is not None and until_at <= now


def overlaps(one: Event, other: Event) -> bool:
    """Return whether two events overlap, so that no one can have attended both.

    All-day events and events without an end time never overlap.
    """
    if (one.pk and one.pk == other.pk) or one.all_day or other.all_day:
        return False
    if one.ends_at is None or other.ends_at is None:
        return False
    overlap = min(one.ends_at, other.ends_at) - max(one.begins_at, other.begins_at)
    return overlap > ROOM_CHANGE


def is_longer_than_a_day(event: Event) -> bool:
    return event.ends_at is not None and event.ends_at - event.begins_at > ONE_DAY


def places_overlap(one: Event, other: Event) -> bool:
    """Return whether a person with places at both events has two places at the same time.

    Recordings, events longer than a day, and a conference and its sessions never overlap.
    """
    for event, another in ((one, other), (other, one)):
        if event.delivery == Delivery.RECORDED or is_longer_than_a_day(event):
            return False
        if event.parent_id is not None and event.parent_id == another.pk:
            return False
    return overlaps(one, other)


def state_for_editors(event: Event) -> str:
    """Return the state for use in a sentence, such as "a draft" or "returned for changes"."""
    text = event.state_label.text.lower()
    return "a draft" if text == "draft" else text


def may_revise(event: Event, person_id: int) -> bool:
    """Return True if this is the person's own custom event and staff have not decided on it."""
    is_own = event.origin == Origin.CUSTOM and event.created_by_id == person_id
    return is_own and REVISION.allows(event.state, Actor.PERSON)


def attendance_modes(event: Event) -> tuple[str, ...]:
    """Return the attendance modes that people choose from: two at a hybrid event, otherwise "".

    Each mode has places and a waitlist of its own.
    """
    if event.delivery != Delivery.HYBRID:
        return ("",)
    return (AttendanceMode.IN_PERSON, AttendanceMode.ONLINE)


def capacity_of(event: Event, mode: str) -> int | None:
    """Return the number of places for this attendance mode, or None for no limit."""
    return event.online_capacity if mode == AttendanceMode.ONLINE else event.capacity


def is_full(event: Event, mode: str, taken: int) -> bool:
    """Return True if `taken` registrations fill the places for this attendance mode."""
    capacity = capacity_of(event, mode)
    return capacity is not None and taken >= capacity


def has_started(event: Event) -> bool:
    return bool(event.begins_at <= timezone.now())


def has_to_wait(event: Event, mode: str, taken: int, waiting: int) -> bool:
    """Return True if the next person to register with this attendance mode has no place.

    `taken` and `waiting` are numbers of people with that mode. No one moves up from the waitlist
    once the event has started, so those who still wait no longer come first.
    """
    return is_full(event, mode, taken) or (waiting > 0 and not has_started(event))


def why_registration_closed(event: Event) -> str | None:
    """Return why registration, including the waitlist, is permanently closed, or None."""
    if event.origin != Origin.CALENDAR or event.state != EventState.PUBLISHED:
        return "This event does not take registrations."
    if is_over(event):
        return "This event is over. If you took part, use Add CE credit."
    if event.registration_mode != RegistrationMode.PORTAL:
        return "You cannot register for this event here."
    return None


def why_not_register(event: Event, mode: str, taken: int, waiting: int) -> str | None:
    """Return why no one can register with this attendance mode now, or None.

    `taken` and `waiting` are numbers of people with that mode.
    """
    if reason := why_registration_closed(event):
        return reason
    now = timezone.now()
    if event.registration_opens_at and now < event.registration_opens_at:
        return f"Registration opens {_moment(event.registration_opens_at)}."
    if event.registration_closes_at and now >= event.registration_closes_at:
        return f"Registration closed {_moment(event.registration_closes_at)}."
    if has_to_wait(event, mode, taken, waiting):
        if has_started(event):
            return f"{ALL_TAKEN[mode].removesuffix('.')}, and the event has started."
        if not event.has_waitlist:
            return ALL_TAKEN[mode]
    return None


def _moment(moment: dt.datetime) -> str:
    """Format a time such as "on Thu, Dec 3, 2026, at 9:00 AM"."""
    return f"on {format_day(timezone.localdate(moment))}, at {format_time(moment)}"


def joining_opens(event: Event) -> dt.datetime:
    """Return the time from which people with a place can join the event online."""
    return event.begins_at - JOIN_BEFORE


def why_not_join(event: Event) -> str | None:
    """Return why no one can join the event online now, or None. It does not say who can."""
    if event.state != EventState.PUBLISHED:
        return "This event is not taking place."
    if is_over(event):
        return "This event is over, so you can no longer join."
    if not event.joining_url:
        return f"To join online, ask {contact_of(event)}."
    if timezone.now() < joining_opens(event):
        return f"You can join online {_moment(joining_opens(event))}."
    return None


def can_watch(event: Event, now: dt.datetime) -> bool:
    """Return True if the event page links to the recording now."""
    return bool(
        event.recording_url
        and event.state == EventState.PUBLISHED
        and (event.recording_available_at is None or event.recording_available_at <= now)
        and not is_recording_gone(event, now)
    )


def why_not_star(event: Event) -> str | None:
    """Return why people cannot star the event as one that they plan to attend, or None."""
    if event.parent_id is None:
        return "Only the sessions of a conference have stars."
    if event.state != EventState.PUBLISHED:
        return "This session is not taking place."
    if is_over(event):
        return "This session is over. If you attended it, use Add CE credit."
    return None


def contact_of(event: Event) -> str:
    """Return the person to ask about the event, with the address or telephone, as text."""
    contact = ", ".join(part for part in (event.contact_name, event.contact) if part)
    return contact or event.sponsor or "the organizer"


def joining_facts(event: Event) -> list[tuple[str, str]]:
    """Return how to join the event online as (label, value), only for people who may know it."""
    facts = [
        ("Join online", event.joining_url),
        ("Meeting ID", event.meeting_id),
        ("Passcode", event.passcode),
        ("By telephone", event.joining_phone),
    ]
    return [(label, value) for label, value in facts if value]


def check_in_opens(event: Event) -> dt.datetime:
    """Return the time from which people can check themselves in."""
    return event.begins_at - CHECK_IN_BEFORE


def check_in_by_organizer_opens(event: Event) -> dt.datetime:
    """Return the time from which the organizer can check people in and mark attendance."""
    return event.begins_at - ORGANIZER_CHECK_IN_BEFORE


def why_check_in_closed(event: Event) -> str | None:
    """Return why people cannot check themselves in now, or None."""
    if event.origin != Origin.CALENDAR or event.state != EventState.PUBLISHED:
        return "This event is not taking place."
    if timezone.now() < check_in_opens(event):
        return f"Check-in opens {_moment(check_in_opens(event))}."
    if is_over(event):
        return "This event is over. If you took part, use Add CE credit."
    return None


def why_not_scan(event: Event) -> str | None:
    """Return why the organizer cannot scan check-in codes at the door now, or None."""
    if is_over(event):
        return "This event is over. Mark attendance on the roster."
    return why_not_mark(event)


def why_not_mark(event: Event) -> str | None:
    """Return why attendance cannot be marked now, or None."""
    if event.state != EventState.PUBLISHED:
        return "This event is not taking place, so there is no attendance to mark."
    if timezone.now() < check_in_by_organizer_opens(event):
        opens = _moment(check_in_by_organizer_opens(event))
        return f"You can mark attendance starting two hours before the event, {opens}."
    return None


def default_threshold(event: Event) -> int:
    """Return the default minimum minutes present: half the event's length, or 30 if unknown."""
    if event.ends_at is None or event.all_day:
        return 30
    return max(1, int((event.ends_at - event.begins_at).total_seconds()) // 120)


def length_in_hours(begins_at: dt.datetime, ends_at: dt.datetime) -> Decimal:
    """Return the exact length in hours."""
    return Decimal((ends_at - begins_at).total_seconds()) / 3600


def default_credits(begins_at: dt.datetime, ends_at: dt.datetime) -> Decimal:
    """Return the suggested credits: the event's hours, rounded down to a half."""
    return max(HALF, math.floor(length_in_hours(begins_at, ends_at) * 2) * HALF)


def ce_credits_for_course(credit_type: CollegeCreditType, number: int) -> Decimal:
    """Return the CE credits for `number` college credits, from the State Library's table."""
    return Decimal(PER_COURSE_CREDIT[credit_type] * number)


def max_credits(begins_at: dt.datetime, ends_at: dt.datetime) -> Decimal:
    """Return the maximum credits: the event's hours, rounded up to a half."""
    return max(HALF, math.ceil(length_in_hours(begins_at, ends_at) * 2) * HALF)
