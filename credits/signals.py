"""Signals for the apps that build on this one. Receivers run in the sender's transaction."""

from typing import NamedTuple

from django.dispatch import Signal

# Credits were claimed, approved, returned, declined, withdrawn, or moved to another category or
# event. Arguments: credit_ids (list of int). Receivers return PostingChanges.
credits_changed = Signal()

CreditParticipationPairs = frozenset[tuple[int, int]]


class PostingChanges(NamedTuple):
    """Postings added, removed and kept, as pairs of credit and participation ids."""

    added: CreditParticipationPairs = frozenset()
    removed: CreditParticipationPairs = frozenset()
    kept: CreditParticipationPairs = frozenset()

    def __or__(self, other: "PostingChanges") -> "PostingChanges":
        return PostingChanges(*(one | another for one, another in zip(self, other, strict=True)))
