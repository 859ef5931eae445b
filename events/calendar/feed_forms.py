"""Filters for the feeds and the embedded list."""

from urllib.parse import parse_qsl, urlencode

from django import forms

from events.calendar import search
from events.calendar.forms import CalendarForm
from events.calendar.grid import LIST, CalendarChoice

DEFAULT_LIMIT, MAX_LIMIT = 10, 50


class FeedForm(CalendarForm):
    """The calendar's filters, without date and page, and the number of events to show."""

    limit = forms.IntegerField(
        label="Maximum number of events",
        required=False,
        min_value=1,
        max_value=MAX_LIMIT,
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value"],
            f"Choose a number from 1 to {MAX_LIMIT}. Showing {DEFAULT_LIMIT}.",
        ),
    )

    def max_events(self) -> int:
        self.is_valid()
        return self.cleaned_data.get("limit") or DEFAULT_LIMIT

    def choice(self) -> CalendarChoice:
        return search.with_synonyms(_without_position(super().choice()))

    def parameters(self) -> str:
        """Return the filters as a query string that is empty or ends in an ampersand."""
        return filter_parameters(self.choice())


def filter_parameters(choice: CalendarChoice) -> str:
    """Return a choice's filters as a query string, without view, date, page or the person's track.

    Feeds are the same for everyone.
    """
    given = parse_qsl(_without_position(choice).without("fits_track").query())
    filters = [(name, value) for name, value in given if name != "view"]
    return f"{urlencode(filters)}&" if filters else ""


def _without_position(choice: CalendarChoice) -> CalendarChoice:
    return choice.replace(view=LIST, day=None, past=False)
