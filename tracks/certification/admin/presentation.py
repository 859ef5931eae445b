"""What the queue of records and its pages say; every string is made here, once."""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts import queries as account_queries
from aspen.formats import format_amount, format_credits, format_day, format_waiting_time
from credits.admin import queue_presentation
from credits.enums import CheckKind, ClaimRole
from events.enums import Origin
from tracks.certification import record, review, supervisors
from tracks.certification.review import ReviewedClaim
from tracks.counting.progress import ZERO
from tracks.enums import ParticipationState, VerificationAnswer
from tracks.models import Certificate, Submission, Verification

State = ParticipationState


def format_moment(moment: dt.datetime) -> str:
    return format_day(timezone.localdate(moment))


# ---------- A row of the list ----------


def library_of_submission(submission: Submission) -> str:
    """Where the person works; the positions are fetched with the list (reviewing.submissions)."""
    positions = submission.person.present_positions  # type: ignore[attr-defined]
    return ", ".join(dict.fromkeys(each.organization.name for each in positions)) or "–"


def sent_text(submission: Submission) -> str:
    """Mon, Nov 2, 2026, waits 3 days"""
    waits = f", {format_waiting_time(submission.submitted_at)}" if is_waiting(submission) else ""
    return f"{format_moment(submission.submitted_at)}{waits}"


def is_waiting(submission: Submission) -> bool:
    return not (submission.reviewed_at or submission.ended_at)


def open_question(submission: Submission) -> Verification | None:
    """What a supervisor is asked at present; fetched with the list (reviewing.submissions)."""
    return next(iter(submission.open_questions), None)  # type: ignore[attr-defined]


def turn_text(submission: Submission) -> str:
    if submission.ended_at:
        return f"{submission.get_ending_display()}, {format_moment(submission.ended_at)}"
    asked = open_question(submission)
    if asked is None:
        return "The CE Coordinator"
    if asked.expires_at <= timezone.now():
        return f"{asked.supervisor_name}, who has not answered by {format_moment(asked.expires_at)}"
    return f"{asked.supervisor_name}, until {format_moment(asked.expires_at)}"


# ---------- The page of one record ----------


def review_page(
    submission: Submission, reviewed_claims: Sequence[ReviewedClaim], *, decides: bool
) -> dict[str, Any]:
    """Everything a decision about one record may rest on. A fixed number of queries."""
    now = review.review_sentences(reviewed_claims)
    asked = list(submission.verifications.select_related("asked_by").order_by("pk"))
    is_open = submission.ended_at is None
    return {
        "state": f"{_turn(submission)}; sent {sent_text(submission)}",
        "facts": _facts(submission),
        "remarks": now,
        "new": sorted(set(now) - set(submission.remarks)),
        "gone": [each for each in submission.remarks if each not in now],
        "undecided": [
            {
                "title": each.claim.event.title,
                "url": queue_presentation.event_page_url(each.claim.event),
            }
            for each in reviewed_claims
            if each.is_unproven
        ],
        "categories": list(_categories(submission, reviewed_claims)),
        "surplus": _surplus(submission),
        "earlier": [_earlier(each) for each in review.earlier_submissions(submission)],
        "certificates": [
            certificate_card(each, decides=decides)
            for each in review.certificates_of_person(submission)
        ],
        "happenings": list(_timeline(submission, asked)),
        "can_review": decides and is_open and submission.participation.state == State.SUBMITTED,
        "can_ask": decides and is_open and submission.participation.state == State.REVIEWED,
        "can_decide": decides and is_open,
    }


def _turn(submission: Submission) -> str:
    if is_waiting(submission):
        return "With the CE Coordinator"
    return turn_text(submission) if submission.ended_at else f"With {turn_text(submission)}"


