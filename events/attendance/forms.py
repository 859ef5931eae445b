"""Forms for rosters, check-in and attendance lists."""

from typing import Any

from django import forms

from aspen.form_fields import EmailAddressField, LineField
from events.enums import Attendance


class RosterSearchForm(forms.Form):
    """A search for people on the roster."""

    find = LineField(label="Name or e-mail address", required=False, max_length=200)


class MarkAttendanceForm(forms.Form):
    """The attendance button that was pressed in a roster row."""

    registration = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    attendance = forms.ChoiceField(choices=Attendance.choices)


class WalkInForm(forms.Form):
    """The e-mail address of a person who came without registering."""

    email = EmailAddressField(
        label="E-mail address",
        max_length=254,
        help_text="The address the person signs in with.",
        error_messages={"required": "Enter the person's e-mail address."},
    )


class CheckInCodeForm(forms.Form):
    """The check-in code shown in the room."""

    code = LineField(
        label="Six letters",
        max_length=20,
        help_text="The code is shown in the room. You can use capital or lowercase letters.",
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
    """An attendance list to upload, and the minimum minutes to count as present."""

    file = forms.FileField(
        label="Attendance list",
        help_text="A CSV file with columns for e-mail address and minutes.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={
            "required": "Choose the file from the webinar tool.",
            "empty": "This file is empty.",
        },
    )
    threshold = forms.IntegerField(
        label="Minimum minutes to count as present",
        min_value=1,
        max_value=10_000,
        help_text="People with fewer minutes will be marked absent.",
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if too_large:  # the upload was cut off
            self.fields["file"].error_messages["required"] = (
                "This file is larger than 5 MB. Split it and upload the parts."
            )


class ApplyListForm(forms.Form):
    """Options for applying a list."""

    absentees = forms.BooleanField(
        label="Mark registered people who are not on the list as absent", required=False
    )
    walk_ins = forms.BooleanField(
        label="Add people who have an account but did not register", required=False
    )
    override = forms.BooleanField(label="Overwrite attendance marked by hand", required=False)
