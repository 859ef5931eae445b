from django.db import models

from aspen.transitions import Actor, Transition
from aspen.web.labels import Label, label_table


class EventType(models.TextChoices):
    """The event types on the State Library's calendar. Some events have no type."""

    CONTINUING_EDUCATION = "Continuing Education"
    MEETING = "Meeting"
    CONFERENCE = "Conference"
    DEADLINES = "Deadlines"

    __empty__ = "Other"


class Delivery(models.TextChoices):
    IN_PERSON = "in person", "In person"
    ONLINE = "online", "Online"
    HYBRID = "hybrid", "In person and online"
    RECORDED = "recorded", "Recorded"

    __empty__ = "Not specified"


class Origin(models.TextChoices):
    CALENDAR = "calendar", "Calendar"
    CUSTOM = "custom", "Custom"


class EventState(models.TextChoices):
    """The states of calendar events and custom events. Pages show EVENT_LABELS.

    A draft is waiting for its author. It was never sent to staff, or it was withdrawn or returned.
    """

    DRAFT = "draft", "Draft"
    PENDING = "pending", "Waiting for approval"
    PUBLISHED = "published", "Published"
    CANCELLED = "cancelled", "Canceled"
    DECLINED = "declined", "Declined"
    # Merged into another event, which now has the claims.
    MERGED = "merged", "Merged"


RETURNED = Label("Returned for changes", "warn", "!")
_SHARED_LABELS = {
    EventState.CANCELLED: Label("Canceled", "bad", "✕"),
    EventState.MERGED: Label("Merged into another event", "neutral", "–"),
}
# A returned draft of a calendar event has the label RETURNED (see Event.state_label).
EVENT_LABELS: dict[Origin, dict[EventState, Label]] = {
    Origin.CALENDAR: {
        EventState.DRAFT: Label("Draft", "neutral", "○"),
        EventState.PENDING: Label("Waiting for staff", "warn", "…"),
        EventState.PUBLISHED: Label("Published", "good", "✓"),
        EventState.DECLINED: Label("Discarded", "neutral", "✕"),
        **_SHARED_LABELS,
    },
    Origin.CUSTOM: {
        EventState.DRAFT: RETURNED,
        EventState.PENDING: Label("Waiting for approval", "warn", "…"),
        EventState.PUBLISHED: Label("Approved", "good", "✓"),
        EventState.DECLINED: Label("Declined", "bad", "✕"),
        **_SHARED_LABELS,
    },
}


class Decision(models.TextChoices):
    APPROVE = "approve", "Approve"
    RETURN = "return", "Return"
    DECLINE = "decline", "Decline"


# Staff decisions on custom events.
CUSTOM_EVENT_TRANSITIONS: dict[Decision, Transition[EventState]] = {
    Decision.APPROVE: Transition({Actor.STAFF: {EventState.PENDING}}, EventState.PUBLISHED),
    Decision.RETURN: Transition({Actor.STAFF: {EventState.PENDING}}, EventState.DRAFT),
    Decision.DECLINE: Transition(
        {Actor.STAFF: {EventState.PENDING, EventState.PUBLISHED}}, EventState.DECLINED
    ),
}
# The author can change a custom event until staff decide on it, and after they have returned it.
REVISION: Transition[EventState] = Transition(
    {Actor.PERSON: {EventState.PENDING, EventState.DRAFT}}, EventState.PENDING
)
# Staff can also publish a custom event to the calendar.
TO_CALENDAR: Transition[EventState] = Transition(
    {Actor.STAFF: {EventState.PENDING, EventState.PUBLISHED}}, EventState.PUBLISHED
)


class EventStep(models.TextChoices):
    """The steps for an event editor's proposal or a published event."""

    SUBMIT = "submit", "Send to staff"
    TAKE_BACK = "take_back", "Withdraw"
    PUBLISH = "publish", "Publish"
    RETURN = "return", "Return"
    DISCARD = "discard", "Discard"
    CALL_OFF = "call_off", "Cancel event"
    RESTORE = "restore", "Put back on the calendar"


def _by_both(source: EventState, target: EventState) -> Transition[EventState]:
    """Return a transition that both editors and staff can make."""
    return Transition({Actor.EDITOR: {source}, Actor.STAFF: {source}}, target)


