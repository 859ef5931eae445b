"""A person's next step for an event: register, join, claim, or why there is none. No queries."""

import dataclasses
import datetime as dt
from typing import NamedTuple
from urllib.parse import urlsplit

from django.urls import reverse

from events import rules
from events.calendar.facts import EventFacts, credit_button
from events.enums import (
    ATTENDED,
    Attendance,
    AttendanceMode,
    EventState,
    Origin,
    RegistrationMode,
    RegistrationState,
)
from events.models import Event
from events.queries import NO_REGISTRATIONS, RegistrationCounts


class Link(NamedTuple):
    """A link to another site and its host name."""

    url: str
    host: str


def web_link(url: str) -> Link | None:
    """Return the link, or None if browsers would not open the URL as a page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return Link(url, parts.hostname.removeprefix("www."))


@dataclasses.dataclass(frozen=True, slots=True)
class NextStep:
    """The next step: a button (`kind`), its URL if it opens another site, and a note.

    `switches` are the ways in which the person can take part instead: in person or online.
    """

    kind: str = ""
    url: str = ""
    note: str = ""
    can_cancel: bool = False
    switches: tuple[AttendanceMode, ...] = ()


def next_step(event: Event, facts: EventFacts) -> NextStep:
    """Return the person's next step for an event."""
    counts = facts.counts_by_event.get(event.pk, NO_REGISTRATIONS)
    if event.origin == Origin.CUSTOM:
        return _custom_step(event, facts)
    if event.pk in facts.claimed:
        return NextStep("claimed")
    if event.state == EventState.CANCELLED:
        return NextStep(note="This event was canceled. It earns no credit.")
    registered = counts.state == RegistrationState.CONFIRMED
    if button := credit_button(event, facts):
        is_unmarked = counts.attendance == Attendance.UNKNOWN
        can_cancel = registered and is_unmarked and event.over_at > facts.now
        return NextStep(button, note=_credit_note(event, counts, facts), can_cancel=can_cancel)
    if event.over_at <= facts.now:
        return NextStep(note=_over_note(event, counts, facts))
    if registered:
        return _registered_step(event, counts, facts)
    if counts.state == RegistrationState.WAITLISTED:
        return NextStep(
            "waitlisted",
            note=_waiting_note(event, counts),
            can_cancel=True,
            switches=switches(event, counts),
        )
    return _registration_step(event, counts, facts)


class HowToJoin(NamedTuple):
    """How to join an event online, for people with a place and organizers only.

    `url` is the page of the portal that opens the meeting, or empty before and after.
    """

    url: str
    note: str
    facts: list[tuple[str, str]]


def how_to_join(
    event: Event, counts: RegistrationCounts, now: dt.datetime, *, is_managed: bool = False
) -> HowToJoin | None:
    """Return how the person joins the event online, or None if they cannot or it is over.

    `counts` have the person's registration.
    """
    has_place = counts.state == RegistrationState.CONFIRMED
    facts = rules.joining_facts(event)
    is_coming = event.state == EventState.PUBLISHED and event.over_at > now
    if not facts or not is_coming or not (has_place or is_managed):
        return None
    reason = rules.why_not_join(event)
    url = "" if reason else reverse("events:join", args=[event.pk])
    return HowToJoin(url, reason or "You can join now.", facts)


def _registered_step(event: Event, counts: RegistrationCounts, facts: EventFacts) -> NextStep:
    """Return a registered person's next step. They can cancel until attendance is marked."""
    if counts.attendance == Attendance.ABSENT:
        return NextStep("registered", note=_over_note(event, counts, facts))
    is_checked_in = counts.attendance in ATTENDED
    how = f" to take part {counts.mode}" if counts.mode else ""
    note = "You are checked in." if is_checked_in else f"You are registered{how}."
    if event.pk in facts.credits:
        note += " Your credit will be listed automatically after the event."
    return NextStep(
        "registered",
        note=note,
        can_cancel=not is_checked_in,
        switches=() if is_checked_in else switches(event, counts),
    )


