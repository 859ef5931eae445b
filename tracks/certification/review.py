"""What a CE Coordinator wants to know of a record before deciding about it. Reads only."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Case, F, Prefetch, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts.models import Position, User
from aspen.web.paging import Order, next_after
from credits import checks
from credits.checks import CheckResult
from credits.models import Claim
from tracks.certification import checks as remarks
from tracks.certification import record
from tracks.counting import queries as counting_queries
from tracks.enums import VerificationAnswer
from tracks.models import Certificate, Submission, Verification

# What waits for the CE Coordinator comes first, then what is with a supervisor, then what ended.
STAGE_ORDER = Case(
    When(ended_at__isnull=False, then=Value(2)),
    When(reviewed_at__isnull=False, then=Value(1)),
    default=Value(0),
)
SINCE = Case(When(ended_at=None, then=Coalesce("reviewed_at", "submitted_at")))
ORDER = (STAGE_ORDER.asc(), SINCE.asc(), F("ended_at").desc(), "pk")


class ReviewedClaim(NamedTuple):
    """A claim of a record with what there is to think about it."""

    claim: Claim
    remarks: Sequence[CheckResult]
    is_unproven: bool


def submissions() -> QuerySet[Submission]:
    """Submissions with whom and what they concern, their people's libraries, and who is asked now.

    Three queries for a list of any length.
    """
    present = Position.objects.present().select_related("organization")
    asked = Verification.objects.filter(answered_at=None).order_by("pk")
    return Submission.objects.select_related(
        "person", "participation__track", "participation__rule_set", "reviewed_by", "ended_by"
    ).prefetch_related(
        Prefetch(
            "person__positions",
            present.order_by("organization__name", "id"),
            to_attr="present_positions",
        ),
        Prefetch("verifications", asked, to_attr="open_questions"),
    )


def submissions_waiting() -> QuerySet[Submission]:
    """What waits for the CE Coordinator, the longest waiting first."""
    return Submission.objects.filter(reviewed_at=None, ended_at=None).order_by("submitted_at", "pk")


def next_submission(submission: Submission, *, by: User) -> Submission | None:
    """Which submission comes after this one for somebody who reviews; the first after the last.

    Nobody is led to their own. At most two queries.
    """
    order = Order("submitted_at")
    return next_after(
        submissions_waiting().exclude(person=by).only("pk"), order, order.key(submission)
    )


def review_claims(made: record.RecordData) -> list[ReviewedClaim]:
    """The claims a record counts, with their files and what there is to remark. Five queries."""
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in made["lines"]})
        .select_related("event")
        .defer("event__search", "event__description")
        .prefetch_related("evidence")
        .order_by("pk")
    )
    remarks = checks.check_claims(claims)
    return [
        ReviewedClaim(claim, remarks.get(claim.pk, ()), counting_queries.is_undecided(claim))
        for claim in claims
    ]


def review_sentences(reviewed_claims: Iterable[ReviewedClaim]) -> list[str]:
    """What a reviewer has to look at, a sentence each."""
    reviewed_claims = list(reviewed_claims)
    undecided = [
        remarks.undecided_result(each.claim) for each in reviewed_claims if each.is_unproven
    ]
    return undecided + [
        remarks.record_check_result(each.claim, remark)
        for each in reviewed_claims
        for remark in each.remarks
    ]


def submission_version(submission: Submission, reviewed_claims: Iterable[ReviewedClaim]) -> str:
    """What changes with every step, with every question, and with every remark about a record."""
    told = [
        submission.participation.state,
        submission.ended_at,
        [verification.pk for verification in submission.open_questions],  # type: ignore[attr-defined]
        review_sentences(reviewed_claims),
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def verified_before(submission: Submission) -> dict[int, Verification]:
    """Who verified which credits earlier, by credit, where they are still what they were. One
    query."""
    verified = Verification.objects.filter(
        participation=submission.participation_id, answer=VerificationAnswer.VERIFIED
    ).exclude(submission=submission.pk)
    now = {line["credit"]: line for line in submission.record["lines"]}
    return {
        credit: verification
        for credit, (line, verification) in record.verified_lines(verified.order_by("pk")).items()
        if credit in now
        and (line["amount"], line["slug"]) == (now[credit]["amount"], now[credit]["slug"])
    }


def earlier_submissions(submission: Submission) -> QuerySet[Submission]:
    """The person's other submissions, latest first."""
    return (
        Submission.objects.filter(person=submission.person_id)
        .exclude(pk=submission.pk)
        .select_related("participation__track", "ended_by")
        .defer("record")
        .order_by("-submitted_at", "-pk")
    )


def certificates_of_person(submission: Submission) -> QuerySet[Certificate]:
    """The person's certificates, latest first."""
    return counting_queries.certificates_of(submission.person).defer("record")
