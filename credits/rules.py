"""Rules for claims and awards. Nothing here queries the database."""

import datetime as dt
from collections.abc import Sequence

from django.db.models import F, Q
from django.utils import timezone

from aspen.clock import day_of_end, fiscal_year, years_after, years_before
from aspen.formats import format_day
from aspen.transitions import Actor
from credits.enums import CERTIFIED, CLAIM_TRANSITIONS, LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim
from events.enums import Attendance, EventState
from events.models import Event, Registration
from events.rules import has_recording, is_claimable, is_past_recording, state_for_editors

# Presenters earn double credit (2009).
ROLE_FACTORS = {ClaimRole.ATTENDEE: 1, ClaimRole.PRESENTER: 2}
# The same topic earns presenter credit at most twice in any four years (2009).
MAX_PRESENTATIONS_PER_TOPIC, PRESENTATION_WINDOW_YEARS = 2, 4
# Claims that are live, declined, or withdrawn by the person. Automatic credits and awards skip
# events with such a claim.
PREVENTS_AUTOMATIC_CLAIM = Q(state__in=sorted({*LIVE, ClaimState.DECLINED})) | Q(
    state=ClaimState.WITHDRAWN, decided_by=F("person")
)


def may_present_again(day: dt.date, presented: Sequence[dt.date]) -> bool:
    """Return whether presenting a topic on `day` earns presenter credit.

    `presented` are the days of the topic's other presentations with credit. Any four years can
    contain at most two. This applies to the four years ending on `day` and to those ending on each
    later presentation that has already been credited.
    """
    later = [each for each in presented if day < each < years_after(day, PRESENTATION_WINDOW_YEARS)]
    return all(
        sum(years_before(end, PRESENTATION_WINDOW_YEARS) < each <= end for each in presented)
        < MAX_PRESENTATIONS_PER_TOPIC
        for end in (day, *later)
    )


def is_lost_by_absence(claim: Claim, event: Event, now: dt.datetime) -> bool:
    """Return whether a live claim on the event is withdrawn if its person was absent.

    Presenter claims stay. If the event has a recording, so does a claim that the person made
    themselves, because they may have watched the recording.
    """
    if claim.role != ClaimRole.ATTENDEE:
        return False
    return claim.source == ClaimSource.REGISTRATION or not has_recording(event, now)


def counted_catalog_years(claim: Claim, earned_on: dt.date) -> set[int]:
    """Return the fiscal years whose catalogs apply to this claim.

    These are the year in which the credit was earned and, for a recording, the year in which it
    was claimed, because a catalog can include recordings from earlier years. queries.from_catalog
    is the same rule in SQL.
    """
    years = {fiscal_year(earned_on)}
    if has_recording(claim.event, claim.claimed_at):
        years.add(fiscal_year(timezone.localdate(claim.claimed_at)))
    return years


def has_certificate(claim: Claim) -> bool:
    """Return whether the person can have a certificate of attendance for the claim.

    A custom event must be approved. attendance.certified_claims is the same rule in SQL.
    """
    return claim.state in CERTIFIED and claim.event.state == EventState.PUBLISHED


def may_change_state(claim: Claim, target: ClaimState, actor: Actor) -> bool:
    return CLAIM_TRANSITIONS[target].allows(claim.state, actor)


def refuse_transition(claim: Claim, target: ClaimState, actor: Actor) -> None:
    """Raise Refused if the actor cannot move the claim to this state."""
    CLAIM_TRANSITIONS[target].apply(
        claim.state,
        actor,
        lambda: f"A claim that is {claim.get_state_display().lower()} cannot be changed this way.",
    )


def why_not_claim(
    event: Event, *, has_credit: bool, registration: Registration | None, earlier: Claim | None
) -> str | None:
    """Return why a person cannot claim an event, or None.

    `registration` is the person's registration for the event, and `earlier` their declined claim,
    if any. People who were absent can still claim the recording.
    """
    if event.state == EventState.CANCELLED:
        return "This event was canceled, so it earns no credit."
    if not has_credit:
        return "This event carries no CE credit."
    now = timezone.now()
    if event.claimable_at > now:
        return "This event is not over yet. Credit can be claimed once it has ended."
    if event.recording_until_at and is_past_recording(event, now):
        day = format_day(day_of_end(event.recording_until_at))
        return f"Credit for this recording could only be claimed until {day}."
    absent = registration is not None and registration.attendance == Attendance.ABSENT
    if absent and not has_recording(event, now):
        return "The organizer marked you as absent. If that is a mistake, open a help ticket."
    if earlier:
        return (
            f"Your claim was declined: {earlier.reason} If that is a mistake, open a help ticket."
        )
    return None


def why_not_award(event: Event, *, has_credit: bool) -> str | None:
    """Return why staff cannot award an event's credits, or None."""
    if event.state == EventState.MERGED:
        return "This event was merged into another event. Award that event's credits instead."
    if event.state != EventState.PUBLISHED:
        return f"This event is {state_for_editors(event)}, so it earns no credit."
    if not has_credit:
        return "This event carries no CE credit. Add its credit lines first."
    if not is_claimable(event):
        return "This event is not over yet. Its credits can be awarded once it has ended."
    return None


def why_no_award(event: Event, *, claim: Claim | None, registration: Registration | None) -> str:
    """Return why a person without a live claim on the event cannot be awarded credit, or "".

    `claim` is the person's claim that was declined or that they withdrew, if any.
    """
    if claim is not None and claim.state == ClaimState.DECLINED:
        return f"Declined earlier: {claim.reason}"
    if claim is not None:
        return "Withdrew the claim"
    absent = registration is not None and registration.attendance == Attendance.ABSENT
    return "Marked as absent" if absent and not has_recording(event, timezone.now()) else ""
