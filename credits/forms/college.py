"""The College work form: a college or university course and its transcript."""

import datetime as dt
from decimal import Decimal
from typing import Any, Self

from django import forms
from django.utils import timezone

from aspen.clock import today
from aspen.form_fields import LineField
from credits.forms.claiming import NoteForm
from credits.forms.custom import CategoryField, claim_values, first_credit_line
from credits.forms.files import EvidenceFieldsForm
from credits.models import Claim
from events import rules
from events.actions import CollegeCourse, CustomEventFacts
from events.enums import CollegeCreditType
from events.models import CALENDAR_STARTS, Event
from events.queries import midnight

MAX_COURSE_CREDITS = 3
TOO_MANY_COURSE_CREDITS = (
    "The State Library’s table only goes up to three college credits. Open a help ticket, and the "
    "CE Coordinator will tell you how many CE credits the course earns."
)


class DayField(forms.DateField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, input_formats=["%Y-%m-%d", "%m/%d/%Y"], **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and not CALENDAR_STARTS.year <= value.year < 2100:
            raise forms.ValidationError("The year must be between 1990 and 2099.")


class CourseCreditsForm(forms.Form):
    """A course's college credits, for the preview."""

    credit_type = forms.ChoiceField(
        label="Type of college credit", choices=CollegeCreditType.choices
    )
    course_credits = forms.IntegerField(
        label="College credits",
        min_value=1,
        max_value=MAX_COURSE_CREDITS,
        error_messages={"max_value": TOO_MANY_COURSE_CREDITS},
        widget=forms.NumberInput(attrs={"min": "1", "max": str(MAX_COURSE_CREDITS), "step": "1"}),
    )

    def course(self) -> CollegeCourse:
        data = self.cleaned_data
        return CollegeCourse(
            credit_type=CollegeCreditType(data["credit_type"]), credits=data["course_credits"]
        )


class CollegeForm(EvidenceFieldsForm, NoteForm, CourseCreditsForm):
    """A college course. The transcript is required unless the claim already has it."""

    field_order = [
        *("title", "institution", "first_day", "last_day", "credit_type", "course_credits"),
        *("category", "note", "evidence"),
    ]
    title = LineField(label="Course title", max_length=300)
    institution = LineField(label="College or university", max_length=200)
    first_day = DayField(label="First day")
    last_day = DayField(label="Last day")
    category = CategoryField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        transcript = self.fields["evidence"]
        transcript.label, transcript.required = "Transcript", True
        transcript.help_text = (
            "An unofficial transcript is enough. PDF, JPEG or PNG, up to 10 MB in total."
        )

    @classmethod
    def for_event(cls, event: Event, claim: Claim | None, *args: Any, **kwargs: Any) -> Self:
        """Return a form to change a course and its author's claim.

        The claim already has a transcript, so another one is optional. Without a claim, leave out
        the claim's fields.
        """
        work = event.college_work
        initial = {
            "title": event.title,
            "institution": event.sponsor,
            "first_day": timezone.localdate(event.begins_at),
            "last_day": timezone.localdate(event.ends_at),
            "credit_type": work.system,
            "course_credits": work.course_credits,
            "category": first_credit_line(event).get("category"),
        }
        initial |= claim_values(claim) | (kwargs.pop("initial", None) or {})
        form = cls(*args, initial=initial, **kwargs)
        form.fields["evidence"].required = claim is not None and not claim.evidence.exists()
        if claim is None:
            for name in ("note", "evidence"):
                del form.fields[name]
        return form

    def credits(self) -> Decimal:
        """Return the credits that a valid form's course earns."""
        return self.facts().amount

    def clean_last_day(self) -> dt.date:
        last_day: dt.date = self.cleaned_data["last_day"]
        first_day = self.cleaned_data.get("first_day")
        if first_day and last_day <= first_day:
            raise forms.ValidationError("The last day must be after the first day.")
        if last_day >= today():
            raise forms.ValidationError(
                "The course is not over yet. You can enter it once it has ended."
            )
        return last_day

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        transcript = self.fields.get("evidence")
        is_missing = transcript and transcript.required and not self.has_files
        if is_missing and "evidence" not in self.errors:
            self.add_error("evidence", "Add your transcript. An unofficial one is enough.")
        return data

    def facts(self) -> CustomEventFacts:
        data, course = self.cleaned_data, self.course()
        return CustomEventFacts(
            title=data["title"],
            begins_at=midnight(data["first_day"]),
            ends_at=midnight(data["last_day"]),
            sponsor=data["institution"],
            presenter="",
            description="",
            category=data["category"],
            amount=rules.ce_credits_for_course(course.credit_type, course.credits),
            course=course,
        )
