"""News that the calendar sends upwards. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# An event is over and a registration stands, or attendance was marked or taken back.
# Arguments: registration (with .event and .person), earned (bool), by (User).
attendance_settled = Signal()

# Staff decided about a custom event, or its author sent it again.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# The facts of an event changed that its credits depend on: its days, or the catalogue mark.
# Arguments: event, by (User or None).
event_revised = Signal()
