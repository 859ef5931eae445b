"""Actions on submissions: submit, withdraw, return and review, and what a correction changes."""

from collections.abc import Collection, Iterable

from django.utils import timezone

from accounts.models import User
from accounts.queries import is_email_of, lock_people
from aspen.clock import today
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.models import Claim, Credit
from credits.queries import with_earned_on
from credits.signals import RecordEffect
from tracks.certification import emails, record
from tracks.certification import queries as certification_queries
from tracks.certification.checks import check_record, undecided_warning
from tracks.certification.queries import SentRecord
from tracks.certification.verifying import SupervisorContact, ask, withdraw_open_question
from tracks.counting import queries as counting_queries
from tracks.enums import SUBMITTED_OR_REVIEWED, Ending, ParticipationState, ParticipationStep
from tracks.following.actions import apply_step, state_after
from tracks.models import Participation, RecordVersion, Submission

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
def review_submission(
    *, submission_id: int, supervisor: SupervisorContact, seen: str = "", by: User
) -> None:
    """Approve a record and ask the supervisor to verify it. Locks the person.

    `seen` is the fingerprint (record_fingerprint) of the record that `by` saw, by default the
    record as it was sent. Raises Submission.DoesNotExist; Refused if the record is not waiting for
    review, has changed since it was seen, contains training that awaits a staff decision, or
    `supervisor` is the person themselves or `by`.
    """
    submission = lock_submission(submission_id, by=by)
    supervisor.check_is_not(submission.person)
    sent = certification_queries.sent_record(submission)
    _refuse_undecided(sent.now)
    # Raise Refused for the state first, because that is the better reason.
    state_after(submission.participation, ParticipationStep.REVIEW, Actor.COORDINATOR)
    _refuse_unseen(sent.now, seen or record.record_fingerprint(submission.record))
    apply_step(submission.participation, ParticipationStep.REVIEW, actor=Actor.COORDINATOR)
    submission.reviewed_at, submission.reviewed_by = timezone.now(), by
    submission.save(update_fields=["reviewed_at", "reviewed_by"])
    if sent.version:
        _confirm(sent.version, by=by)
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


def update_sent_records(*, credit_ids: Collection[int]) -> list[RecordEffect]:
    """Bring submitted records up to date in which one of these credits has changed.

    A record that is still complete gets a new version, which the signers confirm. An incomplete one
    reopens. Return what happened to each record. Takes one query if no record was submitted. The
    caller holds the people's locks.
    """
    people = Credit.objects.filter(pk__in=credit_ids).order_by().values("person")
    sent = Submission.objects.filter(
        ended_at=None,
        participation__person__in=people,
        participation__state__in=sorted(SUBMITTED_OR_REVIEWED),
    )
    related = ("person", "track", "rule_set")
    submissions = sent.select_related(
        "reviewed_by", *(f"participation__{name}" for name in related)
    )
    effects = [_update_sent_record(each) for each in submissions.order_by("participation_id")]
    return [effect for effect in effects if effect]


def _update_sent_record(submission: Submission) -> RecordEffect | None:
    participation = submission.participation
    sent = certification_queries.sent_record(submission)
    counted = [line["credit"] for line in sent.now["lines"]]
    posted = Credit.objects.filter(pk__in=counted, postings__participation=participation)
    credits = list(with_earned_on(posted).select_related("category", "claim__event"))
    why = record.describe_change(sent.now, credits)
    undecided = _undecided(credits) if submission.reviewed_at else ""
    if not why and (not undecided or sent.needs_confirmation):
        return None
    now = record.make_record(participation, record.measured_on(sent.now))
    is_reopened = not record.is_complete(now)
    if is_reopened:
        apply_step(participation, ParticipationStep.REOPEN, actor=Actor.PORTAL)
        end_submission(participation, Ending.REOPENED, reason=why, by=None)
        effect = f"reopens, because it is no longer complete. {why}"
    else:
        effect = _add_version(submission, sent, now, undecided=undecided).change
    whose = f"{participation.person}, {participation.track}"
    return RecordEffect(submission.pk, is_reopened=is_reopened, text=f"{whose}: {effect}")


