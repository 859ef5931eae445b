"""Forms for entering several sessions at an outside conference together."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from aspen.clock import end_of_session, in_montana
from aspen.form_fields import LineField
from credits.forms.college import DayField
from credits.forms.custom import ENDS_BEFORE_BEGIN, NOT_OVER, AmountField, why_too_many_credits
from events import rules
from events.actions import CustomEventFacts
from events.editing.fields import INVALID_MOMENT
from events.models import Category

SESSION_FIELDS = ("title", "day", "begin", "end", "presenter", "category", "amount")


class ConferenceForm(forms.Form):
    conference = LineField(label="Conference name", max_length=120)
    sponsor = LineField(max_length=200, help_text="The organizer, such as a library association.")


def _time_field(**kwargs: Any) -> forms.TimeField:
    return forms.TimeField(
        required=False,
        input_formats=["%H:%M", "%I:%M %p", "%H:%M:%S"],
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        **kwargs,
    )


class OutsideSessionForm(forms.Form):
    """One session. Blank rows are ignored."""

    title = LineField(label="Session title", max_length=170, required=False)
    day = DayField(label="Date", required=False)
    begin = _time_field(label="Begins")
    end = _time_field(label="Ends")
    presenter = LineField(label="Presenter", max_length=200, required=False)
    category = forms.ChoiceField(label="CE category", required=False)
    amount = AmountField(label="Credits", required=False)

    def __init__(self, *args: Any, categories: Mapping[int, Category], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = categories
        for name, field in self.fields.items():
            kind = "form-select" if name == "category" else "form-control"
            field.widget.attrs.setdefault("class", kind)
        names = [(str(pk), category.name) for pk, category in categories.items()]
        self.fields["category"].choices = [("", "Choose"), *names]  # type: ignore[attr-defined]

    @property
    def is_filled_in(self) -> bool:
        return any(str(self[name].value() or "").strip() for name in SESSION_FIELDS)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.is_filled_in:
            return data
        for name in SESSION_FIELDS[:-1]:
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "This field is required.")
        if not self.errors:
            self._clean_times(data)
        return data

    def _clean_times(self, data: dict[str, Any]) -> None:
        begins_at = _moment(dt.datetime.combine(data["day"], data["begin"]))
        ends_at = _moment(end_of_session(data["day"], data["end"]))
        if begins_at is None or ends_at is None:
            return self.add_error("begin", INVALID_MOMENT)
        if ends_at <= begins_at:
            return self.add_error("end", ENDS_BEFORE_BEGIN)
        if ends_at > timezone.now():
            return self.add_error("end", NOT_OVER)
        data["begins_at"], data["ends_at"] = begins_at, ends_at
        data["amount"] = data.get("amount") or rules.default_credits(begins_at, ends_at)
        if reason := why_too_many_credits(begins_at, ends_at, data["amount"]):
            self.add_error("amount", reason)
        return None

    def facts(self, conference: str, sponsor: str) -> CustomEventFacts:
        """Return the session as a custom event titled "conference: session"."""
        data = self.cleaned_data
        amount: Decimal = data["amount"]
        return CustomEventFacts(
            title=f"{conference}: {data['title']}",
            begins_at=data["begins_at"],
            ends_at=data["ends_at"],
            sponsor=sponsor,
            presenter=data["presenter"],
            description="",
            category=self.categories[int(data["category"])],
            amount=amount,
        )


def _moment(local: dt.datetime) -> dt.datetime | None:
    """Return the Mountain time, or None if clocks skip that time in spring."""
    try:
        return in_montana(local)
    except ValueError:
        return None


class BaseSessionFormSet(forms.BaseFormSet):
    """All session rows. Two rows cannot have the same title and start time."""

    def clean(self) -> None:
        seen: set[tuple[str, dt.datetime]] = set()
        for form in filled_in_rows(self):
            if begins_at := form.cleaned_data.get("begins_at"):
                key = (form.cleaned_data["title"], begins_at)
                if key in seen:
                    form.add_error("title", "This session is listed twice.")
                seen.add(key)


def filled_in_rows(formset: forms.BaseFormSet) -> list[OutsideSessionForm]:
    return [form for form in formset.forms if form.is_filled_in]


SessionFormSet = forms.formset_factory(
    OutsideSessionForm, formset=BaseSessionFormSet, extra=0, max_num=60, absolute_max=60
)
