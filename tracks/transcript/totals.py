"""Totals of a person's credits by certification period, year and CE category. No queries.

The groups are credits posted to the same tracks, archived credits, and credits that do not count.
Each credit is in exactly one group, so the groups add up to the total.
"""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from aspen.clock import today
from aspen.formats import format_amount, format_credits, format_day
from credits import enums as credit_enums
from credits.enums import ENDED, ClaimState
from events.models import Category
from tracks.counting import presentation as counting_presentation
from tracks.counting.credits import WITHDRAWN_CREDIT, CreditTotals, TranscriptLine
from tracks.models import Participation

ZERO = Decimal(0)
ARCHIVED, NOT_COUNTED = "archived", "not-counted"
PERIOD_CHOICES = {ARCHIVED: "Archived: not in a track", NOT_COUNTED: "Not counted"}
STATES = {**dict(ClaimState.choices), WITHDRAWN_CREDIT: credit_enums.WITHDRAWN_CREDIT.text}


@dataclasses.dataclass(frozen=True)
class TranscriptChoice:
    """A transcript's filters. Empty ones are ignored.

    `period` is a participation's id or a key of PERIOD_CHOICES; `category` is an id.
    """

    period: str = ""
    category: int | None = None
    year: int | None = None
    state: str = ""
    q: str = ""

    def matches(self, line: TranscriptLine) -> bool:
        return (
            self.period in ("", *_periods(line))
            and self.category in (None, line.category_id)
            and self.year in (None, line.earned_on.year)
            and self.state in ("", line.state)
            and self._matches_text(line)
        )

    def _matches_text(self, line: TranscriptLine) -> bool:
        text = f"{line.title}\n{line.sponsor}\n{line.presenter}".casefold()
        return all(word in text for word in self.q.casefold().split())


def _periods(line: TranscriptLine) -> list[str]:
    if not line.counts:
        return [NOT_COUNTED]
    return [str(each) for each in line.posted_in] or [ARCHIVED]


def totals_of_lines(lines: Sequence[TranscriptLine]) -> CreditTotals:
    """Return the same totals as credit_totals(), computed from loaded lines."""
    counting = [line for line in lines if line.counts]
    credits = sum((line.amount for line in counting), ZERO)
    posted = sum((line.amount for line in counting if line.posted_in), ZERO)
    pending = (line.amount for line in counting if line.claim_state == ClaimState.PENDING)
    return CreditTotals(
        lines=len(lines),
        trainings=len({line.claim_id for line in counting}),
        ended=len({line.claim_id for line in lines if line.claim_state in ENDED}),
        credits=credits,
        posted=posted,
        archived=credits - posted,
        pending=sum(pending, ZERO),
    )


class Sums(NamedTuple):
    """Credits by category id, and their total."""

    label: str
    by_category: dict[int, Decimal]
    total: Decimal


def sum_lines(label: str, lines: Sequence[TranscriptLine]) -> Sums:
    by_category: dict[int, Decimal] = {}
    for line in lines:
        by_category[line.category_id] = by_category.get(line.category_id, ZERO) + line.amount
    return Sums(label, by_category, sum(by_category.values(), ZERO))


@dataclasses.dataclass(frozen=True)
class TranscriptGroup:
    """Credits posted to the same tracks, or to none. If `counts`, the totals include them."""

    title: str
    note: str
    lines: list[TranscriptLine]
    counts: bool = True

    @cached_property
    def all(self) -> Sums:
        return sum_lines(self.title, self.lines)

    @cached_property
    def years(self) -> list[Sums]:
        """The sums by year, newest first like the lines."""
        years: dict[int, list[TranscriptLine]] = {}
        for line in self.lines:
            years.setdefault(line.earned_on.year, []).append(line)
        return [sum_lines(str(year), lines) for year, lines in years.items()]


