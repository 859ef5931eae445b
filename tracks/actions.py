"""Actions on rule sets, participations, postings, submissions and certificates.

Each action is atomic. Actions on a person's record first lock the person
(accounts.queries.lock_people), so they run one at a time for each person.
"""

from tracks.certification.certifying import reissue_certificate, revoke_certificate
from tracks.certification.emails import remind_supervisors
from tracks.certification.submitting import (
    confirm_change,
    return_submission,
    review_submission,
    submit_track,
    update_sent_records,
    withdraw_submission,
)
from tracks.certification.verifying import (
    SupervisorContact,
    ask_about_year,
    ask_again,
    refuse_record,
    renew_link,
    verify_record,
    withdraw_question,
)
from tracks.following.actions import (
    extend_participations,
    leave_track,
    post_archived,
    repost_credits,
    resume_track,
    select_track,
    sync_postings,
)
from tracks.reminders import remind_directors, remind_idle, remind_of_ends
from tracks.rule_sets.actions import end_rule_set, replace_rule_set, save_rule_set

__all__ = [
    "SupervisorContact",
    "ask_about_year",
    "ask_again",
    "confirm_change",
    "end_rule_set",
    "extend_participations",
    "leave_track",
    "post_archived",
    "refuse_record",
    "reissue_certificate",
    "remind_directors",
    "remind_idle",
    "remind_of_ends",
    "remind_supervisors",
    "renew_link",
    "replace_rule_set",
    "repost_credits",
    "resume_track",
    "return_submission",
    "review_submission",
    "revoke_certificate",
    "save_rule_set",
    "select_track",
    "submit_track",
    "sync_postings",
    "update_sent_records",
    "verify_record",
    "withdraw_question",
    "withdraw_submission",
]
