"""Doing something to see what would come of it, and taking it back at once.

A page that says "this moves 212 claims" before somebody presses the button has to count by the very
rules of the act. So it runs the act.
"""

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

Outcome = TypeVar("Outcome")


def rehearse(act: Callable[[], Outcome]) -> Outcome:
    """Run an act, take back everything it wrote, and return its outcome.

    Locks are held for as long as that takes. What was promised for the commit, such as waking who
    delivers mail, is forgotten with it; the promised mail is a row like any other. Rows in the
    outcome are as they would have been, so nobody may save them. Raises what the act raises.
    """
    with transaction.atomic(), transaction.atomic():
        outcome = act()
        transaction.set_rollback(True)
    return outcome
