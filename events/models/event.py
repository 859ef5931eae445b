import datetime as dt

import pghistory
from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, Func, Q, When
from django.db.models.functions import Coalesce, Greatest, Least, Now
from django.urls import reverse
from django.utils.text import slugify

from accounts.models import Organization
from aspen.db.constraints import both_or_neither, clean_columns
from aspen.db.fields import LineField, TextField, WebAddressField
from aspen.db.search_keys import search_key_of
from aspen.formats import format_time_range
from aspen.web.labels import Label
from events.enums import (
    EVENT_LABELS,
    RETURNED,
    Delivery,
    EventState,
    EventType,
    Origin,
    RegistrationMode,
)
from events.models.triggers import (
    ATTENDANCE_MODES_FOLLOW_FORMAT,
    CAPACITY_NOT_BELOW_THE_TAKEN,
    COUNT_REVISION,
    new_version,
)

# Events start in or after the first of these years, and start and end before the last.
CALENDAR_STARTS = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
CALENDAR_ENDS = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)  # exclusive


class MountainDay(Func):
    """The day of a time in Montana. The time zone is fixed, because generated columns use it."""

    template = "((%(expressions)s) AT TIME ZONE 'America/Denver')::date"
    output_field = models.DateField()


class DayOfEnd(Func):
    """The day in Montana on which something that ended at a time ended (aspen.clock.day_of_end)."""

    template = "((%(expressions)s) AT TIME ZONE 'America/Denver' - interval '1 microsecond')::date"
    output_field = models.DateField()


class MountainMidnightAfter(Func):
    """The midnight at the end of a time's day in Montana."""

    template = (
        "(date_trunc('day', (%(expressions)s) AT TIME ZONE 'America/Denver')"
        " + interval '1 day') AT TIME ZONE 'America/Denver'"
    )
    output_field = models.DateTimeField()


# An event without an end or without clock times is over when its last day ends in Montana.
OVER_AT = Case(
    When(
        Q(all_day=True) | Q(ends_at=None),
        then=MountainMidnightAfter(Coalesce("ends_at", "begins_at")),
    ),
    default=F("ends_at"),
    output_field=models.DateTimeField(),
)


# The day on which an event ended. Python computes the same in events/rules.py (last_day_of).
LAST_DAY = Case(
    When(Q(all_day=True) | Q(ends_at=None), then=MountainDay(Coalesce("ends_at", "begins_at"))),
    default=Greatest(MountainDay("begins_at"), DayOfEnd("ends_at")),
    output_field=models.DateField(),
)


class RecordingPage(Func):
    """A URL without its scheme, www. and trailing slash, used to find links to the same page."""

    template = r"rtrim(regexp_replace(lower(%(expressions)s), '^(.*://)?(www\.)?', ''), '/')"
    output_field = models.TextField()


# A resubmitted custom event waits from the time of its resubmission.
WAITING_SINCE = Coalesce("submitted_at", "created_at")


# The demonstration's meetings are pages on this machine, which need no https.
HTTPS_OR_LOCAL = r"^(https://|http://(127[.]0[.]0[.]1|localhost)[:/])"
ONLY_HTTPS = RegexValidator(HTTPS_OR_LOCAL, "Enter a web address that starts with https://")
# What lets people into an online event. Only people with a place and organizers see it, so it is
# neither in the history nor in anything public. See `joining_facts` in events/rules.py.
JOINING_FIELDS = ("joining_url", "meeting_id", "passcode", "joining_phone")


