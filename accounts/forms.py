from django import forms
from django.http import HttpRequest

from accounts.enums import PositionKind
from accounts.models import User
from accounts.queries import libraries


class NameField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label="Your name",
            max_length=150,
            help_text="As it should stand on a certificate.",
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
        )


class SignUpForm(forms.Form):
    """What the sign-up page asks besides address and password."""

    display_name = NameField()

    field_order = ["display_name", "email", "password1", "password2"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by django-allauth once the person is saved; the adapter has done the work."""


class NameForm(forms.Form):
    display_name = NameField()


class PositionForm(forms.Form):
    organization = forms.ModelChoiceField(
        label="Library or organization", queryset=libraries(), empty_label="Choose one"
    )
    kind = forms.ChoiceField(
        label="What you do there", choices=[("", "Choose one"), *PositionKind.choices]
    )
