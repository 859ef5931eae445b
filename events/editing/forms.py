"""The event form, and small forms for the list, notifications, returns and cancellations."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import Organization, User
from accounts.queries import people_by_email
from aspen.form_fields import LineField, TextField
from aspen.halves import NOT_IN_HALVES, is_in_halves
from aspen.text import clean_email
from events.editing.actions import EditedEvent
from events.editing.fields import MomentField
from events.enums import Delivery, RegistrationMode
from events.models import JOINING_FIELDS, Category, Event

# The form's headings, each with its fields.
FIELDSETS: list[tuple[str, tuple[str, ...]]] = [
    ("What", ("title", "type", "description", "audience", "organization", "sponsor")),
    ("Contact", ("contact_name", "contact")),
    ("When", ("begins_at", "ends_at", "all_day")),
    ("Where", ("delivery", "location", "city", "room")),
    ("Joining online", JOINING_FIELDS),
    ("CE credits", ()),
    ("Presenters", ("presenter", "presenters")),
    (
        "Registration",
        (
            "registration_mode",
            "registration_url",
            "capacity",
            "online_capacity",
            "has_waitlist",
            "registration_opens_at",
            "registration_closes_at",
            "allows_walk_ins",
        ),
    ),
    (
        "Recording",
        (
            *("recording_url", "recording_minutes"),
            *("recording_available_at", "recording_until_at", "recording_last_day"),
        ),
    ),
]
MAX_PRESENTERS = 20
ONLINE_PLACES_ONLY_IF_HYBRID = (
    "Only events in person and online have online places of their own. Leave this blank, or choose "
    "that format."
)


class EventForm(forms.ModelForm):
    """A form to edit an event, its credit lines and its presenters.

    `organizations` are the choices. `fixed` disables the fields that only staff can change.
    """

    presenters = TextField(
        label="Presenters with an account",
        required=False,
        max_length=3000,
        help_text="E-mail addresses, one per line. Presenters earn double credit automatically.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    seen = LineField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Event
        fields = [name for _, names in FIELDSETS for name in names if name != "presenters"]
        field_classes = {
            "begins_at": MomentField,
            "ends_at": MomentField,
            "registration_opens_at": MomentField,
            "registration_closes_at": MomentField,
            "recording_available_at": MomentField,
            "recording_until_at": MomentField,
        }
        labels = {
            "title": "Event title",
            "organization": "Library or organization",
            "all_day": "Show only the dates, not the times",
            "delivery": "Format",
            "location": "Building or address",
            "presenter": "Trainer or presenter name",
            "registration_mode": "Registration",
            "registration_url": "Registration web address",
            "has_waitlist": "Keep a waitlist when the event is full",
            "allows_walk_ins": "Allow check-in without registration",
            "contact_name": "Contact name",
            "contact": "Contact e-mail address or telephone",
            "joining_url": "Joining address",
            "meeting_id": "Meeting ID",
            "recording_url": "Recording web address",
            "recording_minutes": "Recording length in minutes",
            "recording_available_at": "Recording available from",
        }
        help_texts = {
            "organization": "Event editors at this library or organization can manage the event.",
            "sponsor": "Leave blank to use the name of the library or organization.",
            "begins_at": "Mountain time.",
            "ends_at": "If you leave this blank, people can claim credit the next day.",
            "all_day": "",
            "registration_mode": "People who register here will get credit after the event.",
            "capacity": "Leave blank for no limit. If the event is in person and online, these are "
            "the places in the room.",
            "online_capacity": "Only if the event is in person and online. Leave blank for no "
            "limit.",
            "has_waitlist": "",
            "registration_opens_at": "Leave blank to open registration immediately.",
            "registration_closes_at": "Leave blank to close registration when the event is over.",
            "allows_walk_ins": "",
            "recording_available_at": "People can earn credit for the recording starting at this "
            "time. We will e-mail everyone who registered.",
            "recording_until_at": "Leave blank for no deadline.",
            "recording_last_day": "After this day, the event page no longer links to the "
            "recording. Leave blank for no last day.",
            "contact": "The event page shows the contact to everyone.",
            "joining_url": "Only people with a place and the organizers see this part. People can "
            "join from 15 minutes before the start.",
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 6}),
            "recording_last_day": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        }

    def __init__(
        self,
        *args: Any,
        categories: Iterable[Category],
        organizations: QuerySet[Organization],
        needs_organization: bool,
        fixed: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.categories = list(categories)
        self.fixed = fixed
        organization = self.fields["organization"]
        assert isinstance(organization, forms.ModelChoiceField)
        organization.queryset = organizations
        organization.required = needs_organization
        for category in self.categories:
            self.fields[f"offer_{category.slug}"] = forms.DecimalField(
                label=f"{category.shape} {category.name}",
                required=False,
                max_value=Decimal("99.5"),
                widget=forms.NumberInput(attrs={"step": "0.5", "min": "0.5"}),
            )
        if fixed:
            for name in ("organization", *self.offer_names):
                self.fields[name].disabled = True
                self.fields[name].required = False

    @property
    def offer_names(self) -> list[str]:
        return [f"offer_{category.slug}" for category in self.categories]

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return the form's fields by heading."""
        return [
            (heading, [self[name] for name in names or self.offer_names])
            for heading, names in FIELDSETS
        ]

    def clean_presenters(self) -> list[User]:
        text: str = self.cleaned_data["presenters"]
        addresses = [clean_email(part) for part in text.replace(",", " ").replace(";", " ").split()]
        if len(addresses) > MAX_PRESENTERS:
            raise forms.ValidationError(f"Enter at most {MAX_PRESENTERS} presenters.")
        people = people_by_email(addresses)
        unknown = [address for address in addresses if address not in people]
        if unknown:
            raise forms.ValidationError(
                f"No account uses {', '.join(unknown)}. Enter the presenter's name above; you "
                "can add the account later."
            )
        return list({person.pk: person for person in people.values()}.values())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in self.offer_names:
            amount = data.get(name)
            if amount and not is_in_halves(amount):
                self.add_error(name, NOT_IN_HALVES)
        external = data.get("registration_mode") == RegistrationMode.EXTERNAL
        if external and not data.get("registration_url") and "registration_url" not in self.errors:
            self.add_error("registration_url", "Enter the web address where people register.")
        if data.get("online_capacity") and data.get("delivery") != Delivery.HYBRID:
            self.add_error("online_capacity", ONLINE_PLACES_ONLY_IF_HYBRID)
        organization = data.get("organization")
        if organization and not data.get("sponsor"):
            data["sponsor"] = organization.name
        return data

    def edited(self) -> EditedEvent:
        """Return the event with the changes from a valid form."""
        offers = {
            category.pk: self.cleaned_data[name]
            for category, name in zip(self.categories, self.offer_names, strict=True)
            if self.cleaned_data.get(name)
        }
        return EditedEvent(
            event=self.instance,
            fields=list(self.Meta.fields),
            offers=offers,
            presenters=self.cleaned_data["presenters"],
        )


