from django import forms

from tracks.models import Track

INVALID_CHOICE_IGNORED = "This choice is no longer available, so it was ignored."


class ChooseForm(forms.Form):
    track = forms.ModelChoiceField(queryset=Track.objects.order_by("position"))
