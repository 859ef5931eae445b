"""The State Library's course catalog, with the events listed for each fiscal year."""

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils import timezone

from aspen.db.constraints import CleanColumn, clean_columns
from aspen.db.fields import LineField, TextField
from events.enums import ListingState
from events.models.event import CALENDAR_ENDS, CALENDAR_STARTS, Event, MountainDay
from events.models.triggers import new_version


class FiscalYear(Func):
    """The fiscal year of a date, as in aspen.clock.fiscal_year."""

    template = "date_part('year', (%(expressions)s) + interval '6 months')::integer"
    output_field = models.IntegerField()


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), model_name="CatalogMeetingHistory"
)
class CatalogMeeting(models.Model):
    """A meeting of the catalog committee, with the members who voted for the same courses.

    If others voted for other courses on the same day, there is a second row for it.
    """

    day = models.DateField("day of the meeting")
    voters = ArrayField(
        LineField(max_length=200),
        help_text="The names of the members who voted for the courses, as they were entered.",
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, editable=False, related_name="+"
    )
    recorded_at = models.DateTimeField("recorded", default=timezone.now, editable=False)

    class Meta:
        ordering = ["-day", "-id"]
        triggers = [new_version()]
        constraints = [
            CleanColumn(field="voters", kind="lines", name="events_catalogmeeting_voters_clean"),
            models.UniqueConstraint(fields=["day", "voters"], name="events_meeting_recorded_once"),
            models.CheckConstraint(
                condition=Q(voters__len__gte=1),
                name="events_meeting_has_voters",
                violation_error_message="Enter the names of the members who voted.",
            ),
            models.CheckConstraint(
                condition=Q(day__lte=MountainDay("recorded_at")),
                name="events_meeting_not_in_the_future",
                violation_error_message="The meeting cannot be in the future.",
            ),
        ]

    def __str__(self) -> str:
        return f"the meeting on {self.day}"


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), model_name="CatalogListingHistory"
)
class CatalogListing(models.Model):
    """An event that is in a fiscal year's course catalog or has been proposed for it."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="listings")
    fiscal_year = models.PositiveSmallIntegerField(
        help_text="July 1 to June 30, named for the year in which it ends."
    )
    state = models.CharField(
        max_length=10, choices=ListingState, default=ListingState.PROPOSED, editable=False
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Blank for events listed before each year had its own catalog.",
    )
    proposed_at = models.DateTimeField("proposed", db_default=Now(), editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField("decided", null=True, editable=False)
    meeting = models.ForeignKey(
        CatalogMeeting,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="listings",
        help_text="The committee's meeting that approved the course.",
    )
    is_from_before_meetings = models.BooleanField(
        default=False,
        editable=False,
        help_text="Decided before approvals named the committee's meeting.",
    )
    moved_from = models.ForeignKey(
        Event,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="moved_listings",
        help_text="The event that had this listing before it was merged into this one.",
    )
    reason = TextField(blank=True, editable=False, validators=[MaxLengthValidator(2_000)])

    class Meta:
        ordering = ["-fiscal_year", "event_id"]
        verbose_name = "course in the catalog"
        verbose_name_plural = "course catalog"
        permissions = [
            ("decide_listing", "Can approve courses for the catalog, and remove them"),
            ("prepare_listing", "Can prepare the course catalog for the committee"),
        ]
        triggers = [new_version()]
        indexes = [models.Index(fields=["fiscal_year", "state"], name="events_listings_of_year")]
        constraints = [
            *clean_columns("events_cataloglisting", texts=["reason"]),
            models.UniqueConstraint(
                fields=["event", "fiscal_year"], name="events_one_listing_per_year"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=ListingState.values,
                    fiscal_year__range=(CALENDAR_STARTS.year, CALENDAR_ENDS.year),
                ),
                name="events_listing_state_and_year_known",
            ),
            models.CheckConstraint(
                condition=Q(state=ListingState.PROPOSED, decided_by=None, decided_at=None)
                | ~Q(state=ListingState.PROPOSED)
                & Q(decided_by__isnull=False, decided_at__isnull=False),
                name="events_listing_decided_both_or_neither",
            ),
            models.CheckConstraint(
                condition=Q(state=ListingState.APPROVED)
                & (Q(meeting__isnull=False) | Q(is_from_before_meetings=True))
                | ~Q(state=ListingState.APPROVED) & Q(meeting=None),
                name="events_listing_approved_at_meeting",
                violation_error_message=(
                    "Enter the day of the meeting that approved the course, and who voted."
                ),
            ),
            models.CheckConstraint(
                condition=Q(moved_from=None) | ~Q(moved_from=F("event")),
                name="events_listing_moved_from_another_event",
            ),
            models.CheckConstraint(
                condition=~Q(state=ListingState.DECLINED) | ~Q(reason=""),
                name="events_listing_decline_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=ListingState.APPROVED)
                | Q(proposed_by=None)
                | ~Q(proposed_by=F("decided_by")),
                name="events_listing_not_decided_by_proposer",
                violation_error_message=(
                    "You cannot approve your own proposal. Ask a colleague to do it."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} in fiscal year {self.fiscal_year}"
