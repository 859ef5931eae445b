"""All actions that write claims and credits. Each is atomic and takes `by=`.

To avoid deadlocks, each locks the event (events.queries.lock_event) and then the people
(accounts.queries.lock_people), and only then reads what it decides on.
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
    claim_outside_conference,
    claim_sessions,
    drop_draft,
    keep_draft,
    note_claim,
    withdraw_claim,
)
from credits.actions.correcting import CorrectionResult, correct_credit, correct_event
from credits.actions.deciding import DECIDED, approve_verified, decide_claim
from credits.actions.event_changes import follow_custom_event, follow_event, update_catalog_credits
from credits.actions.evidence import add_evidence, remove_evidence
from credits.actions.merging import (
    MergeResult,
    merge_events,
    pair_version,
    undo_merge,
    why_not_undo,
)

__all__ = [
    "DECIDED",
    "AlreadyClaimed",
    "CorrectionResult",
    "MergeResult",
    "add_evidence",
    "apply_award_list",
    "approve_verified",
    "claim_custom_event",
    "claim_event",
    "claim_outside_conference",
    "claim_sessions",
    "correct_credit",
    "correct_event",
    "credit_attendance",
    "credit_presenting",
    "decide_claim",
    "drop_draft",
    "follow_custom_event",
    "follow_event",
    "keep_award_list",
    "keep_draft",
    "match_awards",
    "merge_events",
    "note_claim",
    "pair_version",
    "remove_evidence",
    "take_back_award",
    "undo_merge",
    "update_catalog_credits",
    "why_not_undo",
    "withdraw_attendance",
    "withdraw_claim",
]
