"""Actions on submissions: submit, withdraw, return, review, and reopen after a correction."""

from collections.abc import Collection, Iterable

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.models import Claim, Credit
from credits.queries import with_earned_on
from tracks.certification import emails, record
from tracks.certification.checks import check_record, undecided_warning
from tracks.certification.verifying import SupervisorContact, ask, withdraw_open_question
from tracks.counting import queries as counting_queries
from tracks.enums import SUBMITTED_OR_REVIEWED, Ending, ParticipationState, ParticipationStep
from tracks.following.actions import apply_step, state_after
from tracks.models import Participation, Submission

# Reasons shown to the supervisor. Only the person sees what the CE Coordinator wrote.
WITHDRAWAL_REASONS = {
    Ending.TAKEN_BACK: "{by} withdrew the record.",
    Ending.RETURNED: "The CE Coordinator returned the record for changes.",
}


@audited
def submit_track(
    *,
    participation_id: int,
    seen: str,
    name: str,
    listed_as: str = "",
    note: str = "",
    supervisor: SupervisorContact | None = None,
    by: User,
) -> Submission:
    """Submit the person's record for a track to the CE Coordinator, as of today.

    `seen` is the fingerprint (record_fingerprint) of the record the person saw. `name` is printed
    on the certificate and `listed_as` on the annual list. If `listed_as` is empty, the person is
    not listed. `note` is for the CE Coordinator. `supervisor` is the supervisor the person
    suggested, if any. Locks the person. Idempotent: if there is an open submission, return it.
    Raises Participation.DoesNotExist if the participation belongs to someone else; Refused if
    `name` is empty, the requirements are not met, the record has changed, or `supervisor` is the
    person themselves.
    """
    lock_people([by.pk])
    participation = counting_queries.participations_visible_to(by).get(pk=participation_id)
    if participation.state in SUBMITTED_OR_REVIEWED:
        return participation.submissions.get(ended_at=None)
    # Raise Refused before reading the record.
    state_after(participation, ParticipationStep.SUBMIT, Actor.PERSON)
    if not name.strip():
        raise Refused("Enter your name as it should appear on the certificate.", field="name")
    if supervisor:
        supervisor.check_is_not(by)
    [(_, progress)] = counting_queries.progress_of([participation], today())
    if not progress.is_complete:
        raise Refused(
            "You do not meet all requirements yet, so nothing was submitted. This page lists what "
            "is missing."
        )
    record_data = record.make_record(participation, today())
    if record.record_fingerprint(record_data) != seen:
        raise Refused(
            "Your credits have changed since you opened this page, so nothing was submitted. Check "
            "the record as it is now, then submit it."
        )
    submission = Submission.objects.create(
        participation=participation,
        person=by,
        submitted_at=timezone.now(),
        record=record_data,
        remarks=[warning.text for warning in check_record(record_data, participation)],
        name=name.strip(),
        listed_as=listed_as.strip(),
        note=note.strip(),
        supervisor_name=supervisor.name if supervisor else "",
        supervisor_email=supervisor.email if supervisor else "",
    )
    apply_step(participation, ParticipationStep.SUBMIT, actor=Actor.PERSON)
    return submission


@audited_as("tracks.take_back_submission")
def withdraw_submission(*, participation_id: int, by: User) -> None:
    """Withdraw the person's submission so that they can make changes.

    Locks the person. Idempotent. Raises Participation.DoesNotExist if the participation belongs to
    someone else; Refused if it is already certified.
    """
    lock_people([by.pk])
    participation = counting_queries.participations_visible_to(by).get(pk=participation_id)
    if participation.state == ParticipationState.OPEN:
        return
    apply_step(participation, ParticipationStep.TAKE_BACK, actor=Actor.PERSON)
    end_submission(participation, Ending.TAKEN_BACK, reason="", by=by)


@audited
def return_submission(
    *, submission_id: int, reason: str, expected_state: str = "", by: User
) -> None:
    """Return a record for changes, with a reason for the person. Locks the person.

    `expected_state` is the participation's state that `by` saw. A record that has gone to the
    supervisor since then is not returned by accident. Raises Submission.DoesNotExist; Refused if
    there is no reason, or if the submission has ended, is in another state or is `by`'s own.
    """
    submission = lock_submission(submission_id, by=by)
    if expected_state and submission.participation.state != expected_state:
        raise Refused(
            "This record has changed since you opened it, so nothing was done. Review it again."
        )
    if not reason.strip():
        raise Refused("Give a reason. The person will read it.", field="reason")
    apply_step(submission.participation, ParticipationStep.RETURN, actor=Actor.COORDINATOR)
    end_submission(submission.participation, Ending.RETURNED, reason=reason.strip(), by=by)


