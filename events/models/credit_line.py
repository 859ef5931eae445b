"""CE categories and the credit lines of events."""

import pghistory
from django.db import models

from aspen.db.constraints import clean_columns
from aspen.db.fields import LineField, TextField
from aspen.halves import CreditAmountField, in_halves
from events.models.event import Event
from events.models.triggers import new_version


class Category(models.Model):
    """One of the four CE categories. A credit belongs to exactly one."""

    name = LineField(max_length=80, unique=True)
    short_name = LineField(
        max_length=20, unique=True, help_text="One word for lists, such as Administration."
    )
    slug = models.SlugField(max_length=40, unique=True)
    shape = LineField(
        max_length=1, help_text="A symbol shown before the name everywhere, such as ■."
    )
    position = models.PositiveSmallIntegerField(unique=True)
    description = TextField(blank=True, help_text="What belongs in this category, with examples.")

    class Meta:
        ordering = ["position"]
        triggers = [new_version()]
        verbose_name = "CE category"
        verbose_name_plural = "CE categories"
        constraints = clean_columns(
            "events_category",
            lines=["name", "short_name", "shape"],
            texts=["description"],
            required=["name", "short_name", "shape"],
        )

    def __str__(self) -> str:
        return self.name


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    model_name="CreditOfferHistory",
)
class CreditOffer(models.Model):
    """An event's credit line: an amount of credit in one category."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="offers")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    amount = CreditAmountField()

    class Meta:
        ordering = ["event_id", "category__position"]
        verbose_name = "credit line"
        triggers = [new_version()]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "category"], name="events_one_credit_line_per_category"
            ),
            in_halves(name="events_offer_in_halves"),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.amount}"
