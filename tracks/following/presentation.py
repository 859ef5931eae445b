"""Tracks to choose from, as the page shows them. No queries."""

from typing import NamedTuple

from aspen.web.labels import Label
from tracks.counting.presentation import rule_set_in_words
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
        return rule_set_in_words(self.rule_set)
