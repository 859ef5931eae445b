"""Forms for accounts. django-allauth's forms work as usual but have our labels."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, cast

from allauth.account import forms as allauth
from django import forms

from accounts.enums import PositionKind, Theme
from accounts.models import Organization, Position
from accounts.queries import search_libraries
from aspen.clock import today, years_after
from aspen.form_fields import EmailAddressField, LineField

FIELD_LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "Repeat the password",
    "remember": "Keep me signed in on this computer",
}
MAX_EMAIL_LENGTH = 254  # accounts.User.email, and the limit of mail servers


class NameField(LineField):
    """A person's name."""

    def __init__(self) -> None:
        super().__init__(
            label="Your name",
            max_length=150,
            help_text="As it should appear on a certificate.",
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
        )


class SignInAddressField(EmailAddressField, allauth.EmailField):
    """An address to sign in with. Look-alike characters lead to the existing account."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_EMAIL_LENGTH, **kwargs)
        self.widget.attrs.pop("placeholder", None)


class RelabeledForm(forms.Form):
    """A form with our labels and no placeholders, which would only repeat the labels.

    The link "Forgot your password?" in the help text would come between two fields in keyboard
    order, so the templates put it below the form.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = FIELD_LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name in ("password", "oldpassword"):
                field.help_text = ""


class SignInForm(RelabeledForm, allauth.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = SignInAddressField(label=FIELD_LABELS["login"])
        # Password managers look for this together with "current-password".
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class SignUpForm(RelabeledForm, allauth.SignupForm):
    display_name = NameField()
    email = SignInAddressField()

    field_order = ["display_name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = "Password"


class AddAddressForm(RelabeledForm, allauth.AddEmailForm):
    email = SignInAddressField()


class ChangePasswordForm(RelabeledForm, allauth.ChangePasswordForm):
    pass


class SetPasswordForm(RelabeledForm, allauth.SetPasswordForm):
    pass


class ForgottenPasswordForm(RelabeledForm, allauth.ResetPasswordForm):
    email = SignInAddressField()


class NewPasswordForm(RelabeledForm, allauth.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(RelabeledForm, allauth.ReauthenticateForm):
    pass


class NameForm(forms.Form):
    display_name = NameField()


class RemindersForm(forms.Form):
    wants_reminders = forms.BooleanField(
        label="Remind me by e-mail the day before an event I am registered for", required=False
    )
    wants_certification_reminders = forms.BooleanField(
        label="Remind me by e-mail before my certificate expires or a track period ends, and "
        "after a year without credits",
        required=False,
    )


class ShowsProgressForm(forms.Form):
    shows_progress = forms.BooleanField(
        label="My library's director can see my progress and certificates",
        required=False,
        help_text="If you are a trustee, your board chair can also see your hours for the year. No "
        "one else at your library can see them. You can change your mind at any time.",
    )


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(
        label="Colors of the pages",
        required=False,
        choices=[("", "As on my device"), *Theme.choices],
        widget=forms.RadioSelect,
    )


class LibrarySearchForm(forms.Form):
    """A search of the list of libraries."""

    find = LineField(required=False, max_length=200)


class FirstDayField(forms.DateField):
    """The first day of a position, which is today if the field is left blank."""

    EARLIEST = dt.date(1950, 1, 1)

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(
            widget=widget, required=False, input_formats=["%Y-%m-%d", "%m/%d/%Y"], **kwargs
        )

    def clean(self, value: Any) -> dt.date:
        day: dt.date = super().clean(value) or today()
        if not self.EARLIEST <= day <= years_after(today(), 1):
            raise forms.ValidationError("Enter a day between 1950 and one year from now.")
        return day


class PositionForm(forms.Form):
    """Where a person works, and which positions this replaces.

    The list shows some organizations, but any is accepted.
    """

    organization = forms.ModelChoiceField(
        label="Library or organization", queryset=search_libraries(), empty_label="Choose one"
    )
    kind = forms.ChoiceField(
        label="Your position there", choices=[("", "Choose one"), *PositionKind.choices]
    )
    since_on = FirstDayField(label="First day", initial=today)
    ended = forms.MultipleChoiceField(
        label="Positions that end the day before",
        required=False,
        help_text="Clear the box of a position that you keep.",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "One of these positions has already ended. Choose again."
        },
    )

    def __init__(self, data: Any = None, *, positions: Iterable[Position] = ()) -> None:
        """`positions` are those that the person can end."""
        choices = [(str(each.pk), str(each)) for each in positions]
        super().__init__(data, initial={"ended": [pk for pk, _ in choices]})
        if choices:
            cast(forms.MultipleChoiceField, self.fields["ended"]).choices = choices
        else:
            del self.fields["ended"]

    def offer(self, organizations: Iterable[Organization]) -> None:
        """Offer these organizations and the submitted one, which must stay selected."""
        offered = {organization.pk: organization for organization in organizations}
        chosen = getattr(self, "cleaned_data", {}).get("organization")
        if chosen:
            offered.setdefault(chosen.pk, chosen)
        field = cast(forms.ChoiceField, self.fields["organization"])
        field.choices = [
            ("", "Choose one"),
            *((pk, str(organization)) for pk, organization in offered.items()),
        ]
