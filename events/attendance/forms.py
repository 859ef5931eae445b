"""Forms for rosters, check-in and attendance lists."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms

from accounts.models import User
from accounts.queries import person_with_email
from aspen.form_fields import EmailAddressField, LineField
from aspen.staff_queue import SeenForm
from events.attendance.list_plans import Attendee
from events.attendance.matching import Proposal
from events.enums import Attendance, AttendanceMode
from events.models import AttendeeMatch


class RosterSearchForm(forms.Form):
    """A search for people on the roster."""

    find = LineField(label="Name or e-mail address", required=False, max_length=200)
    mode = forms.ChoiceField(
        label="Taking part",
        required=False,
        choices=[("", "Everyone"), *AttendanceMode.choices],
    )


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
        help_text=(
            "The report of Zoom, Teams, Webex, GoTo or Google Meet, or another CSV or XLSX file "
            "with columns for e-mail address and minutes."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,text/csv"}),
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
        label="Mark registered people who are on no list as absent", required=False
    )
    walk_ins = forms.BooleanField(
        label="Add people who have an account but did not register", required=False
    )
    override = forms.BooleanField(label="Overwrite attendance marked by hand", required=False)


class ConfirmListForm(SeenForm, ApplyListForm):
    """The same options on the second page, and the version of the changes that it showed."""


class MatchForm(forms.Form):
    """A choice of people for each person on a list who matches no account.

    Only the proposed people can be chosen; anyone else is entered by address. People matched at an
    earlier event are selected at first, and saved only if the form is sent.

    Fields are named after what the list calls a person, and say who was matched when the page was
    loaded. So a form that was loaded before others changed the list or the matches says the same.
    """

    def __init__(
        self,
        *args: Any,
        attendees: Sequence[Attendee],
        proposals: Mapping[str, Sequence[Proposal]],
        matches: Mapping[str, AttendeeMatch],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.attendees = attendees
        self.people: dict[str, dict[str, User]] = {}
        for attendee in attendees:
            key = _key(attendee)
            proposed = list(proposals[attendee.alias])
            match = matches.get(attendee.alias)
            remembered = [each.person for each in proposed if each.is_remembered]
            people = {str(each.person.pk): each.person for each in proposed}
            if match:
                people[str(match.person_id)] = match.person
            self.people[key] = people
            selected = match.person if match else (remembered[0] if remembered else None)
            earlier = {person.pk for person in remembered}
            self.fields[f"person_{key}"] = forms.ChoiceField(
                label=_label(attendee),
                required=False,
                initial=str(selected.pk) if selected else "",
                choices=[
                    ("", "Not matched"),
                    *(
                        (
                            pk,
                            f"{person.display_name}, {person.email}"
                            + (" (matched before)" if person.pk in earlier else ""),
                        )
                        for pk, person in people.items()
                    ),
                ],
            )
            self.fields[f"address_{key}"] = EmailAddressField(
                label=f"Someone else for {attendee.label}: e-mail address",
                required=False,
                max_length=254,
            )
            self.fields[f"matched_{key}"] = LineField(
                required=False,
                widget=forms.HiddenInput,
                initial=str(match.person_id) if match else "",
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for key in self.people:
            address = cleaned.get(f"address_{key}")
            if not address:
                continue
            cleaned[f"other_{key}"] = person_with_email(address)
            if cleaned[f"other_{key}"] is None:
                self.add_error(f"address_{key}", "No account uses this address.")
        return cleaned

    def matches(self) -> dict[str, User | None]:
        """Return the people by alias, where the form changes who is matched."""
        changed = {}
        for attendee in self.attendees:
            key = _key(attendee)
            chosen = self.people[key].get(self.cleaned_data[f"person_{key}"])
            person = self.cleaned_data.get(f"other_{key}") or chosen
            if str(person.pk if person else "") != self.cleaned_data[f"matched_{key}"]:
                changed[attendee.alias] = person
        return changed


def posted_attendees(attendees: Iterable[Attendee], data: Mapping[str, Any]) -> list[Attendee]:
    """Return those whom a sent MatchForm has fields for."""
    return [each for each in attendees if f"person_{_key(each)}" in data]


def _key(attendee: Attendee) -> str:
    return hashlib.sha256(attendee.alias.encode()).hexdigest()[:16]


def _label(attendee: Attendee) -> str:
    who = attendee.label
    if attendee.name and attendee.address:
        who = f"{attendee.name}, {attendee.address}"
    return f"{who} ({attendee.minutes} min, line {attendee.line})"
