"""Where a record is, what happened to it and what to do next: strings made once, no query."""

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from tracks.certification.queries import ToldSubmission

State = ParticipationState
SUBMIT_AGAIN = "Look at what would be sent now, and submit it again."


class RecordStage(NamedTuple):
    """One of the stages from the record to the certificate; `note` says when or who."""

    label: Label
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordStatus:
    """`text` is what happened, `reason` somebody's own words for it, `then` what to do next."""

    label: Label
    text: str
    reason: str = ""
    then: str = ""
    can_submit: bool = False
    can_take_back: bool = False
    certificate_uuid: object = None


def status_of(
    participation: Participation, latest: "ToldSubmission | None", *, complete: bool
) -> RecordStatus | None:
    """Where the record of a participation is; None where nothing was sent and something is missing.

    `latest` is what was sent last, `complete` whether everything required is there.
    """
    state = State(participation.state)
    if state == State.LEFT:
        text = f"You left {participation.track}. Its credits are kept in your archive."
        return RecordStatus(label=PARTICIPATION_LABELS[state], text=text)
    if latest is None:
        return _ready() if complete else None
    if state in SENT:
        return _under_way(latest)
    if state == State.OPEN:
        return _sent_back(latest, complete=complete)
    return _certified(latest, is_revoked=state == State.REVOKED)


def _ready() -> RecordStatus:
    return RecordStatus(
        label=READY,
        text="Everything required is there. Send your record to the CE Coordinator; you see first "
        "what will be sent.",
        can_submit=True,
    )


def _under_way(sent: "ToldSubmission") -> RecordStatus:
    if sent.reviewed_at is None:
        return RecordStatus(
            label=PARTICIPATION_LABELS[State.SUBMITTED],
            text=f"Sent on {format_moment_day(sent.submitted_at)}; with the CE Coordinator "
            f"{format_since(sent.submitted_at)}.",
            then="There is nothing you have to do until it was reviewed.",
            can_take_back=True,
        )
    reviewed = f"Reviewed by {sent.reviewed_by} on {format_moment_day(sent.reviewed_at)}."
    assert sent.asked_at is not None
    assert sent.asked_until is not None
    if sent.asked_until <= timezone.now():
        text = f"{sent.asked_name} did not answer until {format_moment_day(sent.asked_until)}."
        then = (
            f"Ask {sent.asked_name} to open the link once more: its page sends a new one. The CE "
            "Coordinator can also ask somebody else."
        )
    else:
        text = (
            f"Waiting for {sent.asked_name}, who was asked on {format_moment_day(sent.asked_at)} "
            f"and can answer until {format_moment_day(sent.asked_until)}."
        )
        then = "There is nothing you have to do; your certificate is issued with the answer."
    return RecordStatus(
        label=PARTICIPATION_LABELS[State.REVIEWED],
        text=f"{reviewed} {text}",
        then=then,
        can_take_back=True,
    )


def _sent_back(sent: "ToldSubmission", *, complete: bool) -> RecordStatus:
    """Sent before, and open again."""
    assert sent.ended_at is not None
    on = f"on {format_moment_day(sent.ended_at)}"
    label, reason = ENDING_LABELS[Ending(sent.ending)], sent.reason
    then = SUBMIT_AGAIN if complete else "Something is missing now; the page says what."
    match sent.ending:
        case Ending.TAKEN_BACK:
            text = f"You took your record back {on}."
        case Ending.RETURNED:
            text = f"{sent.ended_by} returned your record for changes {on}."
            then = "Change what is asked for. " + then
        case Ending.REFUSED:
            text = f"{sent.asked_name} found something wrong {on}."
            then = f"Talk to {sent.asked_name}, and have it put right. {then}"
        case Ending.REOPENED:
            text = f"A correction {on} changed what you had sent."
        case _:
            text = f"Certificate {sent.certificate_number} was revoked, and this period is open."
            label = CERTIFICATE_LABELS[CertificateValidity.REVOKED]
            reason = sent.revoked_reason or ""
    return RecordStatus(label=label, text=text, reason=reason, then=then, can_submit=complete)


def _certified(sent: "ToldSubmission", *, is_revoked: bool) -> RecordStatus:
    assert sent.verified_at is not None
    number = sent.certificate_number
    if is_revoked:
        return RecordStatus(
            label=PARTICIPATION_LABELS[State.REVOKED],
            text=f"Certificate {number} was revoked.",
            reason=sent.revoked_reason or "",
            then="Something wrong? Open a help ticket.",
        )
    return RecordStatus(
        label=PARTICIPATION_LABELS[State.CERTIFIED],
        text=f"Verified by {sent.verified_name} on {format_moment_day(sent.verified_at)}. "
        f"Certificate {number} was issued.",
        certificate_uuid=sent.certificate_uuid,
    )


def stages_of(participation: Participation, latest: "ToldSubmission | None") -> list[RecordStage]:
    """The way from the record to the certificate, as far as it has come."""
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
    """A stage that is done says when, the others whether their turn has come."""
    if at:
        return RecordStage(Label(done, "good", "✓"), format_moment_day(at))
    if is_now:
        return RecordStage(Label(ahead, "info", "◷"), "under way")
    return RecordStage(Label(ahead, "neutral", "○"), "to come")


def sent_before(submissions: "list[ToldSubmission]") -> list[dict[str, str]]:
    """What was sent and came to an end, a row each."""
    return [
        {
            "sent_on": format_moment_day(each.submitted_at),
            "ending": f"Certificate {each.certificate_number}"
            if each.ending == Ending.CERTIFIED
            else Ending(each.ending).label,
            "ended_on": format_moment_day(each.ended_at),
            "reason": each.reason,
        }
        for each in submissions
        if each.ended_at
    ]


def year_state(asked: Verification) -> dict[str, Any]:
    """What became of the question about a year."""
    name, until = asked.supervisor_name, asked.expires_at
    row: dict[str, Any] = {"year": asked.year, "id": asked.pk, "reason": "", "can_withdraw": False}
    if asked.answer == VerificationAnswer.WITHDRAWN:
        text = f"on {format_moment_day(asked.answered_at)}"
    elif asked.answer:
        text = f"by {name} on {format_moment_day(asked.answered_at)}"
        row["reason"] = asked.reason if asked.answer == VerificationAnswer.REFUSED else ""
    elif until <= timezone.now():
        text = f"by {name} until {format_moment_day(until)}; ask again"
    else:
        text = f"{name}, who can answer until {format_moment_day(until)}"
        row["can_withdraw"] = True
    return row | {"label": answer_label(asked), "text": text}


def answer_label(asked: Verification) -> Label:
    if asked.answer:
        return ANSWER_LABELS[VerificationAnswer(asked.answer)]
    return NOT_ANSWERED if asked.expires_at <= timezone.now() else ASKED


def year_states(asked: list[Verification]) -> list[dict[str, Any]]:
    """The last word on each year that somebody was asked about, newest year first."""
    latest: dict[int, Verification] = {}
    for each in asked:  # latest question first
        latest.setdefault(each.year or 0, each)
    return [year_state(latest[year]) for year in sorted(latest, reverse=True)]


def format_moment_day(moment: dt.datetime | None) -> str:
    assert moment is not None
    return format_day(timezone.localdate(moment))


def format_since(moment: dt.datetime) -> str:
    """since today, for 1 day, for 3 days"""
    days = formats.days_since(moment)
    return f"for {counted(days, 'day')}" if days >= 1 else "since today"
