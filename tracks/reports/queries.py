"""Statistics for staff: certified people, expiring certificates, credits and boards.

Each function takes one query, unless it says otherwise.
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
from aspen.db.search_keys import SearchKey
from credits.queries import live_credits
from tracks.counting.progress import ZERO
from tracks.enums import ACTIVE, ParticipationState
from tracks.models import Certificate, Posting

# The hours that trustees should have each year, apart from certification. One credit is about one
# hour.
TRUSTEE_HOURS = Decimal(3)
BOARD_KINDS = (PositionKind.TRUSTEE, PositionKind.BOARD_CHAIR)
NO_FEDERATION, NO_LIBRARY = 0, -1

# Each person is counted once, in the first status that applies.
CERTIFIED, SENT, EXPIRED, IN_PROGRESS = STATUSES = (1, 2, 3, 4)


def _status_sql(track: int | None) -> tuple[str, list[Any]]:
    """Return the SQL and parameters for each person's status in a track, or in their best one.

    Each certificate and each active period gives a status, and the lowest number wins. That rule is
    needed because people who are certified or expired usually have an active next period.
    """
    of_track, tracks = ("", []) if track is None else (" AND track_id = %s", [track])
    sql = f"""
        SELECT person_id, min(status) AS status FROM (
            SELECT certificate.person_id,
                CASE WHEN expires_on >= %s THEN {CERTIFIED} ELSE {EXPIRED} END AS status
            FROM tracks_certificate AS certificate
            JOIN tracks_participation AS period ON period.id = participation_id
            WHERE revoked_at IS NULL{of_track}
            UNION ALL
            SELECT person_id, CASE WHEN state = %s THEN {IN_PROGRESS} ELSE {SENT} END
            FROM tracks_participation WHERE state = ANY(%s){of_track}
        ) AS each_status GROUP BY person_id"""
    active = [state.value for state in ACTIVE]
    return sql, [today(), *tracks, ParticipationState.OPEN.value, active, *tracks]


class CertificationCount(NamedTuple):
    """The number of people by status, at a library, in a federation or in the whole state."""

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
    """Count people by status and place.

    A person at two libraries counts at both, but once in their federation and in the total.
    """
    people, params = _status_sql(track)
    positions, position_params = (
        Position.objects.present()
        .values("person", "organization")
        .order_by()
        .query.sql_with_params()
    )
    counts = ", ".join(
        f"count(DISTINCT who.person_id) FILTER (WHERE status = {each})" for each in STATUSES
    )
    sql = f"""
        SELECT GROUPING(library.id), federation, library.id, {counts}
        FROM ({people}) AS who
        LEFT JOIN ({positions}) AS held (person_id, organization_id)
            ON held.person_id = who.person_id
        LEFT JOIN accounts_organization AS library ON library.id = organization_id
        CROSS JOIN LATERAL (SELECT CASE WHEN library.id IS NULL THEN {NO_LIBRARY}
            ELSE COALESCE(federation_id, {NO_FEDERATION}) END) AS place (federation)
        GROUP BY GROUPING SETS ((federation, library.id), (federation), ())"""
    counts_by_place = CertificationCounts(CertificationCount(None, None, 0, 0, 0, 0), [], [])
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *position_params])
        for is_sum, federation, library, *figures in cursor.fetchall():
            count = CertificationCount(federation, library, *figures)
            if federation is None:
                counts_by_place = counts_by_place._replace(total=count)
            elif is_sum:
                counts_by_place.federations.append(count)
            elif library is not None:
                counts_by_place.libraries.append(count)
    return counts_by_place


def people_with_status(
    status: int,
    *,
    track: int | None = None,
    federation: int | None = None,
    library: int | None = None,
) -> QuerySet[User]:
    """Return the people with a status at a place, by name, with `libraries` and `expires_on`."""
    sql, params = _status_sql(track)
    with_status = f"SELECT person_id FROM ({sql}) AS who WHERE status = %s"
    people = User.objects.filter(
        _works_at("pk", federation, library), pk__in=RawSQL(with_status, [*params, status])
    )
    certificates = Q(certificates__revoked_at=None)
    if track is not None:
        certificates &= Q(certificates__participation__track=track)
    return people.annotate(
        libraries=library_names_per_person("pk"),
        expires_on=Max("certificates__expires_on", filter=certificates),
    ).order_by("sort_key", "pk")


def _works_at(person: str, federation: int | None, library: int | None) -> Q:
    """Return a condition: the person currently works at this place, if one is given."""
    positions = Position.objects.present().filter(person=OuterRef(person))
    if federation == NO_LIBRARY:
        return ~Q(Exists(positions))
    if federation is not None:
        return Q(Exists(positions.filter(organization__in=_libraries_of(federation))))
    if library is not None:
        return Q(Exists(positions.filter(organization=library)))
    return Q()


def _libraries_of(federation: int) -> QuerySet[Organization]:
    conditions = {"federation": federation or None}
    return Organization.objects.filter(**conditions).order_by()


def library_names_per_person(person: str) -> ArraySubquery:
    """Return a subquery: the names of the libraries where each person currently has a position."""
    positions = Position.objects.present().filter(person=OuterRef(person))
    names = positions.order_by("organization__sort_key", "pk").values("organization__name")
    return ArraySubquery(names)


def library_names(organizations: QuerySet[Organization]) -> dict[int, str]:
    """Return the names of libraries by id, ordered by name."""
    return {each.pk: str(each) for each in organizations.order_by("sort_key", "city", "pk")}


def libraries_by_id(ids: Iterable[int] | None = None) -> dict[int, str]:
    """Return the names of the libraries with these ids, or of all libraries."""
    libraries = Organization.objects.all()
    return library_names(libraries if ids is None else libraries.filter(pk__in=list(ids)))


def libraries_with_boards() -> dict[int, str]:
    """Return the names of libraries that have or had a board."""
    seats = Position.objects.filter(kind__in=BOARD_KINDS).order_by()
    return library_names(Organization.objects.filter(pk__in=seats.values("organization")))


def all_federations() -> dict[int, str]:
    names = dict(Federation.objects.order_by("name").values_list("pk", "name"))
    return names | {NO_FEDERATION: "No federation", NO_LIBRARY: "No library"}


# ---------- Certificates ----------


def expiring_certificates(
    start: dt.date,
    end: dt.date,
    *,
    track: int | None = None,
    federation: int | None = None,
    library: int | None = None,
) -> QuerySet[Certificate]:
    """Return valid certificates that expire on or after `start` and before `end`.

    Omits certificates whose holder has another one for the same track that expires later. If a
    federation or library is given, includes only people who currently hold a position there.
    """
    later = Certificate.objects.filter(
        person=OuterRef("person"),
        participation__track=OuterRef("participation__track"),
        revoked_at=None,
        expires_on__gt=OuterRef("expires_on"),
    )
    expiring = Certificate.objects.filter(
        ~Exists(later),
        _works_at("person", federation, library),
        revoked_at=None,
        expires_on__gte=max(start, today()),
        expires_on__lt=end,
    )
    return expiring if track is None else expiring.filter(participation__track=track)


def by_quarter(certificates: QuerySet[Certificate]) -> dict[tuple[dt.date, int], int]:
    """Count these certificates by the first day of the quarter they expire in, and by track."""
    rows = (
        certificates.order_by()
        .annotate(quarter=TruncQuarter("expires_on"))
        .values_list("quarter", "participation__track")
        .annotate(Count("pk"))
    )
    return {(quarter, track): count for quarter, track, count in rows}


def issued_by_year() -> dict[tuple[int, int], int]:
    """Count certificates issued and not revoked, by calendar year and track."""
    rows = (
        Certificate.objects.filter(revoked_at=None)
        .order_by()
        .annotate(year=ExtractYear("issued_on"))
        .values_list("year", "participation__track")
        .annotate(Count("pk"))
    )
    return {(year, track): count for year, track, count in rows}


def listed_certificates(year: int) -> QuerySet[Certificate]:
    """Return the certificates issued in a year to people who chose to be listed, by name."""
    return (
        Certificate.objects.filter(revoked_at=None, issued_on__year=year)
        .exclude(listed_as="")
        .select_related("participation__track")
        .order_by(SearchKey("listed_as"), "number")
    )


def unlisted_count(year: int) -> int:
    """Count the certificates issued in a year to people who chose not to be listed."""
    issued = Certificate.objects.filter(revoked_at=None, issued_on__year=year, listed_as="")
    return issued.count()


# ---------- Credits ----------


def credits_by_month(
    start: dt.date, *, track: int | None = None, federation: int | None = None
) -> dict[tuple[dt.date, int], Decimal]:
    """Sum live credits earned since `start`, the first day of a month, by month and category.

    If a federation is given, includes only people who currently hold a position at one of its
    libraries. If a track is given, includes only credits posted to it.
    """
    # Credits earned since `start` belong to events that ended since then. Further conditions would
    # be slower, because the planner assumes that each is selective and reads credits one by one.
    credits = live_credits().filter(claim__event__last_day__gte=start)
    if federation is not None:
        libraries = _libraries_of(federation)
        positions = Position.objects.present().filter(organization__in=libraries).order_by()
        credits = credits.filter(person__in=positions.values("person"))
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
            if start <= month <= today()
        }


@contextmanager
def _more_work_mem() -> Iterator[None]:
    """Let PostgreSQL join in memory, for one statement that reads many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem TO '64MB'")
        yield


