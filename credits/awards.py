"""Reading award lists, matching them with accounts, and finding waiting awards."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.db.models import F, Func, IntegerField, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from accounts.queries import people_by_email
from aspen.errors import Refused
from aspen.files import table_reader
from aspen.files.parsing import why_not_an_email
from aspen.files.table_reader import TableRow, UnderstoodRow
from aspen.text import clean_email
from credits import rules
from credits.enums import LIVE
from credits.models import AwardList, Claim, WaitingAward
from events.enums import Attendance, EventState
from events.models import CreditOffer, Event, Registration


class AwardResult(NamedTuple):
    """Which people cannot be awarded credit for which events, as (person id, event id) pairs.

    `have_claims` are the pairs with a live claim. `reasons` says why other pairs are not eligible.
    """

    have_claims: set[tuple[int, int]]
    reasons: dict[tuple[int, int], str]


def award_result(people: Collection[int], events: Collection[Event]) -> AwardResult:
    """Return the AwardResult for these people and events. Takes two queries."""
    by_id = {event.pk: event for event in events}
    conditions = {"person__in": people, "event__in": list(by_id)}
    have_claims: set[tuple[int, int]] = set()
    ended: dict[tuple[int, int], Claim] = {}
    for claim in Claim.objects.filter(rules.PREVENTS_AUTOMATIC_CLAIM, **conditions).order_by("pk"):
        pair = (claim.person_id, claim.event_id)
        if claim.state in LIVE:
            have_claims.add(pair)
        else:
            ended[pair] = claim
    absent = Registration.objects.filter(attendance=Attendance.ABSENT, **conditions).order_by("pk")
    absences = {(each.person_id, each.event_id): each for each in absent}
    reasons = {}
    for pair in {*ended, *absences} - have_claims:
        reason = rules.why_no_award(
            by_id[pair[1]], claim=ended.get(pair), registration=absences.get(pair)
        )
        if reason:
            reasons[pair] = reason
    return AwardResult(have_claims, reasons)


# ---------- Matching a list ----------


class AwardMatch(NamedTuple):
    """The people and addresses on an award list, grouped by what applying the list would do.

    `already_claimed` are people who already have a claim; `refused` are people who are not
    eligible, with the reason; `own` is the person awarding the credits, if on the list; `repeated`
    are additional addresses of people on the list; `unknown` are addresses without an account.
    """

    award: list[User]
    already_claimed: list[User]
    refused: list[tuple[User, str]]
    own: list[User]
    repeated: list[tuple[User, str]]
    unknown: list[str]


def match_award_list(award_list: AwardList, event: Event, *, by: User) -> AwardMatch:
    """Match an award list with accounts and claims. Takes four queries for a list of any length."""
    people = people_by_email(str(row[0]) for row in award_list.rows)
    known: dict[int, User] = {}
    repeated, unknown = [], []
    for row in award_list.rows:
        person = people.get(str(row[0]))
        if person is None:
            unknown.append(str(row[0]))
        elif person.pk in known:
            repeated.append((person, str(row[0])))
        else:
            known[person.pk] = person
    own = [known.pop(by.pk)] if by.pk in known else []
    have_claims, reasons = award_result(list(known), [event])
    award, already_claimed, refused = [], [], []
    for person in known.values():
        pair = (person.pk, event.pk)
        if pair in have_claims:
            already_claimed.append(person)
        elif pair in reasons:
            refused.append((person, reasons[pair]))
        else:
            award.append(person)
    return AwardMatch(award, already_claimed, refused, own, repeated, unknown)


def first_rows(award_list: AwardList) -> list[UnderstoodRow]:
    """Return how the first lines of a list were read."""
    read = [UnderstoodRow(int(line), str(address)) for address, line in award_list.rows]
    refused = [
        UnderstoodRow(int(line), str(text), str(reason))
        for line, reason, text in award_list.refused[: table_reader.SHOWN_ROWS]
    ]
    return sorted(read + refused)[: table_reader.SHOWN_ROWS]


def has_credit(event: Event) -> bool:
    return CreditOffer.objects.filter(event=event).exists()


def with_address_counts(lists: QuerySet[AwardList]) -> QuerySet[AwardList]:
    """Annotate award lists with the numbers of `addresses` and of refused lines (`left_out`)."""
    return lists.annotate(
        addresses=Func(F("rows"), function="jsonb_array_length", output_field=IntegerField()),
        left_out=Func(F("refused"), function="jsonb_array_length", output_field=IntegerField()),
    ).defer("rows", "refused")


# ---------- Addresses without an account ----------


def awards_waiting_for(person: User) -> QuerySet[WaitingAward]:
    """Return the awards waiting for addresses that the person has confirmed, oldest first."""
    confirmed = EmailAddress.objects.filter(user=person, verified=True)
    return WaitingAward.objects.filter(
        matched_at=None, address__in=confirmed.values_list(Lower("email"))
    ).order_by("awarded_at", "pk")


def surviving_events(event_ids: Iterable[int]) -> dict[int, int]:
    """Map each event's id to that of the event it ended up in through merges, or to itself.

    Takes one query, plus one for each merge in the longest chain.
    """
    survivors = {event_id: event_id for event_id in event_ids}
    while True:
        events = Event.objects.filter(pk__in=survivors.values(), state=EventState.MERGED)
        rows = events.order_by("pk").values_list("pk", "merged_into")
        merged = {pk: into for pk, into in rows if into}
        if not merged:
            return survivors
        survivors = {first: merged.get(last, last) for first, last in survivors.items()}


# ---------- Reading a list ----------


MEGABYTES = 10
MAX_BYTES = MEGABYTES * 1024 * 1024
# Long enough to recognize a refused line.
MAX_QUOTED_CHARACTERS = 300
QUOTED_NAME = re.compile(r'"[^"@]*"')


class AddressRows(NamedTuple):
    """An award list's contents.

    `rows` are [lowercase address, line number], one per address; `refused` are
    [line number, reason, contents], in list order.
    """

    rows: list[list[str | int]]
    refused: list[list[str | int]]


class _ListReader:
    """Collects a list's distinct addresses and its refused lines."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.refused: list[list[str | int]] = []
        self.count = 0

    def read(self, entry: str, line: int, row: str = "") -> None:
        """Add the addresses in a line, or in one cell of a table's `row`."""
        if len(row or entry) > table_reader.MAX_LIST_LINE_LENGTH:
            self.refuse(line, "This line is too long.", row or entry)
            return
        for piece in _pieces(entry):
            addresses = [word.strip("<>()[]'\".,:") for word in piece.split() if "@" in word]
            if not addresses:
                self.refuse(line, "This entry has no e-mail address.", row or piece.strip())
            for address in addresses:
                self._add(clean_email(address), line, row or address)

    def _add(self, address: str, line: int, text: str) -> None:
        if reason := why_not_an_email(address):
            self.refuse(line, reason, text)
        elif first := self.lines.get(address):
            self.refuse(line, f"This address is already on line {first}.", text)
        else:
            self._count_entry()
            self.lines[address] = line

    def refuse(self, line: int, reason: str, text: str) -> None:
        self._count_entry()
        self.refused.append([line, reason, text[:MAX_QUOTED_CHARACTERS]])

    def _count_entry(self) -> None:
        self.count += 1
        if self.count > table_reader.MAX_ROWS:
            raise table_reader.too_many_rows()

    def result(self) -> AddressRows:
        return AddressRows([[address, line] for address, line in self.lines.items()], self.refused)


