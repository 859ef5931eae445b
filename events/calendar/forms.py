"""The calendar's filters. All values are validated, because links can get mangled."""

import dataclasses
import datetime as dt
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.text import Truncator

from accounts.models import User
from aspen.form_fields import LineField
from aspen.formats import format_day
from aspen.web.paging import Key
from events.calendar.grid import LIST, MONTH, WATCH, WEEK, CalendarChoice, opening_month
from events.calendar.search import NO_TYPE, FilterChoices, filter_choices, with_synonyms
from events.enums import Delivery, EventType
from events.models import CALENDAR_ENDS, CALENDAR_STARTS
from events.signals import track_fit_of

INVALID_DAY = "is not a date like 2026-11-30, so it was ignored."
UNKNOWN_CHOICE = "This value is not one of the choices, so it was ignored."
YEARS = [
    MinValueValidator(CALENDAR_STARTS.date(), "The calendar starts in 1990."),
    MaxValueValidator(CALENDAR_ENDS.date() - dt.timedelta(days=1), "The calendar ends in 2099."),
]
VIEWS = [(MONTH, "Month"), (WEEK, "Week"), (LIST, "List"), (WATCH, "Watch now")]
# Fields that have different names in URLs. "from" is a Python keyword, and "to" matches it.
QUERY_NAMES = {"since": "from", "until": "to"}
NAME_ERRORS = {
    "null_characters_not_allowed": "This value cannot be searched for, so it was ignored.",
    "max_length": "This value is longer than any name on the calendar, so it was ignored.",
}
NO_TRACK = "Sign in and choose a track to use this filter. It was ignored."
# How suggestions refer to filters: "without the category".
FILTER_PHRASES = {
    "words": "the search words",
    "category": "the category",
    "type": "the type",
    "delivery": "the format",
    "sponsor": "the sponsor",
    "federation": "the federation",
    "city": "the city",
    "since": "the first day",
    "until": "the last day",
    "earns_credit": "“Earns credit”",
    "has_recording": "“Recording available”",
    "fits_track": "“Fits my track”",
}


class DatePickerInput(forms.DateInput):
    """A date picker that omits invalid values, which browsers would not show anyway."""

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, str):
            try:
                value = dt.datetime.strptime(value, self.format or "")
            except ValueError:
                return None
        return super().format_value(value)


class DatePickerField(forms.DateField):
    """An optional date or month from the browser's date picker.

    A month is stored as its first day. The "invalid" message quotes the value, because the picker
    cannot show it.
    """

    def __init__(self, *, type: str, format: str, **options: Any) -> None:
        super().__init__(
            required=False,
            input_formats=[format],
            validators=YEARS,
            widget=DatePickerInput(format=format, attrs={"type": type}),
            **options,
        )

    def to_python(self, value: Any) -> dt.date | None:
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError(f"“{Truncator(value).chars(20)}” {error.message}") from None


class FilterCheckbox(forms.CheckboxInput):
    """A checkbox that accepts "1" from links and "on" from browsers."""

    def __init__(self) -> None:
        super().__init__(check_test=lambda value: value == "1")

    def format_value(self, value: Any) -> str:
        return "1"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return {"on": "1", "0": ""}.get(data.get(name, ""), data.get(name, ""))


class _NameField(LineField):
    """A text that browsers do not cut at its maximum length, so that the page can say so."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        attrs = super().widget_attrs(widget)
        attrs.pop("maxlength", None)
        return attrs


class PageCursorField(LineField):
    """The cursor (time and id) at which a page starts or ends."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Key | None:  # type: ignore[override]
        text = super().to_python(value)
        try:
            return Key.parse(text) if text else None
        except ValueError:
            raise ValidationError("This link is damaged. Showing the first page.") from None


