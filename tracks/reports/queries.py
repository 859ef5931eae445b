"""Figures for staff: people certified, certificates that expire, credits, boards.

Each function makes one query, unless it says otherwise. For an earlier year, a present position is
one held on the year's last day.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import ExtractYear, TruncMonth, TruncQuarter

from accounts.enums import PositionKind
from accounts.models import Federation, Organization, Position, User
from aspen.clock import today
from credits.queries import live_credits
from tracks.counting.progress import ZERO
from tracks.enums import ACTIVE, ParticipationState
from tracks.models import Certificate, Posting

# What the State Library asks of trustees, apart from certification; a credit is about an hour.
TRUSTEE_HOURS = Decimal(3)
BOARD_KINDS = (PositionKind.TRUSTEE, PositionKind.BOARD_CHAIR)
NO_FEDERATION, NO_LIBRARY = 0, -1

# Each person is counted once, in the first status that applies.
CERTIFIED, SENT, EXPIRED, IN_PROGRESS = STATUSES = (1, 2, 3, 4)


def _status_sql(track: int | None) -> tuple[str, list[Any]]:
    """The SQL and parameters for each person's status in a track, or the best in any track.

    Each certificate and each active period yields a status; the lowest number is the first that
    applies. People who are certified or expired usually have an active next period.
    """
    of_track, tracks = ("", []) if track is None else (" AND track_id = %s", [track])
    sql = f"""
        SELECT person_id, min(standing) AS standing FROM (
            SELECT certificate.person_id,
                CASE WHEN expires_on >= %s THEN {CERTIFIED} ELSE {EXPIRED} END AS standing
            FROM tracks_certificate AS certificate
            JOIN tracks_participation AS period ON period.id = participation_id
            WHERE revoked_at IS NULL{of_track}
            UNION ALL
            SELECT person_id, CASE WHEN state = %s THEN {IN_PROGRESS} ELSE {SENT} END
            FROM tracks_participation WHERE state = ANY(%s){of_track}
        ) AS found GROUP BY person_id"""
    active = [state.value for state in ACTIVE]
    return sql, [today(), *tracks, ParticipationState.OPEN.value, active, *tracks]


class CertificationCount(NamedTuple):
    """People by status: in all, at the libraries of a federation, or at one library."""

    federation: int | None
    library: int | None
    certified: int
    sent: int
    expired: int
    in_progress: int

    @property
    def figures(self) -> tuple[int, int, int, int]:
        return self[2:]


class CertificationCounts(NamedTuple):
    total: CertificationCount
    federations: list[CertificationCount]
    libraries: list[CertificationCount]


def certification_counts(track: int | None = None) -> CertificationCounts:
    """People by status and place.

    A person at two libraries counts at both, and once in their federation and in all.
    """
    people, params = _status_sql(track)
    held, held_params = (
        Position.objects.present()
        .values("person", "organization")
        .order_by()
        .query.sql_with_params()
    )
    counts = ", ".join(
        f"count(DISTINCT who.person_id) FILTER (WHERE standing = {each})" for each in STATUSES
    )
    sql = f"""
        SELECT GROUPING(library.id), federation, library.id, {counts}
        FROM ({people}) AS who
        LEFT JOIN ({held}) AS held (person_id, organization_id)
            ON held.person_id = who.person_id
        LEFT JOIN accounts_organization AS library ON library.id = organization_id
        CROSS JOIN LATERAL (SELECT CASE WHEN library.id IS NULL THEN {NO_LIBRARY}
            ELSE COALESCE(federation_id, {NO_FEDERATION}) END) AS place (federation)
        GROUP BY GROUPING SETS ((federation, library.id), (federation), ())"""
    found = CertificationCounts(CertificationCount(None, None, 0, 0, 0, 0), [], [])
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *held_params])
        for is_sum, federation, library, *figures in cursor.fetchall():
            standing = CertificationCount(federation, library, *figures)
            if federation is None:
                found = found._replace(total=standing)
            elif is_sum:
                found.federations.append(standing)
            elif library is not None:
                found.libraries.append(standing)
    return found


def people_with_status(
    standing: int,
    *,
    track: int | None = None,
    federation: int | None = None,
    library: int | None = None,
) -> QuerySet[User]:
    """The people of one status at a place, by name, with `libraries` and `expires_on`."""
    sql, params = _status_sql(track)
    chosen = f"SELECT person_id FROM ({sql}) AS who WHERE standing = %s"
    people = User.objects.filter(
        _works_at("pk", federation, library), pk__in=RawSQL(chosen, [*params, standing])
    )
    certificates = Q(certificates__revoked_at=None)
    if track is not None:
        certificates &= Q(certificates__participation__track=track)
    return people.annotate(
        libraries=library_names_per_person("pk"),
        expires_on=Max("certificates__expires_on", filter=certificates),
    ).order_by("display_name", "pk")


def _works_at(person: str, federation: int | None, library: int | None) -> Q:
    """People with a present position in the federation or at the library; without either, all."""
    held = Position.objects.present().filter(person=OuterRef(person))
    if federation == NO_LIBRARY:
        return ~Q(Exists(held))
    if federation is not None:
        return Q(Exists(held.filter(organization__in=_libraries_of(federation))))
    if library is not None:
        return Q(Exists(held.filter(organization=library)))
    return Q()


def _libraries_of(federation: int) -> QuerySet[Organization]:
    within = {"federation": federation or None}
    return Organization.objects.filter(**within).order_by()


def library_names_per_person(person: str) -> ArraySubquery:
    """The names of the libraries where each person has a present position."""
    held = Position.objects.present().filter(person=OuterRef(person))
    names = held.order_by("organization__name", "pk").values("organization__name")
    return ArraySubquery(names)


def library_names(organizations: QuerySet[Organization]) -> dict[int, str]:
    """Libraries by id, ordered by name. One query."""
    return {each.pk: str(each) for each in organizations.order_by("name", "city", "pk")}


def libraries_by_id(ids: Iterable[int] | None = None) -> dict[int, str]:
    """The libraries with these ids, or all."""
    found = Organization.objects.all()
    return library_names(found if ids is None else found.filter(pk__in=list(ids)))


def libraries_with_boards() -> dict[int, str]:
    """The libraries that have, or had, a board."""
    seats = Position.objects.filter(kind__in=BOARD_KINDS).order_by()
    return library_names(Organization.objects.filter(pk__in=seats.values("organization")))


def all_federations() -> dict[int, str]:
    names = dict(Federation.objects.order_by("name").values_list("pk", "name"))
    return names | {NO_FEDERATION: "No federation", NO_LIBRARY: "No library"}


# ---------- Certificates ----------


def expiring_certificates(
    begin: dt.date,
    end: dt.date,
    *,
    track: int | None = None,
    federation: int | None = None,
    library: int | None = None,
) -> QuerySet[Certificate]:
    """Valid certificates whose last day is from `begin` to before `end`.

    Excludes those whose holder has another for the same track that is valid longer. With a
    federation or library: those of people with a present position there.
    """
    later = Certificate.objects.filter(
        person=OuterRef("person"),
        participation__track=OuterRef("participation__track"),
        revoked_at=None,
        expires_on__gt=OuterRef("expires_on"),
    )
    found = Certificate.objects.filter(
        ~Exists(later),
        _works_at("person", federation, library),
        revoked_at=None,
        expires_on__gte=max(begin, today()),
        expires_on__lt=end,
    )
    return found if track is None else found.filter(participation__track=track)


def by_quarter(certificates: QuerySet[Certificate]) -> dict[tuple[dt.date, int], int]:
    """The number of these certificates, by first day of the quarter they expire in and track."""
    rows = (
        certificates.order_by()
        .annotate(quarter=TruncQuarter("expires_on"))
        .values_list("quarter", "participation__track")
        .annotate(Count("pk"))
    )
    return {(quarter, track): count for quarter, track, count in rows}


def issued_by_year() -> dict[tuple[int, int], int]:
    """The number of certificates issued and not revoked, by calendar year and track."""
    rows = (
        Certificate.objects.filter(revoked_at=None)
        .order_by()
        .annotate(year=ExtractYear("issued_on"))
        .values_list("year", "participation__track")
        .annotate(Count("pk"))
    )
    return {(year, track): count for year, track, count in rows}


def listed_certificates(year: int) -> QuerySet[Certificate]:
    """A calendar year's certificates of people who chose to be listed, by name."""
    return (
        Certificate.objects.filter(revoked_at=None, issued_on__year=year)
        .exclude(listed_as="")
        .select_related("participation__track")
        .order_by("listed_as", "number")
    )


