from django.db import models

from aspen.web.labels import label_table


class TicketState(models.TextChoices):
    OPEN = "open", "Waiting for the help desk"
    ANSWERED = "answered", "Answered"


TICKET_LABELS = label_table({TicketState.OPEN: ("info", "○"), TicketState.ANSWERED: ("good", "✓")})
