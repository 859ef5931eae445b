"""Everything that writes claims and credits. Each function is atomic and takes `by=`.

Locks are taken in the same order everywhere: the event (events.queries.lock_event), then the
people (accounts.queries.lock_people), then decide.
"""

from credits.actions.attendance import credit_attendance, credit_presenting, withdraw_attendance
from credits.actions.awarding import (
    apply_award_list,
    keep_award_list,
    match_awards,
    take_back_award,
)
from credits.actions.claiming import (
    AlreadyClaimed,
    claim_custom_event,
    claim_event,
    claim_sessions,
    withdraw_claim,
)
from credits.actions.correcting import correct_credit
from credits.actions.following import follow_custom_event, follow_event

__all__ = [
    "AlreadyClaimed",
    "apply_award_list",
    "claim_custom_event",
    "claim_event",
    "claim_sessions",
    "correct_credit",
    "credit_attendance",
    "credit_presenting",
    "follow_custom_event",
    "follow_event",
    "keep_award_list",
    "match_awards",
    "take_back_award",
    "withdraw_attendance",
    "withdraw_claim",
]
