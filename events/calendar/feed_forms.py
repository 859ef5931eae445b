"""What people may ask of the feeds and of the list for other sites."""

from urllib.parse import parse_qsl, urlencode

from django import forms

from events.calendar.forms import CalendarForm
from events.calendar.grid import LIST, Choice

USUAL, MOST = 10, 50


class FeedForm(CalendarForm):
    """The calendar's filters; where in it somebody is does not matter to a feed."""

    limit = forms.IntegerField(
        label="Events at most",
        required=False,
        min_value=1,
        max_value=MOST,
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value"],
            f"Choose a number from 1 to {MOST}. The list shows {USUAL} now.",
        ),
    )

    def at_most(self) -> int:
        self.is_valid()
        return self.cleaned_data.get("limit") or USUAL

    def choice(self) -> Choice:
        return _anywhere(super().choice())

    def parameters(self) -> str:
        """The filters as in an address: "" or ending in an ampersand."""
        return parameters(self.choice())


def parameters(choice: Choice) -> str:
    """The filters of a choice as in an address, without where in the calendar it is."""
    given = parse_qsl(_anywhere(choice).query())
    filters = [(name, value) for name, value in given if name != "view"]
    return f"{urlencode(filters)}&" if filters else ""


def _anywhere(choice: Choice) -> Choice:
    return choice.but(view=LIST, day=None, past=False)
