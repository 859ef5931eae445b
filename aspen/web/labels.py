"""A state as people see it: a word with a glyph and a color, so that none of them stands alone."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeVar

from django.db.models import TextChoices

Tone = Literal["neutral", "good", "warn", "bad", "info"]
State = TypeVar("State", bound=TextChoices)


class Label(NamedTuple):
    """What templates/includes/state_label.html shows."""

    text: str
    tone: Tone
    shape: str

    def __str__(self) -> str:
        return f"{self.shape} {self.text}"


def label_table(marks: Mapping[State, tuple[Tone, str]]) -> dict[State, Label]:
    """A label for each state, in the words of its enum."""
    return {state: Label(str(state.label), tone, shape) for state, (tone, shape) in marks.items()}
