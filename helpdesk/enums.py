from django.db import models


class TicketState(models.TextChoices):
    OPEN = "open", "Waiting for the help desk"
    ANSWERED = "answered", "Answered"
