"""The transcript as the page shows it. No queries."""

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from accounts.models import User
from aspen.formats import format_credits, format_day, format_time_range
from credits import history
from events.models import Registration
from tracks.counting.credits import TranscriptLine
from tracks.counting.presentation import CreditRow, credit_row
from tracks.models import Participation
from tracks.transcript.totals import RecentlyAdded, TranscriptGroup

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit


class YearOnPage(NamedTuple):
    """The rows of a year that are on the page. The total is for the whole year."""

    year: str
    total: str
    rows: list[CreditRow]


class GroupOnPage(NamedTuple):
    """The part of a group that is on the page. The total is for the whole group."""

    title: str
    note: str
    total: str
    years: list[YearOnPage]


class RecentRow(NamedTuple):
    id: int
    title: str
    credits: str
    day: str


class UpcomingRow(NamedTuple):
    title: str
    url: str
    when: str


def groups_on_page(
    listed: Iterable[tuple[TranscriptGroup, TranscriptLine]],
    credits: "Mapping[int, PostedCredit]",
    participations: list[Participation],
    *,
    reader: User,
) -> list[GroupOnPage]:
    """Arrange a page's lines by group and year.

    `credits` come from load_ended_by(), with the people who ended claims or withdrew lines.
    """

    def row(line: TranscriptLine) -> CreditRow:
        credit = credits[line.id]
        ending = history.how_credit_ended(credit, reader=reader)
        return credit_row(credit, participations, ending=ending)

    groups = []
    for group, in_group in itertools.groupby(listed, key=lambda pair: pair[0]):
        years = [
            YearOnPage(str(year), _year_total(group, year), [row(line) for _, line in in_year])
            for year, in_year in itertools.groupby(
                in_group, key=lambda pair: pair[1].earned_on.year
            )
        ]
        total = format_credits(group.all.total) if group.counts else ""
        groups.append(GroupOnPage(group.title, group.note, total, years))
    return groups


def _year_total(group: TranscriptGroup, year: int) -> str:
    if not group.counts:
        return ""
    return next(format_credits(each.total) for each in group.years if each.label == str(year))


def recent_row(added: RecentlyAdded) -> RecentRow:
    line = added.line
    return RecentRow(line.id, line.title, format_credits(added.amount), format_day(line.claimed_on))


def upcoming_row(registration: Registration) -> UpcomingRow:
    event = registration.event
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    return UpcomingRow(event.title, event.get_absolute_url(), when)
