"""The actions on events and registrations.

All are atomic and take their locks first, in this order: event, registration, person. `by` is the
person acting, or None for imports and the periodic job.
"""

from events.attendance.actions import (
    add_walk_in,
    check_in,
    check_in_person,
    mark_attendance,
    mark_remaining_present,
    new_check_in_code,
    remove_check_in_code,
    settle_due,
)
from events.attendance.list_actions import apply_attendance_list, store_attendance_list
from events.custom import (
    CollegeCourse,
    CustomEventFacts,
    build_event,
    cancel_custom_event,
    create_custom_event,
    decide_custom_event,
    mark_merged,
    mark_separate,
    publish_custom_event,
    refuse_too_many,
    resubmit_custom_event,
)
from events.editing.publishing import import_event, save_event, set_offers, why_capacity_too_small
from events.registration.actions import (
    answer_questions,
    cancel_registration,
    promote_waiting,
    register,
)
from events.reminders import queue_recording_emails, queue_reminder_emails

__all__ = [
    "CollegeCourse",
    "CustomEventFacts",
    "add_walk_in",
    "answer_questions",
    "apply_attendance_list",
    "build_event",
    "cancel_custom_event",
    "cancel_registration",
    "check_in",
    "check_in_person",
    "create_custom_event",
    "decide_custom_event",
    "import_event",
    "mark_attendance",
    "mark_merged",
    "mark_remaining_present",
    "mark_separate",
    "new_check_in_code",
    "promote_waiting",
    "publish_custom_event",
    "queue_recording_emails",
    "queue_reminder_emails",
    "refuse_too_many",
    "register",
    "remove_check_in_code",
    "resubmit_custom_event",
    "save_event",
    "set_offers",
    "settle_due",
    "store_attendance_list",
    "why_capacity_too_small",
]
