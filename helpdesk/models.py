import pghistory
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from aspen.db.constraints import CompositeForeignKey, clean_columns
from aspen.db.fields import LineField, TextField
from aspen.halves import CreditAmountField, in_halves
from credits.models import Credit
from events.models import Category
from helpdesk.enums import TicketState


@pghistory.track(model_name="TicketHistory")
class Ticket(models.Model):
    """A request to the help desk, often about one credit."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="tickets")
    subject = LineField(max_length=300)
    credit = models.ForeignKey(
        Credit, models.PROTECT, null=True, blank=True, related_name="tickets"
    )
    state = models.CharField(max_length=10, choices=TicketState, default=TicketState.OPEN)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-id"]
        permissions = [("work_ticket", "Can answer tickets and correct credits through them")]
        indexes = [models.Index(fields=["state", "changed_at"], name="helpdesk_queue")]
        constraints = [
            *clean_columns("helpdesk_ticket", lines=["subject"]),
            models.UniqueConstraint(fields=["id", "person"], name="helpdesk_ticket_with_person"),
            CompositeForeignKey(
                fields=["credit", "person"],
                to="credits.Credit",
                to_fields=["id", "person"],
                name="helpdesk_ticket_credit_same_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=TicketState.values), name="helpdesk_ticket_state_known"
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="helpdesk_ticket_has_subject"),
        ]

    def __str__(self) -> str:
        return f"Ticket {self.pk}: {self.subject}"

    def get_absolute_url(self) -> str:
        return reverse("helpdesk:detail", args=[self.pk])


class Message(models.Model):
    """A message in the conversation between the person and the help desk. Both see it."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    body = TextField()
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ["sent_at", "id"]
        constraints = [
            *clean_columns("helpdesk_message", texts=["body"]),
            models.CheckConstraint(condition=~Q(body=""), name="helpdesk_message_not_empty"),
        ]

    def __str__(self) -> str:
        return self.body[:60]


class Correction(models.Model):
    """A credit correction made through a ticket: before and after, by whom and when."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="corrections")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    credit = models.ForeignKey(Credit, models.PROTECT, related_name="corrections")
    category_before = models.ForeignKey(Category, models.PROTECT, related_name="+")
    category_after = models.ForeignKey(Category, models.PROTECT, related_name="+")
    amount_before = CreditAmountField()
    amount_after = CreditAmountField()
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    applied_at = models.DateTimeField()

    class Meta:
        ordering = ["applied_at", "id"]
        constraints = [
            CompositeForeignKey(
                fields=["ticket", "person"],
                to="helpdesk.Ticket",
                to_fields=["id", "person"],
                name="helpdesk_correction_ticket_same_person",
            ),
            CompositeForeignKey(
                fields=["credit", "person"],
                to="credits.Credit",
                to_fields=["id", "person"],
                name="helpdesk_correction_credit_same_person",
            ),
            models.CheckConstraint(
                condition=~Q(category_before=F("category_after"), amount_before=F("amount_after")),
                name="helpdesk_correction_changes_something",
            ),
            models.CheckConstraint(
                condition=~Q(applied_by=F("person")),
                name="helpdesk_correction_not_by_owner",
            ),
            in_halves(name="helpdesk_correction_in_halves", field="amount_after"),
        ]

    def __str__(self) -> str:
        before = f"{self.category_before} {self.amount_before}"
        return f"{before} → {self.category_after} {self.amount_after}"
