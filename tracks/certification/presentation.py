"""The status of a record, as text for the person's pages. No query."""

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
    SENT,
    CertificateValidity,
    Ending,
    ParticipationState,
    VerificationAnswer,
)
from tracks.models import Participation, Verification

if TYPE_CHECKING:
    from tracks.certification.queries import AnnotatedSubmission

State = ParticipationState


class RecordStage(NamedTuple):
    """One stage on the way to the certificate; `note` is its date, or whether it is its turn."""

    label: Label
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordStatus:
    """`text` is what happened, `reason` what the decider wrote, `then` the next step."""

    label: Label
    text: str
    reason: str = ""
    then: str = ""
    can_submit: bool = False
    can_take_back: bool = False
    certificate_uuid: UUID | None = None


def status_of(
    participation: Participation, latest: "AnnotatedSubmission | None", *, complete: bool
) -> RecordStatus | None:
    """The status of a participation's record; None if it is incomplete and was never submitted.

    `latest` is the latest submission.
    """
    state = State(participation.state)
    if state == State.LEFT:
        text = f"You left {participation.track}. Its credits are in your archive."
        return RecordStatus(label=PARTICIPATION_LABELS[state], text=text)
    if latest is None:
        return _ready() if complete else None
    if state in SENT:
        return _in_progress(latest)
    if state == State.OPEN:
        return _sent_back(latest, complete=complete)
    return _certified(latest, is_revoked=state == State.REVOKED)


def _ready() -> RecordStatus:
    return RecordStatus(
        label=READY,
        text="You meet all requirements. Check your record, then submit it to the CE Coordinator.",
        can_submit=True,
    )


def _in_progress(sent: "AnnotatedSubmission") -> RecordStatus:
    if sent.reviewed_at is None:
        return RecordStatus(
            label=PARTICIPATION_LABELS[State.SUBMITTED],
            text=f"Sent on {format_moment_day(sent.submitted_at)}; with the CE Coordinator "
            f"{format_since(sent.submitted_at)}.",
            then="You have nothing to do until it is reviewed.",
            can_take_back=True,
        )
    reviewed = f"Reviewed by {sent.reviewed_by} on {format_moment_day(sent.reviewed_at)}."
    assert sent.asked_at is not None
    assert sent.asked_until is not None
    if sent.asked_until <= timezone.now():
        text = f"{sent.asked_name} did not answer by {format_moment_day(sent.asked_until)}."
        then = (
            f"Ask {sent.asked_name} to open the link again: the page sends a new one. The CE "
            "Coordinator can also ask another supervisor."
        )
    else:
        text = (
            f"Waiting for {sent.asked_name}, who was asked on {format_moment_day(sent.asked_at)} "
            f"and can answer until {format_moment_day(sent.asked_until)}."
        )
        then = "You have nothing to do. Your certificate is issued as soon as they verify it."
    return RecordStatus(
        label=PARTICIPATION_LABELS[State.REVIEWED],
        text=f"{reviewed} {text}",
        then=then,
        can_take_back=True,
    )


def _sent_back(sent: "AnnotatedSubmission", *, complete: bool) -> RecordStatus:
    """The status of a record that was submitted and is open again."""
    assert sent.ended_at is not None
    on = f"on {format_moment_day(sent.ended_at)}"
    label, reason = ENDING_LABELS[Ending(sent.ending)], sent.reason
    then = (
        "Check your record as it is now, then submit it again."
        if complete
        else "Requirements are missing now; this page lists them."
    )
    match sent.ending:
        case Ending.TAKEN_BACK:
            text = f"You withdrew your record {on}."
        case Ending.RETURNED:
            text = f"{sent.ended_by} returned your record for changes {on}."
            then = f"Make the changes. {then}"
        case Ending.REFUSED:
            text = f"{sent.asked_name} reported a problem {on}."
            then = f"Talk to {sent.asked_name} and get it corrected. {then}"
        case Ending.REOPENED:
            text = f"A correction {on} changed the record you had submitted."
        case _:
            text = (
                f"Certificate {sent.certificate_number} was revoked, and this period is open again."
            )
            label = CERTIFICATE_LABELS[CertificateValidity.REVOKED]
            reason = sent.revoked_reason or ""
    return RecordStatus(label=label, text=text, reason=reason, then=then, can_submit=complete)


def _certified(sent: "AnnotatedSubmission", *, is_revoked: bool) -> RecordStatus:
    assert sent.verified_at is not None
    number = sent.certificate_number
    if is_revoked:
        return RecordStatus(
            label=PARTICIPATION_LABELS[State.REVOKED],
            text=f"Certificate {number} was revoked.",
            reason=sent.revoked_reason or "",
            then="If this is a mistake, open a help ticket.",
        )
    return RecordStatus(
        label=PARTICIPATION_LABELS[State.CERTIFIED],
        text=f"Verified by {sent.verified_name} on {format_moment_day(sent.verified_at)}. "
        f"Certificate {number} was issued.",
        certificate_uuid=sent.certificate_uuid,
    )


def stages_of(
    participation: Participation, latest: "AnnotatedSubmission | None"
) -> list[RecordStage]:
    """The four stages from the record to the certificate."""
    state = State(participation.state)
    sent = latest if state in SENT | {State.CERTIFIED} else None
    reviewed, verified = sent and sent.reviewed_at, sent and sent.verified_at
    supervisor = (sent and sent.asked_name) or "your supervisor"
    return [
        _stage("Sent", "Sent", sent.submitted_at if sent else None, is_now=False),
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
    if at:
        return RecordStage(Label(done, "good", "✓"), format_moment_day(at))
    if is_now:
        return RecordStage(Label(ahead, "info", "◷"), "in progress")
    return RecordStage(Label(ahead, "neutral", "○"), "not started")


class EarlierSubmission(NamedTuple):
    """A submission that has ended."""

    sent_on: str
    ending: str
    ended_on: str
    reason: str


def sent_before(submissions: "list[AnnotatedSubmission]") -> list[EarlierSubmission]:
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


class YearStatus(NamedTuple):
    """The latest question to a supervisor about a year; `reason` is the supervisor's."""

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
        text = f"by {name}, who had until {deadline}; ask again"
    else:
        text = f"{name}, who can answer until {deadline}"
    return YearStatus(question.pk, question.year, label, text, reason)


def answer_label(question: Verification) -> Label:
    if question.answer:
        return ANSWER_LABELS[VerificationAnswer(question.answer)]
    return NOT_ANSWERED if question.expires_at <= timezone.now() else ASKED


def year_states(questions: list[Verification]) -> list[YearStatus]:
    """The status of each year, newest year first. Takes the questions latest first."""
    latest: dict[int, Verification] = {}
    for question in questions:
        latest.setdefault(question.year or 0, question)
    return [year_status(latest[year]) for year in sorted(latest, reverse=True)]


def format_moment_day(moment: dt.datetime | None) -> str:
    assert moment is not None
    return format_day(timezone.localdate(moment))


def format_since(moment: dt.datetime) -> str:
    """since today, for 1 day, for 3 days"""
    days = formats.days_since(moment)
    return f"for {counted(days, 'day')}" if days >= 1 else "since today"
