"""Labels of states: text, color and shape, so that meaning never depends on color alone."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeVar

from django.db.models import TextChoices

Tone = Literal["neutral", "good", "warn", "bad", "info"]
State = TypeVar("State", bound=TextChoices)


class Label(NamedTuple):
    """A label for templates/includes/state_label.html."""

    text: str
    tone: Tone
    shape: str

    def __str__(self) -> str:
        return f"{self.shape} {self.text}"


def label_table(marks: Mapping[State, tuple[Tone, str]]) -> dict[State, Label]:
    """Return a label for each state. The text comes from the enum."""
    return {state: Label(str(state.label), tone, shape) for state, (tone, shape) in marks.items()}
