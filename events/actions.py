"""The actions on events and registrations.

All are atomic and take their locks first, in this order: event, registration, person. `by` is the
person acting. Imports and the periodic job have none; the portal user is recorded where a change
must have an author.
"""

from events.attendance.actions import (
    add_walk_in,
    check_in,
    check_in_by_organizer,
    mark_attendance,
    mark_remaining_present,
    new_event_check_in_code,
    remove_event_check_in_code,
    settle_due,
)
from events.attendance.list_actions import (
    apply_attendance_list,
    match_attendees,
    store_attendance_list,
    undo_attendance_list,
)
from events.catalog.actions import move_listings, return_listings
from events.custom import (
    CollegeCourse,
    CustomEventFacts,
    cancel_custom_event,
    create_custom_event,
    decide_custom_event,
    mark_merged,
    move_custom_event_to_calendar,
    refuse_too_many_credits,
    restore_custom_event,
    revise_custom_event,
    unmark_merged,
    unsaved_custom_event,
    why_not_revise,
)
from events.editing.publishing import import_event, save_event, set_offers, why_capacity_too_small
from events.event_page.actions import (
    dismiss,
    join_meeting,
    star_session,
    undo_dismissal,
    unstar_session,
    watch_recording,
)
from events.registration.actions import (
    answer_registration_questions,
    cancel_registration,
    promote_waiting,
    register,
    switch_attendance_mode,
    undo_cancellation,
)
from events.reminders import queue_recording_emails, queue_reminder_emails
from events.saved_searches.actions import (
    queue_saved_search_emails,
    remove_search,
    save_search,
)
from events.undoing import undo_custom_event_decision

__all__ = [
    "CollegeCourse",
    "CustomEventFacts",
    "add_walk_in",
    "answer_registration_questions",
    "apply_attendance_list",
    "cancel_custom_event",
    "cancel_registration",
    "check_in",
    "check_in_by_organizer",
    "create_custom_event",
    "decide_custom_event",
    "dismiss",
    "import_event",
    "join_meeting",
    "mark_attendance",
    "mark_merged",
    "mark_remaining_present",
    "match_attendees",
    "move_custom_event_to_calendar",
    "move_listings",
    "new_event_check_in_code",
    "promote_waiting",
    "queue_recording_emails",
    "queue_reminder_emails",
    "queue_saved_search_emails",
    "refuse_too_many_credits",
    "register",
    "remove_event_check_in_code",
    "remove_search",
    "restore_custom_event",
    "return_listings",
    "revise_custom_event",
    "save_event",
    "save_search",
    "set_offers",
    "settle_due",
    "star_session",
    "store_attendance_list",
    "switch_attendance_mode",
    "undo_attendance_list",
    "undo_cancellation",
    "undo_custom_event_decision",
    "undo_dismissal",
    "unmark_merged",
    "unsaved_custom_event",
    "unstar_session",
    "watch_recording",
    "why_capacity_too_small",
    "why_not_revise",
]
