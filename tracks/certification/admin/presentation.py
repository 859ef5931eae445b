"""Row types and display text for the queue of submitted records and its pages."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.urls import reverse
from django.utils import timezone

from accounts import queries as account_queries
from aspen.formats import format_amount, format_credits, format_day, format_waiting_time
from credits.admin import queue_presentation
from credits.enums import CheckKind, ClaimRole
from events.enums import Origin
from tracks.certification import checks, record, review, supervisors
from tracks.certification.presentation import format_moment_day
from tracks.certification.queries import SentRecord
from tracks.certification.review import ReviewedClaim, ShownRecord
from tracks.counting.progress import ZERO
from tracks.enums import ParticipationState, VerificationAnswer
from tracks.models import Certificate, RecordVersion, Submission, Verification

State = ParticipationState
NOT_KNOWN = "not known as a supervisor of this library"


# ---------- The list ----------


def library_of_submission(submission: Submission) -> str:
    """Return the names of the person's libraries.

    Needs a submission from review.submissions().
    """
    positions = submission.person.present_positions  # type: ignore[attr-defined]
    return ", ".join(dict.fromkeys(each.organization.name for each in positions)) or "–"


def sent_text(submission: Submission) -> str:
    """Return when a record was submitted and how long it has been waiting for review.

    For example, "Mon, Nov 2, 2026, waiting 3 days".
    """
    waiting_time = (
        f", {format_waiting_time(submission.submitted_at)}" if is_waiting(submission) else ""
    )
    return f"{format_moment_day(submission.submitted_at)}{waiting_time}"


def is_waiting(submission: Submission) -> bool:
    return not (submission.reviewed_at or submission.ended_at)


def open_question(submission: Submission) -> Verification | None:
    """Return the question that the supervisor has not answered yet, if any.

    Needs a submission from review.submissions().
    """
    return next(iter(submission.open_questions), None)  # type: ignore[attr-defined]


def waiting_for_text(submission: Submission) -> str:
    """Return who must act next and by when, or how and when the submission ended.

    Needs a submission from review.submissions().
    """
    if submission.ended_at:
        return f"{submission.get_ending_display()}, {format_moment_day(submission.ended_at)}"
    if submission.is_changed:  # type: ignore[attr-defined]
        return "The CE Coordinator, who has to confirm a change"
    question = open_question(submission)
    if question is None:
        return "The CE Coordinator"
    name, deadline = question.supervisor_name, format_moment_day(question.expires_at)
    if question.expires_at <= timezone.now():
        return f"{name}, who did not answer by {deadline}"
    return f"{name}, until {deadline}"


# ---------- A record's page ----------


class ReviewedLine(NamedTuple):
    """A counted line of a record.

    `undecided_url` is the URL of its event if the event awaits a staff decision.
    """

    title: str
    url: str
    sponsor: str
    earned_on: str
    amount: str
    role: str
    state: str
    evidence: list[tuple[str, str]]
    note: str
    warnings: list[str]
    undecided_url: str
    verified: str


class ReviewedCategory(NamedTuple):
    """A category that the rule set counts, with its lines. `minimum` is empty if there is none."""

    name: str
    total: str
    minimum: str
    lines: list[ReviewedLine]


class EarlierRecord(NamedTuple):
    """Another submission by the person."""

    title: str
    url: str
    text: str


class CertificateCard(NamedTuple):
    """A certificate as text, with links to the available actions."""

    number: str
    text: str
    actions: list[tuple[str, str]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordReviewPage:
    """Everything staff need to decide on a record.

    `remarks` are the current warnings, `new` those that are new since the submission, and
    `resolved` those that no longer apply. `change` is how the record differs from the one that was
    reviewed or, before the review, sent. `undecided` lists the titles and URLs of events that await
    a staff decision.
    """

    state: str
    facts: list[tuple[str, str]]
    remarks: list[str]
    new: list[str]
    resolved: list[str]
    change: str
    undecided: list[tuple[str, str]]
    categories: list[ReviewedCategory]
    surplus: str
    earlier: list[EarlierRecord]
    certificates: list[CertificateCard]
    happenings: list[str]
    can_review: bool
    can_confirm: bool
    can_ask: bool
    can_decide: bool


def record_review_page(
    submission: Submission, shown: ShownRecord, *, decides: bool
) -> RecordReviewPage:
    """Return everything the page shows. Takes a fixed number of queries."""
    sent, reviewed_claims = shown.sent, shown.claims
    warnings = review.review_warnings(reviewed_claims)
    track, positions = submission.participation.track, submission.person.present_positions  # type: ignore[attr-defined]
    if warning := checks.position_warning(track, positions):
        warnings.append(warning)
    questions = list(submission.verifications.select_related("asked_by").order_by("pk"))
    can_decide = decides and submission.ended_at is None
    state = submission.participation.state
    return RecordReviewPage(
        state=f"{_stage_text(submission)}; sent {sent_text(submission)}",
        facts=_facts(submission, sent.now),
        remarks=warnings,
        new=sorted(set(warnings) - set(submission.remarks)),
        resolved=[each for each in submission.remarks if each not in warnings],
        change=_change(sent),
        undecided=[
            (each.claim.event.title, queue_presentation.event_page_url(each.claim.event))
            for each in reviewed_claims
            if each.is_undecided
        ],
        categories=_categories(submission, sent.now, reviewed_claims),
        surplus=_surplus(sent.now),
        earlier=[_earlier(each) for each in review.earlier_submissions(submission)],
        certificates=[
            certificate_card(each, decides=decides)
            for each in review.certificates_of_person(submission)
        ],
        happenings=_timeline(submission, questions, sent.versions),
        can_review=can_decide and state == State.SUBMITTED,
        can_confirm=can_decide and state == State.REVIEWED and sent.needs_confirmation,
        can_ask=can_decide and state == State.REVIEWED,
        can_decide=can_decide,
    )


def _stage_text(submission: Submission) -> str:
    if is_waiting(submission):
        return "With the CE Coordinator"
    text = waiting_for_text(submission)
    return text if submission.ended_at else f"With {text}"


def _change(sent: SentRecord) -> str:
    return record.describe_difference(sent.before, sent.now) or sent.unconfirmed_change


def _facts(submission: Submission, record_data: record.RecordData) -> list[tuple[str, str]]:
    positions = account_queries.positions_of(submission.person)
    facts = [
        ("Track", f"{submission.participation.track}, {submission.record['rule_set']}"),
        ("Works at", "; ".join(map(str, positions)) or "No library on file"),
        ("Name on the certificate", submission.name),
        ("On the annual list", submission.listed_as or "Not listed"),
        ("Supervisor", _supervisor(submission)),
        ("Note to you", submission.note),
        ("Credits", _credits(record_data)),
    ]
    return [(label, text) for label, text in facts if text]


def _supervisor(submission: Submission) -> str:
    """Return the supervisor who was asked or else suggested, held against the directory."""
    question = open_question(submission) or submission
    name, address = question.supervisor_name, question.supervisor_email
    if not address:
        return ""
    is_known = supervisors.is_known_supervisor(submission.person, address)
    return f"{name}, {address}{'' if is_known else f': {NOT_KNOWN}'}"


def _credits(record_data: record.RecordData) -> str:
    measured_on = format_day(dt.date.fromisoformat(record_data["measured_on"]))
    counted = format_amount(record.counted_credits(record_data))
    return f"{counted} of {format_amount(record.required_credits(record_data))} on {measured_on}"


def _categories(
    submission: Submission,
    record_data: record.RecordData,
    reviewed_claims: Sequence[ReviewedClaim],
) -> list[ReviewedCategory]:
    claims = {each.claim.pk: each for each in reviewed_claims}
    verified = review.verified_before(submission, record_data)
    record_lines = record.record_lines(record_data)
    categories = []
    for category in record_data["categories"]:
        lines = [line for line in record_lines if line.slug == category["slug"]]
        minimum = Decimal(category["minimum"])
        categories.append(
            ReviewedCategory(
                name=category["name"],
                total=format_credits(sum((line.amount for line in lines), ZERO)),
                minimum=format_amount(minimum) if minimum else "",
                lines=[_line(line, claims[line.claim_id], verified) for line in lines],
            )
        )
    return categories


def _line(
    line: record.RecordLine, reviewed_claim: ReviewedClaim, verified: dict[int, Verification]
) -> ReviewedLine:
    claim = reviewed_claim.claim
    verification = verified.get(line.credit_id)
    return ReviewedLine(
        title=line.title,
        url=reverse("admin:credits_claim_change", args=[claim.pk]),
        sponsor=line.sponsor,
        earned_on=format_day(line.earned_on),
        amount=format_amount(line.amount),
        role="presented" if line.role == ClaimRole.PRESENTER else "",
        state=claim.get_state_display(),
        evidence=queue_presentation.evidence_links(claim),
        note=claim.note,
        warnings=[each.text for each in reviewed_claim.warnings],
        undecided_url=queue_presentation.event_page_url(claim.event)
        if reviewed_claim.is_undecided
        else "",
        verified=_verified_text(verification) if verification else "",
    )


def _verified_text(verification: Verification) -> str:
    day = format_moment_day(verification.answered_at)
    return f"Verified by {verification.supervisor_name}, {day}"


def _surplus(record_data: record.RecordData) -> str:
    lines = record.record_lines(record_data, "surplus")
    return format_credits(sum((line.amount for line in lines), ZERO)) if lines else ""


def _earlier(submission: Submission) -> EarlierRecord:
    ending = submission.get_ending_display() or "In progress"
    reason = f": {submission.reason}" if submission.reason else ""
    sent_on = format_moment_day(submission.submitted_at)
    return EarlierRecord(
        title=f"{submission.participation.track}, sent {sent_on}",
        url=reverse("admin:tracks_submission_change", args=[submission.pk]),
        text=f"{ending}{reason}",
    )


def certificate_card(certificate: Certificate, *, decides: bool) -> CertificateCard:
    if certificate.revoked_at:
        state = f"revoked {format_moment_day(certificate.revoked_at)}: {certificate.revoked_reason}"
    else:
        state = f"valid until {format_day(certificate.expires_on)}"
    actions = []
    if decides and not certificate.revoked_at:
        actions = [
            ("Revoke…", reverse("admin:tracks_certificate_revoke", args=[certificate.pk])),
            ("Reissue…", reverse("admin:tracks_certificate_reissue", args=[certificate.pk])),
        ]
    return CertificateCard(
        number=certificate.number,
        text=f"{certificate.participation.track}, issued on {format_day(certificate.issued_on)} to "
        f"{certificate.name}; {state}",
        actions=actions,
    )


def _timeline(
    submission: Submission, questions: Sequence[Verification], versions: Sequence[RecordVersion]
) -> list[str]:
    """Return the record's history, oldest first."""
    steps = [(submission.submitted_at, f"Submitted by {submission.person}.")]
    if submission.reviewed_at:
        steps.append((submission.reviewed_at, f"Reviewed by {submission.reviewed_by}."))
    for version in versions:
        steps.append((version.made_at, f"Changed: {version.change}"))
        if version.confirmed_at:
            steps.append((version.confirmed_at, f"{version.confirmed_by} confirmed the change."))
    for each in questions:
        supervisor = f"{each.supervisor_name} ({each.supervisor_email})"
        until = format_moment_day(each.expires_at)
        text = f"{each.asked_by} asked {supervisor}; the link works until {until}."
        steps.append((each.asked_at, text))
        if each.answered_at:
            steps.append((each.answered_at, _answer(each)))
    if submission.ended_at:
        by = f" by {submission.ended_by}" if submission.ended_by else ""
        reason = f": {submission.reason}" if submission.reason else "."
        steps.append((submission.ended_at, f"{submission.get_ending_display()}{by}{reason}"))
    steps.sort(key=lambda step: step[0])  # stable, so steps at the same moment stay in order
    return [f"{format_moment_day(at)}: {text}" for at, text in steps]


