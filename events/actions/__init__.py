"""Everything that writes events and registrations.

Functions that change something are atomic and lock first, always in this order: event,
registration, person. `by` is the person who acts; imports and the periodic job have none.
"""

from events.actions.attendance import mark_attendance, settle_due
from events.actions.custom import (
    CustomEventFacts,
    cancel_custom_event,
    correct_offer,
    create_custom_event,
    decide_custom_event,
    resubmit_custom_event,
)
from events.actions.publishing import import_event, save_event, set_offers
from events.actions.registration import cancel_registration, register

__all__ = [
    "CustomEventFacts",
    "cancel_custom_event",
    "cancel_registration",
    "correct_offer",
    "create_custom_event",
    "decide_custom_event",
    "import_event",
    "mark_attendance",
    "register",
    "resubmit_custom_event",
    "save_event",
    "set_offers",
    "settle_due",
]
