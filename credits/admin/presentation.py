"""Typed rows for the pages that merge events and award credits."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from accounts.models import User
from aspen.formats import format_day
from credits import actions, awards, queries, rules
from credits.models import AwardList
from events.admin_presentation import event_time, format_credit_lines
from events.enums import EventState, Origin
from events.models import Event

MAX_NAMES = 30
MAX_LINES = 200

# ---------- Merging ----------


class MergeCandidate(NamedTuple):
    """An event found by title, and the URL that selects it."""

    event: Event
    details: str
    url: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergePreview:
    """Two events side by side, and the effect of merging them.

    `names` are the first few people who claimed both, and `more` is how many others did.
    `earned_on` is the day of the event to keep, or "" if both have the same day. `records` are the
    effects on submitted records.
    """

    rows: list[tuple[str, str, str]]
    numbers: list[tuple[str, int]]
    names: list[str]
    more: int
    earned_on: str
    records: list[str]
    seen: str


def merge_preview(source: Event, target: Event, result: actions.MergeResult) -> MergePreview:
    numbers = [
        ("Claims that will move", result.moved),
        ("People who claimed both and will keep one claim", len(result.dropped)),
        ("Claims that will be approved", result.approved),
        ("Returned claims that will be pending again", result.sent_back),
        ("Moved claims whose credits differ from the event to keep", result.differing),
        ("Certification tracks that will gain or lose a credit", result.tracks),
        ("Registrations that will stay with the duplicate event", source.registrations.count()),
    ]
    return MergePreview(
        rows=_side_by_side(source, target),
        numbers=numbers,
        names=[str(claim.person) for claim in result.dropped[:MAX_NAMES]],
        more=max(0, len(result.dropped) - MAX_NAMES),
        records=[effect.text for effect in result.records],
        earned_on=format_day(target.last_day) if source.last_day != target.last_day else "",
        seen=actions.pair_version(source, target),
    )


def _side_by_side(*pair: Event) -> list[tuple[str, str, str]]:
    rows = {
        "Title": [event.title for event in pair],
        "Status": [_status(event) for event in pair],
        "When": [event_time(event) for event in pair],
        "Sponsor": [event.sponsor or "–" for event in pair],
        "CE credit": [format_credit_lines(event) or "–" for event in pair],
        "Claims": [str(queries.claims_on_event(event).count()) for event in pair],
    }
    return [(label, first, second) for label, (first, second) in rows.items()]


def event_details(event: Event) -> str:
    details = (event_time(event), event.sponsor, format_credit_lines(event), _status(event))
    return "; ".join(filter(None, details))


def _status(event: Event) -> str:
    if event.origin == Origin.CALENDAR:
        return "On the calendar" if event.state == EventState.PUBLISHED else event.state_label.text
    return f"Create New… by {event.created_by}: {event.state_label.text}"


# ---------- Awarding ----------


class AwardedEvent(NamedTuple):
    """An award list's event. `why_not` is the reason its credits cannot be awarded, or ""."""

    pk: int
    title: str
    when: str
    credit: str
    why_not: str


def awarded_event(event: Event) -> AwardedEvent:
    """Return an award list's event. Takes no queries if its offers are prefetched."""
    return AwardedEvent(
        pk=event.pk,
        title=event.title,
        when=event_time(event),
        credit=format_credit_lines(event) or "None",
        why_not=rules.why_not_award(event, has_credit=bool(event.offers.all())) or "",
    )


class AwardGroup(NamedTuple):
    """People or lines with the same result: how many, and the first few."""

    label: str
    number: int
    lines: Sequence[tuple[str, str]]


def award_groups(award_list: AwardList, event: Event, *, by: User) -> list[AwardGroup]:
    """Return an award list's groups, starting with the people who will be awarded credits."""
    match = awards.match_award_list(award_list, event, by=by)

    def people(rows: Iterable[User]) -> list[tuple[str, str]]:
        return [(str(person), person.email) for person in rows]

    groups = {
        "Would be awarded today" if award_list.applied_at else "Will be awarded": people(
            match.award
        ),
        "Already have credit for this event (no change)": people(match.already_claimed),
        "Not awarded (claim declined or withdrawn, or marked absent)": [
            (str(person), f"{person.email}. {reason}") for person, reason in match.refused
        ],
        "You (ask a colleague to award your credits)": people(match.own),
        "Other addresses for people on the list": [
            (address, str(person)) for person, address in match.repeated
        ],
        "No account yet (will be awarded when they sign up with this address)": [
            (address, "") for address in match.unknown
        ],
        "Skipped lines": [
            (f"Line {line}", f"{reason} {text}") for line, reason, text in award_list.refused
        ],
    }
    return [AwardGroup(label, len(lines), lines[:MAX_LINES]) for label, lines in groups.items()]
