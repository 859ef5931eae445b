"""Helpers for the claim views."""

from django.http import QueryDict
from django.urls import reverse

from credits.forms.custom import CustomEventForm


def my_credits_url() -> str:
    """Return the URL of the list in My credits, which is shown after a claim."""
    return f"{reverse('tracks:credits')}#listed"


def draft_fields(data: QueryDict) -> dict[str, str]:
    """Return the values entered in the Create New… form, without files and blank fields."""
    names = [name for name in CustomEventForm.base_fields if name != "evidence"]
    values = {name: str(data.get(name, "")) for name in names}
    return {name: value for name, value in values.items() if value.strip()}
