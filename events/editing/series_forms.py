"""Forms for repeating an event and for a conference's sessions."""

import calendar
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dateutil import rrule
from dateutil.relativedelta import relativedelta
from django import forms
from django.utils import timezone

from aspen.form_fields import LineField
from aspen.halves import NOT_IN_HALVES, is_in_halves
from events.editing.series import MAX_OCCURRENCES, existing_local_time
from events.models import Category, Event

WEEKLY, BIWEEKLY, MONTH_DAY, MONTH_LAST_DAY, MONTH_WEEKDAY, MONTH_LAST = (
    "weekly",
    "biweekly",
    "month-day",
    "month-last-day",
    "month-weekday",
    "month-last",
)
ORDINALS = ["first", "second", "third", "fourth", "fifth"]


class RepeatForm(forms.Form):
    """The rule for repeating an event. `source` sets the first day and the time of day."""

    how = forms.ChoiceField(label="How often", widget=forms.RadioSelect)
    times = forms.IntegerField(
        label="Number of repeats", min_value=1, max_value=MAX_OCCURRENCES, required=False
    )
    until = forms.DateField(
        label="Or until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, source: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.begin = timezone.localtime(source.begins_at).replace(tzinfo=None)
        self.fields["how"].choices = self._choices()  # type: ignore[attr-defined]
        self.initial = {"how": WEEKLY, "times": 5, "key": uuid.uuid4(), **self.initial}

    def _choices(self) -> list[tuple[str, str]]:
        day, name = self.begin.day, calendar.day_name[self.begin.weekday()]
        number = (day - 1) // 7
        choices = [
            (WEEKLY, f"Every week on {name}"),
            (BIWEEKLY, f"Every other week on {name}"),
            (MONTH_DAY, f"Every month on day {day}"),
            *self._last_day_choice(),
            (MONTH_WEEKDAY, f"Every month on the {ORDINALS[number]} {name}"),
        ]
        if (self.begin + dt.timedelta(days=7)).month != self.begin.month:
            choices.append((MONTH_LAST, f"Every month on the last {name}"))
        return choices

    def _last_day_choice(self) -> list[tuple[str, str]]:
        is_last = (self.begin + dt.timedelta(days=1)).month != self.begin.month
        return [(MONTH_LAST_DAY, "Every month on the last day")] if is_last else []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        until = data.get("until")
        if not data.get("times") and not until and not self.errors:
            self.add_error("times", "Enter the number of repeats or a last day.")
        if until and until <= self.begin.date():
            self.add_error("until", "The last day must be after the event's own date.")
        return data

    def moments(self) -> list[dt.datetime]:
        """Return up to `MAX_OCCURRENCES` moments after the source's, at the same local time."""
        how, until = self.cleaned_data["how"], self.cleaned_data["until"]
        times = self.cleaned_data["times"] or MAX_OCCURRENCES
        rules: dict[str, dict[str, Any]] = {
            WEEKLY: {"freq": rrule.WEEKLY},
            BIWEEKLY: {"freq": rrule.WEEKLY, "interval": 2},
            MONTH_DAY: {"freq": rrule.MONTHLY, "bymonthday": self.begin.day},
            MONTH_LAST_DAY: {"freq": rrule.MONTHLY, "bymonthday": -1},
            MONTH_WEEKDAY: {
                "freq": rrule.MONTHLY,
                "byweekday": rrule.weekday(self.begin.weekday(), (self.begin.day - 1) // 7 + 1),
            },
            MONTH_LAST: {
                "freq": rrule.MONTHLY,
                "byweekday": rrule.weekday(self.begin.weekday(), -1),
            },
        }
        options = rules[how]
        if until:
            options["until"] = dt.datetime.combine(until, dt.time.max)
        moments: list[dt.datetime] = []
        for local in rrule.rrule(dtstart=self.begin, **options):
            if local == self.begin:
                continue
            if len(moments) >= min(times, MAX_OCCURRENCES) or local.year > 2099:
                break
            moments.append(existing_local_time(local))
        return moments

    def months_without_a_date(self, moments: Sequence[dt.datetime]) -> list[str]:
        """Return the months that a monthly rule skips before its last date, such as "June 2027"."""
        if self.cleaned_data["how"] not in (MONTH_DAY, MONTH_WEEKDAY) or not moments:
            return []
        months = {(local.year, local.month) for local in map(timezone.localtime, moments)}
        every_month = rrule.rrule(
            rrule.MONTHLY,
            dtstart=self.begin.replace(day=1) + relativedelta(months=1),
            until=timezone.localtime(moments[-1]).replace(tzinfo=None),
        )
        return [f"{each:%B %Y}" for each in every_month if (each.year, each.month) not in months]


class DatesForm(forms.Form):
    """The dates on which to repeat the event, as moments in ISO format."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    dates = forms.TypedMultipleChoiceField(
        label="Dates",
        coerce=dt.datetime.fromisoformat,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one date."},
    )

    def __init__(self, *args: Any, choices: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dates"].choices = list(choices)  # type: ignore[attr-defined]


class SessionForm(forms.Form):
    """One row of the sheet. Blank rows are skipped."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    title = LineField(label="Title", max_length=300, required=False)
    day = forms.DateField(
        label="Day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    begin = forms.TimeField(
        label="Begins",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    end = forms.TimeField(
        label="Ends",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    room = LineField(label="Room", max_length=80, required=False)
    presenter = LineField(label="Presenter", max_length=200, required=False)
    category = forms.ChoiceField(label="CE category", required=False)
    amount = forms.DecimalField(
        label="Credits",
        required=False,
        min_value=0,
        max_value=99,
        widget=forms.NumberInput(attrs={"step": "0.5", "min": "0.5"}),
    )

    def __init__(self, *args: Any, categories: Mapping[int, Category], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = categories
        for name, field in self.fields.items():
            kind = "form-select" if name == "category" else "form-control"
            field.widget.attrs.setdefault("class", kind)
        names = [(str(pk), category.name) for pk, category in categories.items()]
        self.fields["category"].choices = [("", "None"), *names]  # type: ignore[attr-defined]

    def clean_category(self) -> Category | None:
        chosen: str = self.cleaned_data["category"]
        return self.categories[int(chosen)] if chosen else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("title"):
            if any(data.get(name) for name in ("day", "begin", "end", "room", "presenter")):
                self.add_error("title", "Enter the title of this session.")
            return data
        for name, message in (("day", "Enter the day."), ("begin", "Enter the start time.")):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, message)
        begin, end = data.get("begin"), data.get("end")
        # An end at midnight is the end of the day.
        if begin and end and end != dt.time() and end <= begin:
            self.add_error("end", "The end must be after the start.")
        amount = data.get("amount")
        if amount and not is_in_halves(amount):
            self.add_error("amount", NOT_IN_HALVES)
        if amount and not data.get("category"):
            self.add_error("category", "Choose a category for these credits.")
        if data.get("category") and not amount and "amount" not in self.errors:
            self.add_error("amount", "Enter the number of credits.")
        return data


SessionFormSet = forms.formset_factory(SessionForm, extra=0, max_num=300, absolute_max=310)
