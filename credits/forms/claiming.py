"""Picking an event, claiming it or sessions of it, and saying something of a claim."""

from collections.abc import Iterable
from typing import Any

from django import forms

from credits.enums import ClaimSource
from credits.forms.files import EvidenceFieldsForm


class PickForm(forms.Form):
    """The event chosen from the list on the Continuing Education page."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)


class ClaimSearchForm(forms.Form):
    """Words that narrow the list to claim from."""

    find = forms.CharField(required=False, max_length=200)


class SourceForm(forms.Form):
    """Which of the three ways a claim came; anything else is the calendar's button."""

    source = forms.ChoiceField(choices=[(ClaimSource.LIST, "list"), (ClaimSource.CALENDAR, "")])


class NoteForm(forms.Form):
    """What the person says of a claim."""

    note = forms.CharField(
        label="Note",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For you and for staff, for example which part you attended.",
    )


class ClaimForm(EvidenceFieldsForm, NoteForm):
    """Saving a claim: a note and evidence, both as one likes."""

    field_order = ["note", "evidence"]


class SessionsForm(forms.Form):
    """Which sessions of a conference somebody attended; `ids` are all of them."""

    sessions = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose the sessions you attended.",
            "invalid_choice": "One of these is not in this conference. Look at the list again.",
        },
    )

    def __init__(self, *args: Any, ids: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sessions = self.fields["sessions"]
        assert isinstance(sessions, forms.TypedMultipleChoiceField)
        sessions.choices = [(str(pk), str(pk)) for pk in ids]
