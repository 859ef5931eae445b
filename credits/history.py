"""The history of a claim and its credits as sentences, read from the history tables.

An action explains a change with audit.add_audit_context: `ticket=1042`, `reason=` if the changed
row has no field for it, `corrected=` if an event was corrected for everyone.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.formats import format_amount, format_day, format_time_range
from credits.enums import ENDED, ClaimRole, ClaimSource, ClaimState
from credits.models import (  # type: ignore[attr-defined]  # made by pghistory
    Claim,
    ClaimHistory,
    Credit,
    CreditHistory,
    EvidenceHistory,
)
from events.models import EventHistory  # type: ignore[attr-defined]

PORTAL = "portal@aspen.invalid"
# How staff are named; the first role that fits.
ROLE_NAMES = {
    Role.CE_COORDINATOR: "the CE Coordinator",
    Role.HELP_DESK: "the help desk",
    Role.ADMINISTRATOR: "an administrator",
    Role.EVENT_EDITOR: "the organizer",
}
# How a claim was made: the verb, whether a person did it, and how.
BEGAN_TEXTS = {
    ClaimSource.REGISTRATION: ("Added automatically", False, ", because {you} registered"),
    ClaimSource.CALENDAR: ("Claimed", True, ", with Add CE credit"),
    ClaimSource.LIST: ("Claimed", True, ", from the Continuing Education list"),
    ClaimSource.CUSTOM: ("Claimed", True, ", with Create New…"),
    ClaimSource.PRESENTING: ("Added automatically", False, ", because {you} presented"),
    ClaimSource.AWARD: ("Awarded", True, ""),
}
MOVED_TEXTS = {
    ClaimState.PENDING: "Sent again",
    ClaimState.APPROVED: "Approved",
    ClaimState.RETURNED: "Returned for changes",
    ClaimState.DECLINED: "Declined",
    ClaimState.WITHDRAWN: "Withdrawn",
}


@dataclasses.dataclass(frozen=True)
class HistoryEntry:
    """One change: a sentence without its period, and the reason given for it.

    `credit_id` is the one credit it is about; None for the whole claim or its event.
    """

    at: dt.datetime
    what: str
    reason: str = ""
    ticket: int | None = None
    credit_id: int | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}" if self.reason else f"{self.what}."


def claim_history(claim: Claim, *, reader: User | None = None) -> list[HistoryEntry]:
    """The history of the claim, its credits, files and event, oldest first. Six queries.

    The claim's person is "you" unless another `reader` is given.
    """
    claims = list(ClaimHistory.objects.filter(pgh_obj=claim.pk).order_by("pgh_id"))
    credits = CreditHistory.objects.filter(claim=claim.pk).select_related("category")
    files = EvidenceHistory.objects.filter(claim=claim.pk)
    events = EventHistory.objects.filter(pgh_obj__in={row.event_id for row in claims})
    rows = [
        *claims,
        *credits.order_by("pgh_id"),
        *files.order_by("pgh_id"),
        *events.order_by("pgh_id"),
    ]
    rows.sort(key=attrgetter("pgh_created_at"))
    you = claim.person_id if reader is None or reader.pk == claim.person_id else None
    return list(_HistoryWriter(rows, you=you, owner=claim.person_id).entries())


def credit_history(credit: Credit, *, reader: User | None = None) -> list[HistoryEntry]:
    """The entries of the claim's history that are about this credit. Six queries."""
    entries = claim_history(credit.claim, reader=reader)
    return [entry for entry in entries if entry.credit_id in (None, credit.pk)]


def how_credit_ended(credit: Credit, *, reader: User | None = None) -> HistoryEntry | None:
    """Why a credit no longer counts: its claim was declined or withdrawn, or its line taken out.

    None while it counts. No query if the deciding person and their groups are loaded.
    """
    claim = credit.claim
    you = claim.person_id if reader and reader.pk == claim.person_id else None
    if claim.state in ENDED and claim.decided_at:
        done, by, at = MOVED_TEXTS[ClaimState(claim.state)], claim.decided_by, claim.decided_at
        reason = "" if _is_own_withdrawal(claim) else claim.reason
    elif credit.withdrawn_at:
        done, by, at = "Taken out", credit.withdrawn_by, credit.withdrawn_at
        reason = credit.withdrawn_reason
    else:
        return None
    who = _by(by, you=you, owner=claim.person_id)
    return HistoryEntry(at, f"{done}{who}{_on(at)}", reason, credit_id=credit.pk)


