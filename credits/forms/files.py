"""Evidence in a form: several files, which are kept when the form has errors."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile

from accounts.models import User
from aspen.errors import Refused
from credits.actions import evidence as waiting
from events.uploads import EVIDENCE_ALLOWED, EVIDENCE_KINDS, clean_name

TOO_LARGE = (
    "A file was left out, because all files of one form together can be at most 10 MB. Scan it at "
    "a lower resolution, or add it on the claim’s page later."
)


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, as a list."""

    widget = FilesInput(attrs={"accept": ",".join(EVIDENCE_KINDS)})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        return list(data or [])


class EvidenceFieldsForm(forms.Form):
    """A form with evidence. put_aside keeps its valid files when the form has errors.

    `by` is the person who sends it, `too_large` whether a file was left out for its size.
    """

    evidence = FilesField(
        label="Evidence",
        required=False,
        help_text=f"A certificate, a program, a letter: {EVIDENCE_ALLOWED}, together at most "
        "10 MB. You can also add it later.",
    )

    def __init__(
        self, *args: Any, by: User | None = None, too_large: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.by, self.too_large = by, too_large
        self.fitting: list[UploadedFile] = []
        self.waiting: list[waiting.WaitingFile] = []
        if self.is_bound and by and hasattr(self.data, "getlist"):
            self.waiting = waiting.waiting_files(self.data.getlist("waiting"), by=by)

    def clean_evidence(self) -> list[UploadedFile]:
        reasons = [TOO_LARGE] if self.too_large else []
        for file in self.cleaned_data["evidence"]:
            try:
                waiting.check_evidence_file(file)
            except Refused as refusal:
                reasons.append(str(refusal))
            else:
                self.fitting.append(file)
        if too_many := self._leave_out():
            reasons.append(too_many)
        if reasons:
            raise forms.ValidationError(reasons)
        return self.fitting

    def _leave_out(self) -> str:
        """Drop files beyond the maximum; return a message about them, or ""."""
        room = waiting.MAX_FILES - len(self.waiting)
        left_out, self.fitting = self.fitting[room:], self.fitting[:room]
        names = ", ".join(f"“{clean_name(file.name or '')}”" for file in left_out)
        return f"{waiting.TOO_MANY} Left out: {names}." if names else ""

    @property
    def has_files(self) -> bool:
        return bool(self.fitting or self.waiting)

    def all_files(self) -> Sequence[File]:
        """The files sent now and before, once the form is valid.

        A waiting file that is gone was saved by the same form, which was sent twice.
        """
        files: list[File] = []
        for each in self.waiting:
            with suppress(FileNotFoundError):
                files.append(each.open())
        return [*files, *self.fitting]

    def put_aside(self) -> None:
        """Keep the valid files until this form is sent again."""
        if self.by is not None:
            self.waiting += [waiting.store_waiting_file(file, by=self.by) for file in self.fitting]
            self.fitting = []

    def done(self) -> None:
        """Delete the waiting files, which are now with the claim."""
        waiting.delete_waiting_files(self.waiting)


class EvidenceForm(EvidenceFieldsForm):
    """Files for a claim that exists."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evidence"].label = "Files to add"

    def clean_evidence(self) -> list[UploadedFile]:
        files = super().clean_evidence()
        if not self.has_files:
            raise forms.ValidationError("Choose a file.")
        return files