def unlisted_count(year: int) -> int:
    """The number of a year's certificates of people who chose not to be listed."""
    issued = Certificate.objects.filter(revoked_at=None, issued_on__year=year, listed_as="")
    return issued.count()


# ---------- Credits ----------


def credits_by_month(
    begin: dt.date, *, track: int | None = None, federation: int | None = None
) -> dict[tuple[dt.date, int], Decimal]:
    """Credits that count, earned since the first day of a month, by month and category.

    With a federation: those of people with a present position at one of its libraries. With a
    track: those posted to it.
    """
    # Credits earned since `begin` are of events that ended since then. No further conditions: the
    # planner takes each for selective, and goes through the credits one by one.
    credits = live_credits().filter(claim__event__last_day__gte=begin)
    if federation is not None:
        libraries = _libraries_of(federation)
        held = Position.objects.present().filter(organization__in=libraries).order_by()
        credits = credits.filter(person__in=held.values("person"))
    if track is not None:
        posted = Posting.objects.filter(credit=OuterRef("pk"), participation__track=track)
        credits = credits.filter(Exists(posted))
    rows = (
        credits.order_by()
        .annotate(month=TruncMonth("earned_on"))
        .values_list("month", "category")
        .annotate(Sum("amount"))
    )
    with _more_work_mem():
        return {
            (month, category): amount
            for month, category, amount in rows
            if begin <= month <= today()
        }


