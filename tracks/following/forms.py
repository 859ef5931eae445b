from collections.abc import Sequence
from typing import Any

from django import forms

from tracks.following.recommended import TRACK_ROLES
from tracks.models import Track

INVALID_CHOICE_IGNORED = "This choice is no longer available, so it was ignored."


class ChooseForm(forms.Form):
    track = forms.ModelChoiceField(queryset=Track.objects.order_by("position"))


class ChooseSeveralForm(forms.Form):
    tracks = forms.ModelMultipleChoiceField(queryset=Track.objects.order_by("position"))


class RolesForm(forms.Form):
    """The person's roles, for recommending tracks. Invalid input selects none."""

    am = forms.MultipleChoiceField(
        label="What is your role? Select all that apply.",
        required=False,
        choices=[(role.key, role.label) for role in TRACK_ROLES],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, preset: Sequence[str]) -> None:
        super().__init__(data, initial={"am": preset}, use_required_attribute=False)

    def selected(self) -> list[str]:
        """Return the keys of the selected roles; without a submitted form, the preselected ones."""
        if not self.is_bound:
            initial: list[str] = self.initial["am"]
            return initial
        return self.cleaned_data["am"] if self.is_valid() else []
