"""Forms to filter the course catalog and to propose an event for it."""

from typing import Any

from django import forms

from aspen.clock import fiscal_year, today
from events.catalog import queries
from events.models import Event


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