# Computed, technical and secret columns have no history.
@pghistory.track(
    exclude=[
        "over_at",
        "claimable_at",
        "last_day",
        "search",
        "search_key",
        "uid",
        "sequence",
        "changed_at",
        "check_in_code",
        "import_key",
        "import_digest",
        "created_at",
        *JOINING_FIELDS,
    ],
    model_name="EventHistory",
)
class Event(models.Model):
    """An event on the calendar, or training reported by a librarian (a custom event)."""

    title = LineField(max_length=300)
    type = models.CharField(max_length=30, choices=EventType, blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.CALENDAR)
    state = models.CharField(max_length=10, choices=EventState, default=EventState.PUBLISHED)
    begins_at = models.DateTimeField("begins")
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    all_day = models.BooleanField(
        "all day",
        default=False,
        help_text="Only the dates matter, or the times are not known.",
    )
    delivery = models.CharField(max_length=10, choices=Delivery, blank=True)
    location = LineField(max_length=200, blank=True)
    city = LineField(max_length=80, blank=True)
    room = LineField(max_length=80, blank=True)
    sponsor = LineField(max_length=200, blank=True)
    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name="organizer",
        help_text="This organization's event editors manage this event.",
    )
    contact_name = LineField("contact", max_length=150, blank=True)
    contact = LineField("contact’s e-mail address or telephone", max_length=200, blank=True)
    presenter = LineField("trainer or presenter", max_length=200, blank=True)
    audience = LineField(max_length=300, blank=True)
    # The search index limits the length.
    description = TextField(blank=True, validators=[MaxLengthValidator(10_000)])
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    joining_url = WebAddressField(
        "joining address", max_length=500, blank=True, validators=[ONLY_HTTPS]
    )
    meeting_id = LineField("meeting id", max_length=60, blank=True)
    passcode = LineField(max_length=60, blank=True)
    joining_phone = LineField("telephone line", max_length=120, blank=True)
    registration_mode = models.CharField(max_length=10, choices=RegistrationMode, blank=True)
    registration_url = WebAddressField("registration address", max_length=500, blank=True)
    registration_opens_at = models.DateTimeField("registration opens", null=True, blank=True)
    registration_closes_at = models.DateTimeField("registration closes", null=True, blank=True)
    # At a hybrid event, `capacity` is the number of places in the room.
    capacity = models.PositiveIntegerField("places", null=True, blank=True)
    online_capacity = models.PositiveIntegerField("online places", null=True, blank=True)
    has_waitlist = models.BooleanField(
        "waitlist",
        default=True,
        help_text="When all places are taken, people can join the waitlist.",
    )
    allows_walk_ins = models.BooleanField(
        "walk-ins", default=False, help_text="People can check in without registering."
    )
    check_in_code = models.CharField(  # noqa: DJ001
        max_length=6, null=True, unique=True, editable=False
    )
    recording_available_at = models.DateTimeField("recording available from", null=True, blank=True)
    recording_until_at = models.DateTimeField("recording earns credit until", null=True, blank=True)
    recording_url = WebAddressField("recording address", max_length=500, blank=True)
    recording_minutes = models.PositiveIntegerField("recording length", null=True, blank=True)
    recording_last_day = models.DateField("last day to watch", null=True, blank=True)
    source_url = WebAddressField("source", max_length=500, blank=True)
    is_demonstration = models.BooleanField("demonstration", default=False, editable=False)

    # These identify the event in calendar programs. Triggers count its changes (triggers.py).
    uid = models.UUIDField(db_default=RandomUUID(), unique=True, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    # The same for all events in a series.
    series_key = models.UUIDField(null=True, editable=False)

    import_key = models.CharField(max_length=80, null=True, unique=True, editable=False)  # noqa: DJ001
    import_digest = models.CharField(max_length=64, blank=True, editable=False)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="created_events",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="decided_events",
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_reason = TextField("reason", blank=True, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    cancellation = TextField(
        "reason for the cancellation", blank=True, validators=[MaxLengthValidator(2_000)]
    )

    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged_events",
        help_text="The event that now has its claims.",
    )

    over_at = models.GeneratedField(
        expression=OVER_AT, output_field=models.DateTimeField(), db_persist=True
    )
    claimable_at = models.GeneratedField(
        expression=Least(OVER_AT, F("recording_available_at")),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    last_day = models.GeneratedField(
        expression=LAST_DAY, output_field=models.DateField(), db_persist=True
    )
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="aspen")
        + SearchVector("sponsor", "presenter", weight="B", config="aspen")
        + SearchVector("location", "city", "audience", "description", weight="C", config="aspen"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    # For staff, who look for part of a word in an event in any state.
    search_key = search_key_of("title", "sponsor", "presenter", "city")

    class Meta:
        ordering = ["begins_at", "id"]
        permissions = [
            ("decide_event", "Can decide on custom events"),
            ("propose_event", "Can propose events for their organization"),
        ]
        triggers = [
            COUNT_REVISION,
            ATTENDANCE_MODES_FOLLOW_FORMAT,
            CAPACITY_NOT_BELOW_THE_TAKEN,
            new_version(),
        ]
        indexes = [
            models.Index(fields=["begins_at", "id"], name="events_begins"),
            models.Index(fields=["over_at", "id"], name="events_over"),
            models.Index(fields=["parent", "begins_at"], name="events_sessions"),
            # Search and title comparison cover only published and canceled events.
            GinIndex(
                fields=["search"],
                condition=Q(state__in=[EventState.PUBLISHED, EventState.CANCELLED]),
                name="events_search",
            ),
            GinIndex(OpClass("search_key", name="gin_trgm_ops"), name="events_search_key"),
            GinIndex(
                OpClass("title", name="gin_trgm_ops"),
                condition=Q(state__in=[EventState.PUBLISHED, EventState.CANCELLED]),
                name="events_title_trigrams",
            ),
            models.Index(
                fields=["begins_at"],
                condition=Q(state=EventState.PUBLISHED),
                name="events_published_begin",
            ),
            models.Index(
                WAITING_SINCE,
                F("id"),
                condition=Q(origin=Origin.CUSTOM, state=EventState.PENDING),
                name="events_custom_waiting",
            ),
            models.Index(fields=["recording_available_at"], name="events_recorded"),
            models.Index(
                RecordingPage("recording_url"),
                condition=Q(state=EventState.PUBLISHED) & ~Q(recording_url=""),
                name="events_recording_page",
            ),
            *[
                models.Index(fields=[field], condition=~Q(**{field: None}), name=name)
                for field, name in (
                    ("recording_until_at", "events_recorded_until"),
                    ("registration_opens_at", "events_opens"),
                    ("registration_closes_at", "events_closes"),
                )
            ],
        ]
        constraints = [
            *clean_columns(
                "events_event",
                lines=[
                    *("title", "location", "city", "room", "sponsor", "presenter", "audience"),
                    *("contact_name", "contact", "meeting_id", "passcode", "joining_phone"),
                ],
                texts=["description", "decision_reason", "cancellation"],
                web_addresses=["registration_url", "recording_url", "source_url", "joining_url"],
            ),
            models.CheckConstraint(condition=~Q(title=""), name="events_title_not_empty"),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("begins_at")),
                name="events_ends_after_it_begins",
                violation_error_message="The end must not be before the start.",
            ),
            models.CheckConstraint(
                condition=Q(begins_at__gte=CALENDAR_STARTS, begins_at__lt=CALENDAR_ENDS)
                & (Q(ends_at=None) | Q(ends_at__lt=CALENDAR_ENDS)),
                name="events_year_plausible",
                violation_error_message="The year must be between 1990 and 2099.",
            ),
            # No one can earn credit before the event starts, not even for its recording.
            models.CheckConstraint(
                condition=Q(recording_available_at=None)
                | Q(
                    recording_available_at__gte=F("begins_at"),
                    recording_available_at__lt=CALENDAR_ENDS,
                ),
                name="events_recording_after_begin",
                violation_error_message=(
                    "A recording cannot be available before the event starts."
                ),
            ),
            models.CheckConstraint(
                condition=Q(recording_until_at=None)
                | Q(recording_available_at__lt=F("recording_until_at")),
                name="events_recording_ends_after_it_begins",
                violation_error_message=(
                    "A recording must become available before it stops earning credit."
                ),
            ),
            models.CheckConstraint(
                condition=Q(joining_url="") | Q(joining_url__regex=HTTPS_OR_LOCAL),
                name="events_joining_address_is_https",
                violation_error_message="The joining address must start with https://",
            ),
            models.CheckConstraint(
                condition=Q(recording_minutes=None) | Q(recording_minutes__range=(1, 6000)),
                name="events_recording_length_plausible",
                violation_error_message="Enter the recording's length in minutes, 1 to 6000.",
            ),
            models.CheckConstraint(
                condition=Q(recording_last_day=None)
                | Q(recording_last_day__gte=MountainDay("begins_at")),
                name="events_recording_last_day_after_begin",
                violation_error_message=(
                    "The last day to watch the recording cannot be before the event starts."
                ),
            ),
            models.CheckConstraint(
                condition=Q(registration_opens_at=None)
                | Q(registration_closes_at=None)
                | Q(registration_closes_at__gt=F("registration_opens_at")),
                name="events_registration_closes_after_it_opens",
                violation_error_message="Registration must close after it opens.",
            ),
            models.CheckConstraint(
                condition=Q(check_in_code=None) | Q(check_in_code__regex=r"^[A-Z]{6}$"),
                name="events_check_in_code_of_six_letters",
            ),
            models.CheckConstraint(
                condition=~Q(
                    origin=Origin.CALENDAR, state__in=[EventState.DRAFT, EventState.PENDING]
                )
                | Q(created_by__isnull=False),
                name="events_proposal_has_author",
            ),
            models.CheckConstraint(
                condition=~Q(origin=Origin.CALENDAR, state=EventState.PENDING)
                | Q(submitted_at__isnull=False),
                name="events_proposal_has_submitted_at",
            ),
            models.UniqueConstraint(
                fields=["series_key", "begins_at", "title"],
                name="events_one_occurrence_at_a_time",
                violation_error_message="The series already includes this date.",
            ),
            models.CheckConstraint(
                condition=Q(capacity=None) | Q(capacity__gte=1),
                name="events_capacity_positive",
                violation_error_message="Enter at least 1 place, or leave this blank for no limit.",
            ),
            models.CheckConstraint(
                condition=Q(online_capacity=None) | Q(online_capacity__gte=1),
                name="events_online_capacity_positive",
                violation_error_message=(
                    "Enter at least 1 online place, or leave this blank for no limit."
                ),
            ),
            models.CheckConstraint(
                condition=Q(online_capacity=None) | Q(delivery=Delivery.HYBRID),
                name="events_online_capacity_only_if_hybrid",
                violation_error_message=(
                    "Only events in person and online have online places of their own. Leave "
                    "online places blank, or choose that format."
                ),
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")), name="events_not_own_parent"
            ),
            models.CheckConstraint(
                condition=Q(state=EventState.MERGED, merged_into__isnull=False)
                & ~Q(merged_into=F("id"))
                | ~Q(state=EventState.MERGED) & Q(merged_into=None),
                name="events_merged_into_another",
                violation_error_message="An event can only be merged into another event.",
            ),
            models.CheckConstraint(
                condition=Q(state__in=EventState.values)
                & Q(origin__in=Origin.values)
                & Q(type__in=["", *EventType.values])
                & Q(delivery__in=["", *Delivery.values])
                & Q(registration_mode__in=["", *RegistrationMode.values]),
                name="events_choices_known",
            ),
            models.CheckConstraint(
                condition=~Q(origin=Origin.CUSTOM) | Q(created_by__isnull=False),
                name="events_custom_has_author",
            ),
            both_or_neither("decided_by", "decided_at", name="events_decided_both_or_neither"),
            models.CheckConstraint(
                condition=~Q(origin=Origin.CUSTOM)
                | ~Q(state__in=[EventState.PUBLISHED, EventState.DECLINED, EventState.DRAFT])
                | Q(decided_at__isnull=False),
                name="events_custom_decision_recorded",
            ),
            models.CheckConstraint(
                condition=~Q(
                    origin=Origin.CUSTOM, state__in=[EventState.DECLINED, EventState.DRAFT]
                )
                | ~Q(decision_reason=""),
                name="events_custom_refusal_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(origin=Origin.CUSTOM)
                | Q(decided_by=None)
                | ~Q(decided_by=F("created_by")),
                name="events_not_decided_by_author",
                violation_error_message=(
                    "You cannot review your own event. Ask a colleague to do it."
                ),
            ),
            models.UniqueConstraint(
                "created_by",
                "title",
                "begins_at",
                condition=Q(origin=Origin.CUSTOM)
                & ~Q(state__in=[EventState.DECLINED, EventState.CANCELLED, EventState.MERGED]),
                name="events_custom_once_per_person",
                violation_error_message="You have already created this event.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        slug = slugify(self.title)[:60].strip("-")
        if slug:
            return reverse("events:detail", args=[self.pk, slug])
        return reverse("events:detail", args=[self.pk])

    @property
    def when(self) -> str:
        """The days and times as text."""
        return format_time_range(self.begins_at, self.ends_at, all_day=self.all_day)

    @property
    def state_label(self) -> Label:
        """The state as shown on pages."""
        if self.state == EventState.DRAFT and self.decision_reason:
            return RETURNED
        return EVENT_LABELS[Origin(self.origin)][EventState(self.state)]


class CustomEvent(Event):
    """A proxy for the admin's queue of custom events."""

    class Meta:
        proxy = True
        verbose_name = "custom event"
