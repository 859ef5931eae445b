"""The history of a claim and its credits in plain English, from the history tables.

Actions add details with audit.add_audit_context: `ticket` is the number of a help ticket, `reason`
explains a change to a row that has no field for it, and `corrected` is the id of an event that was
corrected for everyone.
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
from events.enums import Origin
from events.models import EventHistory  # type: ignore[attr-defined]

PORTAL = "portal@aspen.invalid"
# How entries refer to staff, by the first of these roles that they hold.
ROLE_NAMES = {
    Role.CE_COORDINATOR: "the CE Coordinator",
    Role.HELP_DESK: "the help desk",
    Role.ADMINISTRATOR: "an administrator",
    Role.CATALOG_COMMITTEE: "the catalog committee",
    Role.EVENT_EDITOR: "the organizer",
}
# The wording for a new claim: the verb, whether to say by whom, and how it was made.
CREATION_TEXTS = {
    ClaimSource.REGISTRATION: ("Added automatically", False, ", because {you} registered"),
    ClaimSource.CALENDAR: ("Claimed", True, ", with Add CE credit"),
    ClaimSource.LIST: ("Claimed", True, ", from the Continuing Education list"),
    ClaimSource.CUSTOM: ("Claimed", True, ", with Create New…"),
    ClaimSource.PRESENTING: ("Added automatically", False, ", because {you} presented"),
    ClaimSource.AWARD: ("Awarded", True, ""),
}
TRANSITION_TEXTS = {
    ClaimState.PENDING: "Resubmitted",
    ClaimState.APPROVED: "Approved",
    ClaimState.RETURNED: "Returned for changes",
    ClaimState.DECLINED: "Declined",
    ClaimState.WITHDRAWN: "Withdrawn",
}

UNDO_ACTIONS = frozenset({"credits.undo_claim_decision", "events.undo_custom_event_decision"})


@dataclasses.dataclass(frozen=True)
class HistoryEntry:
    """One change, as a sentence without a period, and the reason for the change.

    `credit_id` is the credit that changed, or None if the claim or its event did.
    """

    at: dt.datetime
    what: str
    reason: str = ""
    ticket: int | None = None
    credit_id: int | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}" if self.reason else f"{self.what}."


def claim_history(claim: Claim, *, reader: User | None = None) -> list[HistoryEntry]:
    """Return the history of a claim, its credits, files and event, oldest first.

    The text calls the claimant "you" unless the reader is someone else. Takes six queries.
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
    return list(_HistoryWriter(rows, you=you, claimant=claim.person_id).entries())


def credit_history(credit: Credit, *, reader: User | None = None) -> list[HistoryEntry]:
    """Return the entries of the claim's history that apply to this credit. Takes six queries."""
    entries = claim_history(credit.claim, reader=reader)
    return [entry for entry in entries if entry.credit_id in (None, credit.pk)]


def how_credit_ended(credit: Credit, *, reader: User | None = None) -> HistoryEntry | None:
    """Return the entry that says why a credit no longer counts, or None if it counts.

    Either its claim was declined or withdrawn, or the credit itself was withdrawn. Takes no query
    if the person who decided and their groups are loaded.
    """
    claim = credit.claim
    you = claim.person_id if reader and reader.pk == claim.person_id else None
    if claim.state in ENDED and claim.decided_at:
        text, by, at = TRANSITION_TEXTS[ClaimState(claim.state)], claim.decided_by, claim.decided_at
        reason = "" if _is_own_withdrawal(claim) else claim.reason
    elif credit.withdrawn_at:
        text, by, at = "Credit withdrawn", credit.withdrawn_by, credit.withdrawn_at
        reason = credit.withdrawn_reason
    else:
        return None
    by_whom = _by(by, you=you, claimant=claim.person_id)
    return HistoryEntry(at, f"{text}{by_whom}{_on(at)}", reason, credit_id=credit.pk)


