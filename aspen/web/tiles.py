"""Radio buttons as tiles, each with a hint, for templates/includes/tiles.html."""

from collections.abc import Iterable
from typing import NamedTuple

from django import forms


class Tile(NamedTuple):
    """A choice. `id` is the input's. `hint` can be empty."""

    id: str
    name: str
    value: str
    label: str
    hint: str
    is_chosen: bool


def tiles_of(form: forms.Form, name: str, choices: Iterable[tuple[str, str, str]]) -> list[Tile]:
    """Return the tiles of a field from its choices as (value, label, hint)."""
    chosen = str(form[name].value() or "")
    return [
        Tile(f"id_{name}_{index}", name, value, label, hint, value == chosen)
        for index, (value, label, hint) in enumerate(choices)
    ]
