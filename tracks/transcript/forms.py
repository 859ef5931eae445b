from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms

from aspen.form_fields import LineField
from events.models import Category
from tracks.counting import presentation as counting_presentation
from tracks.following.forms import INVALID_CHOICE_IGNORED
from tracks.models import Participation
from tracks.transcript.totals import PERIOD_CHOICES, STATES, TranscriptChoice


class FilterMenu(NamedTuple):
    """A filter as a menu of choices. `chosen` is the text of the choice, or empty for all."""

    name: str
    label: str
    choices: list[tuple[str, str]]
    value: str
    chosen: str


class TranscriptForm(forms.Form):
    """Filters for the person's credits. All apply; invalid ones are reported and ignored."""

    q = LineField(
        label="Find a credit",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
        error_messages={
            "null_characters_not_allowed": "That cannot be searched for, so it was ignored."
        },
    )
    period = forms.ChoiceField(label="Period", required=False)
    category = forms.ChoiceField(label="CE category", required=False)
    year = forms.ChoiceField(label="Year", required=False)
    state = forms.ChoiceField(
        label="Status", required=False, choices=[("", "Any status"), *STATES.items()]
    )

    def __init__(
        self,
        *args: Any,
        participations: Sequence[Participation],
        categories: Sequence[Category],
        years: Sequence[int],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        periods = [(str(each.pk), _period(each)) for each in participations]
        for name, choices in {
            "period": [("", "All periods"), *periods, *PERIOD_CHOICES.items()],
            "category": [("", "All categories"), *((each.slug, each.name) for each in categories)],
            "year": [("", "All years"), *((str(year), str(year)) for year in years)],
        }.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
            field.error_messages["invalid_choice"] = INVALID_CHOICE_IGNORED
        self.fields["state"].error_messages["invalid_choice"] = INVALID_CHOICE_IGNORED
        self.categories = {each.slug: each.pk for each in categories}

    def choice(self) -> TranscriptChoice:
        """Return the filters to apply, without invalid ones."""
        self.is_valid()
        data = self.cleaned_data
        return TranscriptChoice(
            period=data.get("period", ""),
            category=self.categories.get(data.get("category", "")),
            year=int(data["year"]) if data.get("year") else None,
            state=data.get("state", ""),
            q=data.get("q", ""),
        )

    def applied_filters(self) -> list[tuple[str, str]]:
        """Return the label of each filter that is set, with the link that removes it."""
        texts = {
            name: f"“{value}”" if name == "q" else dict(self.fields[name].choices)[value]  # type: ignore[attr-defined]
            for name, value in self.query_params().items()
        }
        return [
            (text, f"?{urlencode(self.query_params(without=name))}") for name, text in texts.items()
        ]

    def menus(self) -> list[FilterMenu]:
        """Return the filters that are chosen from a list."""
        applied = self.query_params()
        menus = []
        for name, field in self.fields.items():
            if isinstance(field, forms.ChoiceField):
                choices = [(str(each), str(text)) for each, text in field.widget.choices]
                value = applied.get(name, "")
                chosen = dict(choices)[value] if value else ""
                menus.append(FilterMenu(name, str(field.label), choices, value, chosen))
        return menus

    def query_params(self, *, without: str = "") -> dict[str, str]:
        """Return the valid filters that are set, as query parameters."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value and name not in (without, *self.errors)
        }


def _period(participation: Participation) -> str:
    if participation.certified_as:
        return counting_presentation.period_label(participation)
    start, end = participation.counts_from, participation.closes_on
    return f"{participation.track}, {start:%Y}–{end:%Y}"