def _add_version(
    submission: Submission, sent: SentRecord, now: record.RecordData, *, undecided: str
) -> RecordVersion:
    """Add a version of the record. It is confirmed if the CE Coordinator has confirmed the same."""
    change = [record.describe_difference(sent.now, now), undecided]
    version = RecordVersion(
        submission=submission,
        number=sent.version.number + 1 if sent.version else 2,
        record=now,
        change=" ".join(filter(None, change)),
    )
    is_same = record.record_fingerprint(now) == record.record_fingerprint(sent.before)
    if submission.reviewed_by and is_same and not undecided:
        version.confirmed_at, version.confirmed_by = timezone.now(), submission.reviewed_by
    version.save()
    if submission.reviewed_by and not version.confirmed_at:
        emails.queue_changed_email(version)
    return version


def put_back_reopened(*, submission_ids: Collection[int], by: User) -> None:
    """Submit records again that a correction reopened, after the correction was undone.

    A record that was with the supervisor goes back there, with a new link. Skips records that the
    person has submitted again or whose track they left, and those that are still incomplete. The
    caller holds the people's locks.
    """
    reopened = Submission.objects.filter(pk__in=submission_ids, ending=Ending.REOPENED)
    for submission in reopened.select_related(
        "person", "reviewed_by", "participation__track", "participation__rule_set"
    ).order_by("pk"):
        participation = submission.participation
        later = participation.submissions.filter(pk__gt=submission.pk)
        on = record.measured_on(submission.record)
        is_complete = record.is_complete(record.make_record(participation, on))
        if participation.state == ParticipationState.OPEN and is_complete and not later.exists():
            _put_back(submission, by=by)


def _put_back(submission: Submission, *, by: User) -> None:
    participation = submission.participation
    submission.ended_at, submission.ended_by = None, None
    submission.ending, submission.reason = "", ""
    submission.save(update_fields=["ended_at", "ended_by", "ending", "reason"])
    apply_step(participation, ParticipationStep.SUBMIT, actor=Actor.PORTAL)
    if submission.reviewed_at:
        apply_step(participation, ParticipationStep.REVIEW, actor=Actor.PORTAL)
    _update_sent_record(submission)
    question = submission.verifications.order_by("pk").last()
    if submission.reviewed_at and question:
        supervisor = SupervisorContact(question.supervisor_name, question.supervisor_email)
        ask(submission, supervisor, by=by)
    else:
        emails.queue_put_back_email(submission)


def _undecided(credits: Iterable[Credit]) -> str:
    """Describe the first credit that awaits a staff decision, or return an empty string.

    Merging events, or undoing a merge, can move a reviewed claim to an event that staff have not
    decided on.
    """
    for credit in credits:
        if counting_queries.is_undecided(credit.claim):
            return undecided_warning(credit.claim)
    return ""


@audited
def confirm_change(*, submission_id: int, seen: str, by: User) -> None:
    """Confirm, as the CE Coordinator, the changes in a record that is with the supervisor.

    `seen` is the fingerprint (record_fingerprint) of the record that `by` saw. Locks the person.
    Idempotent. Raises Submission.DoesNotExist; Refused if the record has changed since, contains
    training that awaits a staff decision, has not been reviewed, or `by` is the supervisor.
    """
    submission = lock_submission(submission_id, by=by)
    sent = certification_queries.sent_record(submission)
    _refuse_unseen(sent.now, seen)
    if not submission.reviewed_at:
        raise Refused("This record has not been reviewed yet. The review confirms its changes.")
    if sent.version is None or sent.version.confirmed_at:
        return
    _refuse_undecided(sent.now)
    question = submission.verifications.filter(answered_at=None).first()
    if question and is_email_of(by, question.supervisor_email):
        raise Refused(
            "You were asked to verify this record, so a colleague has to confirm the change."
        )
    _confirm(sent.version, by=by)


def _confirm(version: RecordVersion, *, by: User) -> None:
    version.confirmed_at, version.confirmed_by = timezone.now(), by
    version.save(update_fields=["confirmed_at", "confirmed_by"])


def _refuse_unseen(record_data: record.RecordData, seen: str) -> None:
    if seen != record.record_fingerprint(record_data):
        raise Refused("This record has changed since you opened it. Review it again.")


def _refuse_undecided(record_data: record.RecordData) -> None:
    """Raise Refused if the record contains training that awaits a staff decision."""
    claims = {line["claim"] for line in record_data["lines"]}
    for claim in Claim.objects.filter(pk__in=claims).select_related("event").order_by("pk"):
        if counting_queries.is_undecided(claim):
            raise Refused(f"{undecided_warning(claim)} Decide on it first. Nothing was changed.")
