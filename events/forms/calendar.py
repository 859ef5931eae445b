"""What people may ask of the calendar. Addresses get mangled; every one goes through here."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.text import Truncator

from aspen.clock import today
from events.calendar import LIST, MONTH, Choice
from events.enums import Delivery, EventType
from events.models import EARLIEST, LATEST, Category
from events.queries import NO_TYPE

UNKNOWN = "That is not one of the choices, so it was left out."
YEARS = [
    MinValueValidator(EARLIEST.date(), "The calendar begins in 1990."),
    MaxValueValidator(LATEST.date() - dt.timedelta(days=1), "The calendar ends with 2099."),
]
VIEWS = [(MONTH, "Month"), (LIST, "List")]


class PickedDateInput(forms.DateInput):
    """Browsers complain about a value that is no date, and show nothing in its place."""

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, str):
            try:
                value = dt.datetime.strptime(value, self.format or "")
            except ValueError:
                return None
        return super().format_value(value)


class PickedDate(forms.DateField):
    """A day, or a month as its first day, from the browser's own picker. Optional.

    What is no date is quoted in front of the "invalid" message, as the picker cannot show it.
    """

    def __init__(self, *, type: str, format: str, **options: Any) -> None:
        super().__init__(
            required=False,
            input_formats=[format],
            validators=YEARS,
            widget=PickedDateInput(format=format, attrs={"type": type}),
            **options,
        )

    def to_python(self, value: Any) -> dt.date | None:
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError(f"“{Truncator(value).chars(20)}” {error.message}") from None


class CalendarForm(forms.Form):
    """The filters of the calendar and where in it somebody is.

    A value that makes no sense is reported and left out; `choice()` works with the others, so it
    may be called whether the form is valid or not.
    """

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
        error_messages={
            "null_characters_not_allowed": "That cannot be searched for, so it was left out.",
            "max_length": "Use fewer words: at most 200 characters are searched for.",
        },
    )
    category = forms.ChoiceField(label="CE category", required=False)
    type = forms.ChoiceField(
        label="Type",
        required=False,
        choices=[("", "All types"), *EventType.choices[1:], (NO_TYPE, "Other")],
    )
    delivery = forms.ChoiceField(
        label="How it is held",
        required=False,
        choices=[("", "Any way"), *Delivery.choices[1:]],
    )
    month = PickedDate(
        label="Month",
        type="month",
        format="%Y-%m",
        error_messages={"invalid": "is not a month like 2026-11. This is the present month."},
    )
    day = PickedDate(
        label="Only on this day",
        type="date",
        format="%Y-%m-%d",
        error_messages={"invalid": "is not a day like 2026-11-30, so it was left out."},
    )
    view = forms.ChoiceField(label="View", required=False, choices=VIEWS, widget=forms.HiddenInput)
    past = forms.ChoiceField(
        label="Past events", required=False, choices=[("1", "Past")], widget=forms.HiddenInput
    )
    page = forms.IntegerField(
        label="Page",
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value"],
            "There is no such page. This is the first one.",
        ),
    )

    def __init__(self, data: QueryDict, *, categories: Iterable[Category]) -> None:
        super().__init__({"month": f"{today():%Y-%m}", **data.dict()})
        self.asks_list = "month" not in data and any(
            data.get(name, "").strip() for name in ("q", "day", "past", "page")
        )
        for name in ("category", "type", "delivery", "view", "past"):
            self.fields[name].error_messages["invalid_choice"] = UNKNOWN
        category = self.fields["category"]
        assert isinstance(category, forms.ChoiceField)
        category.choices = [
            ("", "All categories"),
            *((each.slug, each.name) for each in categories),
        ]

    def choice(self) -> Choice:
        """What was asked for, with defaults for what was not or made no sense.

        Without a view the month is meant, unless something is asked that only the list has.
        """
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        view = given.get("view", LIST if self.asks_list else MONTH)
        return Choice(
            view=LIST if "q" in given else view,
            month=given.get("month", today()).replace(day=1),
            day=given.get("day"),
            words=given.get("q", ""),
            category=given.get("category", ""),
            type=given.get("type", ""),
            delivery=given.get("delivery", ""),
            past="past" in given,
            page=given.get("page", 1),
        )

    def errors_out_of_sight(self, choice: Choice) -> list[str]:
        """Errors of fields that the page does not show, each with the field's name."""
        shown = {"q", "category", "type", "delivery", "day" if choice.view == LIST else "month"}
        return [
            f"{self.fields[name].label}: {error}"
            for name, errors in self.errors.items()
            if name not in shown
            for error in errors
        ]