@contextmanager
def _more_work_mem() -> Iterator[None]:
    """Let PostgreSQL join in memory, for one statement over very many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem TO '64MB'")
        yield


# ---------- Boards ----------


class Board(NamedTuple):
    """A library's board in a year. `reached` is the number of members with three hours or more."""

    library: int
    name: str
    federation: int
    members: int
    reached: int
    hours: Decimal

    @property
    def has_quorum(self) -> bool:
        """Whether more than half of the members have three hours or more."""
        return self.reached * 2 > self.members


def board_hours(year: int) -> list[Board]:
    """Every board with its members' hours of a calendar year, by federation and name."""
    earned, params = _hours(_members(year), year).query.sql_with_params()
    seats, seat_params = _members(year).query.sql_with_params()
    sql = f"""
        SELECT library.id, library.name, library.city, COALESCE(federation_id, {NO_FEDERATION}),
            count(*), count(*) FILTER (WHERE hours >= %s), COALESCE(sum(hours), 0)
        FROM ({seats}) AS seat (library_id, person_id)
        JOIN accounts_organization AS library ON library.id = library_id
        LEFT JOIN ({earned}) AS earned (person_id, hours) USING (person_id)
        LEFT JOIN accounts_federation AS federation ON federation.id = federation_id
        GROUP BY library.id, federation.name
        ORDER BY federation.name NULLS LAST, library.name, library.city, library.id"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [TRUSTEE_HOURS, *seat_params, *params])
        return [
            Board(library, f"{name}, {city}" if city else name, *rest)
            for library, name, city, *rest in cursor.fetchall()
        ]


def _on_board(year: int) -> QuerySet[Position]:
    """Board positions: the present ones, or those held on the last day of an earlier year."""
    on = min(today(), dt.date(year, 12, 31))
    return Position.objects.present(on).filter(kind__in=BOARD_KINDS)


def _members(year: int) -> QuerySet[Position, tuple[int, int]]:
    """Pairs of library and person, each once."""
    return _on_board(year).order_by().values_list("organization", "person").distinct()


def _hours(people: QuerySet, year: int) -> QuerySet[Any, tuple[int, Decimal]]:
    """Credits that these people earned in a calendar year, by person."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    credits = live_credits().filter(
        claim__event__last_day__gte=first, earned_on__gte=first, earned_on__lte=last
    )
    credits = credits.filter(person__in=people.values("person"))
    return credits.order_by().values_list("person").annotate(Sum("amount"))


class Member(NamedTuple):
    person_id: int
    name: str
    kinds: str
    hours: Decimal


def members_of(library: int, year: int, *, agreed_only: bool = False) -> list[Member]:
    """A board's members with their hours in a year, by name; optionally only those who share
    their progress. Two queries."""
    seats = _on_board(year).filter(organization=library)
    if agreed_only:
        seats = seats.filter(person__shows_progress=True)
    hours = dict(_hours(seats.order_by(), year))
    found: dict[int, Member] = {}
    rows = seats.order_by("person__display_name", "person_id", "kind", "pk")
    for person, name, kind in rows.values_list("person_id", "person__display_name", "kind"):
        label = PositionKind(kind).label
        if person in found:
            kinds = found[person].kinds
            label = kinds if label in kinds.split(", ") else f"{kinds}, {label}"
        found[person] = Member(person, name, label, hours.get(person, ZERO))
    return list(found.values())


def years_issued() -> list[int]:
    """The years since the first certificate was issued, this one first."""
    oldest = Certificate.objects.aggregate(day=Min("issued_on"))["day"]
    return list(range(today().year, (oldest.year if oldest else today().year) - 1, -1))
