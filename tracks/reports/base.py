"""What all reports share: filters, form and content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from aspen.files.tables import Table
from aspen.formats import counted
from tracks.following.forms import INVALID_CHOICE_IGNORED
from tracks.models import Track
from tracks.reports import queries
from tracks.reports.charts import DrawnChart, Series

FilterValues = Mapping[str, str]
PEOPLE_PER_PAGE = 50


class ReportFilter(NamedTuple):
    """A drop-down filter of a report. The first of `choices` is the default."""

    label: str
    choices: Sequence[tuple[str, str]]


class ReportForm(forms.Form):
    """The filters of one report. The form reports invalid choices and ignores them."""

    def __init__(self, data: Mapping[str, str], filters: Mapping[str, ReportFilter]) -> None:
        defaults = {name: each.choices[0][0] for name, each in filters.items()}
        super().__init__({name: data.get(name) or defaults[name] for name in filters})
        self.defaults = defaults
        for name, each in filters.items():
            self.fields[name] = forms.ChoiceField(
                label=each.label,
                choices=each.choices,
                required=False,
                error_messages={"invalid_choice": INVALID_CHOICE_IGNORED},
            )

    def filter_values(self) -> dict[str, str]:
        """Return each filter's value, or its default if the value is invalid."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or self.defaults[name] for name in self.fields}

    def query_string(self) -> str:
        """Return the values that are not defaults, as a query string."""
        return urlencode(self._changed_answers())

    def applied_filters(self) -> list[str]:
        """Return the labels of the values that are not defaults."""
        return [
            str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]
            for name, value in self._changed_answers().items()
        ]

    def _changed_answers(self) -> dict[str, str]:
        values = self.filter_values().items()
        return {name: value for name, value in values if value != self.defaults[name]}


ReportFilters = dict[str, ReportFilter]


@dataclass(frozen=True)
class Report:
    """The content of a report. `summary` is its first line; `title` overrides its kind's title."""

    summary: str
    tables: list[Table]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    chart: DrawnChart | None = None


@dataclass(frozen=True)
class ReportKind:
    """A report that staff can open. `build` computes its content from the values of its filters.

    A report that shows details of another is `part_of` that report and not on the index page.
    """

    title: str
    description: str
    filters: Callable[[], ReportFilters]
    build: Callable[[FilterValues], Report]
    part_of: str = ""


def report_url(name: str, **values: object) -> str:
    query = urlencode({key: value for key, value in values.items() if value not in ("", None)})
    return reverse("tracks:report", args=[name]) + (f"?{query}" if query else "")


def number_of(choice: str) -> int | None:
    """Return the selected id, or None for the empty default."""
    return int(choice) if choice else None


def track_names() -> dict[int, str]:
    return dict(Track.objects.order_by("position").values_list("pk", "name"))


def track_filter() -> ReportFilters:
    names = [(str(pk), name) for pk, name in track_names().items()]
    return {"track": ReportFilter("Track", [("", "All tracks"), *names])}


def place_filter() -> ReportFilters:
    federations = [(f"f{pk}", name) for pk, name in queries.all_federations().items()]
    libraries = [(f"l{pk}", name) for pk, name in queries.libraries_by_id().items()]
    return {"place": ReportFilter("Place", [("", "All places"), *federations, *libraries])}


def place_arguments(values: FilterValues) -> dict[str, int | None]:
    """Return the selected federation or library as keyword arguments for queries."""
    kind, number = values["place"][:1], number_of(values["place"][1:])
    return {
        "federation": number if kind == "f" else None,
        "library": number if kind == "l" else None,
    }


def track_series(names: Mapping[int, str]) -> list[Series]:
    """Return one series per track. There are four colors for tracks."""
    return [Series(name, f"track-{1 + place % 4}") for place, name in enumerate(names.values())]


def format_people(count: int) -> str:
    return counted(count, "person", "people")
