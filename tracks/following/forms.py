from collections.abc import Sequence
from typing import Any

from django import forms

from tracks.following.recommended import TRACK_ROLES
from tracks.models import Track

INVALID_CHOICE_LEFT_OUT = "This choice is no longer available, so it was left out."


class ChooseForm(forms.Form):
    """Which track to follow."""

    track = forms.ModelChoiceField(queryset=Track.objects.order_by("position"))


class ChooseSeveralForm(forms.Form):
    """Which tracks to follow, all at once."""

    tracks = forms.ModelMultipleChoiceField(queryset=Track.objects.order_by("position"))


class RolesForm(forms.Form):
    """What someone is, so that the fitting tracks can be proposed. Nonsense says nothing."""

    am = forms.MultipleChoiceField(
        label="What is your role? Select all that apply.",
        required=False,
        choices=[(role.key, role.label) for role in TRACK_ROLES],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, preset: Sequence[str]) -> None:
        super().__init__(data, initial={"am": preset}, use_required_attribute=False)

    def said(self) -> list[str]:
        """The keys of what is ticked, or of what the profile says when nobody was asked."""
        if not self.is_bound:
            initial: list[str] = self.initial["am"]
            return initial
        return self.cleaned_data["am"] if self.is_valid() else []
