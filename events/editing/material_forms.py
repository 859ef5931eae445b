"""Forms for registration questions, files and links."""

from typing import Any

from django import forms

from aspen.form_fields import LineField, TextField, WebAddressField
from aspen.text import clean_line
from events.editing.material import QuestionInput
from events.enums import QuestionKind
from events.uploads import TOO_LARGE


class QuestionForm(forms.Form):
    """One question. Blank questions are skipped."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    label = LineField(label="Question", max_length=200, required=False)
    kind = forms.ChoiceField(label="Kind of answer", choices=QuestionKind.choices)
    choices = TextField(
        label="Choices",
        max_length=2000,
        required=False,
        help_text="Only if the answer is a choice. Enter at least two, one per line.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    is_required = forms.BooleanField(label="Require an answer", required=False)
    remove = forms.BooleanField(label="Remove this question", required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        lines = [clean_line(line)[:100].rstrip() for line in data.get("choices", "").splitlines()]
        data["choices"] = [line for line in dict.fromkeys(lines) if line]
        is_choice = data.get("kind") == QuestionKind.CHOICE and data.get("label")
        if is_choice and not data.get("remove") and len(data["choices"]) < 2:
            self.add_error("choices", "Enter at least two choices, one per line.")
        if data.get("id") and not data.get("label"):
            self.add_error("label", "Enter the question, or select Remove this question.")
        return data

    def question(self) -> QuestionInput:
        data = self.cleaned_data
        return QuestionInput(
            pk=data["id"],
            label=data["label"],
            kind=QuestionKind(data["kind"]),
            choices=data["choices"],
            is_required=data["is_required"],
            remove=data["remove"],
        )


QuestionFormSet = forms.formset_factory(QuestionForm, extra=0, max_num=40, absolute_max=50)


class LinkForm(forms.Form):
    """A link that belongs to the event."""

    url = WebAddressField(label="Web address")
    link_label = LineField(label="Link name", max_length=150)


class FileForm(forms.Form):
    """A file that belongs to the event."""

    file = forms.FileField(
        label="File",
        help_text="PDF, PNG, JPEG, Word, Excel, PowerPoint, text or CSV, up to 10 MB.",
        error_messages={
            "required": "Choose a file.",
            "empty": "This file is empty.",
        },
    )
    label = LineField(
        label="Display name",
        max_length=150,
        required=False,
        help_text="Leave blank to use the file name.",
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if too_large:  # the upload was cut off
            self.fields["file"].error_messages["required"] = TOO_LARGE
