"""What all reports share: filters, form and content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from aspen.files.tables import Table
from aspen.formats import counted
from tracks.following.forms import INVALID_CHOICE_LEFT_OUT
from tracks.models import Track
from tracks.reports import queries
from tracks.reports.charts import DrawnChart, Series

Answers = Mapping[str, str]
PEOPLE_PER_PAGE = 50


class ReportQuestion(NamedTuple):
    """A choice for the reader of a report. The first of `choices` is the default."""

    label: str
    choices: Sequence[tuple[str, str]]


class ReportForm(forms.Form):
    """The questions of one report. The form reports invalid choices and ignores them."""

    def __init__(self, data: Mapping[str, str], questions: Mapping[str, ReportQuestion]) -> None:
        defaults = {name: question.choices[0][0] for name, question in questions.items()}
        super().__init__({name: data.get(name) or defaults[name] for name in questions})
        self.defaults = defaults
        for name, question in questions.items():
            self.fields[name] = forms.ChoiceField(
                label=question.label,
                choices=question.choices,
                required=False,
                error_messages={"invalid_choice": INVALID_CHOICE_LEFT_OUT},
            )

    def answers(self) -> dict[str, str]:
        """The answer to each question, or its default if the answer is invalid."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.defaults[name] for name in self.fields}

    def query_string(self) -> str:
        """Return the answers that are not defaults, as a query string."""
        return urlencode(self._changed_answers())

    def applied_filters(self) -> list[str]:
        """Return the labels of the answers that are not defaults."""
        return [
            str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]
            for name, value in self._changed_answers().items()
        ]

    def _changed_answers(self) -> dict[str, str]:
        answers = self.answers().items()
        return {name: value for name, value in answers if value != self.defaults[name]}


Questions = dict[str, ReportQuestion]


@dataclass(frozen=True)
class Report:
    """The content of a report. `answer` is its first line; `title` overrides the kind's title."""

    answer: str
    tables: list[Table]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    chart: DrawnChart | None = None


@dataclass(frozen=True)
class ReportKind:
    """A report that staff can open: `make` turns the answers to its questions into content.

    One that shows the details of another is `part_of` that one, and not in the index.
    """

    title: str
    about: str
    questions: Callable[[], Questions]
    make: Callable[[Answers], Report]
    part_of: str = ""


def report_url(name: str, **answers: object) -> str:
    query = urlencode({key: value for key, value in answers.items() if value not in ("", None)})
    return reverse("tracks:report", args=[name]) + (f"?{query}" if query else "")


def number_of(choice: str) -> int | None:
    """Return the chosen number, or None for the empty default."""
    return int(choice) if choice else None


def track_names() -> dict[int, str]:
    return dict(Track.objects.order_by("position").values_list("pk", "name"))


def track_question() -> Questions:
    names = [(str(pk), name) for pk, name in track_names().items()]
    return {"track": ReportQuestion("Track", [("", "All tracks"), *names])}


def place_question() -> Questions:
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items()]
    libraries = [(f"l{pk}", name) for pk, name in queries.libraries_by_id().items()]
    return {"place": ReportQuestion("Place", [("", "All places"), *federations, *libraries])}


def place_of(answers: Answers) -> dict[str, int | None]:
    """The chosen federation or library, as keyword arguments for queries."""
    kind, number = answers["place"][:1], number_of(answers["place"][1:])
    return {
        "federation": number if kind == "f" else None,
        "library": number if kind == "l" else None,
    }


def track_series(names: Mapping[int, str]) -> list[Series]:
    """Return one series per track. There are four colors for tracks."""
    return [Series(name, f"track-{1 + place % 4}") for place, name in enumerate(names.values())]


def format_people(count: int) -> str:
    return counted(count, "person", "people")
