"""The transcript as the page shows it. No queries."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from accounts.models import User
from aspen.formats import format_amount, format_credits, format_time_range
from credits import history
from events.models import Category, Registration
from tracks.counting.credits import TranscriptLine
from tracks.counting.presentation import CreditRow, credit_details, credit_row
from tracks.models import Participation
from tracks.transcript.totals import TranscriptGroup

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit


class CategorySum(NamedTuple):
    category: Category
    amount: str


class YearOnPage(NamedTuple):
    """The rows of a year that are on the page. The sums are for the whole year."""

    year: str
    total: str
    sums: list[CategorySum]
    rows: list[CreditRow]


class GroupOnPage(NamedTuple):
    """The part of a group that is on the page. The total is for the whole group."""

    title: str
    note: str
    total: str
    years: list[YearOnPage]


class UpcomingRow(NamedTuple):
    title: str
    url: str
    when: str


def groups_on_page(
    listed: Iterable[tuple[TranscriptGroup, TranscriptLine]],
    credits: "Mapping[int, PostedCredit]",
    participations: list[Participation],
    categories: Sequence[Category],
    *,
    reader: User,
) -> list[GroupOnPage]:
    """Arrange a page's lines by group and year, with each year's sums by category.

    `credits` come from with_details() and load_ended_by().
    """

    def row(line: TranscriptLine) -> CreditRow:
        credit = credits[line.id]
        ending = history.how_credit_ended(credit, reader=reader)
        details = credit_details(credit, reader=reader)
        return credit_row(credit, participations, ending=ending, details=details)

    groups = []
    for group, in_group in itertools.groupby(listed, key=lambda pair: pair[0]):
        years = [
            YearOnPage(
                str(year),
                *_year_sums(group, year, categories),
                [row(line) for _, line in in_year],
            )
            for year, in_year in itertools.groupby(
                in_group, key=lambda pair: pair[1].earned_on.year
            )
        ]
        total = format_credits(group.all.total) if group.counts else ""
        groups.append(GroupOnPage(group.title, group.note, total, years))
    return groups


def _year_sums(
    group: TranscriptGroup, year: int, categories: Sequence[Category]
) -> tuple[str, list[CategorySum]]:
    """Return a year's total and its sums by category. Groups that do not count have none."""
    if not group.counts:
        return "", []
    sums = next(each for each in group.years if each.label == str(year))
    by_category = [
        CategorySum(category, format_amount(sums.by_category[category.pk]))
        for category in categories
        if category.pk in sums.by_category
    ]
    return format_amount(sums.total), by_category


def upcoming_row(registration: Registration) -> UpcomingRow:
    event = registration.event
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    return UpcomingRow(event.title, event.get_absolute_url(), when)
