"""What the calendar's search knows: words that mean the same, and what people saved."""

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from aspen.db.constraints import clean_columns
from aspen.db.fields import LineField
from events.models.triggers import new_version

MAX_SYNONYM_LENGTH = 60
MAX_SAVED_SEARCH_NAME = 1_000


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    model_name="SynonymHistory",
)
class Synonym(models.Model):
    """Another word or phrase to search for when people search the calendar for `word`."""

    word = LineField("when people search for", max_length=MAX_SYNONYM_LENGTH)
    also = LineField("also search for", max_length=MAX_SYNONYM_LENGTH)
    works_both_ways = models.BooleanField(
        "and the other way around",
        default=True,
        help_text="People who search for the second word also find events with the first one.",
    )

    class Meta:
        ordering = ["word", "also", "id"]
        triggers = [new_version()]
        constraints = [
            *clean_columns("events_synonym", lines=["word", "also"], required=["word", "also"]),
            models.UniqueConstraint(
                Lower("word"),
                Lower("also"),
                name="events_synonym_once",
                violation_error_message="These words are already in the list.",
            ),
            models.CheckConstraint(
                condition=~Q(also__iexact=F("word")),
                name="events_synonym_of_another_word",
                violation_error_message="Enter two different words.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.word} {'↔' if self.works_both_ways else '→'} {self.also}"


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.DeleteEvent(),
    exclude=["checked_at"],
    model_name="SavedSearchHistory",
)
class SavedSearch(models.Model):
    """Filters of the calendar. The person gets an e-mail about new events that match them.

    `filters` has the values by name (events/calendar/search.py, `stored`), and `name` says them.
    Events that were on the calendar before `checked_at` are not new.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="saved_searches"
    )
    name = LineField(max_length=MAX_SAVED_SEARCH_NAME)
    filters = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    checked_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name_plural = "saved searches"
        indexes = [models.Index(fields=["checked_at"], name="events_searches_checked")]
        constraints = [
            *clean_columns("events_savedsearch", lines=["name"], required=["name"]),
            models.UniqueConstraint(fields=["person", "filters"], name="events_search_saved_once"),
        ]

    def __str__(self) -> str:
        return self.name
