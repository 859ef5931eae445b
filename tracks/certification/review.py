"""Queries for the CE Coordinator's review of a record."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    F,
    Prefetch,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from accounts.models import Position, User
from aspen.web.paging import Order, next_after
from credits import checks
from credits.checks import CheckResult
from credits.models import Claim
from tracks.certification import record
from tracks.certification.checks import check_warning, undecided_warning
from tracks.certification.queries import SentRecord, needs_confirmation
from tracks.counting import queries as counting_queries
from tracks.enums import VerificationAnswer
from tracks.models import Certificate, Submission, Verification

# Records to review come first, then those with a supervisor, then ended ones.
STAGE_ORDER = Case(
    When(ended_at__isnull=False, then=Value(2)),
    When(reviewed_at__isnull=False, then=Value(1)),
    default=Value(0),
)
SINCE = Case(When(ended_at=None, then=Coalesce("reviewed_at", "submitted_at")))
ORDER = (STAGE_ORDER.asc(), SINCE.asc(), F("ended_at").desc(), "pk")


class ReviewedClaim(NamedTuple):
    """A claim in a record with its warnings, and whether it awaits a staff decision."""

    claim: Claim
    warnings: Sequence[CheckResult]
    is_undecided: bool


class ShownRecord(NamedTuple):
    """A submission with its record as it is now and the claims in it, as staff see them."""

    submission: Submission
    sent: SentRecord
    claims: Sequence[ReviewedClaim]

    @property
    def version(self) -> str:
        """A hash that changes with the record, every step, question and warning."""
        content = [
            record.record_fingerprint(self.sent.now),
            self.sent.needs_confirmation,
            self.submission.participation.state,
            self.submission.ended_at,
            [question.pk for question in self.submission.open_questions],  # type: ignore[attr-defined]
            review_warnings(self.claims),
        ]
        return hashlib.sha256(repr(content).encode()).hexdigest()[:32]


def submissions() -> QuerySet[Submission]:
    """Return submissions with everything the queue shows. Takes three queries for any number.

    Sets `person.present_positions` and `open_questions` on each, and `is_changed` if the last
    change is not confirmed.
    """
    present = Position.objects.present().select_related("organization")
    unanswered = Verification.objects.filter(answered_at=None).order_by("pk")
    is_changed = ExpressionWrapper(needs_confirmation(), BooleanField())
    return (
        Submission.objects.annotate(is_changed=is_changed)
        .select_related(
            "person", "participation__track", "participation__rule_set", "reviewed_by", "ended_by"
        )
        .prefetch_related(
            Prefetch(
                "person__positions",
                present.order_by("organization__sort_key", "id"),
                to_attr="present_positions",
            ),
            Prefetch("verifications", unanswered, to_attr="open_questions"),
        )
    )


def submissions_waiting() -> QuerySet[Submission]:
    """Return the submissions to review, oldest first."""
    return Submission.objects.filter(reviewed_at=None, ended_at=None).order_by("submitted_at", "pk")


def next_submission(submission: Submission, *, by: User) -> Submission | None:
    """Return the next submission to review, starting over after the last one.

    Skip the reviewer's own submissions. Takes at most two queries.
    """
    order = Order("submitted_at")
    return next_after(
        submissions_waiting().exclude(person=by).only("pk"), order, order.key(submission)
    )


def review_claims(record_data: record.RecordData) -> list[ReviewedClaim]:
    """Return a record's counted claims with their files and warnings. Takes five queries."""
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in record_data["lines"]})
        .select_related("event")
        .defer("event__search", "event__description")
        .prefetch_related("evidence")
        .order_by("pk")
    )
    results = checks.check_claims(claims)
    return [
        ReviewedClaim(claim, results.get(claim.pk, ()), counting_queries.is_undecided(claim))
        for claim in claims
    ]


def review_warnings(reviewed_claims: Iterable[ReviewedClaim]) -> list[str]:
    """Return the warnings about these claims, undecided claims first."""
    reviewed_claims = list(reviewed_claims)
    undecided = [undecided_warning(each.claim) for each in reviewed_claims if each.is_undecided]
    return undecided + [
        check_warning(each.claim, result) for each in reviewed_claims for result in each.warnings
    ]


def verified_before(
    submission: Submission, record_data: record.RecordData
) -> dict[int, Verification]:
    """Return earlier verifications of unchanged credits in the record as it is, by credit id.

    Takes one query.
    """
    verified = Verification.objects.filter(
        participation=submission.participation_id, answer=VerificationAnswer.VERIFIED
    ).exclude(submission=submission.pk)
    now = {line["credit"]: line for line in record_data["lines"]}
    return {
        credit: verification
        for credit, (line, verification) in record.verified_lines(verified.order_by("pk")).items()
        if credit in now
        and (line["amount"], line["slug"]) == (now[credit]["amount"], now[credit]["slug"])
    }


def earlier_submissions(submission: Submission) -> QuerySet[Submission]:
    """Return the person's other submissions, latest first."""
    return (
        Submission.objects.filter(person=submission.person_id)
        .exclude(pk=submission.pk)
        .select_related("participation__track", "ended_by")
        .defer("record")
        .order_by("-submitted_at", "-pk")
    )


def certificates_of_person(submission: Submission) -> QuerySet[Certificate]:
    """Return the person's certificates, latest first."""
    return counting_queries.certificates_of(submission.person).defer("record")