def _pieces(entry: str) -> list[str]:
    """Split a line at commas and semicolons, but not at commas inside names."""
    bare = QUOTED_NAME.sub(" ", entry)
    separator = r";|(?<=>)\s*," if "<" in bare else r"[,;]"
    return [piece for piece in re.split(separator, bare) if piece.strip()] or [""]


def read_text(text: str) -> AddressRows:
    """Read addresses, with or without names, any number per line.

    Raise Refused if there are too many addresses.
    """
    reader = _ListReader()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            reader.read(line, number)
    return reader.result()


def read_file(data: bytes) -> AddressRows:
    """Read a CSV or XLSX file with an e-mail column. Raise Refused if it cannot be read.

    If the file has several tables, all lists of people are read. A list can go on below a
    subheading, without another row of headings.
    """
    reader, columns = _ListReader(), None
    for table in table_reader.read_tables(data, megabytes=MEGABYTES):
        rows = table.rows
        if found := table_reader.find_people(table):
            columns = _Columns.in_heading(rows[found[0]].cells, found[1])
            _read_rows(reader, rows[found[0] + 1 :], columns)
        elif columns and table_reader.has_address(rows, columns.address):
            _read_rows(reader, rows, columns)
    if columns is None:
        raise Refused(
            "The file has no e-mail column. Put the heading Email above the addresses, or paste "
            "the addresses into the field above.",
            field="file",
        )
    return reader.result()


class _Columns(NamedTuple):
    address: int
    attended: int | None

    @classmethod
    def in_heading(cls, cells: list[str], address: int) -> "_Columns":
        return cls(address, table_reader.find_column(cells, {"attended"}))


def _read_rows(reader: _ListReader, rows: Sequence[TableRow], columns: _Columns) -> None:
    for line, cells in rows:
        text = ", ".join(cells)
        if columns.attended is not None and _cell(cells, columns.attended).lower() == "no":
            reader.refuse(line, "According to the list, this person did not attend.", text)
        else:
            reader.read(_cell(cells, columns.address), line, text)


def _cell(cells: list[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""
