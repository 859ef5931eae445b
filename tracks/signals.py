"""News that tracks send. Receivers act in the sender's transaction."""

from django.dispatch import Signal

# A person takes up a participation, or it may count what it could not. Arguments: participation.
track_selected = Signal()

# A record that was sent is under way no more. Arguments: submission.
submission_ended = Signal()

# A supervisor is asked about a record. Arguments: verification.
verification_asked = Signal()

# A supervisor has answered: verified or refused. Arguments: verification.
verification_answered = Signal()

# A supervisor was asked and need not answer any more. Arguments: verification.
question_withdrawn = Signal()

# A certificate was issued, not merely anew. Arguments: certificate.
certificate_issued = Signal()