def _facts(submission: Submission) -> list[tuple[str, str]]:
    positions = account_queries.positions_of(submission.person)
    facts = [
        ("Track", f"{submission.participation.track}, {submission.record['rule_set']}"),
        ("Works at", "; ".join(map(str, positions)) or "No library is known."),
        ("Name on the certificate", submission.name),
        ("In the yearly list", submission.listed_as or "Not by name"),
        ("Note to you", submission.note),
        ("Credits", _credits(submission.record)),
    ]
    return [(label, text) for label, text in facts if text]


def _credits(made: record.RecordData) -> str:
    measured = dt.date.fromisoformat(made["measured_on"])
    counted, total = record.counted_credits(made), Decimal(made["total"])
    return f"{format_amount(counted)} of {format_amount(total)} on {format_day(measured)}"


def _categories(
    submission: Submission, reviewed_claims: Sequence[ReviewedClaim]
) -> Iterator[dict[str, Any]]:
    """The lines that were sent, by category, with what there is to know of each."""
    claims = {each.claim.pk: each for each in reviewed_claims}
    verified = review.verified_before(submission)
    lines = record.record_lines(submission.record)
    for category in submission.record["categories"]:
        own = [line for line in lines if line.slug == category["slug"]]
        minimum = Decimal(category["minimum"])
        yield {
            "name": category["name"],
            "sum": format_credits(sum((line.amount for line in own), ZERO)),
            "minimum": f", at least {format_amount(minimum)} needed" if minimum else "",
            "lines": [_line(line, claims[line.claim_id], verified) for line in own],
        }


def _line(
    line: record.RecordLine, reviewed_claims: ReviewedClaim, verified: dict[int, Verification]
) -> dict[str, Any]:
    claim = reviewed_claims.claim
    by = verified.get(line.credit_id)
    return {
        "title": line.title,
        "url": reverse("admin:credits_claim_change", args=[claim.pk]),
        "sponsor": line.sponsor,
        "when": format_day(line.earned_on),
        "credit": format_amount(line.amount),
        "role": "presented" if line.role == ClaimRole.PRESENTER else "",
        "state": claim.get_state_display(),
        "evidence": queue_presentation.evidence_links(claim),
        "note": claim.note,
        "remarks": [each.text for each in reviewed_claims.remarks],
        "undecided": queue_presentation.event_page_url(claim.event)
        if reviewed_claims.is_unproven
        else "",
        "verified": f"Verified by {by.supervisor_name}, {_when(by.answered_at)}" if by else "",
    }


def _when(moment: dt.datetime | None) -> str:
    return format_moment(moment) if moment else ""


def _surplus(submission: Submission) -> str:
    surplus = record.record_lines(submission.record, "surplus")
    if not surplus:
        return ""
    credits = format_credits(sum((line.amount for line in surplus), ZERO))
    return f"Beyond what is needed there are {credits} more; they are not counted."


def _earlier(submission: Submission) -> dict[str, str]:
    ending = submission.get_ending_display() or "Under way"
    reason = f": {submission.reason}" if submission.reason else ""
    return {
        "title": f"{submission.participation.track}, sent {format_moment(submission.submitted_at)}",
        "url": reverse("admin:tracks_submission_change", args=[submission.pk]),
        "words": f"{ending}{reason}",
    }


def certificate_card(certificate: Certificate, *, decides: bool) -> dict[str, Any]:
    """A certificate in words, with what may be done about it."""
    if certificate.revoked_at:
        state = f"revoked {format_moment(certificate.revoked_at)}: {certificate.revoked_reason}"
    else:
        state = f"valid until {format_day(certificate.expires_on)}"
    ways = []
    if decides and not certificate.revoked_at:
        ways = [
            ("Revoke…", reverse("admin:tracks_certificate_revoke", args=[certificate.pk])),
            ("Issue anew…", reverse("admin:tracks_certificate_reissue", args=[certificate.pk])),
        ]
    return {
        "number": certificate.number,
        "words": f"{certificate.participation.track}, issued "
        f"{format_day(certificate.issued_on)} to {certificate.name}; {state}",
        "ways": ways,
    }