def _answer(verification: Verification) -> str:
    name = verification.supervisor_name
    if verification.answer == VerificationAnswer.VERIFIED:
        return f"{name} verified the record."
    if verification.answer == VerificationAnswer.REFUSED:
        return f"{name} refused to verify the record: {verification.reason}"
    return f"The request to {name} was withdrawn: {verification.reason}"


# ---------- Supervisors and prewritten reasons ----------


def supervisor_choices(submission: Submission) -> list[tuple[str, str, str]]:
    """Return the name and e-mail address of each possible supervisor, and why they are listed.

    Each address appears once. The supervisor asked last comes first, then the one the person
    suggested, then those found through their positions.
    """
    choices: list[tuple[str, str, str]] = []
    if question := open_question(submission):
        why = f"asked on {format_moment_day(question.asked_at)}; choose this one to send a new link"
        choices.append((question.supervisor_name, question.supervisor_email, why))
    if email := submission.supervisor_email.lower():
        choices.append((submission.supervisor_name or email, email, "suggested by the person"))
    for each in supervisors.supervisor_choices_for(
        submission.person, submission.participation.track
    ):
        why = each.why.replace("Your supervisor", "Supervisor")
        choices.append((str(each.person), each.person.email, why))
    first = {email: (name, email, why) for name, email, why in reversed(choices)}
    return [each for each in dict.fromkeys(choices) if first[each[1]] == each]


