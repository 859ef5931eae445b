from django import forms

from tracks.models import Track


class ChooseForm(forms.Form):
    """Which track to follow."""

    track = forms.ModelChoiceField(queryset=Track.objects.order_by("position"))
