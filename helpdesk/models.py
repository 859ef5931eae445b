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
from events.models.material import upload_storage
from events.models.triggers import new_version
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
    has_unread_answer = models.BooleanField(
        default=False,
        editable=False,
        help_text="The help desk answered, and the person has not opened the ticket since.",
    )

    class Meta:
        ordering = ["-changed_at", "-id"]
        permissions = [("work_ticket", "Can answer tickets and correct credits through them")]
        indexes = [
            models.Index(fields=["state", "changed_at"], name="helpdesk_queue"),
            # The menu counts these for the person on every page.
            models.Index(
                fields=["person"], name="helpdesk_unread", condition=Q(has_unread_answer=True)
            ),
        ]
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
            models.CheckConstraint(
                condition=Q(has_unread_answer=False) | Q(state=TicketState.ANSWERED),
                name="helpdesk_only_answered_tickets_unread",
            ),
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


class Attachment(models.Model):
    """A file that came with a message."""

    message = models.ForeignKey(Message, models.PROTECT, related_name="attachments")
    file = models.FileField(storage=upload_storage, upload_to="tickets", max_length=200)
    file_name = LineField(max_length=150)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(help_text="In bytes.")

    class Meta:
        ordering = ["message_id", "id"]
        constraints = [
            *clean_columns("helpdesk_attachment", lines=["file_name"]),
            models.CheckConstraint(
                condition=~Q(file="") & ~Q(file_name="") & Q(size__gte=1),
                name="helpdesk_attachment_is_a_file",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


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


# Addresses under /help/ that articles cannot have. Numbers are the addresses of tickets.
RESERVED_SLUGS = ["new", "queue"]


@pghistory.track(model_name="ArticleHistory")
class Article(models.Model):
    """A help article, which everyone can read once it is published.

    Articles are never deleted, so that links to them lead somewhere: see `views.article`.
    """

    title = LineField(max_length=120, unique=True)
    slug = models.SlugField(max_length=60, unique=True, verbose_name="address")
    text = TextField()
    position = models.PositiveSmallIntegerField(default=100)
    is_published = models.BooleanField("published", default=False)

    class Meta:
        ordering = ["position", "title"]
        verbose_name = "help article"
        triggers = [new_version()]  # visitors' pages are cached
        constraints = [
            *clean_columns(
                "helpdesk_article", lines=["title"], texts=["text"], required=["title", "text"]
            ),
            models.CheckConstraint(
                condition=~Q(slug__in=RESERVED_SLUGS) & ~Q(slug__regex="^[0-9]*$"),
                name="helpdesk_article_slug_is_free",
                violation_error_message="Another page has this address. Choose another one.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("helpdesk:article", args=[self.slug])
