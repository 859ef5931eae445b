"""Reads on what was sent, who is asked about it, and what became of it."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from tracks.counting import queries as counting_queries
from tracks.counting.progress import ZERO
from tracks.enums import ACTIVE, VerificationAnswer
from tracks.models import Certificate, Participation, Submission, Verification

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Asked(TypedDict):
        asked_name: str | None
        asked_at: dt.datetime | None
        asked_until: dt.datetime | None
        certificate_number: str | None
        certificate_uuid: UUID | None
        revoked_reason: str | None

    ToldSubmission = WithAnnotations[Submission, _Asked]


def submissions_of(participations: Iterable[Participation]) -> "QuerySet[ToldSubmission]":
    """What was sent of these, latest first: with whom it was reviewed by, the supervisor asked
    last (`asked_…`), and the certificate it led to. Without the records themselves. One query."""
    asked = Verification.objects.filter(submission=OuterRef("pk")).order_by("-pk")
    issued = Certificate.objects.filter(submission=OuterRef("pk")).order_by("-pk")
    return (
        Submission.objects.filter(participation__in=list(participations))
        .select_related("reviewed_by", "ended_by")
        .defer("record", "remarks")
        .annotate(
            asked_name=Subquery(asked.values("supervisor_name")[:1]),
            asked_at=Subquery(asked.values("asked_at")[:1]),
            asked_until=Subquery(asked.values("expires_at")[:1]),
            certificate_number=Subquery(issued.values("number")[:1]),
            certificate_uuid=Subquery(issued.values("uuid")[:1]),
            revoked_reason=Subquery(issued.values("revoked_reason")[:1]),
        )
        .order_by("-submitted_at", "-pk")
    )


def latest_of(participations: Iterable[Participation]) -> "dict[int, ToldSubmission]":
    """What was sent last, by participation. One query."""
    latest = submissions_of(participations).order_by("participation_id", "-submitted_at", "-pk")
    return {each.participation_id: each for each in latest.distinct("participation_id")}


def year_questions(participation: Participation) -> QuerySet[Verification]:
    """The questions to supervisors about single years, latest first. One query."""
    asked = Verification.objects.filter(participation=participation, submission=None)
    return asked.defer("record").order_by("-asked_at", "-pk")


def counted_by_year(participation: Participation, on: dt.date) -> dict[int, Decimal]:
    """What a participation counts, by calendar year, newest first. One query."""
    years: dict[int, Decimal] = {}
    credits = counting_queries.counting_credits(participation, on).order_by("-earned_on", "pk")
    for earned_on, amount in credits.values_list("earned_on", "amount"):
        years[earned_on.year] = years.get(earned_on.year, ZERO) + amount
    return years


def questions_for(person: User) -> QuerySet[Verification]:
    """The questions that were put to this person: as themselves, or at their address before they
    had an account."""
    return (
        Verification.objects.filter(
            Q(supervisor=person) | Q(supervisor=None, supervisor_email=person.email)
        )
        .exclude(person=person)
        .select_related("person", "participation__track", "submission__reviewed_by")
        .order_by("asked_at", "pk")
    )


def unanswered_questions(person: User) -> QuerySet[Verification]:
    """Of these, the ones that still need an answer, longest waiting first. One query."""
    open_ones = questions_for(person).filter(
        answered_at=None, participation__state__in=sorted(ACTIVE)
    )
    return open_ones.defer("record")


def newer_question(asked: Verification) -> Verification | None:
    """What was put to the same address later about the same, and was not withdrawn. One query."""
    later = Verification.objects.filter(
        participation=asked.participation_id,
        year=asked.year,
        supervisor_email=asked.supervisor_email,
        pk__gt=asked.pk,
    )
    return later.exclude(answer=VerificationAnswer.WITHDRAWN).defer("record").order_by("pk").last()


def verified_years(participation_id: int) -> QuerySet[Verification]:
    """The years of a participation that a supervisor has verified, earliest answer first."""
    return Verification.objects.filter(
        participation=participation_id, submission=None, answer=VerificationAnswer.VERIFIED
    ).order_by("answered_at", "pk")
