"""Progress and certificates of a library's people, for their director."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Position, User
from aspen.clock import today
from aspen.formats import format_amount, format_credits, format_day
from tracks.counting import queries as counting_queries
from tracks.enums import (
    ACTIVE,
    CERTIFICATE_LABELS,
    IN_PROGRESS,
    PARTICIPATION_LABELS,
    RECORD_SENT,
    SENT,
    CertificateValidity,
    ParticipationState,
)
from tracks.models import Certificate, Participation


def people_who_agreed(directed: Iterable[Position]) -> QuerySet[User]:
    """People with a present position at these libraries who share their progress, by name."""
    held = Position.objects.present().filter(
        person=OuterRef("pk"),
        organization__in=[position.organization_id for position in directed],
    )
    return User.objects.filter(Exists(held), shows_progress=True, is_active=True).order_by(
        "display_name", "pk"
    )


def director_rows(people: Iterable[User]) -> list[dict[str, Any]]:
    """Each person with one line per track: progress, end of the period, state. Four queries."""
    people = list(people)
    periods = list(
        Participation.objects.filter(person__in=people, state__in=sorted(ACTIVE))
        .select_related("track", "rule_set", "follows")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .order_by("track__position", "pk")
    )
    held: dict[tuple[int, int], Certificate] = {}
    certificates = Certificate.objects.filter(person__in=people, revoked_at=None)
    for each in certificates.select_related("participation__track").order_by("issued_on", "pk"):
        held[each.person_id, each.participation.track_id] = each
    lines: dict[int, list[dict[str, Any]]] = {}
    for period, progress in counting_queries.progress_of(periods, today()):
        certificate = held.pop((period.person_id, period.track_id), None)
        line = _line(str(period.track), certificate, state=period.state)
        line |= {
            "progress": f"{format_amount(progress.counted)} of {format_credits(progress.total)}",
            "closes_on": format_day(period.closes_on),
        }
        lines.setdefault(period.person_id, []).append(line)
    for (person, _), certificate in held.items():
        line = _line(str(certificate.participation.track), certificate, state="")
        lines.setdefault(person, []).append(line)
    return [{"name": each.display_name, "lines": lines.get(each.pk, [])} for each in people]


def _line(track: str, certificate: Certificate | None, *, state: str) -> dict[str, Any]:
    is_valid = certificate is not None and certificate.expires_on >= today()
    if is_valid:
        label = PARTICIPATION_LABELS[ParticipationState.CERTIFIED]
    elif state in SENT:
        label = RECORD_SENT
    elif certificate:
        label = CERTIFICATE_LABELS[CertificateValidity.EXPIRED]
    else:
        label = IN_PROGRESS
    return {
        "track": track,
        "state": label,
        "valid_until": format_day(certificate.expires_on) if certificate else "",
        "progress": "",
        "closes_on": "",
    }
