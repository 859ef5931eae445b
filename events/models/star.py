"""Conference sessions that people plan to attend."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from events.models.event import Event


class Star(models.Model):
    """A person's mark on a conference session that they plan to attend.

    A star is neither a place nor attendance, and only the person sees it. Like registrations, stars
    have no history.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="stars")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="stars")
    starred_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["starred_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "event"], name="events_one_star_per_session"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} at {self.event_id}"
