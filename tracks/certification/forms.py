"""Sending a record, asking about a year, and the supervisor's answer."""

from collections.abc import Sequence
from typing import Any

from django import forms

from tracks.certification.supervisors import SupervisorChoice
from tracks.certification.verifying import SupervisorContact

SOMEONE_ELSE = "else"
OWN, OTHER, NOT = "own", "other", "not"


class SupervisorForm(forms.Form):
    """Who is asked: somebody whom the portal proposes, or somebody else by name and address."""

    supervisor = forms.ChoiceField(
        label="Who verifies it?",
        widget=forms.RadioSelect,
        help_text="Your supervisor gets a link by e-mail and needs no account.",
        error_messages={"required": "Choose who verifies your record."},
    )
    supervisor_name = forms.CharField(
        label="Name of somebody else",
        max_length=150,
        required=False,
        help_text="Only where none of these verifies it; their address too.",
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
            (SOMEONE_ELSE, "Somebody else"),
        ]
        if not self.proposals:
            del self.fields["supervisor"]
            name = self.fields["supervisor_name"]
            name.label, name.required = "Who verifies it?", True
            name.help_text = (
                "The name of your director, supervisor or board chair. They get a link by e-mail "
                "and need no account."
            )
            self.fields["supervisor_email"].required = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("supervisor") == SOMEONE_ELSE:
            for name, what in {"supervisor_name": "name", "supervisor_email": "address"}.items():
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, f"Type the {what} of the person you want to ask.")
        return data

    def asked(self) -> SupervisorContact:
        """Who was chosen, once the form is valid."""
        data = self.cleaned_data
        proposal = self.proposals.get(data.get("supervisor", SOMEONE_ELSE))
        if proposal:
            return SupervisorContact(str(proposal.person), proposal.person.email)
        return SupervisorContact(data["supervisor_name"], data["supervisor_email"])


class SubmitForm(SupervisorForm):
    """Everything that is said with a record when it is sent."""

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
        label="How shall the yearly public list name you?",
        choices=[
            (OWN, "By the name on the certificate"),
            (OTHER, "By another name"),
            (NOT, "Not at all"),
        ],
        initial=OWN,
        widget=forms.RadioSelect,
        help_text="The State Library lists each year who was certified.",
    )
    other_name = forms.CharField(
        label="Another name for the list",
        max_length=150,
        required=False,
        help_text="Only where you chose “By another name”.",
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
            self.add_error("other_name", "Type the name that the list shall show.")
        return data

    def listed_as(self) -> str:
        """The name in the yearly list, empty for not at all."""
        data = self.cleaned_data
        names: dict[str, str] = {OWN: data["name"], OTHER: data["other_name"], NOT: ""}
        return names[data["listing"]]


class YearForm(SupervisorForm):
    """A calendar year to have verified."""

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
    """What the supervisor finds wrong."""

    reason = forms.CharField(
        label="What is wrong?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what is wrong; the person will read it."},
    )
