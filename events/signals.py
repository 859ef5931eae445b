"""News that the calendar sends upwards. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# An event is over and a registration stands, or attendance was marked or taken back.
# Arguments: registrations (list of one person's, with .event and .person), earned, by (User).
attendance_settled = Signal()

# An event is over that somebody presented.
# Arguments: presentations (list of one person's, with .event and .person), by (User).
presenting_settled = Signal()

# Staff decided about a custom event, or its author sent it again.
# Arguments: event, by (User), reason (str).
custom_event_changed = Signal()

# The facts of an event changed that its credits depend on: its state, its days. Arguments: event,
# by (User, or None for an import).
event_revised = Signal()

# Events came into the catalog of a fiscal year, or out of it. The sender holds the events' locks.
# Arguments: event_ids (list of int), by (User).
catalogue_changed = Signal()
