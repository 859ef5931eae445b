"""Forms for choosing and claiming events and sessions, and for adding notes."""

from collections.abc import Iterable
from typing import Any

from django import forms

from aspen.form_fields import TextField
from credits.enums import ClaimSource
from credits.forms.files import EvidenceFieldsForm


class PickForm(forms.Form):
    """The event chosen from the list on the Continuing Education page."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)


class SourceForm(forms.Form):
    """How the claim was made. An invalid value is treated as Add CE credit."""

    source = forms.ChoiceField(choices=[(ClaimSource.LIST, "list"), (ClaimSource.CALENDAR, "")])


class NoteForm(forms.Form):
    """A note on a claim, which the person and staff can read."""

    note = TextField(
        label="Note",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For you and staff. For example, say which part you attended.",
    )


class ClaimForm(EvidenceFieldsForm, NoteForm):
    """A claim with an optional note and evidence."""

    field_order = ["note", "evidence"]


class SessionsForm(forms.Form):
    """Conference sessions to claim. `ids` are the valid choices."""

    sessions = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose the sessions you attended.",
            "invalid_choice": "One of these sessions is not part of this conference. Choose again.",
        },
    )

    def __init__(self, *args: Any, ids: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sessions = self.fields["sessions"]
        assert isinstance(sessions, forms.TypedMultipleChoiceField)
        sessions.choices = [(str(pk), str(pk)) for pk in ids]