def initial_values_of(event: Event) -> dict[str, Any]:
    """Return initial values for the credit line and presenter fields. Two queries."""
    lines = event.offers.order_by("pk").values_list("category__slug", "amount")
    people = event.presenters.order_by("pk").values_list("person__email", flat=True)
    return {f"offer_{slug}": amount for slug, amount in lines} | {"presenters": "\n".join(people)}


class NotifyForm(forms.Form):
    """Whether to notify people who registered about a change."""

    tell = forms.BooleanField(label="Notify them", required=False, initial=True)
    note = TextField(
        label="Message",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ReturnProposalForm(forms.Form):
    """The reason for returning a proposal."""

    reason = TextField(
        label="What needs to change",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The author will read this.",
        error_messages={"required": "Enter what needs to change. The author will read this."},
    )


class CallOffForm(forms.Form):
    """The reason for canceling an event, and whether to notify people who registered."""

    reason = TextField(
        label="Reason for canceling",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The reason appears on the event page and in the e-mail.",
        error_messages={"required": "Enter a reason. It appears on the event page."},
    )
    tell = forms.BooleanField(label="E-mail everyone who registered", required=False, initial=True)


class RestoreForm(forms.Form):
    """A message for people who registered for an event that is put back on the calendar."""

    note = TextField(
        label="Message",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The e-mail will include this.",
    )
    tell = forms.BooleanField(label="E-mail everyone who registered", required=False, initial=True)


class ManagedEventsForm(forms.Form):
    """Filters for the list of managed events."""

    q = LineField(label="Title", required=False, max_length=200)
    show = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in ("drafts", "waiting", "coming", "past")],
    )
