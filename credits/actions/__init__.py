"""Actions that write claims and credits. Each is atomic and takes `by=`.

To avoid deadlocks, each locks the event (events.queries.lock_event) and then the people
(accounts.queries.lock_people), and only then reads the rows its decisions depend on.
"""

from credits.actions.attendance import credit_attendance, credit_presenting, withdraw_attendance
from credits.actions.awarding import (
    apply_award_list,
    match_awards,
    store_award_list,
    withdraw_waiting_award,
)
from credits.actions.claiming import (
    AlreadyClaimed,
    claim_custom_event,
    claim_event,
    claim_outside_conference,
    claim_sessions,
    delete_draft,
    save_draft,
    set_claim_note,
    withdraw_claim,
)
from credits.actions.correcting import CorrectionResult, correct_credit, correct_event
from credits.actions.deciding import DECIDED, approve_verified, decide_claim
from credits.actions.event_changes import (
    update_catalog_credits,
    update_claims_with_custom_event,
    update_claims_with_event,
)
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
    "delete_draft",
    "match_awards",
    "merge_events",
    "pair_version",
    "remove_evidence",
    "save_draft",
    "set_claim_note",
    "store_award_list",
    "undo_merge",
    "update_catalog_credits",
    "update_claims_with_custom_event",
    "update_claims_with_event",
    "why_not_undo",
    "withdraw_attendance",
    "withdraw_claim",
    "withdraw_waiting_award",
]
