"""What happened to an event and its claims, in words, from the history that nobody rewrites."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from aspen import words
from aspen.history import BEGINNING
from credits.enums import ClaimState
from credits.models import Claim
from events.enums import EventState, Origin
from events.models import Event

SYSTEM = "The portal"


class Happening(NamedTuple):
    """One act: when, whose it was, what it changed, and the reason given."""

    when: str
    who: str
    what: list[str]
    why: str


# What a change says, and the reason given for it.
_Teller = Callable[[Any, Any], tuple[list[str], str]]


class _Change(NamedTuple):
    row: Any
    what: list[str]
    why: str


def of(event: Event | None, claims: Sequence[Claim]) -> list[Happening]:
    """The story of claims, with that of their event where given, the beginning first.

    At most six queries.
    """
    credits = _history("credits.CreditHistory").filter(claim__in=claims)
    changes = [
        *(_changes(_history("events.EventHistory").filter(pgh_obj=event), _event) if event else ()),
        *_changes(_history("credits.ClaimHistory").filter(pgh_obj__in=claims), _claim),
        *_changes(credits.select_related("category"), _credit),
        *_changes(_history("credits.EvidenceHistory").filter(claim__in=claims), _evidence),
    ]
    acts: dict[str, list[_Change]] = {}
    for change in changes:
        if change.what:
            acts.setdefault(_act(change.row), []).append(change)
    people = User.objects.in_bulk({_by(act[0].row) for act in acts.values()} - {None})
    in_time = sorted(acts.values(), key=lambda act: act[0].row.pgh_created_at)
    return [_happening(act, people) for act in in_time]


def _history(name: str) -> QuerySet[Any]:
    """The rows of a table that triggers write; its model is made by pghistory."""
    rows: QuerySet[Any] = apps.get_model(name)._default_manager.all()
    return rows


def _changes(history: QuerySet[Any], tell: _Teller) -> Iterator[_Change]:
    """Each entry beside the one before it of the same row."""
    before: dict[int, Any] = {}
    for row in history.order_by("pgh_id"):
        yield _Change(row, *tell(before.get(row.id), row))
        before[row.id] = row


def _act(row: Any) -> str:
    """What one act changes belongs together; a change outside any act stands alone."""
    return str(row.pgh_context_id or f"{row._meta.label} {row.pgh_id}")


def _by(row: Any) -> int | None:
    return (row.pgh_context or {}).get("by")


def _ticket(row: Any) -> str:
    ticket = (row.pgh_context or {}).get("ticket")
    return f"Help ticket {ticket}" if ticket else ""


def _happening(act: Sequence[_Change], people: dict[int, User]) -> Happening:
    first = act[0].row
    who = people.get(_by(first) or 0)
    day = words.day(timezone.localdate(first.pgh_created_at))
    return Happening(
        when=f"{day}, {words.clock(first.pgh_created_at)}",
        who=str(who) if who else SYSTEM,
        what=[part for each in act for part in each.what],
        why=next((each.why for each in act if each.why), _ticket(first)),
    )


# ---------- What a change says ----------


def _event(before: Any, now: Any) -> tuple[list[str], str]:
    if before is None:
        return [_began(now) or "Created the event"], ""
    what = []
    if before.title != now.title:
        what.append(f"Title: “{before.title}” → “{now.title}”")
    if _when(before) != _when(now):
        what.append(f"Time: {_when(before)} → {_when(now)}")
    for name, label in (("sponsor", "Sponsor"), ("presenter", "Presenter")):
        if getattr(before, name) != getattr(now, name):
            what.append(f"{label}: {getattr(before, name)} → {getattr(now, name)}")
    if before.description != now.description:
        what.append("Description changed")
    if before.origin != now.origin and now.origin == Origin.CALENDAR:
        what.append("Published to the calendar")
    elif before.state != now.state:
        what.append(f"Event: {state_in_words(before.state)} → {state_in_words(now.state)}")
    why = now.decision_reason if before.decided_at != now.decided_at else ""
    return what, why


def _claim(before: Any, now: Any) -> tuple[list[str], str]:
    if before is None:
        return [_began(now) or f"Claimed the credit ({now.get_source_display()})"], ""
    what = []
    if before.event_id != now.event_id:
        what.append("Claim moved to another event")
    if before.state != now.state:
        old, new = ClaimState(before.state).label, ClaimState(now.state).label
        what.append(f"Claim: {old} → {new}")
    if before.note != now.note:
        what.append("Note changed")
    return what, now.reason if before.reason != now.reason else ""


def _credit(before: Any, now: Any) -> tuple[list[str], str]:
    if before is None:
        return [] if _began(now) else [f"Credit: {_amount(now)}"], ""
    if before.withdrawn_at != now.withdrawn_at:
        return [f"Credit line taken out: {_amount(now)}"], now.withdrawn_why
    if _amount(before) != _amount(now):
        return [f"Credit: {_amount(before)} → {_amount(now)}"], ""
    return [], ""


def _evidence(before: Any, now: Any) -> tuple[list[str], str]:
    if _began(now):
        return [], ""
    verb = "Added" if now.pgh_label == "insert" else "Removed"
    return [f"{verb} the file {now.file_name}"], ""


def _began(row: Any) -> str:
    act = (row.pgh_context or {}).get("act")
    return "Existed when the history begins" if act == BEGINNING else ""


def _when(row: Any) -> str:
    return words.when(row.begins_at, row.ends_at, all_day=row.all_day)


def _amount(row: Any) -> str:
    return f"{row.category} {words.amount(row.amount)}"


def state_in_words(state: str) -> str:
    """A custom event is not published anywhere by its approval."""
    return "Approved" if state == EventState.PUBLISHED else EventState(state).label