class _HistoryWriter:
    """Turns history rows, in order of time, into entries."""

    def __init__(self, rows: list[Any], *, you: int | None, owner: int) -> None:
        self.rows = rows
        self.you = you
        self.owner = owner
        self.people = _people(rows)
        self.before: dict[tuple[type, int], Any] = {}
        self.claim: Any = None
        # The last title of each event names what a claim was moved to.
        self.titles = {row.id: row.title for row in rows if isinstance(row, EventHistory)}

    def entries(self) -> Iterator[HistoryEntry]:
        writers = {
            ClaimHistory: self._of_claim,
            CreditHistory: self._of_credit,
            EvidenceHistory: self._of_file,
            EventHistory: self._of_event,
        }
        for row in self.rows:
            key = (type(row), row.id)
            yield from writers[type(row)](row, self.before.get(key))
            self.before[key] = row

    # ---------- The claim ----------

    def _of_claim(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        self.claim = row
        if before is None:
            yield self._beginning(row)
            if row.state != ClaimState.PENDING and row.source != ClaimSource.AWARD:
                yield self._decision(row, MOVED_TEXTS[ClaimState(row.state)])
            return
        if row.event_id != before.event_id:
            old, new = (self.titles.get(each.event_id, "") for each in (before, row))
            yield self._entry(row, f"Moved from the event “{old}” to “{new}”")
        if row.role != before.role:
            old, new = (ClaimRole(each.role).label.lower() for each in (before, row))
            yield self._entry(row, f"Changed from {old} to {new}")
        if row.state != before.state:
            if before.state == ClaimState.WITHDRAWN:
                yield self._entry(row, "Restored")
            else:
                yield self._decision(row, MOVED_TEXTS[ClaimState(row.state)])
        if row.note != before.note:
            yield self._entry(row, "Note changed", reason=row.note)

    def _beginning(self, row: Any) -> HistoryEntry:
        lines = [
            f"{each.category} {format_amount(each.amount)}"
            for each in self.rows
            if isinstance(each, CreditHistory) and self._is_first(each, row)
        ]
        done, by_person, how = BEGAN_TEXTS[ClaimSource(row.source)]
        how = how.format(you="you" if self.you else "the person")
        by = self._by(row.claimed_by_id, row) if by_person else ""
        credits = f", as {_listed(lines)}" if lines else ""
        return HistoryEntry(row.claimed_at, f"{done}{by}{_on(row.claimed_at)}{how}{credits}")

    def _is_first(self, credit: Any, claim: Any) -> bool:
        """True if this row inserted a credit together with its claim."""
        same_action: bool = credit.pgh_context_id == claim.pgh_context_id
        return same_action and credit.pgh_label == "insert"

    def _decision(self, row: Any, done: str) -> HistoryEntry:
        reason = "" if _is_own_withdrawal(row) else row.reason
        return self._entry(row, done, who=row.decided_by_id, at=row.decided_at, reason=reason)

    # ---------- Its credits and files ----------

    def _of_credit(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        line = f"{row.category} {format_amount(row.amount)}"
        if before is None:
            if not self._is_first(row, self.claim):
                yield self._entry(row, f"{line} added", credit=row.id)
        elif change := _correction(before, row):
            yield self._entry(row, change, credit=row.id)
        was_out = before is not None and before.withdrawn_at is not None
        if row.withdrawn_at is not None and not was_out:
            yield self._entry(
                row,
                f"{line} taken out",
                who=row.withdrawn_by_id,
                at=row.withdrawn_at,
                reason=row.withdrawn_reason,
                credit=row.id,
            )
        elif row.withdrawn_at is None and was_out:
            yield self._entry(row, f"{line} put back", credit=row.id)

    def _of_file(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        done = "removed" if row.pgh_label == "delete" else "added"
        yield self._entry(row, f"File “{row.file_name}” {done}")

    # ---------- The event it is on ----------

    def _of_event(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        """Changes of title, time and origin while the claim was on the event."""
        if before is None or self.claim is None or self.claim.event_id != row.id:
            return
        if row.origin != before.origin:
            yield self._entry(row, "The event was put on the calendar", reason="")
        if row.title != before.title:
            yield self._entry(
                row, f"The event was renamed from “{before.title}” to “{row.title}”", reason=""
            )
        old, new = (_when(each) for each in (before, row))
        if old != new:
            yield self._entry(row, f"The event's time was changed from {old} to {new}", reason="")

    # ---------- Sentences ----------

    def _entry(
        self,
        row: Any,
        done: str,
        *,
        who: int | None = None,
        at: dt.datetime | None = None,
        reason: str | None = None,
        credit: int | None = None,
    ) -> HistoryEntry:
        """Who, when and why come from the row itself, or else from the audit context."""
        facts = row.pgh_context or {}
        at = at or row.pgh_created_at
        ticket = facts.get("ticket")
        how = f", ticket {ticket}" if ticket else ""
        if "corrected" in facts:
            how = ", for everyone who claimed this event"
        return HistoryEntry(
            at,
            f"{done}{self._by(who or facts.get('by'), row)}{_on(at)}{how}",
            reason=facts.get("reason", "") if reason is None else reason,
            ticket=ticket,
            credit_id=credit,
        )

    def _by(self, person_id: int | None, row: Any) -> str:
        person = self.people.get(person_id) if person_id else None
        act = (row.pgh_context or {}).get("act", "")
        return _by(person, you=self.you, owner=self.owner, act=act)


def _by(person: User | None, *, you: int | None, owner: int, act: str = "") -> str:
    """The phrase with the person: you, the portal, a role and a name, or a name; or ""."""
    if person is None:
        return ""
    if person.pk == you:
        return " by you"
    if person.email == PORTAL:
        return " by the portal"
    office = "" if person.pk == owner else _role_name(person, act)
    return f" by {office} ({person.display_name})" if office else f" by {person.display_name}"


def _is_own_withdrawal(claim: Any) -> bool:
    """True if the person withdrew it, not staff or the portal; then the reason adds nothing."""
    own: bool = claim.decided_by_id == claim.person_id
    return own and claim.state == ClaimState.WITHDRAWN


def _correction(before: Any, row: Any) -> str:
    """The change of a credit's category and amount, or ""."""
    old, new = format_amount(before.amount), format_amount(row.amount)
    if row.category_id == before.category_id:
        return "" if old == new else f"{row.category} changed from {old} to {new}"
    if old == new:
        return f"Moved from {before.category} to {row.category}"
    return f"Changed from {before.category} {old} to {row.category} {new}"


def _on(at: dt.datetime) -> str:
    return f" on {format_day(timezone.localdate(at))}"


def _people(rows: Iterable[Any]) -> dict[int, User]:
    """The people named in the rows and their audit contexts, with groups. Two queries."""
    ids: set[Any] = set()
    for row in rows:
        ids.add((row.pgh_context or {}).get("by"))
        ids |= {
            getattr(row, name, None)
            for name in ("claimed_by_id", "decided_by_id", "withdrawn_by_id")
        }
    people = (
        User.objects.filter(pk__in=[each for each in ids if each])
        .prefetch_related("groups")
        .order_by("pk")
    )
    return {person.pk: person for person in people}


def _role_name(person: User, act: str) -> str:
    names = {group.name for group in person.groups.all()}
    if act.startswith("helpdesk.") and names & {Role.HELP_DESK.value, Role.CE_COORDINATOR.value}:
        return ROLE_NAMES[Role.HELP_DESK]
    return next((office for role, office in ROLE_NAMES.items() if role.value in names), "")


def _when(event: Any) -> str:
    return format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)


def _listed(lines: list[str]) -> str:
    if len(lines) < 2:
        return "".join(lines)
    return f"{', '.join(lines[:-1])} and {lines[-1]}"
