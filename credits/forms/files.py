"""Evidence upload fields. Uploaded files are kept while the form has errors."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile

from accounts.models import User
from aspen.errors import Refused
from credits.actions import evidence as evidence_actions
from events.uploads import EVIDENCE_ACCEPT, EVIDENCE_ALLOWED, clean_name

TOO_LARGE = (
    "A file was not added because the files in one form can total at most 10 MB. Scan it at a "
    "lower resolution, or add it later on the claim’s page."
)


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """A field for any number of files. Its cleaned value is a list."""

    widget = FilesInput(attrs={"accept": EVIDENCE_ACCEPT})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        return list(data or [])

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class EvidenceFieldsForm(forms.Form):
    """A form with an evidence upload field. keep_files() keeps its valid files while it has errors.

    `by` is the person who submits the form. `too_large` is true if a file was not read because it
    was too large.
    """

    evidence = FilesField(
        label="Evidence",
        required=False,
        help_text="A certificate or program, as a photo or file. You can add "
        f"{EVIDENCE_ALLOWED} files, up to 10 MB in total, now or later.",
    )

    def __init__(
        self, *args: Any, by: User | None = None, too_large: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.by, self.too_large = by, too_large
        self.valid_files: list[UploadedFile] = []
        self.waiting: list[evidence_actions.WaitingFile] = []
        if self.is_bound and by and hasattr(self.data, "getlist"):
            self.waiting = evidence_actions.waiting_files(self.data.getlist("waiting"), by=by)

    def clean_evidence(self) -> list[UploadedFile]:
        reasons = [TOO_LARGE] if self.too_large else []
        for file in self.cleaned_data["evidence"]:
            try:
                self.check_file(file)
            except Refused as refusal:
                reasons.append(str(refusal))
            else:
                self.valid_files.append(file)
        if too_many := self._drop_excess_files():
            reasons.append(too_many)
        if reasons:
            raise forms.ValidationError(reasons)
        return self.valid_files

    def check_file(self, file: UploadedFile) -> None:
        """Raise Refused if the file is not allowed."""
        evidence_actions.check_evidence_file(file)

    def _drop_excess_files(self) -> str:
        """Drop files beyond MAX_FILES. Return a message that lists them, or ""."""
        room = evidence_actions.MAX_FILES - len(self.waiting)
        dropped, self.valid_files = self.valid_files[room:], self.valid_files[:room]
        names = ", ".join(f"“{clean_name(file.name or '')}”" for file in dropped)
        return f"{evidence_actions.TOO_MANY} Not added: {names}." if names else ""

    @property
    def has_files(self) -> bool:
        return bool(self.valid_files or self.waiting)

    def all_files(self) -> Sequence[File]:
        """Return the new and waiting files of a valid form.

        Skip a waiting file that no longer exists because the form was submitted twice.
        """
        files: list[File] = []
        for each in self.waiting:
            with suppress(FileNotFoundError):
                files.append(each.open())
        return [*files, *self.valid_files]

    def keep_files(self) -> None:
        """Store the valid files until the person submits this form again.

        If there is no room for a file, the form says so.
        """
        if self.by is None:
            return
        for file in self.valid_files:
            try:
                self.waiting.append(evidence_actions.store_waiting_file(file, by=self.by))
            except Refused as refusal:
                if str(refusal) not in self.errors.get("evidence", []):
                    self.add_error("evidence", str(refusal))
        self.valid_files = []

    def delete_waiting_files(self) -> None:
        """Delete the waiting files once they have been saved with the claim."""
        evidence_actions.delete_waiting_files(self.waiting)


class EvidenceForm(EvidenceFieldsForm):
    """Files to add to an existing claim."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evidence"].label = "Files to add"

    def clean_evidence(self) -> list[UploadedFile]:
        files = super().clean_evidence()
        if not self.has_files:
            raise forms.ValidationError("Choose a file.")
        return files
