"""State machines as tables: what can be done, by whom, from which states, and where it leads."""

import dataclasses
import enum
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from aspen.errors import Refused


class Actor(enum.StrEnum):
    """In which capacity someone changes a state."""

    PERSON = "person"
    EDITOR = "editor"
    STAFF = "staff"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    # What follows by itself: an event is cancelled or merged, an absence is marked, say.
    PORTAL = "portal"


State = TypeVar("State", bound=str)


@dataclasses.dataclass(frozen=True)
class Transition(Generic[State]):
    """From which states each actor may lead to the target. What is not named cannot happen."""

    sources: Mapping[Actor, Collection[State]]
    target: State

    def allows(self, state: str, actor: Actor) -> bool:
        return state in self.sources.get(actor, ())

    def apply(self, state: str, actor: Actor, why_not: Callable[[], str]) -> State:
        """The state it leads to. Raises Refused, with `why_not()`, where this cannot happen."""
        if not self.allows(state, actor):
            raise Refused(why_not())
        return self.target
