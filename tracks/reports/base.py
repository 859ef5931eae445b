"""What every report is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from aspen.files.tables import Table
from aspen.formats import counted
from tracks.following.forms import INVALID_CHOICE_LEFT_OUT
from tracks.models import Track
from tracks.reports import queries
from tracks.reports.charts import Series

Answers = Mapping[str, str]
PEOPLE = 50


class ReportQuestion(NamedTuple):
    """A list to choose from. Its first choice is taken where nothing is chosen."""

    label: str
    choices: Sequence[tuple[str, str]]


class ReportForm(forms.Form):
    """The questions of one report. Nonsense is reported and left out."""

    def __init__(self, data: Mapping[str, str], questions: Mapping[str, ReportQuestion]) -> None:
        first = {name: question.choices[0][0] for name, question in questions.items()}
        super().__init__({name: data.get(name) or first[name] for name in questions})
        self.first = first
        for name, question in questions.items():
            self.fields[name] = forms.ChoiceField(
                label=question.label,
                choices=question.choices,
                required=False,
                error_messages={"invalid_choice": INVALID_CHOICE_LEFT_OUT},
            )

    def chosen(self) -> dict[str, str]:
        """The answer to each question, valid or not."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.first[name] for name in self.fields}

    def asked(self) -> str:
        """What is chosen and not the first of its list, as it stands in an address."""
        chosen = self.chosen().items()
        return urlencode({name: value for name, value in chosen if value != self.first[name]})

    def applied_filters(self) -> list[str]:
        """What is chosen and leaves something out, in words."""
        return [
            str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]
            for name, value in self.chosen().items()
            if value != self.first[name]
        ]


Questions = dict[str, ReportQuestion]


@dataclass(frozen=True)
class Report:
    """What a page says; `answer` is its first line. Without a title it has that of its kind."""

    answer: str
    tables: list[Table]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    chart: dict[str, Any] | None = None


@dataclass(frozen=True)
class ReportKind:
    """One report: what it answers, what can be asked, and how it is made of the answers."""

    title: str
    about: str
    questions: Callable[[], Questions]
    make: Callable[[Answers], Report]
    part_of: str = ""


def report_url(name: str, **asked: object) -> str:
    query = urlencode({key: value for key, value in asked.items() if value not in ("", None)})
    return reverse("tracks:report", args=[name]) + (f"?{query}" if query else "")


def number_of(choice: str) -> int | None:
    """The number that was chosen, where the first choice is empty."""
    return int(choice) if choice else None


def track_names() -> dict[int, str]:
    return dict(Track.objects.order_by("position").values_list("pk", "name"))


def track_question() -> Questions:
    """The question of which track."""
    names = [(str(pk), name) for pk, name in track_names().items()]
    return {"track": ReportQuestion("Track", [("", "All tracks"), *names])}


def place_question() -> Questions:
    """The question of which federation or library."""
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items()]
    libraries = [(f"l{pk}", name) for pk, name in queries.libraries_by_id().items()]
    return {"place": ReportQuestion("Where", [("", "Everywhere"), *federations, *libraries])}


def place_of(chosen: Answers) -> dict[str, int | None]:
    """The federation or the library that was chosen, as the reports ask for it."""
    kind, number = chosen["place"][:1], number_of(chosen["place"][1:])
    return {
        "federation": number if kind == "f" else None,
        "library": number if kind == "l" else None,
    }


def track_series(names: Mapping[int, str]) -> list[Series]:
    return [Series(name, f"track-{1 + place % 4}") for place, name in enumerate(names.values())]


def format_people(count: int) -> str:
    return counted(count, "person", "people")
