"""Actions on questions to supervisors, who answer each question once through a signed link."""

import dataclasses
import datetime as dt

from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import is_email_of, lock_people, person_with_email
from aspen.clock import today
from aspen.db import audit
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.text import clean_email
from aspen.transitions import Actor
from tracks.certification import emails, record
from tracks.certification import queries as certification_queries
from tracks.certification.certifying import certify
from tracks.certification.queries import SentRecord
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE, Ending, ParticipationStep, VerificationAnswer
from tracks.following.actions import apply_step
from tracks.models import Certificate, Participation, Submission, Verification

# The number of days a link works.
LINK_DAYS = 30
BY_REVIEWER = (
    "You reviewed this record, so someone else has to verify it. Ask a colleague to choose another "
    "supervisor."
)
NEWER_LINK = "A newer link was sent, and only that one works."


@dataclasses.dataclass(frozen=True)
class SupervisorContact:
    """The name and e-mail address of a supervisor, who may have no account."""

    name: str
    email: str

    @property
    def account(self) -> User | None:
        return person_with_email(self.email)

    def check_is_not(self, person: User) -> None:
        """Raise Refused if this e-mail address is one of the person's own."""
        if is_email_of(person, self.email):
            raise Refused(
                "No one can verify their own record. Enter a supervisor or another board member.",
                field="supervisor_email",
            )

    def check_did_not_review(self, reviewer: User) -> None:
        """Raise Refused if this e-mail address is one of the reviewer's own."""
        if is_email_of(reviewer, self.email):
            raise Refused(
                f"{self.email.strip().lower()} is an address of {reviewer}, who reviewed this "
                "record. Someone else has to verify it.",
                field="supervisor_email",
            )


@audited
def ask_about_year(
    *, participation_id: int, year: int, supervisor: SupervisorContact, by: User
) -> Verification:
    """Ask a supervisor to verify the counted credits of one calendar year.

    Locks the person. Idempotent while the question is open. Raises Participation.DoesNotExist if
    the participation belongs to someone else; Refused if the year has no credits, is already
    verified, or `supervisor` is the person themselves.
    """
    lock_people([by.pk])
    participation = counting_queries.participations_visible_to(by).get(pk=participation_id)
    supervisor.check_is_not(by)
    if participation.state not in ACTIVE:
        raise Refused("This period is over, so its years no longer need verification.")
    questions = participation.verifications.filter(year=year).exclude(
        answer__in=[VerificationAnswer.REFUSED, VerificationAnswer.WITHDRAWN]
    )
    if earlier := questions.first():
        if earlier.answered_at is None and earlier.expires_at > timezone.now():
            return earlier
        if earlier.answered_at:
            raise Refused(f"{earlier.supervisor_name} has already verified {year}.")
        _withdraw(earlier, reason="A new request was sent.")
    record_data = record.record_of_year(participation, year, today())
    if not record_data["lines"]:
        raise Refused(f"No credits from {year} count toward {participation.track}.")
    return _ask(
        participation, supervisor, submission=None, year=year, record_data=record_data, by=by
    )


def ask(submission: Submission, supervisor: SupervisorContact, *, by: User) -> Verification:
    """Ask a supervisor to verify a reviewed submission. The caller holds the person's lock.

    Raises Refused if the supervisor is the person who reviewed it.
    """
    return _ask(
        submission.participation,
        supervisor,
        submission=submission,
        year=None,
        record_data=certification_queries.sent_record(submission).now,
        by=by,
    )


def _ask(
    participation: Participation,
    supervisor: SupervisorContact,
    *,
    submission: Submission | None,
    year: int | None,
    record_data: record.RecordData,
    by: User,
) -> Verification:
    for reviewer in certification_queries.reviewers_of(submission) if submission else ():
        supervisor.check_did_not_review(reviewer)
    account, now = supervisor.account, timezone.now()
    verification = Verification.objects.create(
        participation=participation,
        person_id=participation.person_id,
        submission=submission,
        year=year,
        record=record_data,
        supervisor=account,
        supervisor_name=supervisor.name.strip() or str(account or supervisor.email),
        supervisor_email=clean_email(supervisor.email),
        asked_at=now,
        asked_by=by,
        expires_at=_end_of_day(today() + dt.timedelta(days=LINK_DAYS)),
    )
    emails.queue_question_email(verification)
    if submission:
        emails.queue_reviewed_email(verification)
    return verification


