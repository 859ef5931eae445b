"""News that credits send upwards. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# Credits were claimed, approved, returned, declined, withdrawn or moved to another category.
# Arguments: credit_ids (list of int).
credits_changed = Signal()
