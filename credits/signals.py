"""News that credits send upwards. Receivers act in the sender's transaction."""

from typing import NamedTuple

from django.dispatch import Signal

# Credits were claimed, approved, returned, declined, withdrawn, or moved to another category or
# event. Arguments: credit_ids (list of int). Receivers answer with what followed.
credits_changed = Signal()

Pairs = frozenset[tuple[int, int]]


class Followed(NamedTuple):
    """Where credits count now that did not, no longer, and as before.

    Pairs of a credit's id and the id of what it counts in (a participation).
    """

    added: Pairs = frozenset()
    removed: Pairs = frozenset()
    kept: Pairs = frozenset()

    def __or__(self, other: "Followed") -> "Followed":
        return Followed(*(one | another for one, another in zip(self, other, strict=True)))
