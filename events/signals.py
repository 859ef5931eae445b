"""News that the calendar sends upwards. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# An event is over and a registration stands, or attendance was marked or taken back.
# Arguments: registrations (list, with .event and .person), earned (bool), by (User).
attendance_settled = Signal()

# Staff decided about a custom event, or its author sent it again.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# The facts of an event changed that its credits depend on: its state, its days, the catalogue
# mark. Arguments: event, by (User, or None for an import).
event_revised = Signal()
