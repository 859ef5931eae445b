"""The Create New… form, for training that is not on the calendar."""

import datetime as dt
from decimal import Decimal
from typing import Any, Self

from django import forms
from django.utils import timezone

from aspen.form_fields import LineField, TextField, WebAddressField
from aspen.formats import format_credits
from aspen.halves import NOT_IN_HALVES, is_in_halves
from credits import rules as claim_rules
from credits.enums import ClaimRole
from credits.forms.claiming import NoteForm
from credits.forms.files import EvidenceFieldsForm
from credits.models import Claim
from events import rules
from events.actions import CustomEventFacts
from events.editing.fields import MomentField
from events.models import Event
from events.queries import categories

NOT_OVER = "This training is not over yet. You can claim credits once it has ended."
ENDS_BEFORE_BEGIN = "The end must be after the start."
# Fields that are copied when a person enters a training again.
REUSED_FIELDS = ("title", "sponsor", "presenter", "description", "recording_url")
# Fields that few people need, so the page folds them.
FOLDED_FIELDS = ("role", "recording_url", "note", "evidence")


class SimilarForm(forms.Form):
    """A title for finding similar events. Titles under four characters are too short."""

    title = LineField(min_length=4, max_length=300)


class HoursForm(forms.Form):
    begins_at = MomentField()
    ends_at = MomentField()

    def default_credits(self) -> Decimal | None:
        """Return the usual credits for these hours, or None if the hours are invalid."""
        if not self.is_valid():
            return None
        begins_at, ends_at = self.cleaned_data["begins_at"], self.cleaned_data["ends_at"]
        if ends_at <= begins_at:
            return None
        return min(rules.default_credits(begins_at, ends_at), Decimal("99.5"))


class CategoryField(forms.ModelChoiceField):
    """The four CE categories as tiles (templates/credits/category_tiles.html)."""

    def __init__(self) -> None:
        super().__init__(
            queryset=categories(),
            empty_label=None,
            label="CE category",
            widget=forms.RadioSelect,
            error_messages={"required": "Choose a CE category."},
        )


