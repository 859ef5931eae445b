"""What can be asked of a report, by choosing from lists."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from django import forms

from tracks.forms import NO_SUCH


class Question(NamedTuple):
    """A list to choose from. Its first choice is taken where nothing is chosen."""

    label: str
    choices: Sequence[tuple[str, str]]


class ReportForm(forms.Form):
    """The questions of one report. Nonsense is reported and left out."""

    def __init__(self, data: Mapping[str, str], questions: Mapping[str, Question]) -> None:
        first = {name: question.choices[0][0] for name, question in questions.items()}
        super().__init__({name: data.get(name) or first[name] for name in questions})
        self.first = first
        for name, question in questions.items():
            self.fields[name] = forms.ChoiceField(
                label=question.label,
                choices=question.choices,
                required=False,
                error_messages={"invalid_choice": NO_SUCH},
            )

    def chosen(self) -> dict[str, str]:
        """The answer to each question, valid or not."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.first[name] for name in self.fields}

    def asked(self) -> str:
        """What is chosen and not the first of its list, as it stands in an address."""
        chosen = self.chosen().items()
        return urlencode({name: value for name, value in chosen if value != self.first[name]})

    def told(self) -> list[str]:
        """What is chosen and leaves something out, in words."""
        return [
            str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]
            for name, value in self.chosen().items()
            if value != self.first[name]
        ]