def _timeline(submission: Submission, asked: Sequence[Verification]) -> Iterator[str]:
    """What happened to the record so far, oldest first."""
    told = [(submission.submitted_at, f"Sent by {submission.person}.")]
    if submission.reviewed_at:
        told.append((submission.reviewed_at, f"Reviewed by {submission.reviewed_by}."))
    for each in asked:
        whom = f"{each.supervisor_name} ({each.supervisor_email})"
        until = format_moment(each.expires_at)
        told.append((each.asked_at, f"{each.asked_by} asked {whom}; the link works until {until}."))
        if each.answered_at:
            told.append((each.answered_at, _answer(each)))
    if submission.ended_at:
        by = f" by {submission.ended_by}" if submission.ended_by else ""
        reason = f": {submission.reason}" if submission.reason else "."
        told.append((submission.ended_at, f"{submission.get_ending_display()}{by}{reason}"))
    told.sort(key=lambda each: each[0])  # stable: what happened at the same moment stays in order
    return (f"{format_moment(at)}: {text}" for at, text in told)


def _answer(verification: Verification) -> str:
    name = verification.supervisor_name
    if verification.answer == VerificationAnswer.VERIFIED:
        return f"{name} verified it."
    done = (
        "refused it" if verification.answer == VerificationAnswer.REFUSED else "is no longer asked"
    )
    return f"{name} {done}: {verification.reason}"


# ---------- Supervisors, and reasons at hand ----------


def supervisor_choices(submission: Submission) -> list[tuple[str, str, str]]:
    """Who may be asked, each once: name, address, and why they are named here.

    Who is asked now comes first, then whom the person proposes, then those found from positions.
    """
    found: list[tuple[str, str, str]] = []
    if asked := open_question(submission):
        since = f"asked {format_moment(asked.asked_at)}; choose it to send a new link"
        found.append((asked.supervisor_name, asked.supervisor_email, since))
    if email := submission.supervisor_email.lower():
        found.append((submission.supervisor_name or email, email, "proposed by the person"))
    for each in supervisors.supervisor_choices_for(
        submission.person, submission.participation.track
    ):
        why = each.why.replace("Your supervisor", "Supervisor")
        found.append((str(each.person), each.person.email, why))
    first = {email: (name, email, why) for name, email, why in reversed(found)}
    return [each for each in dict.fromkeys(found) if first[each[1]] == each]


READY_REASONS = {
    "duplicate": "Twice the same",
    "overlap": "At the same time",
    "unproven": "No proof",
}


def ready_reason(kind: str, reviewed_claims: Sequence[ReviewedClaim]) -> str:
    """A reason to begin with, which names the trainings the portal knows it fits."""
    fitting = {
        "duplicate": [each for each in reviewed_claims if _has(each, CheckKind.SAME)],
        "overlap": [each for each in reviewed_claims if _has(each, CheckKind.OVERLAP)],
        "unproven": [each for each in reviewed_claims if _lacks_evidence(each)],
    }[kind]
    titles = ", ".join(f"“{each.claim.event.title}”" for each in fitting) or "“…”"
    return {
        "duplicate": f"{titles}: the same training seems to be listed twice. Take back the one "
        "that is too much, and send your record again.",
        "overlap": f"{titles}: these took place at the same time. Keep the one you attended, take "
        "back the other, and send your record again.",
        "unproven": f"{titles}: please add something that shows that you took part (a certificate "
        "of attendance, the program, an e-mail of the organizer), and send your record again.",
    }[kind]


def _lacks_evidence(reviewed_claims: ReviewedClaim) -> bool:
    claim = reviewed_claims.claim
    return claim.event.origin == Origin.CUSTOM and not claim.evidence.all()


def _has(reviewed_claims: ReviewedClaim, kind: CheckKind) -> bool:
    return any(remark.kind == kind for remark in reviewed_claims.remarks)