class _HistoryWriter:
    """Turns history rows, oldest first, into entries."""

    def __init__(self, rows: list[Any], *, you: int | None, claimant: int) -> None:
        self.rows = rows
        self.you = you
        self.claimant = claimant
        self.people = _people(rows)
        self.before: dict[tuple[type, int], Any] = {}
        self.claim: Any = None
        # Entries about moved claims use each event's latest title.
        self.titles = {row.id: row.title for row in rows if isinstance(row, EventHistory)}

    def entries(self) -> Iterator[HistoryEntry]:
        writers = {
            ClaimHistory: self._claim_entries,
            CreditHistory: self._credit_entries,
            EvidenceHistory: self._file_entries,
            EventHistory: self._event_entries,
        }
        for row in self.rows:
            key = (type(row), row.id)
            yield from writers[type(row)](row, self.before.get(key))
            self.before[key] = row

    # ---------- The claim ----------

    def _claim_entries(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        self.claim = row
        if before is None:
            yield self._creation(row)
            if row.state != ClaimState.PENDING and row.source != ClaimSource.AWARD:
                yield self._decision(row, TRANSITION_TEXTS[ClaimState(row.state)])
            return
        if row.event_id != before.event_id:
            old, new = (self.titles.get(each.event_id, "") for each in (before, row))
            yield self._entry(row, f"Moved from the event “{old}” to “{new}”")
        if row.role != before.role:
            old, new = (ClaimRole(each.role).label.lower() for each in (before, row))
            yield self._entry(row, f"Role changed from {old} to {new}")
        if row.state != before.state:
            if before.state == ClaimState.WITHDRAWN:
                yield self._entry(row, "Restored")
            elif (row.pgh_context or {}).get("act") in UNDO_ACTIONS:
                state = ClaimState(row.state).label.lower()
                yield self._entry(row, f"Decision undone, {state} again", reason="")
            else:
                yield self._decision(row, TRANSITION_TEXTS[ClaimState(row.state)])
        if row.note != before.note:
            yield self._entry(row, "Note changed", reason=row.note)

    def _creation(self, row: Any) -> HistoryEntry:
        lines = [
            f"{each.category} {format_amount(each.amount)}"
            for each in self.rows
            if isinstance(each, CreditHistory) and self._is_first(each, row)
        ]
        text, by_person, how = CREATION_TEXTS[ClaimSource(row.source)]
        how = how.format(you="you" if self.you else "the person")
        by = self._by(row.claimed_by_id, row) if by_person else ""
        credits = f": {_joined(lines)}" if lines else ""
        return HistoryEntry(row.claimed_at, f"{text}{by}{_on(row.claimed_at)}{how}{credits}")

    def _is_first(self, credit: Any, claim: Any) -> bool:
        """Return whether this row inserted a credit together with its claim."""
        same_action: bool = credit.pgh_context_id == claim.pgh_context_id
        return same_action and credit.pgh_label == "insert"

    def _decision(self, row: Any, text: str) -> HistoryEntry:
        reason = "" if _is_own_withdrawal(row) else row.reason
        return self._entry(row, text, person_id=row.decided_by_id, at=row.decided_at, reason=reason)

    # ---------- Credits and files ----------

    def _credit_entries(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        line = f"{row.category} {format_amount(row.amount)}"
        if before is None:
            if not self._is_first(row, self.claim):
                yield self._entry(row, f"{line} added", credit=row.id)
        elif change := _correction(before, row):
            yield self._entry(row, change, credit=row.id)
        was_withdrawn = before is not None and before.withdrawn_at is not None
        if row.withdrawn_at is not None and not was_withdrawn:
            yield self._entry(
                row,
                f"{line} withdrawn",
                person_id=row.withdrawn_by_id,
                at=row.withdrawn_at,
                reason=row.withdrawn_reason,
                credit=row.id,
            )
        elif row.withdrawn_at is None and was_withdrawn:
            yield self._entry(row, f"{line} restored", credit=row.id)

    def _file_entries(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        text = "removed" if row.pgh_label == "delete" else "added"
        yield self._entry(row, f"File “{row.file_name}” {text}")

    # ---------- The event ----------

    def _event_entries(self, row: Any, before: Any) -> Iterator[HistoryEntry]:
        """Report changes to the event's title, time and origin made while the claim was on it."""
        if before is None or self.claim is None or self.claim.event_id != row.id:
            return
        if row.origin != before.origin:
            was_added = row.origin == Origin.CALENDAR
            how = "added to" if was_added else "taken off"
            yield self._entry(row, f"The event was {how} the calendar", reason="")
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
        text: str,
        *,
        person_id: int | None = None,
        at: dt.datetime | None = None,
        reason: str | None = None,
        credit: int | None = None,
    ) -> HistoryEntry:
        """Fill in a missing person, time or reason from the history row and its context."""
        context = row.pgh_context or {}
        at = at or row.pgh_created_at
        ticket = context.get("ticket")
        how = f", ticket {ticket}" if ticket else ""
        if "corrected" in context:
            how = ", for everyone who claimed this event"
        return HistoryEntry(
            at,
            f"{text}{self._by(person_id or context.get('by'), row)}{_on(at)}{how}",
            reason=context.get("reason", "") if reason is None else reason,
            ticket=ticket,
            credit_id=credit,
        )

    def _by(self, person_id: int | None, row: Any) -> str:
        person = self.people.get(person_id) if person_id else None
        action = (row.pgh_context or {}).get("act", "")
        return _by(person, you=self.you, claimant=self.claimant, action=action)


def _by(person: User | None, *, you: int | None, claimant: int, action: str = "") -> str:
    """Return " by" with "you", the portal, or a name and any staff role; "" without a person."""
    if person is None:
        return ""
    if person.pk == you:
        return " by you"
    if person.email == PORTAL:
        return " by the portal"
    role = "" if person.pk == claimant else _role_name(person, action)
    return f" by {role} ({person.display_name})" if role else f" by {person.display_name}"


def _is_own_withdrawal(claim: Any) -> bool:
    """Return whether the claimant withdrew the claim. Its reason then adds nothing."""
    own: bool = claim.decided_by_id == claim.person_id
    return own and claim.state == ClaimState.WITHDRAWN


def _correction(before: Any, row: Any) -> str:
    """Return the change to a credit's category or amount as text, or ""."""
    old, new = format_amount(before.amount), format_amount(row.amount)
    if row.category_id == before.category_id:
        return "" if old == new else f"{row.category} changed from {old} to {new}"
    if old == new:
        return f"Credit moved from {before.category} to {row.category}"
    return f"Credit changed from {before.category} {old} to {row.category} {new}"


def _on(at: dt.datetime) -> str:
    return f" on {format_day(timezone.localdate(at))}"


def _people(rows: Iterable[Any]) -> dict[int, User]:
    """Return the people in these rows and their audit contexts, by id. Takes two queries."""
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


def _role_name(person: User, action: str) -> str:
    roles = {group.name for group in person.groups.all()}
    if action.startswith("helpdesk.") and roles & {Role.HELP_DESK.value, Role.CE_COORDINATOR.value}:
        return ROLE_NAMES[Role.HELP_DESK]
    return next((name for role, name in ROLE_NAMES.items() if role.value in roles), "")


def _when(event: Any) -> str:
    return format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)


def _joined(lines: list[str]) -> str:
    if len(lines) < 2:
        return "".join(lines)
    return f"{', '.join(lines[:-1])} and {lines[-1]}"
