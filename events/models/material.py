"""Presenters, files and links of events."""

from django.conf import settings
from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from aspen.db.constraints import clean_columns
from aspen.db.fields import LineField, WebAddressField
from events.enums import CollegeCreditType
from events.models.event import Event


class Presenter(models.Model):
    """A person with an account who presents an event and earns credit for it."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="presenters")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="presentations"
    )
    settled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When attendance was turned into credit."
    )

    class Meta:
        ordering = ["event_id", "id"]
        indexes = [
            models.Index(
                fields=["event"], condition=Q(settled_at=None), name="events_presenter_unsettled"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "person"], name="events_one_presenter_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} presents {self.event_id}"


def upload_storage() -> Storage:
    """Return the storage for uploads, which the web server does not serve directly."""
    return storages["uploads"]


class Resource(models.Model):
    """A link or an uploaded file that goes with an event."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="resources")
    label = LineField("name", max_length=150)
    url = WebAddressField("address", max_length=500, blank=True)
    file = models.FileField(
        storage=upload_storage, upload_to="resources", max_length=200, blank=True
    )
    file_name = LineField(max_length=150, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveIntegerField(null=True, help_text="In bytes.")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["event_id", "id"]
        constraints = [
            *clean_columns(
                "events_resource",
                lines=["label", "file_name"],
                web_addresses=["url"],
                required=["label"],
            ),
            models.CheckConstraint(
                condition=Q(file="", file_name="", size=None) & ~Q(url="")
                | Q(url="", size__isnull=False) & ~Q(file="") & ~Q(file_name=""),
                name="events_resource_is_link_or_file",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class CollegeWork(models.Model):
    """The college credits of a custom event that is a college course.

    The State Library's table covers one to three credits in either system.
    """

    event = models.OneToOneField(Event, models.CASCADE, related_name="college_work")
    system = models.CharField(max_length=10, choices=CollegeCreditType)
    course_credits = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["event_id"]
        verbose_name_plural = "college work"
        constraints = [
            models.CheckConstraint(
                condition=Q(system__in=CollegeCreditType.values, course_credits__range=(1, 3)),
                name="events_college_course_credits_known",
                violation_error_message="Enter one, two or three credits.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.course_credits} {self.get_system_display().lower()}"


class CalendarVersion(models.Model):
    """The number of changes to the public calendar, in a single row that triggers update."""

    number = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="events_one_version")]

    def __str__(self) -> str:
        return str(self.number)
