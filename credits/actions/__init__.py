"""Actions that write claims and credits. Each is atomic and takes `by=`.

To avoid deadlocks, each locks the event (events.queries.lock_event) and then the people
(accounts.queries.lock_people), and only then reads the rows its decisions depend on.
"""

from credits.actions.attendance import (
    credit_attendance,
    credit_presenting,
    withdraw_attendance,
    withdraw_place_credit,
)
from credits.actions.awarding import (
    apply_award_list,
    match_awards,
    store_award_list,
    withdraw_waiting_award,
)
from credits.actions.certificates import (
    issue_attendance_certificate,
    issue_guest_certificate,
    withdraw_changed_certificates,
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
from credits.actions.evidence import add_evidence, remove_evidence, restore_evidence
from credits.actions.merging import (
    MergeResult,
    merge_events,
    pair_version,
    undo_merge,
    why_not_undo,
)
from credits.actions.revising import revise_custom_training
from credits.actions.undoing import (
    CLAIM_DECISION,
    can_undo_withdrawal,
    last_claim_decision,
    restore_decided_claims,
    undo_claim_decision,
    undo_withdrawal,
)

__all__ = [
    "CLAIM_DECISION",
    "DECIDED",
    "AlreadyClaimed",
    "CorrectionResult",
    "MergeResult",
    "add_evidence",
    "apply_award_list",
    "approve_verified",
    "can_undo_withdrawal",
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
    "issue_attendance_certificate",
    "issue_guest_certificate",
    "last_claim_decision",
    "match_awards",
    "merge_events",
    "pair_version",
    "remove_evidence",
    "restore_decided_claims",
    "restore_evidence",
    "revise_custom_training",
    "save_draft",
    "set_claim_note",
    "store_award_list",
    "undo_claim_decision",
    "undo_merge",
    "undo_withdrawal",
    "update_catalog_credits",
    "update_claims_with_custom_event",
    "update_claims_with_event",
    "why_not_undo",
    "withdraw_attendance",
    "withdraw_changed_certificates",
    "withdraw_claim",
    "withdraw_place_credit",
    "withdraw_waiting_award",
]
