"""A form field for dates and times in Mountain time."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from aspen.clock import in_montana
from events.models import CALENDAR_ENDS, CALENDAR_STARTS

INVALID_MOMENT = (
    "Enter a valid date and time in Mountain time, such as 11/23/2026 9:00 AM. "
    "Use four digits for the year."
)
MOMENT_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M"]


class MomentField(forms.DateTimeField):
    """A date and time in Mountain time that people can type or pick."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(
            format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local", "min": "1990-01-01T00:00"}
        )
        super().__init__(
            widget=widget,
            input_formats=MOMENT_FORMATS,
            **kwargs,
        )

    def to_python(self, value: Any) -> dt.datetime | None:
        """Return the moment. An hour that autumn repeats is the first one.

        Django's own method rejects that hour, because it could be either of two.
        """
        if value in self.empty_values:
            return None
        try:
            moment = value if isinstance(value, dt.datetime) else self._parse(str(value).strip())
            if timezone.is_naive(moment):
                moment = in_montana(moment)
        except (ValueError, forms.ValidationError) as error:
            raise forms.ValidationError(INVALID_MOMENT) from error
        if not CALENDAR_STARTS <= moment < CALENDAR_ENDS:
            raise forms.ValidationError("The year must be between 1990 and 2099.")
        return moment

    def _parse(self, text: str) -> Any:
        return parse_datetime(text) or super(forms.DateTimeField, self).to_python(text)
