"""Small predicates about events. Each `why_not_…` answers None when the thing may be done."""

import datetime as dt
import math
from decimal import Decimal

from django.utils import timezone

from aspen.halves import HALF
from events.enums import EventState, Origin, RegistrationMode
from events.models import Event


def is_over(event: Event) -> bool:
    return bool(event.over_at <= timezone.now())


def has_taken_place(event: Event) -> bool:
    """Whether people may hold credit for a calendar event: it stands, and is over or recorded."""
    return event.state == EventState.PUBLISHED and bool(event.claimable_at <= timezone.now())


def has_recording(event: Event, now: dt.datetime) -> bool:
    """Whether a recording can be watched at that moment."""
    available_at = event.recording_available_at
    return available_at is not None and available_at <= now


def why_not_register(event: Event, taken: int) -> str | None:
    """Why nobody more can register for `event`, of whose places `taken` are taken."""
    if event.origin != Origin.CALENDAR or event.state != EventState.PUBLISHED:
        return "This event does not take registrations."
    if is_over(event):
        return "This event is over. If you took part, use Add CE credit."
    if event.registration_mode != RegistrationMode.PORTAL:
        return "You cannot register for this event here."
    if event.capacity is not None and taken >= event.capacity:
        return "All places are taken."
    return None


def hours(begins_at: dt.datetime, ends_at: dt.datetime) -> Decimal:
    """The length in hours, exactly."""
    return Decimal((ends_at - begins_at).total_seconds()) / 3600


def most_credits(begins_at: dt.datetime, ends_at: dt.datetime) -> Decimal:
    """The most credits an event of this length can carry: its hours rounded up to the half."""
    return max(HALF, math.ceil(hours(begins_at, ends_at) * 2) * HALF)
