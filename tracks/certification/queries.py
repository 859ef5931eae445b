"""Queries on submissions and on questions to supervisors."""

import datetime as dt
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from tracks.counting import queries as counting_queries
from tracks.counting.progress import ZERO
from tracks.enums import ACTIVE, Ending, ParticipationState, VerificationAnswer
from tracks.models import (
    Certificate,
    Participation,
    Posting,
    RecordVersion,
    Submission,
    Verification,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Annotations(TypedDict):
        change: str | None
        change_confirmed_at: dt.datetime | None
        asked_name: str | None
        asked_at: dt.datetime | None
        asked_until: dt.datetime | None
        certificate_number: str | None
        certificate_uuid: UUID | None
        revoked_reason: str | None

    AnnotatedSubmission = WithAnnotations[Submission, _Annotations]


def submissions_of(participations: Iterable[Participation]) -> "QuerySet[AnnotatedSubmission]":
    """Return the submissions of these participations, latest first, without their records.

    They are annotated with the last change to the record, the latest question to a supervisor
    (`asked_…`) and the certificate. Takes one query.
    """
    versions = RecordVersion.objects.filter(submission=OuterRef("pk")).order_by("-number")
    questions = Verification.objects.filter(submission=OuterRef("pk")).order_by("-pk")
    certificates = Certificate.objects.filter(submission=OuterRef("pk")).order_by("-pk")
    return (
        Submission.objects.filter(participation__in=list(participations))
        .select_related("reviewed_by", "ended_by")
        .defer("record", "remarks")
        .annotate(
            change=Subquery(versions.values("change")[:1]),
            change_confirmed_at=Subquery(versions.values("confirmed_at")[:1]),
            asked_name=Subquery(questions.values("supervisor_name")[:1]),
            asked_at=Subquery(questions.values("asked_at")[:1]),
            asked_until=Subquery(questions.values("expires_at")[:1]),
            certificate_number=Subquery(certificates.values("number")[:1]),
            certificate_uuid=Subquery(certificates.values("uuid")[:1]),
            revoked_reason=Subquery(certificates.values("revoked_reason")[:1]),
        )
        .order_by("-submitted_at", "-pk")
    )


def latest_of(participations: Iterable[Participation]) -> "dict[int, AnnotatedSubmission]":
    """Return the latest submission for each participation, by participation id.

    Takes one query.
    """
    latest = submissions_of(participations).order_by("participation_id", "-submitted_at", "-pk")
    return {each.participation_id: each for each in latest.distinct("participation_id")}


class SentRecord(NamedTuple):
    """A submission's record as it is now, and as the CE Coordinator last confirmed it.

    `versions` are its changes, oldest first, with the people who confirmed them. `before` is the
    record that the coordinator confirmed last or, before the review, the record that was sent.
    """

    now: dict[str, Any]
    before: dict[str, Any]
    versions: list[RecordVersion]

    @property
    def version(self) -> RecordVersion | None:
        """The last version, or None if nothing has changed since the record was sent."""
        return self.versions[-1] if self.versions else None

    @property
    def needs_confirmation(self) -> bool:
        """Whether the last change is not confirmed. The review confirms it, if not done yet."""
        return self.version is not None and self.version.confirmed_at is None

    @property
    def unconfirmed_change(self) -> str:
        """The last change, if it is not confirmed, or an empty string."""
        return self.version.change if self.version and self.needs_confirmation else ""


def sent_record(submission: Submission) -> SentRecord:
    """Return a submission's record with its changes. Takes one query."""
    versions = list(
        RecordVersion.objects.filter(submission=submission.pk)
        .select_related("confirmed_by")
        .order_by("number")
    )
    confirmed = [version.record for version in versions if version.confirmed_at]
    return SentRecord(
        now=versions[-1].record if versions else submission.record,
        before=confirmed[-1] if confirmed else submission.record,
        versions=versions,
    )


def needs_confirmation() -> Q:
    """Return a condition on submissions: reviewed, with a last change that is not confirmed."""
    later = RecordVersion.objects.filter(
        submission=OuterRef("submission"), number__gt=OuterRef("number")
    )
    changed = RecordVersion.objects.filter(
        ~Exists(later), submission=OuterRef("pk"), confirmed_at=None
    )
    return Q(Exists(changed), ended_at=None, reviewed_at__isnull=False)


def asked_record(question: Verification) -> dict[str, Any]:
    """Return the record that a question is about, as it is now.

    The record of a year stays as it was when the question was asked. Takes at most one query.
    """
    return sent_record(question.submission).now if question.submission else question.record


def reviewers_of(submission: Submission) -> list[User]:
    """Return the people who reviewed the record or confirmed a change in it. Takes one query."""
    confirmed = RecordVersion.objects.filter(submission=submission.pk).values("confirmed_by")
    people = User.objects.filter(Q(pk=submission.reviewed_by_id) | Q(pk__in=confirmed))
    return list(people.order_by("pk"))


def year_questions(participation: Participation) -> QuerySet[Verification]:
    """Return the questions to supervisors about single years, latest first, without records."""
    questions = Verification.objects.filter(participation=participation, submission=None)
    return questions.defer("record").order_by("-asked_at", "-pk")


def counted_by_year(participation: Participation, on: dt.date) -> dict[int, Decimal]:
    """Sum the counted credits by calendar year, newest first. Takes one query."""
    years: dict[int, Decimal] = {}
    credits = counting_queries.counting_credits(participation, on).order_by("-earned_on", "pk")
    for earned_on, amount in credits.values_list("earned_on", "amount"):
        years[earned_on.year] = years.get(earned_on.year, ZERO) + amount
    return years


_UNANSWERED = Q(answered_at=None, participation__state__in=sorted(ACTIVE))


def questions_for(person: User) -> QuerySet[Verification]:
    """Return the questions to this person as a supervisor.

    Include those sent to their e-mail address before they had an account.
    """
    return (
        _questions_for(person.pk, person.email)
        .select_related("person", "participation__track", "submission__reviewed_by")
        .order_by("asked_at", "pk")
    )


def _questions_for(person: int | OuterRef, email: str | OuterRef) -> QuerySet[Verification]:
    to_person = Q(supervisor=person) | Q(supervisor=None, supervisor_email=email)
    return Verification.objects.filter(to_person).exclude(person=person)


def unanswered_questions(person: User) -> QuerySet[Verification]:
    """Return the questions that this person has not answered yet, oldest first.

    Takes one query.
    """
    return questions_for(person).filter(_UNANSWERED).defer("record")


def questions_waiting() -> QuerySet[Verification]:
    """Return the questions that the person of the outer query has not answered yet."""
    return _questions_for(OuterRef("pk"), OuterRef("email")).filter(_UNANSWERED)


def records_to_change() -> QuerySet[Submission]:
    """Return the records of the outer query's person that wait for changes.

    They were returned or refused, and have not been sent again.
    """
    newer = Submission.objects.filter(
        participation=OuterRef("participation"), submitted_at__gt=OuterRef("submitted_at")
    )
    return Submission.objects.filter(
        ~Exists(newer),
        participation__person=OuterRef("pk"),
        participation__state=ParticipationState.OPEN,
        ending__in=[Ending.RETURNED, Ending.REFUSED],
    )


def newer_question(question: Verification) -> Verification | None:
    """Return the latest question sent after this one to the same address about the same record.

    Withdrawn questions are ignored. Return None if there is no other.
    """
    later = Verification.objects.filter(
        participation=question.participation_id,
        year=question.year,
        supervisor_email=question.supervisor_email,
        pk__gt=question.pk,
    )
    return later.exclude(answer=VerificationAnswer.WITHDRAWN).defer("record").order_by("pk").last()


def verified_years(participation_id: int) -> QuerySet[Verification]:
    """Return the single years of a participation that are verified, earliest answer first."""
    return Verification.objects.filter(
        participation=participation_id, submission=None, answer=VerificationAnswer.VERIFIED
    ).order_by("answered_at", "pk")


def claims_in_sent_records(claim_ids: Collection[int]) -> set[int]:
    """Return those of these claims that a submitted record counts. Takes one query."""
    waiting = Submission.objects.filter(ended_at=None, person__claims__in=claim_ids)
    records = (
        waiting.order_by("pk").distinct().values_list(counting_queries.record_now(), flat=True)
    )
    return {line["claim"] for record in records for line in record["lines"]} & set(claim_ids)


def claims_in_certificates(claim_ids: Collection[int]) -> set[int]:
    """Return those of these claims that a certificate counts, unless revoked. Takes one query."""
    counted = Posting.objects.filter(
        credit__claim__in=claim_ids, participation__state=ParticipationState.CERTIFIED
    )
    return set(counted.order_by().values_list("credit__claim", flat=True))
