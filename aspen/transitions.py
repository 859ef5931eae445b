"""Transitions of state machines: who can make them, from which states, and to which state."""

import dataclasses
import enum
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from aspen.errors import Refused


class Actor(enum.StrEnum):
    """The capacity in which someone changes a state."""

    PERSON = "person"
    EDITOR = "editor"
    STAFF = "staff"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    # Automatic changes, such as when an event is canceled or merged.
    PORTAL = "portal"


State = TypeVar("State", bound=str)


@dataclasses.dataclass(frozen=True)
class Transition(Generic[State]):
    """The target state, and the states from which each actor can move to it."""

    sources: Mapping[Actor, Collection[State]]
    target: State

    def allows(self, state: str, actor: Actor) -> bool:
        return state in self.sources.get(actor, ())

    def apply(self, state: str, actor: Actor, why_not: Callable[[], str]) -> State:
        """Return the target state. Raises Refused with the text of `why_not()` if the move is not
        allowed.
        """
        if not self.allows(state, actor):
            raise Refused(why_not())
        return self.target
