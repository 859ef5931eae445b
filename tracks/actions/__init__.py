"""Everything that writes rule sets, participations, postings, submissions and certificates.

Each function is atomic and takes `by=`. Whatever concerns a person's record locks the person
(accounts.queries.lock_people) before it reads, so that no two steps pass each other.
"""

from tracks.actions.certifying import reissue_certificate, revoke_certificate
from tracks.actions.choosing import Chosen, leave_track, resume_track, select_track, select_tracks
from tracks.actions.extending import extend_participations
from tracks.actions.notices import (
    remind_directors,
    remind_idle,
    remind_of_ends,
    remind_supervisors,
)
from tracks.actions.posting import post_anew, post_archived, sync_postings
from tracks.actions.replacing import replace_rule_set
from tracks.actions.rule_sets import end_rule_set, save_rule_set
from tracks.actions.submitting import (
    reopen_what_changed,
    return_submission,
    review_submission,
    submit_track,
    take_back_submission,
)
from tracks.actions.verifying import (
    Supervisor,
    ask_about_year,
    ask_again,
    refuse_record,
    renew_link,
    verify_record,
    withdraw_question,
)

__all__ = [
    "Chosen",
    "Supervisor",
    "ask_about_year",
    "ask_again",
    "end_rule_set",
    "extend_participations",
    "leave_track",
    "post_anew",
    "post_archived",
    "refuse_record",
    "reissue_certificate",
    "remind_directors",
    "remind_idle",
    "remind_of_ends",
    "remind_supervisors",
    "renew_link",
    "reopen_what_changed",
    "replace_rule_set",
    "resume_track",
    "return_submission",
    "review_submission",
    "revoke_certificate",
    "save_rule_set",
    "select_track",
    "select_tracks",
    "submit_track",
    "sync_postings",
    "take_back_submission",
    "verify_record",
    "withdraw_question",
]
