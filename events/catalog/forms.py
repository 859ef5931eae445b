"""Forms to filter the course catalog, propose an event for it and record an approval."""

from typing import Any

from django import forms

from aspen.clock import fiscal_year, today
from aspen.form_fields import TextField
from aspen.text import clean_line
from events.catalog import queries
from events.models import Event

MAX_VOTERS = 50
MAX_NAME = 200


class CatalogForm(forms.Form):
    """The fiscal year and category to show. Invalid values are ignored."""

    year = forms.IntegerField(required=False, min_value=1990, max_value=2100)
    category = forms.SlugField(required=False, max_length=40)

    def year_and_category(self) -> tuple[int, str]:
        self.is_valid()
        year = self.cleaned_data.get("year") or fiscal_year(today())
        return year, self.cleaned_data.get("category", "")


class ProposeListingForm(forms.Form):
    """The fiscal year to propose an event for."""

    fiscal_year = forms.TypedChoiceField(label="Fiscal year", coerce=int)

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["fiscal_year"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(year, f"Fiscal year {year}") for year in queries.catalog_years_of(event)]
        field.initial = queries.default_year(event)


class MeetingForm(forms.Form):
    """The day of the committee's meeting, and the names of the members who voted."""

    met_on = forms.DateField(
        label="Day of the meeting",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Enter the day of the meeting."},
    )
    voters = TextField(
        label="Who voted for these courses",
        help_text="One name on each line. Everyone can read the names on the page of approvals.",
        max_length=MAX_VOTERS * MAX_NAME,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 60, "class": "vLargeTextField"}),
        error_messages={"required": "Enter the names of the members who voted."},
    )

    def clean_voters(self) -> list[str]:
        lines = map(clean_line, self.cleaned_data["voters"].splitlines())
        names = list(dict.fromkeys(name for name in lines if name))
        if len(names) > MAX_VOTERS:
            raise forms.ValidationError(f"Enter at most {MAX_VOTERS} names.")
        if any(len(name) > MAX_NAME for name in names):
            raise forms.ValidationError(f"A name can have at most {MAX_NAME} characters.")
        return names
