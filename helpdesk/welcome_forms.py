"""The form of the welcome page, which people see after they sign in for the first time."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import cached_property

from accounts.enums import PositionKind
from accounts.models import Organization
from accounts.queries import search_libraries
from aspen.form_fields import LineField
from credits.forms.files import EvidenceFieldsForm
from events import uploads
from helpdesk.forms import MAX_TEXT_LENGTH, LongText

YES, NO = "yes", "no"
KIND_LABELS = {
    PositionKind.DIRECTOR: "I direct the library",
    PositionKind.STAFF: "I work there",
    PositionKind.TRUSTEE: "I am on its board",
    PositionKind.BOARD_CHAIR: "I chair its board",
    PositionKind.FRIEND: "I am a Friend of the library",
}


class WelcomeForm(EvidenceFieldsForm):
    """Four questions. None has to be answered.

    Questions that are answered already are left out: where a person works, and which track the
    person follows.
    """

    find = LineField(label="Type the name of your library or town", required=False, max_length=200)
    organization = forms.ModelChoiceField(
        label="Your library", queryset=search_libraries(), required=False, widget=forms.RadioSelect
    )
    library_name = LineField(label="Name of the library", required=False, max_length=200)
    library_town = LineField(label="Town", required=False, max_length=80)
    kind = forms.ChoiceField(
        label="What do you do there?",
        required=False,
        choices=list(KIND_LABELS.items()),
        widget=forms.RadioSelect,
    )
    track = forms.ChoiceField(
        label="Do you want to be certified?",
        required=False,
        initial=YES,
        choices=[(YES, "Yes"), (NO, "Not now")],
        widget=forms.RadioSelect,
    )
    past = forms.ChoiceField(
        label="Do you have credits from before?",
        required=False,
        initial=NO,
        choices=[(NO, "No, I am new"), (YES, "Yes")],
        widget=forms.RadioSelect,
    )
    note = LongText(label="What should we enter?", required=False, rows=3)

    def __init__(
        self, *args: Any, asks_position: bool = True, asks_track: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        files = self.fields["evidence"]
        files.label = "Your list or certificates"
        files.help_text = f"{uploads.ALLOWED_NAMES} files, up to 10 MB in total."
        files.widget.attrs["accept"] = ",".join(uploads.KINDS)
        if not asks_position:
            for name in ("find", "organization", "library_name", "library_town", "kind"):
                del self.fields[name]
        if not asks_track:
            del self.fields["track"]

    def check_file(self, file: UploadedFile) -> None:
        uploads.kind_of(file)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        library, name = data.get("organization"), data.get("library_name")
        if library and not data.get("kind") and "kind" not in self.errors:
            self.add_error("kind", "Choose what you do there.")
        if "organization" in self.errors:
            self.add_error("find", "Choose a library from the list.")
            del self.errors["organization"]
        elif data.get("kind") and not library and not name:
            self.add_error("find", "Find your library and choose it, or tell us its name below.")
        if data.get("library_town") and not name and "library_name" not in self.errors:
            self.add_error("library_name", "Enter the name of the library.")
        return data

    @cached_property
    def library(self) -> Organization | None:
        """The chosen library. Takes a query, unless the form has been validated."""
        if self.is_bound:
            self.is_valid()
            return self.cleaned_data.get("organization")
        field = self.fields["organization"]
        try:
            chosen: Organization | None = field.clean(self["organization"].value())
        except forms.ValidationError:
            return None
        return chosen

    @property
    def has_past_credits(self) -> bool:
        """Whether the valid form says so, or has a note or files about them."""
        data = self.cleaned_data
        return data.get("past") == YES or bool(data.get("note")) or self.has_files

    def typed(self) -> dict[str, str]:
        """Return what was typed, without files, to keep it as a draft."""
        names = [name for name in self.fields if name != "evidence"]
        # PostgreSQL stores no NUL.
        typed = {name: str(self.data.get(name, "")).replace("\0", "") for name in names}
        return {name: value[:MAX_TEXT_LENGTH] for name, value in typed.items() if value}