PREWRITTEN_REASONS = {
    "duplicate": "Duplicate",
    "overlap": "At the same time",
    "unproven": "No evidence",
}


def prewritten_reason(kind: str, reviewed_claims: Sequence[ReviewedClaim]) -> str:
    """Return the text of a prewritten reason, with the titles of the trainings it applies to."""
    matching = {
        "duplicate": [each for each in reviewed_claims if _has(each, CheckKind.SAME)],
        "overlap": [each for each in reviewed_claims if _has(each, CheckKind.OVERLAP)],
        "unproven": [each for each in reviewed_claims if _lacks_evidence(each)],
    }[kind]
    titles = ", ".join(f"“{each.claim.event.title}”" for each in matching) or "“…”"
    return {
        "duplicate": f"{titles}: the same training seems to be listed twice. Withdraw the "
        "duplicate, then submit your record again.",
        "overlap": f"{titles}: these took place at the same time. Keep the one you attended, "
        "withdraw the other, then submit your record again.",
        "unproven": f"{titles}: please add proof that you took part, such as a certificate of "
        "attendance, the program or an e-mail from the organizer, then submit your record again.",
    }[kind]


def _lacks_evidence(reviewed_claim: ReviewedClaim) -> bool:
    claim = reviewed_claim.claim
    return claim.event.origin == Origin.CUSTOM and not claim.evidence.all()


def _has(reviewed_claim: ReviewedClaim, kind: CheckKind) -> bool:
    return any(result.kind == kind for result in reviewed_claim.warnings)
