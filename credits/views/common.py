"""Helpers for the claim views."""

from django.http import QueryDict

from credits.forms.custom import CustomEventForm


def draft_fields(data: QueryDict) -> dict[str, str]:
    """Return the values entered in the Create New… form, without files and blank fields."""
    names = [name for name in CustomEventForm.base_fields if name != "evidence"]
    values = {name: str(data.get(name, "")) for name in names}
    return {name: value for name, value in values.items() if value.strip()}
