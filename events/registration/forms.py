"""The form to register: the attendance mode, and the organizer's questions."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from aspen.form_fields import TextField
from events.enums import AttendanceMode, QuestionKind
from events.models import Question

YES, NO = "Yes", "No"
ACCOMMODATION_HELP = (
    "For example, an interpreter, a seat near the front, or a special diet. Only the organizer "
    "sees this."
)
MAX_ANSWER_LENGTH = 1000
CHOOSE = "Choose how you will take part: in person or online."


class RegistrationForm(forms.Form):
    """A form with a field for each question, named `question_<id>`.

    `has_choice` adds a field for how the person takes part. `saved` maps question ids to saved
    answers.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        questions: Iterable[Question],
        has_choice: bool = False,
        saved: Mapping[int, str] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        saved_initial = {f"question_{pk}": text for pk, text in (saved or {}).items()}
        super().__init__(data, initial={**saved_initial, **(initial or {})})
        if has_choice:
            self.fields["attendance_mode"] = forms.ChoiceField(
                label="How will you take part?",
                choices=AttendanceMode.choices,
                widget=forms.RadioSelect,
                error_messages={"required": CHOOSE, "invalid_choice": CHOOSE},
            )
        for question in questions:
            self.fields[f"question_{question.pk}"] = _field(question)

    def answers(self) -> dict[int, str]:
        """Return the answers by question id. The form must be valid."""
        return {
            int(name.removeprefix("question_")): str(value or "")
            for name, value in self.cleaned_data.items()
            if name.startswith("question_")
        }

    def mode(self) -> AttendanceMode | None:
        """Return the chosen attendance mode, or None without the field. The form must be valid."""
        chosen = self.cleaned_data.get("attendance_mode")
        return AttendanceMode(chosen) if chosen else None


class SwitchForm(forms.Form):
    """The button to take part in a hybrid event in the other way."""

    mode = forms.ChoiceField(choices=AttendanceMode.choices)


def _field(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.label, "required": question.is_required}
    if question.kind == QuestionKind.YES_NO:
        return _choice_field([YES, NO], **common)
    if question.kind == QuestionKind.CHOICE:
        return _choice_field(question.choices, **common)
    widget = forms.Textarea(attrs={"rows": 3})
    if question.kind == QuestionKind.ACCOMMODATION:
        common["help_text"] = ACCOMMODATION_HELP
    return TextField(max_length=MAX_ANSWER_LENGTH, widget=widget, **common)


def _choice_field(options: Iterable[str], *, required: bool, **common: Any) -> forms.ChoiceField:
    choices = [(option, option) for option in options]
    if not required:
        choices.append(("", "No answer"))
    return forms.ChoiceField(choices=choices, required=required, widget=forms.RadioSelect, **common)
