"""Progress and certificates of the people at a library, for their director."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Position, User
from aspen.clock import today
from aspen.formats import format_amount, format_credits, format_day
from aspen.web.labels import Label
from tracks.counting import queries as counting_queries
from tracks.enums import (
    ACTIVE,
    CERTIFICATE_LABELS,
    IN_PROGRESS,
    PARTICIPATION_LABELS,
    RECORD_SENT,
    SUBMITTED_OR_REVIEWED,
    CertificateValidity,
    ParticipationState,
)
from tracks.models import Certificate, Participation


class TrackLine(NamedTuple):
    """A person's status in one track. `progress` is empty if no period is active."""

    track: str
    state: Label
    valid_until: str
    progress: str = ""
    closes_on: str = ""


class PersonRow(NamedTuple):
    name: str
    lines: list[TrackLine]


def people_sharing_progress(positions: Iterable[Position]) -> QuerySet[User]:
    """Return people who currently work at these libraries and share their progress, by name."""
    current_positions = Position.objects.present().filter(
        person=OuterRef("pk"),
        organization__in=[position.organization_id for position in positions],
    )
    return User.objects.filter(
        Exists(current_positions), shows_progress=True, is_active=True
    ).order_by("sort_key", "pk")


def director_rows(people: Iterable[User]) -> list[PersonRow]:
    """Return a row per person, with a line per track. Four queries."""
    people = list(people)
    periods = list(
        Participation.objects.filter(person__in=people, state__in=sorted(ACTIVE))
        .select_related("track", "rule_set", "follows")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .order_by("track__position", "pk")
    )
    latest: dict[tuple[int, int], Certificate] = {}
    certificates = Certificate.objects.filter(person__in=people, revoked_at=None)
    for each in certificates.select_related("participation__track").order_by("issued_on", "pk"):
        latest[each.person_id, each.participation.track_id] = each
    lines: dict[int, list[TrackLine]] = {}
    for period, progress in counting_queries.progress_of(periods, today()):
        certificate = latest.pop((period.person_id, period.track_id), None)
        line = _line(period, certificate)._replace(
            progress=f"{format_amount(progress.counted)} of {format_credits(progress.total)}",
            closes_on=format_day(period.closes_on),
        )
        lines.setdefault(period.person_id, []).append(line)
    for (person, _), certificate in latest.items():
        lines.setdefault(person, []).append(_line(certificate.participation, certificate))
    return [PersonRow(each.display_name, lines.get(each.pk, [])) for each in people]


def _line(period: Participation, certificate: Certificate | None) -> TrackLine:
    """Return the status in the period's track. A valid certificate takes precedence."""
    if certificate and certificate.expires_on >= today():
        label = PARTICIPATION_LABELS[ParticipationState.CERTIFIED]
    elif period.state in SUBMITTED_OR_REVIEWED:
        label = RECORD_SENT
    elif certificate:
        label = CERTIFICATE_LABELS[CertificateValidity.EXPIRED]
    else:
        label = IN_PROGRESS
    valid_until = format_day(certificate.expires_on) if certificate else ""
    return TrackLine(str(period.track), label, valid_until)
