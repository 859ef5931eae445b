"""Registrations, the organizer's questions with their answers, and personal keys."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from aspen.db.constraints import CleanColumn, CompositeForeignKey, clean_columns
from aspen.db.fields import LineField, ShortTextField
from events.enums import Attendance, AttendanceMode, KeyPurpose, QuestionKind, RegistrationState
from events.models.event import Event
from events.models.triggers import ATTENDANCE_MODE_ONLY_IF_HYBRID, NEVER_OVERSOLD, new_version


class Registration(models.Model):
    """A person's place at an event. One row per person and event, canceled or not."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="registrations")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="registrations"
    )
    state = models.CharField(max_length=10, choices=RegistrationState)
    attendance_mode = models.CharField(
        max_length=10,
        choices=AttendanceMode,
        blank=True,
        help_text="How the person takes part in a hybrid event. Empty counts as in person.",
    )
    walk_in = models.BooleanField(default=False, help_text="Came without registering.")
    registered_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    promoted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the person moved up from the waitlist."
    )
    attendance = models.CharField(max_length=10, choices=Attendance, default=Attendance.UNKNOWN)
    minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Minutes present, from an attendance list."
    )
    marked_at = models.DateTimeField(null=True, blank=True)
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who marked the attendance: staff, or the person who checked in.",
    )
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When attendance was turned into credit."
    )
    before_lists = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="If attendance lists made the mark, the row before they did; empty if new.",
    )

    class Meta:
        ordering = ["registered_at", "id"]
        indexes = [
            models.Index(
                fields=["event"],
                condition=Q(state="confirmed", settled_at=None),
                name="events_registration_unsettled",
            ),
            models.Index(
                fields=["event", "registered_at", "id"],
                condition=Q(state="waitlisted"),
                name="events_waitlist",
            ),
        ]
        triggers = [
            ATTENDANCE_MODE_ONLY_IF_HYBRID,
            NEVER_OVERSOLD,
            new_version(
                pgtrigger.Insert
                | pgtrigger.UpdateOf("state", "walk_in", "attendance_mode")
                | pgtrigger.Delete
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "person"], name="events_one_registration_per_person"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=RegistrationState.values,
                    attendance__in=Attendance.values,
                    attendance_mode__in=["", *AttendanceMode.values],
                ),
                name="events_registration_choices_known",
            ),
            # For the composite foreign key of answers.
            models.UniqueConstraint(fields=["id", "event"], name="events_registration_with_event"),
            models.CheckConstraint(
                condition=Q(state=RegistrationState.CANCELLED, cancelled_at__isnull=False)
                | ~Q(state=RegistrationState.CANCELLED) & Q(cancelled_at=None),
                name="events_registration_cancelled_at_matches_state",
            ),
            models.CheckConstraint(
                condition=Q(attendance=Attendance.UNKNOWN, marked_at=None, marked_by=None)
                | ~Q(attendance=Attendance.UNKNOWN) & Q(marked_at__isnull=False),
                name="events_attendance_marked_at_matches_state",
            ),
            models.CheckConstraint(
                condition=Q(before_lists__isnull=True)
                | Q(
                    state=RegistrationState.CONFIRMED,
                    attendance__in=[Attendance.PRESENT, Attendance.ABSENT],
                ),
                name="events_mark_from_lists_present_or_absent",
            ),
            models.CheckConstraint(
                condition=~Q(state=RegistrationState.WAITLISTED)
                | Q(attendance=Attendance.UNKNOWN, settled_at=None, walk_in=False),
                name="events_waitlisted_not_marked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} at {self.event_id}"


class Question(models.Model):
    """A question from the organizer to people who register."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=15, choices=QuestionKind)
    label = LineField("question", max_length=200)
    choices = ArrayField(
        LineField(max_length=100),
        default=list,
        blank=True,
        help_text="The options to choose from.",
    )
    is_required = models.BooleanField("required", default=False)

    class Meta:
        ordering = ["event_id", "position"]
        constraints = [
            *clean_columns("events_question", lines=["label"]),
            CleanColumn(field="choices", kind="lines", name="events_question_choices_clean"),
            models.UniqueConstraint(
                fields=["event", "position"], name="events_one_question_per_position"
            ),
            models.UniqueConstraint(fields=["id", "event"], name="events_question_with_event"),
            models.CheckConstraint(
                condition=Q(kind__in=QuestionKind.values) & ~Q(label=""),
                name="events_question_kind_and_label_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind=QuestionKind.CHOICE) | Q(choices__len__gte=2),
                name="events_choice_has_choices",
                violation_error_message="Enter at least two choices.",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Answer(models.Model):
    """A registered person's answer to a question."""

    registration = models.ForeignKey(Registration, models.CASCADE, related_name="answers")
    question = models.ForeignKey(Question, models.CASCADE, related_name="answers")
    event = models.ForeignKey(Event, models.CASCADE, related_name="+")
    text = ShortTextField(max_length=1000)

    class Meta:
        ordering = ["registration_id", "question__position"]
        constraints = [
            *clean_columns("events_answer", texts=["text"]),
            models.UniqueConstraint(
                fields=["registration", "question"], name="events_one_answer_per_question"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="events_answer_not_empty"),
            CompositeForeignKey(
                fields=["registration", "event"],
                to="events.Registration",
                to_fields=["id", "event"],
                name="events_answer_registration_same_event",
            ),
            CompositeForeignKey(
                fields=["question", "event"],
                to="events.Question",
                to_fields=["id", "event"],
                name="events_answer_question_same_event",
            ),
        ]

    def __str__(self) -> str:
        return self.text


class PersonalKey(models.Model):
    """The secret part of a personal URL. Once it is revoked, the URL no longer works."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="personal_keys"
    )
    purpose = models.CharField(max_length=10, choices=KeyPurpose)
    token = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["person_id", "-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "purpose"],
                condition=Q(revoked_at=None),
                name="events_one_open_key_per_purpose",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=KeyPurpose.values) & Q(token__regex=r"^[\w-]{20,}$"),
                name="events_key_unguessable",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.person_id}"