# ---------- Boards ----------


class BoardHours(NamedTuple):
    """A library's board in a year. `with_hours` counts the members with three hours or more."""

    library: int
    name: str
    federation: int
    members: int
    with_hours: int
    hours: Decimal

    @property
    def has_quorum(self) -> bool:
        """Whether more than half of the members have three hours or more."""
        return self.with_hours * 2 > self.members


def board_hours(year: int) -> list[BoardHours]:
    """Return all boards with their members' hours in a calendar year, by federation and name."""
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
        ORDER BY federation.name NULLS LAST, library.sort_key, library.city, library.id"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [TRUSTEE_HOURS, *seat_params, *params])
        return [
            BoardHours(library, f"{name}, {city}" if city else name, *rest)
            for library, name, city, *rest in cursor.fetchall()
        ]


def _on_board(year: int) -> QuerySet[Position]:
    """Return the current board positions or, for an earlier year, those held on its last day."""
    on = min(today(), dt.date(year, 12, 31))
    return Position.objects.present(on).filter(kind__in=BOARD_KINDS)


def _members(year: int) -> QuerySet[Position, tuple[int, int]]:
    """Return the distinct pairs of library and board member."""
    return _on_board(year).order_by().values_list("organization", "person").distinct()


def _hours(people: QuerySet, year: int) -> QuerySet[Any, tuple[int, Decimal]]:
    """Sum the credits that these people earned in a calendar year, by person."""
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


def board_members(library: int, year: int, *, sharing_only: bool = False) -> list[Member]:
    """Return a board's members with their hours in a year, by name. Two queries.

    If `sharing_only`, includes only members who share their progress.
    """
    seats = _on_board(year).filter(organization=library)
    if sharing_only:
        seats = seats.filter(person__shows_progress=True)
    hours = dict(_hours(seats.order_by(), year))
    members: dict[int, Member] = {}
    rows = seats.order_by("person__sort_key", "person_id", "kind", "pk")
    for person, name, kind in rows.values_list("person_id", "person__display_name", "kind"):
        label = PositionKind(kind).label
        if person in members:
            kinds = members[person].kinds
            label = kinds if label in kinds.split(", ") else f"{kinds}, {label}"
        members[person] = Member(person, name, label, hours.get(person, ZERO))
    return list(members.values())


def years_issued() -> list[int]:
    """Return the years since the first certificate was issued, latest first."""
    first_day = Certificate.objects.aggregate(day=Min("issued_on"))["day"] or today()
    return list(range(today().year, first_day.year - 1, -1))
