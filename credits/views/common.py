"""Shared by the views of claims."""

from django.http import QueryDict
from django.urls import reverse

from credits.forms.custom import CustomEventForm


def listed_message() -> str:
    """The address where the person sees that the credit is listed."""
    return f"{reverse('tracks:credits')}#listed"


def draft_fields(data: QueryDict) -> dict[str, str]:
    """The posted texts of the Create New… form, without files."""
    names = [name for name in CustomEventForm.base_fields if name != "evidence"]
    texts = {name: str(data.get(name, "")) for name in names}
    return {name: text for name, text in texts.items() if text.strip()}
