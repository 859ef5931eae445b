"""SQL for triggers that refuse a row, and for the rule that reviewers do not verify."""

# SQL: the account or the address of a supervisor belongs to a person who reviewed the record.
IS_REVIEWER = """({supervisor} IN {reviewers} OR EXISTS (
    SELECT FROM accounts_user WHERE id IN {reviewers} AND lower(email) = lower({address})
) OR EXISTS (
    SELECT FROM account_emailaddress
    WHERE user_id IN {reviewers} AND lower(email) = lower({address})
))"""
# Those who reviewed the record or confirmed a change in it.
REVIEWERS = """(
    SELECT reviewed_by_id FROM tracks_submission WHERE id = {submission}
    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = {submission}
)"""
ASKED_REVIEWER = (
    "EXISTS (SELECT FROM tracks_verification AS question WHERE submission_id = {submission}"
    " AND (answered_at IS NULL OR answer = 'verified') AND "
    + IS_REVIEWER.format(
        reviewers="{reviewers}",
        supervisor="question.supervisor_id",
        address="question.supervisor_email",
    )
    + ")"
)
# A named check constraint, because a trigger can read other tables.
_REFUSE = """RAISE EXCEPTION 'violates check constraint "{name}"'
    USING ERRCODE = 'check_violation', CONSTRAINT = '{name}'"""


def refuse_if(condition: str, *, name: str) -> str:
    """Return a trigger function that refuses the row if the condition is true."""
    return f"IF {condition} THEN {_REFUSE.format(name=name)}; END IF; RETURN NEW;"