EVENT_TRANSITIONS: dict[EventStep, Transition[EventState]] = {
    EventStep.SUBMIT: _by_both(EventState.DRAFT, EventState.PENDING),
    EventStep.TAKE_BACK: _by_both(EventState.PENDING, EventState.DRAFT),
    EventStep.PUBLISH: Transition(
        {Actor.STAFF: {EventState.DRAFT, EventState.PENDING}}, EventState.PUBLISHED
    ),
    EventStep.RETURN: Transition({Actor.STAFF: {EventState.PENDING}}, EventState.DRAFT),
    EventStep.DISCARD: _by_both(EventState.DRAFT, EventState.DECLINED),
    EventStep.CALL_OFF: _by_both(EventState.PUBLISHED, EventState.CANCELLED),
    EventStep.RESTORE: Transition({Actor.STAFF: {EventState.CANCELLED}}, EventState.PUBLISHED),
}


class RegistrationMode(models.TextChoices):
    PORTAL = "portal", "Register here"
    EXTERNAL = "external", "Register on another site"
    NONE = "none", "Not required"

    __empty__ = "Not specified"


class RegistrationState(models.TextChoices):
    CONFIRMED = "confirmed", "Registered"
    WAITLISTED = "waitlisted", "On the waitlist"
    CANCELLED = "cancelled", "Canceled"


REGISTRATION_LABELS = label_table(
    {
        RegistrationState.CONFIRMED: ("good", "✓"),
        RegistrationState.WAITLISTED: ("warn", "…"),
        RegistrationState.CANCELLED: ("bad", "✕"),
    }
)


class AttendanceMode(models.TextChoices):
    """How a person takes part in a hybrid event, as in schema.org. Empty if it is not known."""

    IN_PERSON = "in person", "In person"
    ONLINE = "online", "Online"


class Attendance(models.TextChoices):
    UNKNOWN = "unknown", "Not marked"
    PRESENT = "present", "Present"
    LATE = "late", "Came late"
    ABSENT = "absent", "Absent"


ATTENDANCE_LABELS = label_table(
    {
        Attendance.UNKNOWN: ("neutral", "○"),
        Attendance.PRESENT: ("good", "✓"),
        Attendance.LATE: ("good", "✓"),
        Attendance.ABSENT: ("bad", "✕"),
    }
)


# Coming late counts as attending.
ATTENDED = frozenset({Attendance.PRESENT, Attendance.LATE})


class QuestionKind(models.TextChoices):
    TEXT = "text", "Text"
    CHOICE = "choice", "Choice"
    YES_NO = "yes_no", "Yes or no"
    ACCOMMODATION = "accommodation", "Accommodation needs (only the organizer sees the answers)"


class ListingState(models.TextChoices):
    """The state of an event in a fiscal year's course catalog."""

    PROPOSED = "proposed", "Waiting for a decision"
    APPROVED = "approved", "In the catalog"
    DECLINED = "declined", "Declined"


LISTING_LABELS = label_table(
    {
        ListingState.PROPOSED: ("warn", "…"),
        ListingState.APPROVED: ("good", "✓"),
        ListingState.DECLINED: ("bad", "✕"),
    }
)


# Staff decisions on listings. A declined listing must be proposed again before it can be approved,
# so that no one overrules a colleague by accident.
LISTING_TRANSITIONS: dict[Decision, Transition[ListingState]] = {
    Decision.APPROVE: Transition({Actor.STAFF: {ListingState.PROPOSED}}, ListingState.APPROVED),
    Decision.DECLINE: Transition(
        {Actor.STAFF: {ListingState.PROPOSED, ListingState.APPROVED}}, ListingState.DECLINED
    ),
}


class CollegeCreditType(models.TextChoices):
    """The type of a college's credits. One semester credit equals two quarter credits."""

    SEMESTER = "semester", "Semester credits"
    QUARTER = "quarter", "Quarter credits"


class HintKind(models.TextChoices):
    """What suggests that a person took part in an event, or that they did not. Never attendance."""

    JOINED = "joined", "Opened the meeting"
    WATCHED = "watched", "Opened the recording"
    DISMISSED = "dismissed", "Said that they did not take part"


class KeyPurpose(models.TextChoices):
    FEED = "feed", "Calendar feed of registrations"
    PERSONAL_CHECK_IN = "badge", "Personal check-in code"
