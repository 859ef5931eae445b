"""Forms and query parameters for the help desk pages."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from aspen.form_fields import LineField, TextField
from aspen.formats import format_amount, format_day
from aspen.halves import HALF, validate_halves
from credits import queries as credit_queries
from credits.models import Credit
from events import queries as event_queries
from helpdesk import article_text
from helpdesk.enums import TicketState
from helpdesk.models import Article, Ticket

MAX_TEXT_LENGTH = 5000
MAX_CREDITS_OFFERED = 50
MAX_TICKET_SUBJECT_LENGTH = 300
# What the target of a link to another article starts with.
ARTICLE_TARGET = "helpdesk:article/"


def describe_credit(credit: Credit) -> str:
    """Return a line such as "Technology 1: Weeding without tears, Thu, Dec 3, 2026"."""
    return f"{credit.category} {format_amount(credit.amount)}: {subject_about(credit)}"


def subject_about(credit: Credit) -> str:
    """Return the event's title and date, shortened to fit a ticket's subject."""
    event = credit.claim.event
    day = format_day(event.last_day)
    room = MAX_TICKET_SUBJECT_LENGTH - len(day) - 2
    title = event.title if len(event.title) <= room else f"{event.title[: room - 1]}…"
    return f"{title}, {day}"


class LongText(TextField):
    """Multi-line text. If it is too long, the form rejects it; the browser does not truncate it."""

    def __init__(self, *, rows: int = 6, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.Textarea(attrs={"rows": rows}), max_length=MAX_TEXT_LENGTH, **kwargs
        )
        self.error_messages["max_length"] = (
            f"This text has %(show_value)d characters. Shorten it to {MAX_TEXT_LENGTH} or fewer."
        )

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}


class CreditChoice(forms.ModelChoiceField):
    """A choice among a person's credits. Lists the latest but accepts any of them."""

    def label_from_instance(self, obj: Any) -> str:
        return describe_credit(obj)

    def offer(self, credits: Any) -> None:
        self.queryset = credits
        latest = credits.select_related("category", "claim__event").order_by(
            "-claim__claimed_at", "-claim_id", "line"
        )[:MAX_CREDITS_OFFERED]
        self.choices = [
            ("", self.empty_label or ""),
            *((credit.pk, describe_credit(credit)) for credit in latest),
        ]


class SearchParameters(forms.Form):
    q = LineField(label="What do you need?", max_length=200, required=False)


class ArticleForm(forms.ModelForm):
    """An article in the admin. Rejects links that lead nowhere."""

    class Meta:
        model = Article
        fields = ("title", "slug", "text", "position", "is_published")
        widgets = {"text": forms.Textarea(attrs={"rows": 24})}
        help_texts = {
            "slug": "The last part of the article's address. It cannot be changed later.",
            "text": "Separate paragraphs with a blank line. Start the lines of a list with “- ” "
            "or “1. ”, and a heading with “## ”. Write **Save** for bold words, and "
            "[My credits](tracks:credits) for a link. In parentheses is a web address, the name "
            "of one of the portal's pages, or helpdesk:article/ and an article's address.",
            "position": "Lower numbers come first.",
            "is_published": "Everyone can read a published article. Links to one that is not "
            "published lead to the list of articles.",
        }

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        targets = list(article_text.link_targets(text))
        known = {
            f"{ARTICLE_TARGET}{slug}" for slug in Article.objects.values_list("slug", flat=True)
        }
        wrong = [
            target
            for target in targets
            if article_text.address_of(target) is None
            or (target.startswith(ARTICLE_TARGET) and target not in known)
        ]
        if wrong:
            raise forms.ValidationError(f"These links lead nowhere: {', '.join(wrong)}.")
        return text


class QueueParameters(forms.Form):
    ALL = "all"

    state = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[
            (TicketState.OPEN.value, "Waiting"),
            (TicketState.ANSWERED.value, "Answered"),
            (ALL, "All"),
        ],
    )


class CreditParameter(forms.Form):
    """`?credit=`: the credit that the ticket is about, which must be the person's own."""

    credit = forms.ModelChoiceField(queryset=Credit.objects.none(), required=False)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credit"].queryset = (  # type: ignore[attr-defined]
            credit_queries.credits_visible_to(person).select_related("category", "claim__event")
        )


class TicketForm(forms.Form):
    """A new ticket, about `credit` if the person followed a link from one."""

    credit = CreditChoice(
        label="Is this about one of your credits?",
        queryset=Credit.objects.none(),
        required=False,
        empty_label="No",
    )
    subject = LineField(
        max_length=MAX_TICKET_SUBJECT_LENGTH,
        help_text="If your question is about a training, enter its title and date.",
    )
    body = LongText(
        label="How can we help?",
        help_text="If something is wrong, tell us what should change.",
    )

    def __init__(self, *args: Any, person: User, credit: Credit | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if credit is None:
            own = credit_queries.credits_visible_to(person)
            self.fields["credit"].offer(own)  # type: ignore[attr-defined]
            return
        del self.fields["credit"]
        self.fields["subject"].initial = subject_about(credit)
        self.fields["subject"].help_text = "The event’s title and date are filled in for you."
        self.fields["body"].label = "What should change?"
        example = "For example: The category should be Library Administration."
        self.fields["body"].help_text = example


class ReplyForm(forms.Form):
    body = LongText(label="Your reply", rows=4)


class CorrectionForm(forms.Form):
    """A correction of one of the ticket author's credits."""

    credit = CreditChoice(
        label="Which credit?", queryset=Credit.objects.none(), empty_label="Choose a credit"
    )
    category = forms.ModelChoiceField(
        label="CE category",
        queryset=event_queries.categories(),
        empty_label="Choose a category",
    )
    amount = forms.DecimalField(
        label="Credit value",
        max_digits=4,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"step": "0.5", "min": str(HALF)}),
        help_text="In halves: 0.5, 1, 1.5 …",
    )
    seen = LineField(required=False, max_length=40, widget=forms.HiddenInput)
    note = LongText(
        label="A note to the person",
        required=False,
        rows=3,
        help_text="The reply will automatically say what the credit was and what it is now.",
    )

    def __init__(self, *args: Any, ticket: Ticket, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if ticket.credit is None:
            live = credit_queries.live_credits().filter(person=ticket.person)
            self.fields["credit"].offer(live)  # type: ignore[attr-defined]
            return
        del self.fields["credit"]
        self.fields["category"].initial = ticket.credit.category_id
        self.fields["amount"].initial = Decimal(format_amount(ticket.credit.amount))

    def clean_amount(self) -> Decimal:
        """Check for halves after the number of digits has been validated."""
        amount: Decimal = self.cleaned_data["amount"]
        validate_halves(amount)
        return amount