@audited
def ask_again(*, verification_id: int, supervisor: SupervisorContact, by: User) -> Verification:
    """Ask another supervisor, or send the same one a new link.

    The earlier link stops working. `by` is the CE Coordinator or, for a question about one year,
    can be the person. Locks the person. Raises Verification.DoesNotExist; Refused if the question
    was answered, `by` asks about their own record, or `supervisor` reviewed it.
    """
    verification = _lock(verification_id)
    if verification.submission_id and verification.person_id == by.pk:
        raise Refused(
            "You cannot ask a supervisor about your own record. Ask a colleague to do it."
        )
    if verification.answered_at:
        raise Refused(f"This was {verification.get_answer_display().lower()} in the meantime.")
    supervisor.check_is_not(verification.person)
    return _replace_question(verification, supervisor, by=by)


@audited
def renew_link(*, verification_id: int, by: User | None) -> Verification:
    """Replace an expired link with a new one, sent only to the same e-mail address.

    Anyone else who has the old link therefore learns nothing. Locks the person. Idempotent while
    the link works. Raises Verification.DoesNotExist; Refused if an answer is no longer needed.
    """
    verification = _lock(verification_id)
    _check_answer_needed(verification)
    if verification.expires_at > timezone.now():
        return verification
    same = SupervisorContact(verification.supervisor_name, verification.supervisor_email)
    return _replace_question(verification, same, by=by or portal_user())


def _end_of_day(day: dt.date) -> dt.datetime:
    """Return the end of a day, because e-mails and pages mention only the day."""
    return dt.datetime.combine(day, dt.time.max, timezone.get_default_timezone())


def _replace_question(
    earlier: Verification, supervisor: SupervisorContact, *, by: User
) -> Verification:
    is_same = clean_email(supervisor.email) == earlier.supervisor_email
    reason = NEWER_LINK if is_same else f"{supervisor.name} was asked instead."
    _withdraw(earlier, reason=reason)
    return _ask(
        earlier.participation,
        supervisor,
        submission=earlier.submission,
        year=earlier.year,
        record_data=certification_queries.asked_record(earlier),
        by=by,
    )


@audited
def withdraw_question(*, verification_id: int, by: User) -> None:
    """Withdraw a question about one of the person's own years. Locks the person. Idempotent.

    Raises Verification.DoesNotExist if the question is about someone else; Refused if it has been
    answered.
    """
    verification = _lock(verification_id, person=by, submission=None)
    if verification.answer == VerificationAnswer.WITHDRAWN:
        return
    if verification.answered_at:
        raise Refused(f"This was {verification.get_answer_display().lower()} in the meantime.")
    _withdraw(verification, reason=f"{by} withdrew the request.")


@audited
def verify_record(
    *, verification_id: int, name: str = "", seen: str = "", by: User | None
) -> Certificate | None:
    """Verify a record as its supervisor. For a submission, issue and return the certificate.

    `name` is the supervisor's signature, if it differs from the name in the question. `seen` is the
    fingerprint (record_fingerprint) of the record that the supervisor saw, by default the record as
    it was when they were asked. `by` is None for a supervisor without an account, whose link the
    caller has checked. Locks the person. Idempotent. Raises Verification.DoesNotExist; Refused if
    the question is closed or about `by`, the supervisor reviewed the record, or the record has
    changed since it was seen or the CE Coordinator has not confirmed the change.
    """
    verification = _lock(verification_id)
    if verification.answer == VerificationAnswer.VERIFIED:
        return Certificate.objects.filter(submission=verification.submission, replaces=None).first()
    _check_can_answer(verification, by=by)
    if is_by_reviewer(verification, by=by):
        raise Refused(BY_REVIEWER)
    submission = verification.submission
    sent = certification_queries.sent_record(submission) if submission else None
    if sent:
        _refuse_unseen(sent, seen or record.record_fingerprint(verification.record))
    audit.add_audit_context(supervisor=verification.supervisor_email)
    _close(
        verification, VerificationAnswer.VERIFIED, name=name.strip() or verification.supervisor_name
    )
    if submission is None or sent is None:
        emails.queue_year_answered_email(verification)
        return None
    submission.verified_at, submission.verified_by = verification.answered_at, by
    submission.verified_name = verification.supervisor_name
    submission.save(update_fields=["verified_at", "verified_by", "verified_name"])
    apply_step(verification.participation, ParticipationStep.VERIFY, actor=Actor.SUPERVISOR)
    return certify(submission, record=sent.now, by=by)


