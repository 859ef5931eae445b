"""Parts of every report: questions, form, result."""

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
    """A list to choose from; the first choice is the default."""

    label: str
    choices: Sequence[tuple[str, str]]


class ReportForm(forms.Form):
    """The questions of one report. Invalid choices are reported and ignored."""

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
        """The answer to each question; the default for an invalid one."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.first[name] for name in self.fields}

    def query_string(self) -> str:
        """The answers other than the defaults, as a query string."""
        chosen = self.chosen().items()
        return urlencode({name: value for name, value in chosen if value != self.first[name]})

    def applied_filters(self) -> list[str]:
        """The labels of the answers other than the defaults."""
        return [
            str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]
            for name, value in self.chosen().items()
            if value != self.first[name]
        ]


Questions = dict[str, ReportQuestion]


@dataclass(frozen=True)
class Report:
    """The content of a page; `answer` is its first line. The default title is that of its kind."""

    answer: str
    tables: list[Table]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    chart: dict[str, Any] | None = None


@dataclass(frozen=True)
class ReportKind:
    """One report: its title and description, its questions, and a function of the answers."""

    title: str
    about: str
    questions: Callable[[], Questions]
    make: Callable[[Answers], Report]
    part_of: str = ""


def report_url(name: str, **answers: object) -> str:
    query = urlencode({key: value for key, value in answers.items() if value not in ("", None)})
    return reverse("tracks:report", args=[name]) + (f"?{query}" if query else "")


def number_of(choice: str) -> int | None:
    """The number chosen, or None for the empty first choice."""
    return int(choice) if choice else None


def track_names() -> dict[int, str]:
    return dict(Track.objects.order_by("position").values_list("pk", "name"))


def track_question() -> Questions:
    names = [(str(pk), name) for pk, name in track_names().items()]
    return {"track": ReportQuestion("Track", [("", "All tracks"), *names])}


def place_question() -> Questions:
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items()]
    libraries = [(f"l{pk}", name) for pk, name in queries.libraries_by_id().items()]
    return {"place": ReportQuestion("Where", [("", "Everywhere"), *federations, *libraries])}


def place_of(chosen: Answers) -> dict[str, int | None]:
    """The chosen federation or library, as keyword arguments of the queries."""
    kind, number = chosen["place"][:1], number_of(chosen["place"][1:])
    return {
        "federation": number if kind == "f" else None,
        "library": number if kind == "l" else None,
    }


def track_series(names: Mapping[int, str]) -> list[Series]:
    return [Series(name, f"track-{1 + place % 4}") for place, name in enumerate(names.values())]


def format_people(count: int) -> str:
    return counted(count, "person", "people")
