"""Form fields for dates and times in Mountain time and for web addresses."""

import datetime as dt
from typing import Any

from django import forms
from django.core.validators import URLValidator

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
        try:
            moment: dt.datetime | None = super().to_python(value)
        except forms.ValidationError as error:
            # This includes the hour skipped in spring, for which Django's message has a time zone.
            raise forms.ValidationError(INVALID_MOMENT) from error
        if moment is not None and not CALENDAR_STARTS <= moment < CALENDAR_ENDS:
            raise forms.ValidationError("The year must be between 1990 and 2099.")
        return moment


class WebAddressField(forms.URLField):
    """An http or https address."""

    default_validators = [
        URLValidator(
            schemes=["http", "https"],
            message="Enter a web address that starts with https://",
        )
    ]

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"max_length": 500, "assume_scheme": "https", **kwargs}
        super().__init__(**kwargs)