def switches(event: Event, counts: RegistrationCounts) -> tuple[AttendanceMode, ...]:
    """Return the other attendance modes in which a registered person can take part.

    Includes those with a waitlist only. People whose mode is not known count as in person.
    """
    if rules.attendance_modes(event) == ("",):
        return ()
    keeps_place = () if counts.mode else (AttendanceMode.IN_PERSON,)
    return tuple(
        mode
        for mode in AttendanceMode
        if mode in keeps_place
        or (mode != counts.mode and not rules.why_not_register(event, mode, *counts.of(mode)))
    )


def _waiting_note(event: Event, counts: RegistrationCounts) -> str:
    if rules.has_started(event):
        return (
            "You were on the waitlist, but no place opened up before the event started. If you "
            "took part anyway, ask the organizer to add you."
        )
    ahead = {0: "You are next", 1: "One person is ahead of you"}.get(
        counts.ahead, f"{counts.ahead} people are ahead of you"
    )
    how = f" to take part {counts.mode}" if counts.mode else ""
    return (
        f"You are on the waitlist{how}. {ahead}. As soon as a place opens up, we will register "
        "you and e-mail you."
    )


def _custom_step(event: Event, facts: EventFacts) -> NextStep:
    if event.state == EventState.DRAFT:
        return NextStep("revise", note=f"Staff asked for changes: {event.decision_reason}")
    if event.state == EventState.DECLINED:
        return NextStep(note=f"Staff declined this event: {event.decision_reason}")
    return NextStep("claimed" if event.pk in facts.claimed else "")


def _credit_note(event: Event, counts: RegistrationCounts, facts: EventFacts) -> str:
    is_due = counts.state == RegistrationState.CONFIRMED and counts.settled_at is None
    if is_due and event.over_at <= facts.now:
        return (
            "You registered, so your credit will be listed automatically. You can also add it now."
        )
    if not facts.is_signed_in:
        return ""
    return "It goes straight to your credits. You can withdraw it there."


def _over_note(event: Event, counts: RegistrationCounts, facts: EventFacts) -> str:
    if counts.attendance == Attendance.ABSENT:
        return (
            "The organizer marked you as absent, so no credit was added. "
            "If this is a mistake, open a help ticket."
        )
    if event.pk in facts.credits:
        return ""
    if facts.credits and facts.credits.keys() <= facts.claimed:
        return "The sessions earn the credit. They are all listed in your credits."
    if facts.credits:  # on a conference page, its sessions' credits
        return "The sessions earn the credit. Choose the ones you attended in the program below."
    return "This event earns no CE credit."


def _registration_step(event: Event, counts: RegistrationCounts, facts: EventFacts) -> NextStep:
    if event.registration_mode == RegistrationMode.NONE:
        return NextStep(note="You do not need to register.")
    if event.registration_mode == RegistrationMode.EXTERNAL:
        site = web_link(event.registration_url)
        if site is None:
            return NextStep(note="Register with the event's sponsor.")
        if event.pk not in facts.credits:
            return NextStep("external", site.url)
        note = "We are not notified when you register there. Add your credit here after the event."
        return NextStep("external", site.url, note=note)
    modes = rules.attendance_modes(event)
    reasons = [rules.why_not_register(event, mode, *counts.of(mode)) for mode in modes]
    if reasons[0] and all(reasons):
        reason = reasons[0]
        if not event.registration_mode:
            reason = "Ask the sponsor whether you need to register."
        elif len(set(reasons)) > 1:
            reason = "All places are taken, in person and online."
        return NextStep(note=reason)
    if all(rules.has_to_wait(event, mode, *counts.of(mode)) for mode in modes):
        note = "All places are taken. The person who has waited longest gets the next free place."
        return NextStep("join" if facts.is_signed_in else "sign_in_join", note=note)
    note = "Your credit will be listed automatically after the event."
    return NextStep(
        "register" if facts.is_signed_in else "sign_in_register",
        note=note if event.pk in facts.credits else "",
    )
