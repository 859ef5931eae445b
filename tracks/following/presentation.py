"""Tracks to choose from and periods to extend, as pages show them. No queries."""

import datetime as dt
from typing import NamedTuple

from aspen.formats import format_day
from aspen.web.labels import Label
from tracks.counting.presentation import rule_set_text
from tracks.enums import FITS
from tracks.models import Participation, RuleSet


class OfferedTrack(NamedTuple):
    """A track the person can choose, and the participation they left and can resume, if any."""

    rule_set: RuleSet
    why: str
    resumable: Participation | None

    @property
    def name(self) -> str:
        return self.rule_set.track.name

    @property
    def label(self) -> Label:
        return FITS

    @property
    def rules(self) -> str:
        return rule_set_text(self.rule_set)


class PeriodRow(NamedTuple):
    """A period to extend. `new_day` is its last day after the extension, if previewed."""

    person: str
    track: str
    state: str
    last_day: str
    new_day: str


def period_row(participation: Participation, closes_on: dt.date | None) -> PeriodRow:
    new_day = ""
    if closes_on:
        is_later = participation.closes_on < closes_on
        new_day = format_day(closes_on) if is_later else "No change"
    return PeriodRow(
        person=str(participation.person),
        track=str(participation.track),
        state=participation.get_state_display(),
        last_day=format_day(participation.closes_on),
        new_day=new_day,
    )
