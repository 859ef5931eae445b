"""Hints that a person took part in an event, which their credits page asks about."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from events.enums import HintKind
from events.models.event import Event


class Hint(models.Model):
    """The first time that a person opened an event's meeting or recording, or their answer "No".

    A hint is never attendance and earns nothing. Like registrations, hints have no history.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="hints")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="hints")
    kind = models.CharField(max_length=10, choices=HintKind)
    first_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["first_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "event", "kind"], name="events_one_hint_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=HintKind.values), name="events_hint_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.person_id} at {self.event_id}"
