"""News that tracks send. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# A person takes up a participation. Arguments: participation.
track_selected = Signal()
