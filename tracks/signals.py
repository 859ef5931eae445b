"""Signals of tracks. Receivers run in the sender's transaction."""

from django.dispatch import Signal

# A person chose or resumed a track. Arguments: participation.
track_selected = Signal()
