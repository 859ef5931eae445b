from django.db import models


class RuleSetKind(models.TextChoices):
    """Initial: no earlier certificate of the track. Renewal: holds one. Both: no difference."""

    BOTH = "both", "Initial and renewal"
    INITIAL = "initial", "Initial"
    RENEWAL = "renewal", "Renewal"


class ParticipationState(models.TextChoices):
    OPEN = "open", "Open"
    LEFT = "left", "Left"
