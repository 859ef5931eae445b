"""Small forms around attendance; the actions judge again."""

from typing import Any

from django import forms

from events.enums import Attendance


class RosterSearchForm(forms.Form):
    """Words that narrow the roster."""

    find = forms.CharField(label="Name or e-mail address", required=False, max_length=200)


class MarkAttendanceForm(forms.Form):
    """Which button of a row was pressed."""

    registration = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    attendance = forms.ChoiceField(choices=Attendance.choices)


class WalkInForm(forms.Form):
    """Someone who came without registering, by the address of the account."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="The one the person signs in with.",
        error_messages={"required": "Enter the person's e-mail address."},
    )


class CheckInCodeForm(forms.Form):
    """The six letters shown in the room."""

    code = forms.CharField(
        label="Six letters",
        max_length=20,
        help_text="They are shown in the room. Capital or small letters do not matter.",
        widget=forms.TextInput(
            attrs={
                "autocapitalize": "characters",
                "autocomplete": "off",
                "spellcheck": "false",
                "class": "code-input",
            }
        ),
        error_messages={"required": "Enter the six letters shown in the room."},
    )


class UploadListForm(forms.Form):
    """The attendance list of a webinar tool, and from how many minutes on someone was there."""

    file = forms.FileField(
        label="Attendance list",
        help_text="A CSV file with a column for the e-mail address and one for the minutes.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={
            "required": "Choose the file that the webinar tool gave you.",
            "empty": "This file is empty.",
        },
    )
    threshold = forms.IntegerField(
        label="Minutes that count as present",
        min_value=1,
        max_value=10_000,
        help_text="Who was there for less is marked absent.",
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if too_large:  # it never arrived
            self.fields["file"].error_messages["required"] = (
                "This file is larger than 5 MB. Split it and upload the parts."
            )


class ApplyListForm(forms.Form):
    """What to do about people whom the list alone does not settle."""

    absentees = forms.BooleanField(
        label="Mark registered people who are not on the list as absent", required=False
    )
    walk_ins = forms.BooleanField(
        label="Add people who have an account but did not register", required=False
    )
    override = forms.BooleanField(label="Overwrite attendance marked by hand", required=False)

    def choices(self) -> dict[str, Any]:
        return dict(self.cleaned_data)
