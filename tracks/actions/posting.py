"""Which credits count in which participations: written in one statement, by one written rule."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import connection

from aspen.db.audit import act
from credits.signals import Followed
from tracks import queries
from tracks.enums import ACTIVE
from tracks.models import Participation, Posting


@act
def post_archived(*, participation: Participation) -> int:
    """Post every eligible credit to the participation in one statement; return how many.

    Idempotent: what is posted stays as it is. The caller holds the person's lock.
    """
    return len(_post(person=participation.person_id, person__participations=participation.pk))


@act
def post_anew(*, participation_ids: Collection[int]) -> int:
    """Post every eligible credit to these participations in one statement; return how many.

    Idempotent. The caller holds the people's locks.
    """
    return len(_post(person__participations__in=participation_ids))


@act
def sync_postings(*, credit_ids: Collection[int]) -> Followed:
    """Post these credits where they are eligible now, and take them out where they are not.

    Idempotent; four statements however many credits. The caller holds the people's locks.
    Postings of certified participations are left alone. Returns which credits came to which
    participations, went, and stayed.
    """
    if not credit_ids:
        return Followed()
    with _without_loops(len(credit_ids)):
        return _sync(credit_ids)


def _sync(credit_ids: Collection[int]) -> Followed:
    eligible = queries.eligible_pairs(pk__in=credit_ids)
    rows = Posting.objects.filter(
        credit__in=credit_ids, participation__state__in=sorted(ACTIVE)
    ).values_list("pk", "credit_id", "participation_id")
    posted = {(credit, participation): pk for pk, credit, participation in rows.order_by("pk")}
    stay = {(credit, participation) for credit, participation, _ in eligible}
    removed = posted.keys() - stay
    if removed:
        Posting.objects.filter(pk__in=[posted[pair] for pair in removed]).delete()
    added = _post(pk__in=credit_ids)
    return Followed(frozenset(added), frozenset(removed), frozenset(posted.keys() & stay))


# So many credits come at once only when an event is merged, corrected or awarded.
MANY = 200


@contextmanager
def _without_loops(number: int) -> Iterator[None]:
    """Let PostgreSQL join whole tables while many credits are posted.

    It knows no number of the rows that the present transaction has written, takes them for one,
    and would go through all claims for each of the credits: minutes, not seconds.
    """
    if number < MANY:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop TO off")
        yield
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")


def _post(**conditions: object) -> list[tuple[int, int]]:
    """INSERT … SELECT of the eligible pairs: one statement, one written rule. Returns the new."""
    pairs = queries.eligible_pairs(**conditions).order_by()
    sql, params = pairs.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracks_posting (credit_id, participation_id, person_id) "
            f"{sql} ON CONFLICT (participation_id, credit_id) DO NOTHING "
            "RETURNING credit_id, participation_id",
            params,
        )
        return [(credit, participation) for credit, participation in cursor.fetchall()]