class CalendarForm(forms.Form):
    """The calendar's filters, date and page.

    Invalid values are reported and ignored. `choice()` uses only the valid values, so you can call
    it on an invalid form.
    """

    MENUS = {
        "Category": ("category",),
        "How": ("delivery", "recording"),
        "Where": ("city", "federation"),
        "When": ("since", "until"),
        "More": ("credit", "type", "sponsor"),
    }

    q = _NameField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
        error_messages=NAME_ERRORS | {"max_length": "Search for 200 letters or fewer."},
    )
    category = forms.ChoiceField(label="CE category", required=False)
    # [1:] skips the blank choice.
    type = forms.ChoiceField(
        label="Type",
        required=False,
        choices=[("", "All types"), *EventType.choices[1:], (NO_TYPE, "Other")],
    )
    delivery = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[("", "Any"), *Delivery.choices[1:]],
    )
    sponsor = _NameField(
        label="Sponsor", required=False, max_length=200, error_messages=NAME_ERRORS
    )
    city = _NameField(label="City", required=False, max_length=80, error_messages=NAME_ERRORS)
    federation = forms.ChoiceField(label="Federation", required=False)
    since = DatePickerField(
        label="From", type="date", format="%Y-%m-%d", error_messages={"invalid": INVALID_DAY}
    )
    until = DatePickerField(
        label="To", type="date", format="%Y-%m-%d", error_messages={"invalid": INVALID_DAY}
    )
    credit = forms.ChoiceField(
        label="Earns credit", required=False, choices=[("1", "Yes")], widget=FilterCheckbox
    )
    recording = forms.ChoiceField(
        label="Recording available", required=False, choices=[("1", "Yes")], widget=FilterCheckbox
    )
    fits = forms.ChoiceField(
        label="Fits my track",
        required=False,
        choices=[("1", "Yes")],
        widget=FilterCheckbox,
    )
    month = DatePickerField(
        label="Month",
        type="month",
        format="%Y-%m",
        error_messages={"invalid": "is not a month like 2026-11. Showing the current month."},
    )
    day = DatePickerField(
        label="Only on this day",
        type="date",
        format="%Y-%m-%d",
        error_messages={"invalid": INVALID_DAY},
    )
    view = forms.ChoiceField(label="View", required=False, choices=VIEWS, widget=forms.HiddenInput)
    past = forms.ChoiceField(
        label="Past events", required=False, choices=[("1", "Past")], widget=forms.HiddenInput
    )
    # With a cursor, this is only the number to display.
    page = forms.IntegerField(
        label="Page",
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value"],
            "This page does not exist. Showing the first page.",
        ),
    )

    after = PageCursorField(label="Page", required=False)
    before = PageCursorField(label="Page", required=False)

    def __init__(self, data: QueryDict, *, choices: FilterChoices, has_track: bool = False) -> None:
        super().__init__({"month": f"{opening_month():%Y-%m}", **data.dict()})
        self.defaults_to_list = bool(data.get("q", "").strip()) or (
            "month" not in data
            and any(data.get(name, "").strip() for name in ("day", "from", "to", "past", "page"))
        )
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = UNKNOWN_CHOICE
        self._choice_field("category").choices = [
            ("", "All categories"),
            *((each.slug, each.name) for each in choices.categories),
        ]
        self._choice_field("federation").choices = [
            ("", "All federations"),
            *((name, name) for name in choices.federations),
        ]
        if not has_track:
            fits = self._choice_field("fits")
            fits.choices = []
            fits.error_messages["invalid_choice"] = NO_TRACK

    def _choice_field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    @staticmethod
    def filter_name(field_name: str) -> str:
        """Return the name that the filter of a field has in `Filters`."""
        names = {
            "q": "words",
            "credit": "earns_credit",
            "recording": "has_recording",
            "fits": "fits_track",
        }
        return names.get(field_name, field_name)

    def add_prefix(self, field_name: str) -> str:
        """Return the field's name in URLs."""
        return QUERY_NAMES.get(field_name, field_name)

    def choice(self) -> CalendarChoice:
        """Return the view, date and filters, with defaults for missing and invalid values.

        The default view is the month, or the list if the URL has one of its parameters.
        """
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return CalendarChoice(
            view=given.get("view", LIST if self.defaults_to_list else MONTH),
            month=given.get("month", opening_month()).replace(day=1),
            day=given.get("day"),
            words=given.get("q", ""),
            category=given.get("category", ""),
            type=given.get("type", ""),
            delivery=given.get("delivery", ""),
            sponsor=given.get("sponsor", ""),
            federation=given.get("federation", ""),
            city=given.get("city", ""),
            since=given.get("since"),
            until=given.get("until"),
            earns_credit="credit" in given,
            has_recording="recording" in given,
            fits_track="fits" in given,
            past="past" in given,
            page=1 if {"after", "before"} & self.errors.keys() else given.get("page", 1),
            after=given.get("after"),
            before=given.get("before"),
        )

    def applied_filters(self, choice: CalendarChoice) -> list[tuple[str, str]]:
        """Return the active filters as (name, label) pairs."""
        labels = {
            "words": f"“{choice.words}”",
            "category": self._label("category", choice.category),
            "type": self._label("type", choice.type),
            "delivery": self._label("delivery", choice.delivery),
            "sponsor": f"Sponsor: {choice.sponsor}",
            "federation": f"Federation: {choice.federation}",
            "city": f"City: {choice.city}",
            "since": f"From {format_day(choice.since)}" if choice.since else "",
            "until": f"To {format_day(choice.until)}" if choice.until else "",
            "earns_credit": "Earns credit",
            "has_recording": "Recording available",
            "fits_track": "Fits my track",
        }
        return [(name, labels[name]) for name in choice.active_filters]

    def _label(self, name: str, value: str) -> str:
        return str(dict(self._choice_field(name).choices).get(value, value))  # type: ignore[arg-type]

    def errors_of_hidden_fields(self, choice: CalendarChoice) -> list[str]:
        """Return errors in fields that are not on the page, each with the field's label."""
        menus = (name for names in self.MENUS.values() for name in names)
        shown = {"q", *menus, "month" if choice.view == MONTH else "day"}
        messages = (
            f"{self.fields[name].label}: {error}"
            for name, errors in self.errors.items()
            if name not in shown
            for error in errors
        )
        return list(dict.fromkeys(messages))


class ReadChoice(NamedTuple):
    form: CalendarForm
    choice: CalendarChoice
    choices: FilterChoices


def read_choice(data: QueryDict, person: User | None) -> ReadChoice:
    """Read what to show from a URL's parameters, with synonyms and the events that fit the track.

    Two queries, and up to three for a person.
    """
    choices = filter_choices()
    track_fit = track_fit_of(person)
    form = CalendarForm(data, choices=choices, has_track=track_fit is not None)
    choice = dataclasses.replace(with_synonyms(form.choice()), track_fit=track_fit)
    return ReadChoice(form, choice, choices)