@audited
def review_submission(*, submission_id: int, supervisor: SupervisorContact, by: User) -> None:
    """Approve a record and ask the supervisor to verify it. Locks the person.

    Raises Submission.DoesNotExist; Refused if the record is not waiting for review, contains
    training that awaits a staff decision, or `supervisor` is the person themselves.
    """
    submission = lock_submission(submission_id, by=by)
    supervisor.check_is_not(submission.person)
    claims = {line["claim"] for line in submission.record["lines"]}
    for claim in Claim.objects.filter(pk__in=claims).select_related("event").order_by("pk"):
        if counting_queries.is_undecided(claim):
            raise Refused(f"{undecided_warning(claim)} Decide on it first. Nothing was changed.")
    apply_step(submission.participation, ParticipationStep.REVIEW, actor=Actor.COORDINATOR)
    submission.reviewed_at, submission.reviewed_by = timezone.now(), by
    submission.save(update_fields=["reviewed_at", "reviewed_by"])
    ask(submission, supervisor, by=by)


def lock_submission(submission_id: int, *, by: User) -> Submission:
    """Lock the person and return the open submission with its participation.

    Raises Submission.DoesNotExist; Refused if it has ended or is `by`'s own.
    """
    lock_people(Submission.objects.filter(pk=submission_id).values_list("person_id", flat=True))
    submission = Submission.objects.select_related(
        "person", "participation__track", "participation__rule_set"
    ).get(pk=submission_id)
    if submission.person_id == by.pk:
        raise Refused("You cannot review your own record. Ask a colleague to do it.")
    if submission.ended_at:
        raise Refused(
            f"This record was {submission.get_ending_display().lower()} in the meantime, so "
            "nothing was changed."
        )
    return submission


def end_submission(
    participation: Participation, ending: Ending, *, reason: str, by: User | None
) -> None:
    """End the open submission and withdraw the question to the supervisor.

    The caller holds the person's lock.
    """
    submission = participation.submissions.get(ended_at=None)
    submission.ended_at, submission.ended_by = timezone.now(), by
    submission.ending, submission.reason = ending, reason
    submission.save(update_fields=["ended_at", "ended_by", "ending", "reason"])
    if ending in WITHDRAWAL_REASONS:
        reason = WITHDRAWAL_REASONS[ending].format(by=by)
    withdraw_open_question(submission, reason=reason)
    emails.queue_came_back_email(submission)


def reopen_changed_submissions(*, credit_ids: Collection[int]) -> None:
    """Reopen submitted records in which one of these credits has changed.

    A reviewed record also reopens if it now counts training that awaits a staff decision. Takes
    one query if no record was submitted. The caller holds the people's locks.
    """
    people = Credit.objects.filter(pk__in=credit_ids).order_by().values("person")
    sent = Participation.objects.filter(person__in=people, state__in=sorted(SUBMITTED_OR_REVIEWED))
    for participation in sent.select_related("track").order_by("pk"):
        submission = participation.submissions.get(ended_at=None)
        counted = [line["credit"] for line in submission.record["lines"]]
        posted = Credit.objects.filter(pk__in=counted, postings__participation=participation)
        credits = list(with_earned_on(posted).select_related("category", "claim__event"))
        why = record.describe_change(submission.record, credits)
        if not why and participation.state == ParticipationState.REVIEWED:
            why = _newly_undecided(credits)
        if why:
            apply_step(participation, ParticipationStep.REOPEN, actor=Actor.PORTAL)
            end_submission(participation, Ending.REOPENED, reason=why, by=None)


def _newly_undecided(credits: Iterable[Credit]) -> str:
    """Describe the first credit that awaits a staff decision, or return an empty string.

    Merging events, or undoing a merge, can move a reviewed claim to an event that staff have not
    decided on.
    """
    for credit in credits:
        if counting_queries.is_undecided(credit.claim):
            return undecided_warning(credit.claim)
    return ""
