"""The status of records, as shown on the person's own pages. Takes no queries."""

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.utils import timezone

from aspen import formats
from aspen.formats import counted, format_day
from aspen.web.labels import Label
from tracks.enums import (
    ANSWER_LABELS,
    ASKED,
    CERTIFICATE_LABELS,
    ENDING_LABELS,
    NOT_ANSWERED,
    PARTICIPATION_LABELS,
    READY,
    SUBMITTED_OR_REVIEWED,
    CertificateValidity,
    Ending,
    ParticipationState,
    VerificationAnswer,
)
from tracks.models import Participation, Verification

if TYPE_CHECKING:
    from tracks.certification.queries import AnnotatedSubmission

State = ParticipationState


class SubmissionFacts(NamedTuple):
    """A submission as text. Fields for steps that have not been taken yet are empty."""

    sent_on: str
    waiting: str
    reviewed_by: str
    reviewed_on: str
    supervisor: str
    asked_on: str
    answer_until: str
    verified_by: str
    verified_on: str
    ended_by: str
    ended_on: str
    certificate_number: str
    certificate_uuid: UUID | None


def _submission_facts(submission: "AnnotatedSubmission") -> SubmissionFacts:
    return SubmissionFacts(
        sent_on=format_moment_day(submission.submitted_at),
        waiting=format_since(submission.submitted_at),
        reviewed_by=str(submission.reviewed_by or ""),
        reviewed_on=_day_if_any(submission.reviewed_at),
        supervisor=submission.asked_name or "",
        asked_on=_day_if_any(submission.asked_at),
        answer_until=_day_if_any(submission.asked_until),
        verified_by=submission.verified_name,
        verified_on=_day_if_any(submission.verified_at),
        ended_by=str(submission.ended_by or ""),
        ended_on=_day_if_any(submission.ended_at),
        certificate_number=submission.certificate_number or "",
        certificate_uuid=submission.certificate_uuid,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordStatus:
    """The status of a record. `kind` selects the message in templates/tracks/status.html.

    `sent` is the latest submission. `reason` explains why it was sent back or why the certificate
    was revoked, and `change` how the record has changed since it was sent.
    """

    kind: str
    label: Label
    track: str
    sent: SubmissionFacts | None
    reason: str
    change: str
    is_complete: bool
    can_submit: bool
    can_take_back: bool


def status_of(
    participation: Participation, latest: "AnnotatedSubmission | None", *, complete: bool
) -> RecordStatus | None:
    """Return the status of a participation's record, given the latest submission.

    Return None if the record is incomplete and was never submitted.
    """
    state = State(participation.state)
    if latest is None and state == State.OPEN and not complete:
        return None
    kind, label, reason = str(state), PARTICIPATION_LABELS[state], ""
    if latest is None:
        if state == State.OPEN:
            kind, label = "ready", READY
    elif state == State.OPEN:
        kind, label, reason = latest.ending, ENDING_LABELS[Ending(latest.ending)], latest.reason
        if latest.ending == Ending.CERTIFIED:
            kind, label = "restored", CERTIFICATE_LABELS[CertificateValidity.REVOKED]
            reason = latest.revoked_reason or ""
    elif state == State.REVOKED:
        reason = latest.revoked_reason or ""
    elif state == State.REVIEWED and latest.asked_until and latest.asked_until <= timezone.now():
        kind = "unanswered"
    if state == State.REVIEWED and latest and latest.change and not latest.change_confirmed_at:
        kind = "changed"
    return RecordStatus(
        kind=kind,
        label=label,
        track=str(participation.track),
        sent=_submission_facts(latest) if latest else None,
        reason=reason,
        change=(latest.change or "") if latest and state in SUBMITTED_OR_REVIEWED else "",
        is_complete=complete,
        can_submit=complete and state == State.OPEN,
        can_take_back=state in SUBMITTED_OR_REVIEWED,
    )


class RecordStage(NamedTuple):
    """A stage on the way to a certificate.

    `note` is its date, "in progress" or "not started".
    """

    label: Label
    note: str


def stages_of(
    participation: Participation, latest: "AnnotatedSubmission | None"
) -> list[RecordStage]:
    """Return the four stages from the submission to the certificate."""
    state = State(participation.state)
    sent = latest if state in SUBMITTED_OR_REVIEWED | {State.CERTIFIED} else None
    reviewed, verified = sent and sent.reviewed_at, sent and sent.verified_at
    supervisor = (sent and sent.asked_name) or "your supervisor"
    return [
        _stage("Submitted", "Submission", sent.submitted_at if sent else None, is_now=False),
        _stage(
            "Reviewed by the CE Coordinator",
            "Review by the CE Coordinator",
            reviewed or None,
            is_now=bool(sent),
        ),
        _stage(
            f"Verified by {sent.verified_name if sent else ''}",
            f"Verification by {supervisor}",
            verified or None,
            is_now=bool(reviewed),
        ),
        _stage("Certificate", "Certificate", verified or None, is_now=False),
    ]


def _stage(done: str, ahead: str, at: dt.datetime | None, *, is_now: bool) -> RecordStage:
    """Return the stage, labeled `done` if it has a time, otherwise `ahead`."""
    if at:
        return RecordStage(Label(done, "good", "✓"), format_moment_day(at))
    if is_now:
        return RecordStage(Label(ahead, "info", "◷"), "in progress")
    return RecordStage(Label(ahead, "neutral", "○"), "not started")


class EarlierSubmission(NamedTuple):
    """A submission that has ended, as text."""

    sent_on: str
    ending: str
    ended_on: str
    reason: str


def earlier_submissions(submissions: "list[AnnotatedSubmission]") -> list[EarlierSubmission]:
    return [
        EarlierSubmission(
            sent_on=format_moment_day(each.submitted_at),
            ending=f"Certificate {each.certificate_number}"
            if each.ending == Ending.CERTIFIED
            else Ending(each.ending).label,
            ended_on=format_moment_day(each.ended_at),
            reason=each.reason,
        )
        for each in submissions
        if each.ended_at
    ]


class QuestionFacts(NamedTuple):
    """A question to a supervisor, as text. Questions about a year have no submission dates."""

    track: str
    asked_on: str
    deadline: str
    sent_on: str
    reviewed_on: str


def question_facts(question: Verification) -> QuestionFacts:
    submission = question.submission
    return QuestionFacts(
        track=str(question.participation.track),
        asked_on=format_moment_day(question.asked_at),
        deadline=format_moment_day(question.expires_at),
        sent_on=format_moment_day(submission.submitted_at) if submission else "",
        reviewed_on=_day_if_any(submission.reviewed_at) if submission else "",
    )


class YearStatus(NamedTuple):
    """The latest question to a supervisor about a year. `reason` is what the supervisor wrote."""

    id: int
    year: int | None
    label: Label
    text: str
    reason: str

    @property
    def can_withdraw(self) -> bool:
        return self.label == ASKED


def year_status(question: Verification) -> YearStatus:
    name, deadline = question.supervisor_name, format_moment_day(question.expires_at)
    label, reason = answer_label(question), ""
    if question.answer == VerificationAnswer.WITHDRAWN:
        text = f"on {format_moment_day(question.answered_at)}"
    elif question.answer:
        text = f"by {name} on {format_moment_day(question.answered_at)}"
        reason = question.reason if question.answer == VerificationAnswer.REFUSED else ""
    elif label == NOT_ANSWERED:
        text = f"by {name}, who had until {deadline}. You can ask again."
    else:
        text = f"{name}, who can answer until {deadline}"
    return YearStatus(question.pk, question.year, label, text, reason)


def answer_label(question: Verification) -> Label:
    if question.answer:
        return ANSWER_LABELS[VerificationAnswer(question.answer)]
    return NOT_ANSWERED if question.expires_at <= timezone.now() else ASKED


def year_states(questions: list[Verification]) -> list[YearStatus]:
    """Return the status of each year, newest year first. `questions` are sorted latest first."""
    latest: dict[int, Verification] = {}
    for question in questions:
        latest.setdefault(question.year or 0, question)
    return [year_status(latest[year]) for year in sorted(latest, reverse=True)]


def format_moment_day(moment: dt.datetime | None) -> str:
    assert moment is not None
    return format_day(timezone.localdate(moment))


def _day_if_any(moment: dt.datetime | None) -> str:
    return format_moment_day(moment) if moment else ""


def format_since(moment: dt.datetime) -> str:
    """Return "since today", "for 1 day", "for 3 days" and so on."""
    days = formats.days_since(moment)
    return f"for {counted(days, 'day')}" if days >= 1 else "since today"