@dataclasses.dataclass(frozen=True)
class Transcript:
    groups: list[TranscriptGroup]

    @property
    def listed(self) -> list[tuple[TranscriptGroup, TranscriptLine]]:
        """Every line with its group, in order."""
        return [(group, line) for group in self.groups for line in group.lines]

    @property
    def counting(self) -> list[TranscriptGroup]:
        return [group for group in self.groups if group.counts]

    @property
    def all(self) -> Sums:
        return sum_lines("Total", [line for group in self.counting for line in group.lines])


def arrange_transcript(
    lines: Sequence[TranscriptLine],
    participations: Sequence[Participation],
    choice: TranscriptChoice,
) -> Transcript:
    """Filter the lines and group them: by track in order, then archived, then not counted."""
    order = {participation.pk: place for place, participation in enumerate(participations)}
    by_key: dict[tuple[int, ...], list[TranscriptLine]] = {}
    archived, ended = (len(order),), (len(order) + 1,)
    if choice != TranscriptChoice():
        lines = [line for line in lines if choice.matches(line)]
    for line in lines:
        posted = tuple(sorted(order[each] for each in line.posted_in if each in order))
        key = (posted or archived) if line.counts else ended
        by_key.setdefault(key, []).append(line)
    groups = []
    for key in sorted(by_key):
        if key == archived:
            note = "Kept for you, but not counted in any certification track at the moment."
            groups.append(TranscriptGroup(PERIOD_CHOICES[ARCHIVED], note, by_key[key]))
        elif key == ended:
            note = "Declined or withdrawn; not included in the totals."
            groups.append(
                TranscriptGroup(PERIOD_CHOICES[NOT_COUNTED], note, by_key[key], counts=False)
            )
        else:
            groups.append(_posted([participations[place] for place in key], by_key[key]))
    return Transcript(groups)


def _posted(tracks: list[Participation], lines: list[TranscriptLine]) -> TranscriptGroup:
    title = " and ".join(counting_presentation.period_label(each) for each in tracks)
    notes = [_note(each, lines, is_alone=len(tracks) == 1) for each in tracks]
    return TranscriptGroup(title, " ".join(notes), lines)


def _note(participation: Participation, lines: list[TranscriptLine], *, is_alone: bool) -> str:
    """Describe the certificate of a certified period, or a period's dates and what has aged out."""
    if issued_on := participation.certified_on:
        number, day = participation.certified_as, format_day(issued_on)
        return (
            f"These credits were counted toward certificate {number}, issued on {day}, so they "
            f"cannot count toward {participation.track} again."
        )
    start, end = (format_day(day) for day in (participation.counts_from, participation.closes_on))
    track = "" if is_alone else f" for {participation.track}"
    note = f"Certification period{track}: {start} to {end}."
    first = participation.rule_set.counts_since(today())
    aged = sum((line.amount for line in lines if line.earned_on < first), ZERO)
    if aged:
        note += f" {format_credits(aged)} earned before {format_day(first)} aged out."
    return note


class SumRow(NamedTuple):
    """The sums of a group, a year within it, or all credits, by column of sum_columns()."""

    kind: str
    label: str
    amounts: dict[str, Decimal]

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Each amount as text, with the name of its column."""
        return [(column, format_amount(amount)) for column, amount in self.amounts.items()]


def sum_columns(categories: Sequence[Category]) -> list[str]:
    return [*(category.name for category in categories), "Total"]


def sums_table(transcript: Transcript, categories: Sequence[Category]) -> list[SumRow]:
    """Return each group that counts, followed by its years, then the total. Can be empty."""

    def row(kind: str, each: Sums) -> SumRow:
        amounts = [each.by_category.get(category.pk, ZERO) for category in categories]
        columns = sum_columns(categories)
        return SumRow(kind, each.label, dict(zip(columns, [*amounts, each.total], strict=True)))

    rows = []
    for group in transcript.counting:
        rows.append(row("group", group.all))
        rows += [row("year", year) for year in group.years]
    return [*rows, row("all", transcript.all)] if rows else []
