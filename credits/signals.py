"""News that credits send upwards. Receivers act in the sender's transaction."""

from typing import NamedTuple

from django.dispatch import Signal

# Credits were claimed, approved, returned, declined, withdrawn, or moved to another category or
# event. Arguments: credit_ids (list of int). Receivers answer with what followed.
credits_changed = Signal()

CreditParticipationPairs = frozenset[tuple[int, int]]


class PostingChanges(NamedTuple):
    """Where credits count now that did not, no longer, and as before.

    Pairs of a credit's id and the id of what it counts in (a participation).
    """

    added: CreditParticipationPairs = frozenset()
    removed: CreditParticipationPairs = frozenset()
    kept: CreditParticipationPairs = frozenset()

    def __or__(self, other: "PostingChanges") -> "PostingChanges":
        return PostingChanges(*(one | another for one, another in zip(self, other, strict=True)))
