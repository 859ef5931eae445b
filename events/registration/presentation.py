"""Present how a person takes part in an event, on the pages about their registration."""

from django import forms

from aspen.formats import counted
from aspen.web.tiles import Tile, tiles_of
from events import rules
from events.calendar.facts import EventFacts
from events.calendar.presentation import format_location
from events.enums import AttendanceMode, RegistrationState
from events.models import Event, Registration
from events.queries import NO_REGISTRATIONS, RegistrationCounts


def registered_text(registration: Registration) -> str:
    """Say that the person has a place or is on the waitlist."""
    mode = registration.attendance_mode
    how = f" to take part {mode}" if mode else ""
    if registration.state == RegistrationState.CONFIRMED:
        return f"You are registered{how}."
    return (
        f"You are on the waitlist{how}. As soon as a place opens up, we will register you and "
        "e-mail you."
    )


def mode_tiles(form: forms.Form, event: Event, facts: EventFacts) -> list[Tile]:
    """Return the tiles of the attendance modes, with the places left for each."""
    counts = facts.counts_by_event.get(event.pk, NO_REGISTRATIONS)
    choices = [(mode.value, mode.label, _hint(event, mode, counts)) for mode in AttendanceMode]
    return tiles_of(form, "attendance_mode", choices)


def _hint(event: Event, mode: AttendanceMode, counts: RegistrationCounts) -> str:
    capacity, (taken, waiting) = rules.capacity_of(event, mode), counts.of(mode)
    place = format_location(event) if mode == AttendanceMode.IN_PERSON else ""
    if reason := rules.why_not_register(event, mode, taken, waiting):
        places = reason
    elif rules.has_to_wait(event, mode, taken, waiting):
        people = counted(waiting, "person is", "people are")
        places = f"All places are taken. You can join the waitlist; {people} waiting."
    elif capacity is None:
        places = ""
    else:
        places = f"{capacity - taken} of {capacity} places left."
    return ". ".join(part for part in (place, places) if part)
