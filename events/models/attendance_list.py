"""Attendance lists from webinar tools, and the people on them who were matched by hand."""

import datetime as dt

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from aspen.db.constraints import both_or_neither, clean_columns
from aspen.db.fields import LineField
from events.models.event import Event

# How long after a list was applied it can be undone.
UNDO_WINDOW = dt.timedelta(days=1)


class AttendanceList(models.Model):
    """An attendance list uploaded from a webinar tool, whether or not it has been applied."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="attendance_lists")
    file_name = LineField(max_length=150)
    shape = LineField(
        max_length=150, blank=True, help_text="The known report, such as “Zoom meeting report”."
    )
    threshold = models.PositiveIntegerField("minutes that count", validators=[MinValueValidator(1)])
    # The fields of presence.ReportRow, for each row of the file.
    rows = models.JSONField(default=list)
    fingerprint = models.CharField(
        max_length=64, help_text="The same for all lists with the same contents (presence.py)."
    )
    # [line in the file, reason] for each line that could not be read.
    refused = models.JSONField(default=list)
    # [line in the file, how a duration was read] for some of the first rows.
    notes = models.JSONField(default=list)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(db_default=Now())
    # What was chosen when the list was applied.
    absentees = models.BooleanField(
        default=False, help_text="Registered people who are on no list are absent."
    )
    walk_ins = models.BooleanField(
        default=False, help_text="People who have an account but did not register are added."
    )
    applied_at = models.DateTimeField(null=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    # What the list did when it was applied, in numbers of registered people.
    registered = models.PositiveIntegerField(default=0)
    named = models.PositiveIntegerField(default=0, help_text="Those who were on the list.")
    newly_absent = models.PositiveIntegerField(default=0)
    absent = models.PositiveIntegerField(
        default=0, help_text="Those who were absent according to all lists."
    )
    is_confirmed = models.BooleanField(
        default=False, help_text="The absences were confirmed on a second page."
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-uploaded_at", "-id"]
        constraints = [
            *clean_columns(
                "events_attendancelist", lines=["file_name", "shape"], required=["file_name"]
            ),
            both_or_neither("applied_at", "applied_by", name="events_list_applied_both_or_neither"),
            both_or_neither("undone_at", "undone_by", name="events_list_undone_both_or_neither"),
            models.CheckConstraint(
                condition=Q(threshold__gte=1), name="events_list_threshold_positive"
            ),
            models.UniqueConstraint(
                fields=["event", "fingerprint", "threshold"],
                name="events_list_stored_once",
                violation_error_message="This list was uploaded before.",
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None)
                | Q(
                    applied_at__isnull=False,
                    undone_at__gte=F("applied_at"),
                    undone_at__lte=F("applied_at") + UNDO_WINDOW,
                ),
                name="events_list_undone_within_a_day",
                violation_error_message="A list can be undone only within a day.",
            ),
            models.CheckConstraint(
                condition=Q(is_confirmed=True)
                | Q(applied_at=None)
                | Q(registered=0)
                | Q(named__gt=0) & (Q(newly_absent=0) | Q(registered__gte=F("absent") * 2)),
                name="events_list_of_many_absences_confirmed",
                violation_error_message=(
                    "A list that makes more than half of the registered people absent, or names "
                    "none of them, must be confirmed."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def counts(self) -> bool:
        """Whether the list is applied and was not undone."""
        return self.applied_at is not None and self.undone_at is None

    @property
    def undo_until(self) -> dt.datetime | None:
        """The time until which the list can be undone, if it was applied."""
        return self.applied_at + UNDO_WINDOW if self.applied_at else None


class AttendeeMatch(models.Model):
    """An organizer's statement that a name or address on an event's lists is this person.

    It applies to all lists of the event. Later events of the same organization propose it.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="attendee_matches")
    alias = LineField(
        max_length=300, help_text="An address, or “name:” and the name in lower case (presence.py)."
    )
    name = LineField(max_length=300, help_text="The name or address as on the list.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attendee_matches"
    )
    matched_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    matched_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["event_id", "alias"]
        verbose_name_plural = "attendee matches"
        indexes = [models.Index(fields=["alias"], name="events_match_alias")]
        constraints = [
            *clean_columns(
                "events_attendeematch", lines=["alias", "name"], required=["alias", "name"]
            ),
            models.UniqueConstraint(fields=["event", "alias"], name="events_attendee_matched_once"),
            models.CheckConstraint(
                condition=~Q(alias__in=["", "name:"]), name="events_attendee_match_has_alias"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} is {self.person_id}"