class AmountField(forms.DecimalField):
    """A number of credits, in steps of one half."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.NumberInput(attrs={"step": "0.5", "min": "0.5"})
        super().__init__(max_value=Decimal("99.5"), widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        if amount is not None and not is_in_halves(amount):
            raise forms.ValidationError(NOT_IN_HALVES)
        return amount


class CustomEventForm(EvidenceFieldsForm, NoteForm):
    """The Create New… form. The CE category comes last.

    A blank credit value is calculated from the hours, so it is an error only if the hours are
    invalid.
    """

    field_order = [
        *("title", "role", "begins_at", "ends_at", "sponsor", "presenter", "description"),
        *("recording_url", "amount", "note", "evidence", "category"),
    ]

    title = LineField(
        label="Event title",
        max_length=300,
        error_messages={"required": "Enter the event title."},
    )
    role = forms.ChoiceField(
        label="Your role",
        required=False,
        choices=[
            (ClaimRole.ATTENDEE, "Attendee"),
            (
                ClaimRole.PRESENTER,
                "Presenter: you earn double the credit value, at most twice in four years for the "
                "same topic",
            ),
        ],
        initial=ClaimRole.ATTENDEE,
        widget=forms.RadioSelect,
    )
    begins_at = MomentField(
        label="Begin date and time",
        help_text="Mountain time",
        error_messages={"required": "Enter the begin date and time."},
    )
    ends_at = MomentField(
        label="End date and time",
        help_text="Mountain time",
        error_messages={"required": "Enter the end date and time."},
    )
    sponsor = LineField(
        max_length=200,
        help_text="Who offered it",
        error_messages={"required": "Enter the sponsor."},
    )
    presenter = LineField(
        label="Trainer or presenter name",
        max_length=200,
        help_text="One name is enough",
        error_messages={"required": "Enter the trainer or presenter name."},
    )
    description = TextField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What was it about, and how does it help your library? Two sentences help "
        "reviewers decide.",
    )
    recording_url = WebAddressField(
        label="Web address of the recording",
        required=False,
        help_text="If you watched a recording, enter its address. This helps us catch duplicate "
        "claims.",
    )
    amount = AmountField(
        label="Credit value",
        required=False,
        help_text="1 per hour",
        error_messages={"required": "Enter the credit value."},
    )
    category = CategoryField()

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if data is not None and not data.get("amount", "").strip():
            data = data.copy()
            default = HoursForm(data).default_credits()
            data["amount"] = "" if default is None else str(default)
        super().__init__(data, *args, **kwargs)

    @classmethod
    def for_event(cls, event: Event, claim: Claim | None, *args: Any, **kwargs: Any) -> Self:
        """Return a form to change a custom event and its author's claim.

        Without a claim, leave out the claim's fields.
        """
        initial = {name: getattr(event, name) for name in (*REUSED_FIELDS, "begins_at", "ends_at")}
        initial |= first_credit_line(event) | claim_values(claim)
        form = cls(*args, initial=initial | (kwargs.pop("initial", None) or {}), **kwargs)
        if claim is None:
            for name in ("role", "note", "evidence"):
                del form.fields[name]
        return form

    @property
    def shows_more(self) -> bool:
        """Whether one of the fields that the page folds is filled in or has an error."""
        folded = [self[name] for name in FOLDED_FIELDS if name in self.fields]
        return bool(self.waiting) or any(
            field.errors or (field.value() or ClaimRole.ATTENDEE) != ClaimRole.ATTENDEE
            for field in folded
        )

    def credits(self) -> Decimal:
        """Return the credits that a valid form's training earns the person."""
        role = self.cleaned_data.get("role", ClaimRole.ATTENDEE)
        amount: Decimal = self.cleaned_data["amount"]
        return claim_rules.ROLE_FACTORS[role] * amount

    def clean_role(self) -> ClaimRole:
        return ClaimRole(self.cleaned_data["role"] or ClaimRole.ATTENDEE)

    def clean_ends_at(self) -> dt.datetime:
        ends_at: dt.datetime = self.cleaned_data["ends_at"]
        begins_at = self.cleaned_data.get("begins_at")
        if begins_at and ends_at <= begins_at:
            raise forms.ValidationError(ENDS_BEFORE_BEGIN)
        if ends_at > timezone.now():
            raise forms.ValidationError(NOT_OVER)
        return ends_at

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        names = ("begins_at", "ends_at", "amount")
        if data.keys() >= set(names) and (
            reason := why_too_many_credits(*(data[name] for name in names))
        ):
            self.add_error("amount", reason)
        return data

    def facts(self) -> CustomEventFacts:
        names = (*REUSED_FIELDS, "begins_at", "ends_at", "amount", "category")
        return CustomEventFacts(**{name: self.cleaned_data[name] for name in names})


def why_too_many_credits(begins_at: dt.datetime, ends_at: dt.datetime, amount: Decimal) -> str:
    """Return why the amount is too high for training of this length, or ""."""
    limit = rules.max_credits(begins_at, ends_at)
    if amount <= limit:
        return ""
    return (
        f"Training of this length can earn at most {format_credits(limit)}. "
        "Lower the credit value or correct the times."
    )


def reused_values(claim: Claim) -> dict[str, Any]:
    """Return initial values for entering an earlier claim's training again. Takes one query.

    The description is included only for the training's author.
    """
    event = claim.event
    initial = {name: getattr(event, name) for name in REUSED_FIELDS}
    if event.created_by_id != claim.person_id:
        del initial["description"]
    return initial | {"role": claim.role} | first_credit_line(event)


def claim_values(claim: Claim | None) -> dict[str, Any]:
    """Return initial values for the claim's fields. Takes no query."""
    return {"role": claim.role, "note": claim.note} if claim else {}


def first_credit_line(event: Event) -> dict[str, Any]:
    """Return initial values from the event's first credit line. These forms allow only one."""
    offer = event.offers.order_by("category__position").first()
    return {"amount": offer.amount, "category": offer.category_id} if offer else {}