@audited
def refuse_record(*, verification_id: int, reason: str, by: User | None) -> None:
    """Refuse to verify a record as its supervisor. A submission goes back to the person.

    Locks the person. Idempotent. Raises Verification.DoesNotExist; Refused without a reason, or if
    the question is closed or about `by`.
    """
    verification = _lock(verification_id)
    if verification.answer == VerificationAnswer.REFUSED:
        return
    _check_can_answer(verification, by=by)
    if not reason.strip():
        raise Refused(
            "Tell us what is wrong. The person who asked you will see your answer.", field="reason"
        )
    audit.add_audit_context(supervisor=verification.supervisor_email)
    _close(verification, VerificationAnswer.REFUSED, reason=reason.strip())
    submission = verification.submission
    if submission is None:
        emails.queue_year_answered_email(verification)
        return
    apply_step(verification.participation, ParticipationStep.REFUSE, actor=Actor.SUPERVISOR)
    submission.ended_at, submission.ended_by = verification.answered_at, by
    submission.ending, submission.reason = Ending.REFUSED, reason.strip()
    submission.save(update_fields=["ended_at", "ended_by", "ending", "reason"])
    emails.queue_came_back_email(submission)


def withdraw_open_question(submission: Submission, *, reason: str) -> None:
    """Withdraw the submission's unanswered question, if any. The caller holds the person's lock."""
    if verification := submission.verifications.filter(answered_at=None).first():
        _withdraw(verification, reason=reason)


def _lock(verification_id: int, **conditions: object) -> Verification:
    verifications = Verification.objects.filter(pk=verification_id, **conditions)
    lock_people(verifications.values_list("person_id", flat=True))
    return verifications.select_related(
        "person",
        "submission__person",
        "submission__reviewed_by",
        "participation__track",
        "participation__rule_set",
    ).get()


def _check_can_answer(verification: Verification, *, by: User | None) -> None:
    """Raise Refused if the question cannot be answered, or if `by` is the person."""
    if by == verification.person:
        raise Refused("You cannot verify your own record.")
    _check_answer_needed(verification)
    if verification.expires_at <= timezone.now():
        raise Refused("This link has expired. Ask the person or the CE Coordinator for a new one.")


def is_by_reviewer(verification: Verification, *, by: User | None) -> bool:
    """Return whether `by`, or the address that was asked, belongs to a reviewer of the record.

    Those who confirmed a change are reviewers too.
    """
    if verification.submission is None:
        return False
    address = verification.supervisor_email
    reviewers = certification_queries.reviewers_of(verification.submission)
    return any(by == each or is_email_of(each, address) for each in reviewers)


def _refuse_unseen(sent: SentRecord, seen: str) -> None:
    """Raise Refused if the record is not the one seen, or its last change is not confirmed."""
    if seen != record.record_fingerprint(sent.now):
        raise Refused(
            "The record has changed since you opened it, so nothing was verified. Check it again."
        )
    if sent.needs_confirmation:
        raise Refused(
            "The record has changed, and the CE Coordinator has not confirmed the change yet. "
            "Nothing was verified."
        )


def _check_answer_needed(verification: Verification) -> None:
    """Raise Refused if the question was answered or withdrawn, or its period is over."""
    if verification.answer == VerificationAnswer.WITHDRAWN:
        raise Refused(f"Your answer is no longer needed: {verification.reason}")
    if verification.answered_at:
        raise Refused(f"This was already {verification.get_answer_display().lower()}.")
    if verification.participation.state not in ACTIVE:
        raise Refused("Your answer is no longer needed: this period is over.")


def _withdraw(verification: Verification, *, reason: str) -> None:
    _close(verification, VerificationAnswer.WITHDRAWN, reason=reason)
    emails.queue_question_withdrawn_email(verification)


def _close(
    verification: Verification, answer: VerificationAnswer, *, reason: str = "", name: str = ""
) -> None:
    verification.answered_at, verification.answer = timezone.now(), answer
    verification.reason = reason
    verification.supervisor_name = name or verification.supervisor_name
    verification.save(update_fields=["answered_at", "answer", "reason", "supervisor_name"])
