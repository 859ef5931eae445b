"""State machines as tables: each step, who may take it from which states, and its target."""

import dataclasses
import enum
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from aspen.errors import Refused


class Actor(enum.StrEnum):
    """The capacity in which a state is changed."""

    PERSON = "person"
    EDITOR = "editor"
    STAFF = "staff"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    # Automatic changes, when an event is canceled or merged, or an absence marked, say.
    PORTAL = "portal"


State = TypeVar("State", bound=str)


@dataclasses.dataclass(frozen=True)
class Transition(Generic[State]):
    """The states from which each actor may go to the target; nothing else is allowed."""

    sources: Mapping[Actor, Collection[State]]
    target: State

    def allows(self, state: str, actor: Actor) -> bool:
        return state in self.sources.get(actor, ())

    def apply(self, state: str, actor: Actor, why_not: Callable[[], str]) -> State:
        """The target state. Raises Refused with `why_not()` if the step is not allowed."""
        if not self.allows(state, actor):
            raise Refused(why_not())
        return self.target
