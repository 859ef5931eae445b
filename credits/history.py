"""The history of a claim and its credits in plain English, from the history tables.

Actions add details with audit.add_audit_context: `ticket` is the number of a help ticket, `reason`
explains a change to a row that has no field for it, and `corrected` is the id of an event that was
corrected for everyone.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, F, Model, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, JSONObject
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
from events.models import Category, EventHistory  # type: ignore[attr-defined]

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

# The columns that the writer reads from each history table, after those of all of them.
COMMON_COLUMNS = ("id", "pgh_id", "pgh_label", "pgh_created_at", "pgh_context", "pgh_context_id")
CLAIM_COLUMNS = (
    *("person_id", "event_id", "role", "source", "state", "claimed_at", "claimed_by_id"),
    *("decided_at", "decided_by_id", "reason", "note"),
)
CREDIT_COLUMNS = (
    *("category_id", "amount", "withdrawn_at", "withdrawn_by_id", "withdrawn_reason"),
)
EVENT_COLUMNS = ("title", "begins_at", "ends_at", "all_day", "origin")
HISTORY = {
    "claim_rows": ClaimHistory,
    "credit_rows": CreditHistory,
    "file_rows": EvidenceHistory,
    "event_rows": EventHistory,
}
Rows = TypeVar("Rows", bound=Model)


class Actor(NamedTuple):
    """A person who changed something, with the names of their roles."""

    pk: int
    name: str
    email: str
    roles: frozenset[str]


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


def with_history(rows: QuerySet[Rows], *, claim: str = "claim_id") -> QuerySet[Rows]:
    """Add the history of each row's claim to a query, without another query.

    `claim` is the field with the claim's id. read_history() reads what this adds.
    """
    claims = ClaimHistory.objects.filter(pgh_obj=OuterRef(claim))
    on_events = ClaimHistory.objects.filter(pgh_obj=OuterRef(OuterRef(claim))).values("event")
    credits = CreditHistory.objects.filter(claim=OuterRef(claim))
    files = EvidenceHistory.objects.filter(claim=OuterRef(claim))
    events = EventHistory.objects.filter(pgh_obj__in=on_events)
    annotations: dict[str, Any] = {
        "claim_rows": _as_json(claims, *CLAIM_COLUMNS, people=("claimed_by", "decided_by")),
        "credit_rows": _as_json(
            credits, *CREDIT_COLUMNS, people=("withdrawn_by",), category_name="category__name"
        ),
        "file_rows": _as_json(files, "file_name"),
        "event_rows": _as_json(events, *EVENT_COLUMNS),
    }
    annotated: QuerySet[Rows] = rows.annotate(**annotations)
    return annotated


def _as_json(
    history: QuerySet[Any], *columns: str, people: tuple[str, ...] = (), **others: str
) -> ArraySubquery:
    """Return a subquery of history rows, oldest first, each with the people whom it names."""
    by = Cast(KeyTextTransform("by", "pgh_context"), BigIntegerField())
    named = Q(pk=OuterRef("by"))
    for name in people:
        named |= Q(pk=OuterRef(name))
    roles = Group.objects.filter(user=OuterRef("pk")).order_by("pk").values_list("name")
    actors = User.objects.filter(named).order_by("pk")
    actor = JSONObject(
        pk=F("pk"), name=F("display_name"), email=F("email"), roles=ArraySubquery(roles)
    )
    row = JSONObject(
        **{name: F(name) for name in (*COMMON_COLUMNS, *columns)},
        **{name: F(path) for name, path in others.items()},
        people=ArraySubquery(actors.values_list(actor)),
    )
    return ArraySubquery(history.annotate(by=by).order_by("pgh_id").values_list(row))


def read_history(row: Any, *, claimant: int, reader: User | None = None) -> list[HistoryEntry]:
    """Return the history of a claim, its credits, files and event, oldest first.

    `row` comes from with_history(), and `claimant` is the id of the person who made the claim. The
    text calls the claimant "you" unless the reader is someone else. Takes no query.
    """
    rows = [_row(model, each) for name, model in HISTORY.items() for each in getattr(row, name)]
    rows.sort(key=attrgetter("pgh_created_at"))
    you = claimant if reader is None or reader.pk == claimant else None
    return list(_HistoryWriter(rows, you=you, claimant=claimant).entries())


def _row(model: type[Model], values: dict[str, Any]) -> Any:
    """Return an unsaved row of a history table, with its `people` as Actors."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    row: Any = model(
        **{name: fields[name].to_python(value) for name, value in values.items() if name in fields}
    )
    row.people = [
        Actor(each["pk"], each["name"], each["email"], frozenset(each["roles"]))
        for each in values["people"]
    ]
    if "category_name" in values:
        row.category = Category(pk=row.category_id, name=values["category_name"])
    return row


def claim_history(claim: Claim, *, reader: User | None = None) -> list[HistoryEntry]:
    """Return the history of a claim, as read_history() does. Takes one query."""
    row = with_history(Claim.objects.filter(pk=claim.pk).only("pk"), claim="pk").get()
    return read_history(row, claimant=claim.person_id, reader=reader)


def credit_history(credit: Credit, *, reader: User | None = None) -> list[HistoryEntry]:
    """Return the entries of the claim's history that apply to this credit, oldest first.

    The credit comes from with_history(). Takes no query.
    """
    entries = read_history(credit, claimant=credit.person_id, reader=reader)
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
    by_whom = _by(_actor(by), you=you, claimant=claim.person_id)
    return HistoryEntry(at, f"{text}{by_whom}{_on(at)}", reason, credit_id=credit.pk)


class _HistoryWriter:
    """Turns history rows, oldest first, into entries."""

    def __init__(self, rows: list[Any], *, you: int | None, claimant: int) -> None:
        self.rows = rows
        self.you = you
        self.claimant = claimant
        self.people = {person.pk: person for row in rows for person in row.people}
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


def _actor(person: User | None) -> Actor | None:
    if person is None:
        return None
    roles = frozenset(group.name for group in person.groups.all())
    return Actor(person.pk, person.display_name, person.email, roles)


def _by(person: Actor | None, *, you: int | None, claimant: int, action: str = "") -> str:
    """Return " by" with "you", the portal, or a name and any staff role; "" without a person."""
    if person is None:
        return ""
    if person.pk == you:
        return " by you"
    if person.email == PORTAL:
        return " by the portal"
    role = "" if person.pk == claimant else _role_name(person, action)
    return f" by {role} ({person.name})" if role else f" by {person.name}"


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


def _role_name(person: Actor, action: str) -> str:
    helps = {Role.HELP_DESK.value, Role.CE_COORDINATOR.value}
    if action.startswith("helpdesk.") and person.roles & helps:
        return ROLE_NAMES[Role.HELP_DESK]
    return next((name for role, name in ROLE_NAMES.items() if role.value in person.roles), "")


def _when(event: Any) -> str:
    return format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)


def _joined(lines: list[str]) -> str:
    if len(lines) < 2:
        return "".join(lines)
    return f"{', '.join(lines[:-1])} and {lines[-1]}"
