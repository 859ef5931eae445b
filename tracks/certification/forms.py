"""Forms to submit a record, to ask about a year, and for the supervisor's answer."""

from collections.abc import Sequence
from typing import Any

from django import forms

from tracks.certification.supervisors import SupervisorChoice
from tracks.certification.verifying import SupervisorContact

SOMEONE_ELSE = "else"
OWN, OTHER, NOT = "own", "other", "not"


class SupervisorForm(forms.Form):
    """A supervisor: one of the proposals, or another person by name and address."""

    supervisor = forms.ChoiceField(
        label="Who verifies it?",
        widget=forms.RadioSelect,
        help_text="Your supervisor gets a link by e-mail and needs no account.",
        error_messages={"required": "Choose who verifies your record."},
    )
    supervisor_name = forms.CharField(
        label="Another person’s name",
        max_length=150,
        required=False,
        help_text="Only if none of the people above will verify it. Enter their address too.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    supervisor_email = forms.EmailField(
        label="Their e-mail address",
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, proposals: Sequence[SupervisorChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.proposals = {str(each.person.pk): each for each in proposals}
        field = self.fields["supervisor"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            *((key, f"{each.person}: {each.why}") for key, each in self.proposals.items()),
            (SOMEONE_ELSE, "Another person"),
        ]
        if not self.proposals:
            del self.fields["supervisor"]
            name = self.fields["supervisor_name"]
            name.label, name.required = "Who verifies it?", True
            name.help_text = (
                "Your director, supervisor or board chair. They get a link by e-mail and need no "
                "account."
            )
            self.fields["supervisor_email"].required = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("supervisor") == SOMEONE_ELSE:
            for name, what in {"supervisor_name": "name", "supervisor_email": "address"}.items():
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, f"Enter the {what} of the person you want to ask.")
        return data

    def chosen(self) -> SupervisorContact:
        """The supervisor, once the form is valid."""
        data = self.cleaned_data
        if proposal := self.proposals.get(data.get("supervisor", SOMEONE_ELSE)):
            return SupervisorContact(str(proposal.person), proposal.person.email)
        return SupervisorContact(data["supervisor_name"], data["supervisor_email"])


class SubmitForm(SupervisorForm):
    """What the person adds to a record when submitting it."""

    field_order = [
        *("name", "listing", "other_name", "supervisor", "supervisor_name", "supervisor_email"),
        "note",
    ]
    name = forms.CharField(
        label="Your name on the certificate",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    listing = forms.ChoiceField(
        label="How should your name appear in the public annual list?",
        choices=[
            (OWN, "As on the certificate"),
            (OTHER, "Under another name"),
            (NOT, "Not at all"),
        ],
        initial=OWN,
        widget=forms.RadioSelect,
        help_text="Each year the State Library publishes a list of the people who were certified.",
    )
    other_name = forms.CharField(
        label="Another name for the list",
        max_length=150,
        required=False,
        help_text="Only if you chose “Under another name”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(
        label="Note to the CE Coordinator",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Anything that helps to review your record. Your supervisor does not see it.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        wants = data.get("listing") == OTHER and "other_name" not in self.errors
        if wants and not data.get("other_name"):
            self.add_error("other_name", "Enter the name to show in the list.")
        return data

    def listed_as(self) -> str:
        """The name in the annual list, or an empty string."""
        data = self.cleaned_data
        names: dict[str, str] = {OWN: data["name"], OTHER: data["other_name"], NOT: ""}
        return names[data["listing"]]


class YearForm(SupervisorForm):
    """A calendar year to be verified."""

    field_order = ["year", "supervisor", "supervisor_name", "supervisor_email"]
    year = forms.TypedChoiceField(
        label="Year",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the year."},
    )

    def __init__(self, *args: Any, years: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(year), f"{year}: {credits}") for year, credits in years]


class VerifyForm(forms.Form):
    """The supervisor's signature."""

    name = forms.CharField(
        label="Your name, as your signature",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class RefuseForm(forms.Form):
    """The supervisor's reason for refusing."""

    reason = forms.CharField(
        label="What is wrong?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what is wrong. The person will read it."},
    )
