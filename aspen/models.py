"""The outbox (e-mails to send, queued in the transaction that triggers them), and a marker."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from aspen.db.constraints import clean_columns
from aspen.db.fields import EmailAddressField, LineField


class MailState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    # Handed to the mail server, which has not replied yet.
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    # When it was due, it was no longer needed, or the account could not receive e-mail.
    DROPPED = "dropped", "No longer needed"
    FAILED = "failed", "Failed"
    # The worker stopped while sending it. It might arrive twice if sent again, so staff decide.
    UNCERTAIN = "uncertain", "Possibly sent"


class Mail(models.Model):
    """One e-mail to one person, composed when it is sent (outbox.py).

    It goes to an account (`to`), or to a name and address for a supervisor without an account.
    """

    kind = models.CharField(max_length=40, help_text="The composer's name in outbox.composers.")
    # Idempotency: no second row with this key is created.
    key = models.CharField(max_length=200, unique=True)
    to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    to_name = LineField(max_length=150, blank=True)
    to_address = EmailAddressField(max_length=254, blank=True)
    facts = models.JSONField(default=dict, help_text="The ids and strings that the composer needs.")
    state = models.CharField(max_length=10, choices=MailState, default=MailState.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    begun_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # The message as sent, or the error.
    address = EmailAddressField(max_length=254, blank=True)
    subject = LineField(max_length=300, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "message"
        permissions = [("resend_mail", "Can send a message again")]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(state__in=["waiting", "sending"]),
                name="aspen_mail_to_send",
            )
        ]
        constraints = [
            *clean_columns(
                "aspen_mail", lines=["to_name", "subject"], emails=["to_address", "address"]
            ),
            models.CheckConstraint(
                condition=Q(state__in=MailState.values), name="aspen_mail_state_known"
            ),
            models.CheckConstraint(
                condition=Q(to__isnull=False, to_address="", to_name="")
                | Q(to=None) & ~Q(to_address=""),
                name="aspen_mail_to_one_person",
            ),
            models.CheckConstraint(
                condition=Q(state=MailState.SENT, sent_at__isnull=False)
                | ~Q(state=MailState.SENT) & Q(sent_at=None),
                name="aspen_mail_sent_at_matches_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[MailState.SENDING, MailState.UNCERTAIN])
                | Q(begun_at__isnull=False),
                name="aspen_mail_sending_has_begun_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to_id or self.to_address}"

    @property
    def recipient(self) -> str:
        return self.to.email if self.to else self.to_address

    @property
    def recipient_name(self) -> str:
        return self.to.display_name if self.to else self.to_name


class Demonstration(models.Model):
    """A row here marks the database as a demonstration's own (management/demonstration.py).

    `manage.py migrate` deletes it if ASPEN_DEMO is off, because the portal has gone live.
    """

    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Demonstration since {self.created_at}"
