"""Forms around claiming. The actions judge again; here people get their words beside the field."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone

from aspen.halves import MESSAGE, is_in_halves
from aspen.words import credits as in_words
from credits.enums import ClaimSource
from events import rules
from events.actions import CustomEventFacts
from events.forms.fields import MomentField
from events.models import Event
from events.queries import categories


class PickForm(forms.Form):
    """The event chosen from the list on the Continuing Education page."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1)


class FindForm(forms.Form):
    """Words that narrow the list to claim from."""

    find = forms.CharField(required=False, max_length=200)


class SourceForm(forms.Form):
    """Which of the three ways a claim came; anything else is the calendar's button."""

    source = forms.ChoiceField(choices=[(ClaimSource.LIST, "list"), (ClaimSource.CALENDAR, "")])


class SimilarForm(forms.Form):
    """The title typed so far; under four letters nothing is alike."""

    title = forms.CharField(min_length=4, max_length=300)


class CategoryField(forms.ModelChoiceField):
    def label_from_instance(self, category: Any) -> str:
        return f"{category.shape} {category.name}: {category.description}"


class CustomEventForm(forms.Form):
    """Create New…: a training that is not on the calendar. The CE category comes last."""

    title = forms.CharField(
        label="Event title",
        max_length=300,
        widget=forms.TextInput(
            attrs={
                "hx-get": reverse_lazy("credits:similar"),
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#similar",
            }
        ),
    )
    begins_at = MomentField(label="Begin date and time", help_text="Mountain time.")
    ends_at = MomentField(label="End date and time", help_text="Mountain time.")
    sponsor = forms.CharField(
        max_length=200, help_text="Who offered it, for example a library school or an association."
    )
    presenter = forms.CharField(label="Trainer or presenter name", max_length=200)
    description = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Not required, but reviewers read it: what was it about, how does it help your "
        "library?",
    )
    amount = forms.DecimalField(
        label="Credit value",
        max_value=Decimal("99.5"),
        widget=forms.NumberInput(attrs={"step": "0.5", "min": "0.5"}),
        help_text="One credit is about one hour, in halves: 0.5, 1, 1.5 …",
    )
    category = CategoryField(
        label="CE category",
        queryset=categories(),
        empty_label=None,
        widget=forms.RadioSelect,
    )

    @classmethod
    def for_event(cls, event: Event, data: Any = None) -> "CustomEventForm":
        """The form filled with what a returned custom event says."""
        offer = event.offers.get()
        names = ("title", "begins_at", "ends_at", "sponsor", "presenter", "description")
        initial = {name: getattr(event, name) for name in names}
        return cls(data, initial=initial | {"amount": offer.amount, "category": offer.category_id})

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not is_in_halves(amount):
            raise forms.ValidationError(MESSAGE)
        return amount

    def clean_ends_at(self) -> dt.datetime:
        ends_at: dt.datetime = self.cleaned_data["ends_at"]
        begins_at = self.cleaned_data.get("begins_at")
        if begins_at and ends_at <= begins_at:
            raise forms.ValidationError("The end must be after the beginning.")
        if ends_at > timezone.now():
            raise forms.ValidationError(
                "This training is not over yet. Credits can be claimed once it has ended."
            )
        return ends_at

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if {"begins_at", "ends_at", "amount"} <= data.keys():
            most = rules.most_credits(data["begins_at"], data["ends_at"])
            if data["amount"] > most:
                self.add_error(
                    "amount",
                    f"A training of this length can carry at most {in_words(most)}. "
                    "Lower the credit value or correct the times.",
                )
        return data

    def facts(self) -> CustomEventFacts:
        """What was entered, once the form is valid."""
        return CustomEventFacts(**self.cleaned_data)


class SessionsForm(forms.Form):
    """Which sessions of a conference somebody attended; `ids` are all of them."""

    sessions = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose the sessions you attended.",
            "invalid_choice": "One of these is not in this conference. Look at the list again.",
        },
    )

    def __init__(self, *args: Any, ids: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sessions = self.fields["sessions"]
        assert isinstance(sessions, forms.TypedMultipleChoiceField)
        sessions.choices = [(str(pk), str(pk)) for pk in ids]
