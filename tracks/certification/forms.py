"""Forms for submitting a record, asking about a year, and answering as a supervisor."""

from collections.abc import Sequence
from typing import Any

from django import forms

from aspen.form_fields import EmailAddressField, LineField, TextField
from aspen.web.tiles import Tile, tiles_of
from tracks.certification.supervisors import SupervisorChoice
from tracks.certification.verifying import SupervisorContact

SOMEONE_ELSE = "else"
SAME_NAME, OTHER_NAME, NOT_LISTED = "own", "other", "not"
LISTINGS = [
    (SAME_NAME, "Yes", "As on the certificate."),
    (OTHER_NAME, "Yes, under another name", "We will ask for it."),
    (NOT_LISTED, "No", "You are counted, but not named."),
]


class SupervisorForm(forms.Form):
    """A choice of supervisor: a suggested one, or another person by name and e-mail address."""

    supervisor = forms.ChoiceField(
        label="Who will verify your record?",
        widget=forms.RadioSelect,
        help_text="We will e-mail them a link. They do not need an account.",
        error_messages={"required": "Choose who will verify your record."},
    )
    supervisor_name = LineField(
        label="Their name",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    supervisor_email = EmailAddressField(
        label="Their e-mail address",
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(
        self, *args: Any, supervisor_choices: Sequence[SupervisorChoice], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.supervisor_choices = {str(each.person.pk): each for each in supervisor_choices}
        field = self.fields["supervisor"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            *((key, f"{each.person}: {each.why}") for key, each in self.supervisor_choices.items()),
            (SOMEONE_ELSE, "Another person"),
        ]
        if not self.supervisor_choices:
            del self.fields["supervisor"]
            name = self.fields["supervisor_name"]
            name.label, name.required = "Who will verify your record?", True
            name.help_text = "Your director, supervisor or board chair."
            self.fields["supervisor_email"].help_text = "We will e-mail them a link."
            self.fields["supervisor_email"].required = True

    def supervisor_tiles(self) -> list[Tile]:
        """Return the suggested supervisors, each with the reason, and another person."""
        choices = [
            (key, str(each.person), each.why) for key, each in self.supervisor_choices.items()
        ]
        other = (SOMEONE_ELSE, "Another person", "We will ask for a name and an e-mail address.")
        return tiles_of(self, "supervisor", [*choices, other]) if choices else []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("supervisor") == SOMEONE_ELSE:
            for field, what in {
                "supervisor_name": "name",
                "supervisor_email": "e-mail address",
            }.items():
                if not data.get(field) and field not in self.errors:
                    self.add_error(field, f"Enter the {what} of the person you want to ask.")
        return data

    def chosen(self) -> SupervisorContact:
        """Return the chosen supervisor. The form must be valid."""
        data = self.cleaned_data
        if choice := self.supervisor_choices.get(data.get("supervisor", SOMEONE_ELSE)):
            return SupervisorContact(str(choice.person), choice.person.email)
        return SupervisorContact(data["supervisor_name"], data["supervisor_email"])


class SubmitForm(SupervisorForm):
    """The details a person adds to their record when submitting it."""

    field_order = [
        *("supervisor", "supervisor_name", "supervisor_email", "name", "listing", "other_name"),
        "note",
    ]
    name = LineField(
        label="Your name on the certificate",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    # Not preset, so that no one is on the list without having said so.
    listing = forms.ChoiceField(
        label="May the public annual list have your name?",
        choices=[(value, label) for value, label, _ in LISTINGS],
        widget=forms.RadioSelect,
        help_text="The State Library publishes a list of newly certified people each year.",
        error_messages={"required": "Choose whether the public annual list may have your name."},
    )
    other_name = LineField(
        label="Name for the annual list",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = TextField(
        label="Note to the CE Coordinator",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Anything that will help the review. Your supervisor will not see it.",
    )

    def listing_tiles(self) -> list[Tile]:
        return tiles_of(self, "listing", LISTINGS)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        needs_name = data.get("listing") == OTHER_NAME and "other_name" not in self.errors
        if needs_name and not data.get("other_name"):
            self.add_error("other_name", "Enter the name for the list.")
        return data

    def listed_as(self) -> str:
        """Return the name for the annual list, or "" if the person does not want to be listed."""
        data = self.cleaned_data
        names: dict[str, str] = {
            SAME_NAME: data["name"],
            OTHER_NAME: data["other_name"],
            NOT_LISTED: "",
        }
        return names[data["listing"]]


class YearForm(SupervisorForm):
    """The calendar year to verify, and the supervisor."""

    field_order = ["year", "supervisor", "supervisor_name", "supervisor_email"]
    year = forms.TypedChoiceField(
        label="Year",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a year."},
    )

    def __init__(self, *args: Any, years: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(year), f"{year}: {credits}") for year, credits in years]


class VerifyForm(forms.Form):
    """The supervisor's signature."""

    name = LineField(
        label="Type your name to sign",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class RefuseForm(forms.Form):
    """The supervisor's reason for refusing to verify the record."""

    reason = TextField(
        label="What is wrong?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Tell us what is wrong. The person who asked you will see your answer."
        },
    )
